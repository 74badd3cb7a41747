/** Statements and posts of a room: bytes, ids, signatures (PROTOCOL 14.1 to 14.3). */

import { encode } from "@msgpack/msgpack";
import { ed25519 } from "@noble/curves/ed25519";

import { bigint, compare, concat, EMPTY, equal, hex, number, u16, u32, u64, u8, zeros } from "./bytes.js";
import { dec, enc } from "./encoding.js";
import { refuse } from "./errors.js";
import { readHints } from "./hints.js";
import {
  FILE_MAX_BYTES, FILE_NAME_MAX_BYTES, FILE_THUMBNAIL_MAX_BYTES, FILE_TYPE_MAX_BYTES, NAME_MAX_BYTES, REACTION_MAX_BYTES, ROOM_CHANNEL_MAX_BYTES, ROOM_COUNCIL_MAX, ROOM_COUNCIL_THRESHOLD_MAX,
  ROOM_DELETE_MAX_IDS, ROOM_EVENT_MAX_BYTES, ROOM_HINTS_MAX, ROOM_HISTORY_MAX, ROOM_MEMBERS_MAX, ROOM_POLL_OPTIONS_MAX,
  ROOM_RETENTION_MAX_S, ROOM_RETENTION_MIN_S, ROOM_STATEMENTS_MAX, STATUS_MAX_BYTES, TEXT_MAX_BYTES, TIMER_MAX_S,
  TIMER_MIN_S,
} from "./limits.js";
import { Reader } from "./message_pack.js";
import { ed25519Public, H, HK, isCanonical, isOfSmallOrder, mldsaPublic, SIGNATURE_BYTES, verifies } from "./primitives.js";

export const GENESIS = 1;
export const ADMIT = 2;
export const APPOINT = 3;
export const REMOVE = 4;
export const BAN = 5;
export const SET_NAME = 6;
export const SET_POLICY = 7;
export const SET_CHANNEL = 8;
export const SET_PIN = 9;
export const DELETE_POSTS = 10;
export const LEAVE = 11;

const SHARE_BYTES = 1 + SIGNATURE_BYTES;
const NO_ROOM = zeros(32);

// --- keys ---------------------------------------------------------------------------------------------

export const memberAuthor = ({ ed25519: classical, mldsa }) => H(enc("LOOM/1 room member", classical, mldsa)).slice(0, 32);
export const councilAuthor = ({ threshold, authors }) => H(enc("LOOM/1 room council", u8(threshold), ...authors)).slice(0, 32);
export const roomClaim = (secret, roomId) => HK(EMPTY, secret, enc("LOOM/1 room claim", roomId), 32);
export const continuedClaim = (oldRoomId, roomId) => H(enc("LOOM/1 room continued", oldRoomId, roomId)).slice(0, 32);
export const joined = (roomId, { fingerprint, x25519 }) => enc(roomId, fingerprint, x25519);

/** `{ ed25519Seed, mldsaSeed, keys, author }` of a pair that is drawn for a room. */
export function roomPair(ed25519Seed, mldsaSeed) {
  const keys = { ed25519: ed25519Public(ed25519Seed), mldsa: mldsaPublic(mldsaSeed) };
  return { ed25519Seed, mldsaSeed, keys, author: memberAuthor(keys) };
}

export const isProofOf = (roomId, token, keys, proof) => verifies(keys, "room join", joined(roomId, token), proof);

// --- statements -----------------------------------------------------------------------------------------

const id = (reader) => reader.bytesOf(32);

function keysIn(reader) {
  reader.fields(2);
  return { ed25519: reader.bytesOf(32), mldsa: reader.bytesOf(1_952) };
}

function tokenIn(reader) {
  reader.fields(2);
  const token = { fingerprint: id(reader), x25519: reader.bytesOf(32) };
  if (!isCanonical(token.x25519) || isOfSmallOrder(token.x25519)) throw refuse("a key that may not be kept");
  return token;
}

function ascending(ids, what) {
  if (ids.some((one, at) => at > 0 && compare(ids[at - 1], one) >= 0)) throw refuse(`${what} that do not ascend`);
  return ids;
}

function keepIn(reader) {
  const keep = reader.array(0, ROOM_STATEMENTS_MAX, () => {
    reader.fields(2);
    return { id: id(reader), capabilities: reader.below(256) };
  });
  ascending(keep.map((one) => one.id), "kept ids");
  return keep;
}

