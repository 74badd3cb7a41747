/** Which identity follows which (PROTOCOL 1.5). */

import { concat, EMPTY, equal, hex, number, u32, u8, zeros } from "./bytes.js";
import { dec, enc } from "./encoding.js";
import { refuse, warn } from "./errors.js";
import { fingerprintOf } from "./identity.js";
import { ENVELOPE_BUCKETS } from "./limits.js";
import { H, isCanonical, isOfSmallOrder, SIGNATURE_BYTES, split, verifies } from "./primitives.js";

const ROTATION = 1;
const REVOCATION = 2;
const CARD_BYTES = 2_101;
const ROTATIONS_MAX = 15;
const STATEMENTS_MAX = 6;
const CHAIN_ENVELOPE = 2;

const recoveryKeys = (recoveryPublic) => {
  const [ed25519, mldsa] = split(recoveryPublic, 32, 1_952);
  return { ed25519, mldsa };
};

/** What is signed; without `newCard` a revocation. */
export const statementBody = (oldCard, identityNumber, newCard, recoveryPublic) =>
  enc(u8(1), u8(newCard ? ROTATION : REVOCATION), oldCard, u32(identityNumber), newCard ?? EMPTY, recoveryPublic);

export const encodeIdentityStatement = (body, signature) => enc(body, signature);

function cardOf(bytes, recoveryPublic) {
  const [version, , , x25519, recoveryHash] = dec(bytes, [1, 32, 1_952, 32, 64]);
  if (version[0] !== 1) throw refuse("a card of another version");
  if (!isCanonical(x25519) || isOfSmallOrder(x25519)) throw refuse("a card with a key that nobody can use");
  if (!equal(recoveryHash, H(recoveryPublic))) throw refuse("a card of another recovery key");
  return { fingerprint: fingerprintOf(bytes), x25519 };
}

/** A statement, whose signature is not looked at yet. */
export function decodeIdentityStatement(raw) {
  const [body, signature] = dec(raw, [null, SIGNATURE_BYTES]);
  const [version, kind, oldCard, numberBytes, newCard, recoveryPublic] = dec(body, [1, 1, CARD_BYTES, 4, null, 1_984]);
  if (version[0] !== 1 || ![ROTATION, REVOCATION].includes(kind[0])) throw refuse("a statement of another kind");
  const isRotation = kind[0] === ROTATION;
  if (isRotation !== newCard.length > 0 || number(numberBytes) === 0) throw refuse("a statement that says nothing");
  if (equal(oldCard, newCard)) throw refuse("a rotation to the same identity");
  return {
    body, signature, recoveryPublic, isRotation,
    number: number(numberBytes),
    before: cardOf(oldCard, recoveryPublic),
    after: isRotation ? cardOf(newCard, recoveryPublic) : null,
  };
}

export function verifyStatement({ recoveryPublic, body, signature }) {
  if (!verifies(recoveryKeys(recoveryPublic), "rotation", body, signature)) throw refuse("a statement of somebody else");
}

/** What verified statements of one recovery key mean to who knows one of the identities. */
export function judge(known, statements) {
  const bodies = new Map(statements.map((one) => [hex(one.body), one]));
  const rotations = [...bodies.values()].filter((one) => one.isRotation);
  if (rotations.length < bodies.size) return { standing: "revoked", identity: known };
  const numbers = new Set(rotations.map((one) => one.number));
  if (numbers.size < rotations.length || rotations.length > ROTATIONS_MAX) return { standing: "forked", identity: known };
  const newest = rotations.reduce((one, other) => (other.number > one.number ? other : one));
  return { standing: "followed", identity: newest.after };
}

/** The same of what came, of which nothing was held before. */
export function follow(known, heard) {
  const identities = heard.flatMap((one) => [one.before, one.after ?? one.before]);
  const named = identities.find((one) => equal(one.fingerprint, known.fingerprint));
  if (!named) throw refuse("statements about somebody else");
  if (!equal(named.x25519, known.x25519)) throw warn("the card has another key than the token");
  if (heard.some((one) => !equal(one.recoveryPublic, heard[0].recoveryPublic))) throw refuse("several recovery keys");
  heard.forEach(verifyStatement);
  return judge(known, heard);
}

const bucketOf = (length) => ENVELOPE_BUCKETS.slice(1).find((bucket) => length <= bucket);

export function encodeChainEnvelope(statements) {
  const items = enc(...statements);
  const envelope = concat(u8(CHAIN_ENVELOPE), u32(items.length), items);
  return concat(envelope, zeros(bucketOf(envelope.length) - envelope.length));
}

/** The statements of an envelope as they travelled. */
export function decodeChainEnvelope(envelope) {
  const end = 5 + number(envelope.subarray(1, 5));
  if (envelope[0] !== CHAIN_ENVELOPE || bucketOf(end) !== envelope.length) throw refuse("no envelope of statements");
  if (envelope.subarray(end).some((byte) => byte !== 0)) throw refuse("padding that is not zero");
  const items = [];
  for (let at = 5; at < end; ) {
    const next = at + 4 + number(envelope.subarray(at, at + 4));
    if (next > end) throw refuse("a statement that is cut short");
    items.push(envelope.slice(at + 4, next));
    at = next;
  }
  const different = new Set(items.map(hex)).size;
  if (items.length < 1 || items.length > STATEMENTS_MAX || different < items.length) throw refuse("no envelope of statements");
  return items;
}