function councilIn(reader) {
  reader.fields(2);
  const threshold = reader.below(ROOM_COUNCIL_THRESHOLD_MAX + 1);
  const authors = ascending(reader.array(1, ROOM_COUNCIL_MAX, id), "authors");
  if (2 * threshold <= authors.length || threshold > authors.length) throw refuse("a threshold out of its bounds");
  return { threshold, authors };
}

function policyIn(reader) {
  let history = -1;
  if (reader.bytes[reader.offset] === 0xff) reader.offset += 1;
  else history = reader.below(ROOM_HISTORY_MAX + 1);
  const retentionS = reader.below(ROOM_RETENTION_MAX_S + 1);
  if (retentionS !== 0 && retentionS < ROOM_RETENTION_MIN_S) throw refuse("a retention out of its bounds");
  return { history, retentionS };
}

/** Fields in the order of the table of 14.2. */
const BODIES = {
  [GENESIS]: [7, (r) => ({
    keys: keysIn(r), token: tokenIn(r), memberName: r.textOf(0, NAME_MAX_BYTES), name: r.textOf(1, NAME_MAX_BYTES),
    ...policyIn(r), nonce: r.bytesOf(16),
  })],
  [ADMIT]: [5, (r) => ({
    keys: keysIn(r), token: tokenIn(r), name: r.textOf(0, NAME_MAX_BYTES), proof: r.bytesOf(SIGNATURE_BYTES), fromOrder: r.below(2 ** 53),
  })],
  [APPOINT]: [5, (r) => {
    const keys = r.isNil() ? null : keysIn(r);
    const council = r.isNil() ? null : councilIn(r);
    if ((keys === null) === (council === null)) throw refuse("an appointment of none or of two");
    return { keys, council, capabilities: r.below(256), keep: keepIn(r), since: r.below(ROOM_STATEMENTS_MAX + 1) };
  }],
  [REMOVE]: [4, (r) => ({ author: id(r), keep: keepIn(r), posts: r.below(2 ** 32), seen: r.below(ROOM_STATEMENTS_MAX + 1) })],
  [BAN]: [2, (r) => ({ fingerprint: id(r), on: r.bool() })],
  [SET_NAME]: [1, (r) => ({ name: r.textOf(1, NAME_MAX_BYTES) })],
  [SET_POLICY]: [2, policyIn],
  [SET_CHANNEL]: [4, (r) => ({
    channel: r.textOf(1, ROOM_CHANNEL_MAX_BYTES), topic: r.textOf(0, STATUS_MAX_BYTES), restricted: r.bool(), on: r.bool(),
  })],
  [SET_PIN]: [2, (r) => ({ postId: id(r), on: r.bool() })],
  [DELETE_POSTS]: [2, (r) => ({ postIds: ascending(r.array(1, ROOM_DELETE_MAX_IDS, id), "posts"), on: r.bool() })],
  [LEAVE]: [1, (r) => ({ posts: r.below(2 ** 32) })],
};

function readAll(bytes, [count, read]) {
  const reader = new Reader(bytes);
  reader.fields(count);
  const value = read(reader);
  reader.end();
  return value;
}

export const encodeHead = (roomId, author, numberOf, kind, fields) =>
  enc(u8(1), roomId, author, u16(numberOf), u8(kind), encode(fields));

/** What is signed of a statement; ids and authors are hexadecimal where they name something. */
export function decodeHead(head) {
  const [version, roomId, author, numberOf, kindOf, raw] = dec(head, [1, 32, 32, 2, 1, null]);
  const [kind, value] = [kindOf[0], number(numberOf)];
  if (version[0] !== 1 || !(kind in BODIES) || value >= ROOM_STATEMENTS_MAX) throw refuse("a head out of its bounds");
  const isGenesis = kind === GENESIS;
  if (isGenesis !== (value === 0) || isGenesis !== equal(roomId, NO_ROOM)) throw refuse("a genesis that is none");
  const body = readAll(raw, BODIES[kind]);
  if (isGenesis && !equal(memberAuthor(body.keys), author)) throw refuse("a genesis of another author");
  const statementId = H(head).slice(0, 32);
  return {
    id: hex(statementId), roomId: hex(isGenesis ? statementId : roomId), author: hex(author), number: value, kind, body, head,
    said: hex(kindOf) + hex(raw),
  };
}

export const isStatement = (event) => event.length > 85 && number(event.slice(81, 85)) === 2;

export function decodeStatement(event) {
  if (event.length > ROOM_EVENT_MAX_BYTES) throw refuse("an event that is too long");
  const [head, signature] = dec(event, [null, null]);
  if (signature.length !== SIGNATURE_BYTES && (signature.length === 0 || signature.length % SHARE_BYTES !== 0)) {
    throw refuse("a signature of another length");
  }
  return { ...decodeHead(head), signature, event };
}

/** Whose keys a statement tells: `[author, { keys } or { council }]`, or null. */
export function keysTold({ kind, body }) {
  if (kind === GENESIS || kind === ADMIT) return [hex(memberAuthor(body.keys)), { keys: body.keys }];
  if (kind !== APPOINT) return null;
  if (body.keys) return [hex(memberAuthor(body.keys)), { keys: body.keys }];
  return [hex(councilAuthor(body.council)), { council: body.council }];
}

/** Whether all of it verifies; `known` gives what an author signs with. */
export function isVerified(statement, known) {
  const { kind, body, author, head, signature } = statement;
  const signer = kind === GENESIS ? { keys: body.keys } : known.get(author);
  if (!signer) return false;
  const isSigned = signer.council ? isOfCouncil(signer.council, head, signature, known) : isOf(signer.keys, head, signature);
  if (!isSigned || kind !== ADMIT) return isSigned;
  return isProofOf(Buffer.from(statement.roomId, "hex"), body.token, body.keys, body.proof);
}

const isOf = (keys, head, signature) => signature.length === SIGNATURE_BYTES && verifies(keys, "room statement", head, signature);

function isOfCouncil({ threshold, authors }, head, signature, known) {
  if (signature.length !== threshold * SHARE_BYTES) return false;
  let last = -1;
  for (let at = 0; at < signature.length; at += SHARE_BYTES) {
    const place = signature[at];
    const keys = authors[place] && known.get(hex(authors[place]))?.keys;
    if (place <= last || !keys || !isOf(keys, head, signature.slice(at + 1, at + SHARE_BYTES))) return false;
    last = place;
  }
  return true;
}

/** A statement's event by a pair of one's own. */
export function signStatement(pair, head, random) {
  return enc(head, random.sign(pair, "room statement", head));
}

// --- posts ------------------------------------------------------------------------------------------------

export const TEXT = 1;
export const EDIT = 2;
export const UNSAY = 3;
export const REACT = 4;
export const CONTINUE = 10;
export const FILE = 11;

/** What a file that a post offers is called on a link. */
export const fileIdOf = (postId) => Buffer.from(postId, "hex").subarray(0, 16);

const channelIn = (r) => r.textOf(1, ROOM_CHANNEL_MAX_BYTES);
const idOrNone = (r) => r.bytesOf(0, 32);

function timerIn(reader) {
  const seconds = reader.below(TIMER_MAX_S + 1);
  if (seconds !== 0 && seconds < TIMER_MIN_S) throw refuse("a timer out of its bounds");
  return seconds;
}

function thumbnailIn(reader) {
  if (reader.isNil()) return null;
  reader.fields(3);
  const [width, height] = [reader.below(2 ** 16), reader.below(2 ** 16)];
  const rgb = reader.bin();
  const isPicture = width > 0 && height > 0 && width * height * 3 === rgb.length && rgb.length <= FILE_THUMBNAIL_MAX_BYTES;
  if (!isPicture) throw refuse("a thumbnail that is none");
  return { width, height, rgb };
}

/** Fields in the order of the table of 14.3. */
const CONTENTS = {
  [TEXT]: [6, (r) => ({
    channel: channelIn(r), body: r.textOf(1, TEXT_MAX_BYTES), reply: idOrNone(r), thread: idOrNone(r),
    mentions: r.array(0, ROOM_MEMBERS_MAX, id), expiresS: timerIn(r),
  })],
  [EDIT]: [2, (r) => ({ postId: id(r), body: r.textOf(1, TEXT_MAX_BYTES) })],
  [UNSAY]: [1, (r) => ({ postIds: r.array(1, ROOM_DELETE_MAX_IDS, id) })],
  [REACT]: [2, (r) => ({ postId: id(r), emoji: r.textOf(0, REACTION_MAX_BYTES) })],
  5: [5, (r) => {
    const poll = { channel: channelIn(r), question: r.textOf(1, TEXT_MAX_BYTES) };
    poll.options = r.array(2, ROOM_POLL_OPTIONS_MAX, () => r.textOf(1, STATUS_MAX_BYTES));
    if (new Set(poll.options).size !== poll.options.length) throw refuse("an option twice");
    return { ...poll, many: r.bool(), closesAtMs: r.below(2 ** 53) };
  }],
  6: [2, (r) => {
    const choice = { postId: id(r), choices: r.array(0, ROOM_POLL_OPTIONS_MAX, () => r.below(ROOM_POLL_OPTIONS_MAX)) };
    if (choice.choices.some((one, at) => at > 0 && choice.choices[at - 1] >= one)) throw refuse("choices that do not ascend");
    return choice;
  }],
  7: [3, (r) => {
    const proposal = { channel: channelIn(r), head: r.bin(), reason: r.textOf(0, STATUS_MAX_BYTES) };
    decodeHead(proposal.head);
    return proposal;
  }],
  8: [2, (r) => ({ postId: id(r), signature: r.bytesOf(0, SIGNATURE_BYTES) })],
  9: [1, (r) => {
    const raw = r.bin();
    if (raw.length === 0 || raw[0] > ROOM_HINTS_MAX) throw refuse("hints out of their bounds");
    return { hints: raw.length === 1 && raw[0] === 0 ? [] : readHints(raw, 0) };
  }],
  [CONTINUE]: [3, (r) => ({
    roomId: id(r), name: r.textOf(1, NAME_MAX_BYTES), people: ascending(r.array(0, ROOM_MEMBERS_MAX, id), "people"),
  })],
  [FILE]: [12, (r) => {
    const file = { channel: channelIn(r), name: r.textOf(1, FILE_NAME_MAX_BYTES), size: r.below(FILE_MAX_BYTES + 1) };
    file.mediaType = r.textOf(0, FILE_TYPE_MAX_BYTES);
    if (!/^[ -~]*$/.test(file.mediaType)) throw refuse("a media type out of its bounds");
    Object.assign(file, { root: r.bytesOf(32), secret: r.bytesOf(32), thumbnail: thumbnailIn(r) });
    Object.assign(file, { caption: r.textOf(0, TEXT_MAX_BYTES), reply: idOrNone(r), thread: idOrNone(r) });
    return Object.assign(file, { mentions: r.array(0, ROOM_MEMBERS_MAX, id), expiresS: timerIn(r) });
  }],
};

export function decodePost(event) {
  if (event.length > ROOM_EVENT_MAX_BYTES) throw refuse("an event that is too long");
  const [head, signature, raw] = dec(event, [null, 64, null]);
  const [version, roomId, author, numberOf, order, sentAt, kindOf, hash] = dec(head, [1, 32, 32, 4, 8, 8, 1, 64]);
  const kind = kindOf[0];
  if (version[0] !== 1 || kind === 0 || [order, sentAt].some((one) => bigint(one) >= 2n ** 53n)) throw refuse("a head out of its bounds");
  if (raw.length > 0 && !equal(H(raw), hash)) throw refuse("another content");
  const content = raw.length > 0 && kind in CONTENTS ? readAll(raw, CONTENTS[kind]) : null;
  return {
    id: hex(H(head).slice(0, 32)), roomId: hex(roomId), author: hex(author), number: number(numberOf), order: bigint(order),
    sentAtMs: Number(bigint(sentAt)), kind, content, head, signature, event,
  };
}

const postSigned = (head) => enc("LOOM/1 room post", head);

export function isPostVerified({ author, head, signature }, known) {
  const keys = known.get(author)?.keys;
  return Boolean(keys) && ed25519.verify(signature, postSigned(head), keys.ed25519, { zip215: false });
}

export function signPost(pair, roomId, { number: numberOf, order, sentAtMs, kind, fields }) {
  const raw = encode(fields);
  const head = enc(u8(1), roomId, pair.author, u32(numberOf), u64(order), u64(sentAtMs), u8(kind), H(raw));
  return enc(head, ed25519.sign(postSigned(head), pair.ed25519Seed), raw);
}

/** The same post as it is kept once its content is gone. */
export function withoutContent(event) {
  const [head, signature] = dec(event, [null, 64, null]);
  return enc(head, signature, EMPTY);
}

export const share = (place, signature) => concat(u8(place), signature);
