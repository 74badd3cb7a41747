/** Recompute every value of a vector file from its inputs; return all differences (PROTOCOL 12). */

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { backupHeader, backupKey, phraseKey, sealBackupChunk } from "./backup_file.js";
import { concat, EMPTY, equal, hex, u8, unhex } from "./bytes.js";
import { bundleSigned, encodeBundle, presentBundle, readBundle } from "./bundle.js";
import { Refused } from "./errors.js";
import { clearBytes, clearForAnchor, dayTag, gateTag } from "./gate.js";
import { acceptHandshake, startHandshake } from "./handshake.js";
import { entropyOf, identityOf, phraseOf, seedsOf } from "./identity.js";
import {
  decodeChainEnvelope, decodeIdentityStatement, encodeChainEnvelope, encodeIdentityStatement, follow, statementBody,
} from "./identity_chain.js";
import * as slots from "./keyslot.js";
import { decodeInvite, encodeInvite, firstQueue, inviteBody, inviteKeys, inviteQueue } from "./invite.js";
import { LinkInitiator, LinkResponder } from "./link.js";
import { decodeMailFile, encodeMailFile, fileKeys, fileMark, fileSecret } from "./mail_file.js";
import * as moves from "./move.js";
import {
  aliasOf, COMMIT, commitment, DIFFER, INTRODUCTION, introduction, NearbyInitiator, NearbyResponder, nearbyWords, NONCE,
  openNearby, PROOF, proof, sealNearby,
} from "./nearby.js";
import { decodePairingText, encodePairingText, hintsShown, pairingBody } from "./pairing_text.js";
import { pairKeys } from "./pair_keys.js";
import { decodePayload, encodePayload } from "./payload.js";
import { announces, decodeAdvert, encodeAdvert, epochAt, presenceMessage, presenceTag } from "./presence.js";
import { Decaps, H, kemPublic, RANDOM, verifies, X, x25519Public } from "./primitives.js";
import {
  accountKeys, blobId, bundleMark, openBlob, openBundle, openParcel, pairingKeys, queueKeys, roomQueueSecret, sealBlob, sealBundle,
  sealParcel,
} from "./queues.js";
import { nextToSend, openMessage, ratchetOfA, ratchetOfB, roomFor, sealMessage } from "./ratchet.js";
import { REKEY_AFTER_RECORDS } from "./limits.js";
import { BUNDLE_REQUEST, frame, KEEPALIVE } from "./records.js";
import { decodeAnswer, encodePut, encodeRequest, requests, workHash } from "./requests.js";
import {
  councilAuthor, decodeHead, decodePost, decodeStatement, encodeHead, FILE, fileIdOf, isPostVerified, isProofOf, isStatement, isVerified, joined,
  continuedClaim, keysTold, memberAuthor, roomClaim, roomPair, signPost, withoutContent,
} from "./room_events.js";
import { materialize } from "./room_state.js";
import { digestOf, placesOf, rootOf } from "./room_sync.js";
import { safetyNumber, safetyWords } from "./safety_number.js";
import { decodeToken, encodeToken } from "./token.js";
import {
  chunksOf, DATA, decodeFilePart, decodeFileRefusal, decodeFileRequest, encodeFileParts, encodeFileRefusal, encodeFileRequest,
  Fetching, fileRoot, hashesOf, LATER, LIST, sealPiece, transferKeys,
} from "./transfer.js";

/** What was compared: how many values, and which differ. */
class Comparison {
  constructor() {
    this.compared = 0;
    this.differences = [];
  }

  is(name, found, wanted) {
    this.compared += 1;
    const shown = found instanceof Uint8Array ? hex(found) : found;
    if (JSON.stringify(shown) !== JSON.stringify(wanted)) {
      this.differences.push(`${name}: ${JSON.stringify(shown)?.slice(0, 80)}, not ${JSON.stringify(wanted).slice(0, 80)}`);
    }
  }

  refuses(name, call, wrong = null) {
    try {
      call();
      this.is(name, "accepted", "refused");
    } catch (error) {
      this.is(name, wrong === null ? "refused" : error.wrong, wrong ?? "refused");
      if (!(error instanceof Refused) && error.wrong === undefined) throw error;
    }
  }
}

/** `values`, with each leaf that nobody reads left in `unread`. */
function watched(values, unread, path = "") {
  for (const [key, value] of Object.entries(values)) {
    if (value === null || typeof value !== "object") unread.add(`${path}${key}`);
  }
  const inner = Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== null && typeof value === "object")
      .map(([key, value]) => [key, watched(value, unread, `${path}${key}.`)]),
  );
  return new Proxy(values, {
    get: (target, key) => {
      unread.delete(`${path}${String(key)}`);
      return inner[key] ?? target[key];
    },
  });
}

/** Recorded random bytes, in the order in which they are drawn, and ciphertexts with their seeds. */
function recorded({ bytes = [], encapsulations = [], signatures = [] }) {
  const queue = [...bytes];
  const next = (list, what) => {
    if (list.length === 0) throw new Error(`no recorded ${what} is left`);
    return list.shift();
  };
  return {
    bytes: (length) => {
      const found = next(queue, "bytes");
      if (found.length !== length) throw new Error(`recorded ${found.length} bytes, wanted ${length}`);
      return found;
    },
    encapsulate: () => next(encapsulations, "encapsulation"),
    sign: () => next(signatures, "signature"),
  };
}

// --- one function for each file -------------------------------------------------------------------

function identity({ inputs, derived, refused_tokens: refused }, compare) {
  const entropy = unhex(inputs.entropy);
  compare.is("phrase", phraseOf(entropy), inputs.phrase);
  compare.is("entropy", entropyOf(` ${inputs.phrase.toUpperCase().replaceAll(" ", "\n ")} `), inputs.entropy);
  const me = identityOf(seedsOf(entropy, inputs.number));
  compare.is("recovery_ed25519_seed", me.recoveryEd25519Seed, derived.recovery_ed25519_seed);
  compare.is("recovery_mldsa_seed", me.recoveryMldsaSeed, derived.recovery_mldsa_seed);
  compare.is("recovery_public", me.recoveryPublic, derived.recovery_public);
  compare.is("recovery_hash", H(me.recoveryPublic), derived.recovery_hash);
  compare.is("ed25519_seed", me.ed25519Seed, derived.ed25519_seed);
  compare.is("mldsa_seed", me.mldsaSeed, derived.mldsa_seed);
  compare.is("x25519_seed", me.x25519Seed, derived.x25519_seed);
  compare.is("ed25519_public", me.card.slice(9, 41), derived.ed25519_public);
  compare.is("mldsa_public", me.card.slice(45, 1_997), derived.mldsa_public);
  compare.is("x25519_public", me.x25519, derived.x25519_public);
  compare.is("card", me.card, derived.card);
  compare.is("fingerprint", me.fingerprint, derived.fingerprint);
  const token = encodeToken(me);
  compare.is("token", token, derived.token);
  const typed = decodeToken(` ${token.toLowerCase().replace(/.{10}/g, "$&\u00a0\u001c\n")} `);
  compare.is("token read: fingerprint", typed.fingerprint, derived.fingerprint);
  compare.is("token read: x25519", typed.x25519, derived.x25519_public);
  const checksum = [...token.slice(5)].map((one) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(one));
  const bits = checksum.map((one) => one.toString(2).padStart(5, "0")).join("").slice(8 * 65, 8 * 69);
  compare.is("token_checksum", BigInt(`0b${bits}`).toString(16).padStart(8, "0"), derived.token_checksum);
  compare.refuses("own token", () => decodeToken(token, me.fingerprint), "own");
  compare.refuses("known token", () => decodeToken(token, null, [me.fingerprint]), "known");
  for (const { wrong, token: bad } of refused) compare.refuses(`token with wrong ${wrong}`, () => decodeToken(bad), wrong);
  compare.refuses("23 words", () => entropyOf(inputs.phrase.split(" ").slice(1).join(" ")), "count");
  compare.refuses("unknown word", () => entropyOf(inputs.phrase.replace("liar", "lair")), "word");
  compare.refuses("wrong checksum", () => entropyOf(inputs.phrase.replace("liar", "abandon")), "checksum");
}

function identity_chain({ inputs, derived, refused_statements: refused }, compare) {
  const own = [0, 1, 2, 3].map((number) => identityOf(seedsOf(unhex(inputs.entropy), number)));
  own.forEach((one, number) => compare.is(`fingerprint ${number}`, one.fingerprint, derived.fingerprints[number]));
  const raw = {};
  for (const [name, given] of Object.entries(inputs.statements)) {
    const newCard = given.new === undefined ? null : own[given.new].card;
    const body = statementBody(own[given.old].card, given.number, newCard, own[0].recoveryPublic);
    compare.is(`body of ${name}`, H(body), derived.bodies[name]);
    raw[name] = encodeIdentityStatement(body, unhex(given.signature));
  }
  compare.is("rotation", raw.first, derived.rotation);
  compare.is("revocation", raw.end, derived.revocation);
  inputs.envelopes.forEach((names, place) => {
    const wanted = derived.envelopes[place];
    compare.is(`envelope ${place}`, encodeChainEnvelope(names.map((name) => raw[name])), wanted);
    compare.is(`envelope ${place} read`, decodeChainEnvelope(unhex(wanted)).map(hex), names.map((name) => hex(raw[name])));
  });
  inputs.sets.forEach(({ known, statements }, place) => {
    const { standing, identity: found } = follow(own[known], statements.map((name) => decodeIdentityStatement(raw[name])));
    const followed = own.findIndex((one) => equal(one.fingerprint, found.fingerprint));
    const [wanted, wantedNumber] = derived.outcomes[place];
    compare.is(`set ${place}`, standing, wanted);
    compare.is(`set ${place}: identity`, standing === "followed" ? followed : null, wantedNumber);
  });
  for (const { wrong, at, bytes } of refused) {
    const changed = concat(raw.first.slice(0, at), unhex(bytes), raw.first.slice(at + bytes.length / 2));
    compare.refuses(`a statement with wrong ${wrong}`, () => follow(own[0], [decodeIdentityStatement(changed)]));
  }
}

function pair({ inputs, derived }, compare) {
  const person = ({ x25519_seed: seed, fingerprint }) => ({
    x25519Seed: unhex(seed), x25519: x25519Public(unhex(seed)), fingerprint: unhex(fingerprint),
  });
  const [one, other] = [person(inputs.one), person(inputs.other)];
  const [atOne, atOther] = [pairKeys(one, other), pairKeys(other, one)];
  compare.is("shared_secret", atOne.secret, derived.shared_secret);
  compare.is("shared_secret at the other", atOther.secret, derived.shared_secret);
  for (const key of ["tag", "link", "presence"]) {
    compare.is(`one_to_other.${key}`, atOne.sending[key], derived.one_to_other[key]);
    compare.is(`one_to_other.${key} at the other`, atOther.receiving[key], derived.one_to_other[key]);
    compare.is(`other_to_one.${key}`, atOne.receiving[key], derived.other_to_one[key]);
    compare.is(`other_to_one.${key} at the other`, atOther.sending[key], derived.other_to_one[key]);
  }
  const groups = safetyNumber(one.fingerprint, other.fingerprint);
  compare.is("safety_number", groups.join(" "), derived.safety_number);
  compare.is("safety_number at the other", safetyNumber(other.fingerprint, one.fingerprint).join(" "), derived.safety_number);
  compare.is("safety_words", safetyWords(groups), derived.safety_words);
}

function link({ inputs, derived }, compare) {
  const tagKey = unhex(inputs.tag_key);
  const [rand, ciphertext] = [unhex(inputs.rand), unhex(inputs.kem_ciphertext)];
  const [seedI, seedR, kemSeed] = [
    unhex(inputs.initiator_ephemeral), unhex(inputs.responder_ephemeral), unhex(inputs.kem_seed),
  ];
  const secret = Decaps(kemSeed, ciphertext);
  compare.is("tag", gateTag(tagKey, inputs.day, rand), derived.tag);
  compare.is("clear", clearBytes(tagKey, inputs.day, rand), derived.clear);
  compare.is("encapsulation_key", kemPublic(kemSeed), derived.encapsulation_key);
  compare.is("dh_ee", X(seedI, x25519Public(seedR)), derived.dh_ee);
  compare.is("kem_shared_secret", secret, derived.kem_shared_secret);

  const keys = { tag: tagKey, link: unhex(inputs.link_key) };
  const initiator = new LinkInitiator(keys, inputs.day, recorded({ bytes: [rand, seedI, kemSeed] }));
  const gate = {
    entries: [{ name: "other", tagKey: u8(7), linkKey: u8(7) }, { name: "one", tagKey, linkKey: keys.link }],
    today: inputs.day + 1,
    isUsed: () => false,
    admit: (name, day, used) => compare.is("admitted", [name, day, hex(used)], ["one", inputs.day, inputs.rand]),
  };
  const responder = new LinkResponder(gate, recorded({ bytes: [seedR], encapsulations: [{ ciphertext, secret }] }));
  const opening = initiator.takeOutgoing();
  compare.is("initiator_sends", opening, derived.initiator_sends);
  compare.is("message_1", initiator.noise.message1, derived.message_1);
  compare.is("authenticated", responder.receive(opening), [{ authenticated: "one" }]);
  const answer = responder.takeOutgoing();
  compare.is("responder_sends", answer, derived.responder_sends);
  compare.is("message_2", answer.slice(2), derived.message_2);
  const halves = [answer.slice(0, 100), answer.slice(100)];
  compare.is("confirmed at I", halves.flatMap((part) => initiator.receive(part)), [{ confirmed: true }]);
  const traces = [initiator.noise.state.trace, responder.noise.state.trace];
  for (const [who, trace] of traces.entries()) {
    compare.is(`tokens at ${"IR"[who]}`, trace.map(({ after }) => after), derived.trace.map(({ after }) => after));
    for (const [i, noted] of derived.trace.entries()) {
      for (const part of ["ck", "h", "k"]) {
        compare.is(`${part} after ${noted.after} (${i}) at ${"IR"[who]}`, trace[i]?.[part], noted[part]);
      }
    }
  }
  compare.is("initiator_to_responder_key", initiator.noise.keys[0], derived.initiator_to_responder_key);
  compare.is("responder_to_initiator_key", responder.noise.keys[1], derived.responder_to_initiator_key);
  const confirmation = initiator.takeOutgoing();
  compare.is("confirmation", confirmation, derived.confirmation);
  compare.is("confirmed at R", responder.receive(confirmation), [{ confirmed: true }]);

  const [first, second] = inputs.record_types;
  const [firstBody, secondBody] = inputs.record_bodies.map(unhex);
  initiator.send(first, firstBody);
  compare.is("initiator_record_1", initiator.outgoing[0], derived.initiator_record_1);
  compare.is("record 1 at R", responder.receive(initiator.takeOutgoing())[0].type, BUNDLE_REQUEST);
  responder.send(second, secondBody);
  compare.is("responder_record_0", responder.outgoing[0], derived.responder_record_0);
  compare.is("record 0 at I", initiator.receive(responder.takeOutgoing())[0].body, inputs.record_bodies[1]);
  for (let i = 2; i < REKEY_AFTER_RECORDS; i += 1) initiator.send(KEEPALIVE);
  compare.is("initiator_key_after_rekey", initiator.sending.key, derived.initiator_key_after_rekey);
  initiator.send(KEEPALIVE);
  compare.is("initiator_record_16384", initiator.outgoing.at(-1), derived.initiator_record_16384);
  for (const sealed of initiator.outgoing.splice(0)) responder.receive(sealed);
  compare.is("records counted at R", [responder.receiving.counter, responder.isClosed], [REKEY_AFTER_RECORDS + 1, false]);
}

function session({ inputs, derived }, compare) {
  const person = (keys) =>
    identityOf({
      ed25519Seed: unhex(keys.ed25519_seed), mldsaSeed: unhex(keys.mldsa_seed), x25519Seed: unhex(keys.x25519_seed),
      recoveryPublic: unhex(keys.recovery_public),
    });
  const [a, b] = [person(inputs.a), person(inputs.b)];
  for (const [name, one] of [["a", a], ["b", b]]) {
    compare.is(`card of ${name}`, one.card, inputs[name].card);
    compare.is(`fingerprint of ${name}`, one.fingerprint, inputs[name].fingerprint);
  }
  const made = inputs.prekey;
  const prekey = {
    spkSeed: unhex(made.signed_prekey_seed), kemSeed: unhex(made.kem_seed), bundleId: unhex(made.bundle_id),
    issuedAt: made.issued_at, expiresAt: made.expires_at,
  };
  prekey.bundle = encodeBundle(b, prekey);
  compare.is("bundle", prekey.bundle, derived.bundle);
  const told = { lastCounter: made.last_counter, lastAccepted: made.last_accepted };
  compare.is("bundle_signed", bundleSigned(prekey.bundle, told), derived.bundle_signed);
  const sent = presentBundle(b, prekey.bundle, told, recorded({ signatures: [unhex(made.signature)] }));
  compare.is("bundle_sent", sent, derived.bundle_sent);
  const offered = readBundle(sent, b, derived.bundle_first_second);
  readBundle(sent, b, derived.bundle_last_second);
  compare.refuses("bundle too early", () => readBundle(sent, b, derived.bundle_first_second - 1));
  compare.refuses("bundle too late", () => readBundle(sent, b, derived.bundle_last_second + 1));
  const fresh = presentBundle(b, prekey.bundle, told, RANDOM);
  compare.is("a bundle signed here", readBundle(fresh, b, made.issued_at).bundleId, made.bundle_id);

  const made2 = inputs.flight;
  const flight = startHandshake(a, b, offered, made2.reset_counter, recorded({
    bytes: [unhex(made2.ephemeral_seed)],
    encapsulations: [{
      ciphertext: unhex(made2.kem_ciphertext), secret: Decaps(prekey.kemSeed, unhex(made2.kem_ciphertext)),
    }],
    signatures: [unhex(made2.signature)],
  }));
  const wanted = derived.handshake;
  const { noted, keys } = flight;
  const found = {
    ephemeral_public: noted.ephemeral, dh1: noted.dh1, dh2: noted.dh2, dh3: noted.dh3, kem_shared_secret: noted.secret,
    th0: noted.th0, k1: noted.k1, ck: noted.ck, signed: noted.signed, p1: noted.p1, e1: noted.e1, th1: keys.th1,
    root_key: keys.rootKey, header_key_a: keys.headerKeyA, next_header_key_b: keys.nextHeaderKeyB, session_id: keys.sid,
    prefix: flight.prefix, hsid: flight.handshakeId, prefix_hash: H(flight.prefix), associated_data: keys.ad,
  };
  compare.is("names of the handshake", Object.keys(found).sort(), Object.keys(wanted).sort());
  for (const [name, value] of Object.entries(found)) compare.is(name, value, wanted[name]);
  const accepted = acceptHandshake(b, a, flight.prefix, prekey, (counter) => counter === BigInt(made2.reset_counter));
  for (const [name, value] of Object.entries(accepted.keys)) compare.is(`${name} at B`, hex(value), hex(keys[name]));
  compare.is("the signature verifies", verifies(
    { ed25519: a.card.slice(9, 41), mldsa: a.card.slice(45, 1_997) }, "init", noted.signed, unhex(made2.signature),
  ), true);

  const states = { a: ratchetOfA(keys, offered.spk), b: ratchetOfB(accepted.keys, prekey.spkSeed) };
  const hasAnswered = { a: false, b: true };
  const envelopes = [];
  const kemSeeds = {};
  let lastRoot;
  const seal = (place) => {
    const [input, values] = [inputs.messages[place], derived.messages[place]];
    const bytes = [];
    const encapsulations = [];
    if (input.step) {
      bytes.push(unhex(input.step.x25519_seed), unhex(input.step.kem_seed));
      const ciphertext = unhex(input.step.kem_ciphertext);
      const theirs = kemSeeds[input.sender === "a" ? "b" : "a"];
      if (theirs) encapsulations.push({ ciphertext, secret: Decaps(theirs, ciphertext) });
      kemSeeds[input.sender] = unhex(input.step.kem_seed);
    }
    bytes.push(unhex(input.nonce), unhex(input.salt));
    const random = recorded({ bytes, encapsulations });
    const taken = nextToSend(states[input.sender], random);
    const head = hasAnswered[input.sender] ? u8(1) : concat(u8(0), flight.prefix);
    const payload = unhex(input.payload);
    const { message, noted: sealed } = sealMessage(taken, payload, roomFor(payload, head.length), random);
    const is = (name, value) => compare.is(`message ${place}: ${name}`, value, values[name]);
    if (values.step) {
      const { step } = taken;
      lastRoot = values.step.root_key;
      for (const [name, value] of Object.entries({
        dh: step.dh, kem_shared_secret: step.secret, public_hash: step.hash, root_key: step.rootKey,
        chain_key: step.chainKey, next_header_key: step.nextHeaderKey,
      })) compare.is(`message ${place}: step: ${name}`, value, values.step[name]);
    } else compare.is(`message ${place}: no step`, taken.step, null);
    is("sender", "ab"[taken.direction]);
    is("header_key", taken.headerKey);
    is("chain_key", taken.chainKey);
    is("next_chain_key", taken.nextChainKey);
    is("message_key", taken.messageKey);
    is("k", sealed.k);
    is("kc", sealed.kc);
    is("block_key", sealed.blockKey);
    is("header_plaintext", sealed.headerPlaintext);
    is("header", sealed.header);
    compare.is(`message ${place}: block_plaintext_hash`, H(taken.block), values.block_plaintext_hash);
    is("block", sealed.block);
    is("salt", sealed.salt);
    is("body", sealed.body);
    const envelope = concat(head, message);
    is("envelope_type", envelope[0]);
    is("envelope_bytes", envelope.length);
    is("envelope_hash", H(envelope));
    envelopes.push({ message });
  };
  for (const place of inputs.delivery) {
    while (envelopes.length <= place) seal(envelopes.length);
    const { sender, payload } = inputs.messages[place];
    const receiver = sender === "a" ? "b" : "a";
    const next = structuredClone(states[receiver]);
    const bent = envelopes[place].message.slice();
    bent[bent.length - 1] ^= 1;
    compare.refuses(`message ${place} with a bit changed`, () => openMessage(structuredClone(next), bent, made.issued_at));
    compare.is(`message ${place} opened`, openMessage(next, envelopes[place].message, made.issued_at).payload, payload);
    compare.refuses(`message ${place} again`, () => openMessage(structuredClone(next), envelopes[place].message, made.issued_at));
    states[receiver] = next;
    if (receiver === "a") hasAnswered.a = true;
  }
  for (const who of ["a", "b"]) {
    compare.is(`last root key at ${who}`, states[who].rootKey, lastRoot);
    compare.is(`skipped keys left at ${who}`, states[who].skipped.length, 0);
  }
}

/** Arrays of a file, with `{ bin }` for bytes. */
function valueOf(one) {
  if (Array.isArray(one)) return one.map(valueOf);
  return one !== null && typeof one === "object" ? unhex(one.bin) : one;
}

function payloads({ inputs, derived }, compare) {
  for (const [name, fields] of Object.entries(inputs.accepted)) {
    compare.is(name, encodePayload(valueOf(fields)), derived[name]);
    const decoded = decodePayload(unhex(derived[name]));
    const kinds = [
      "", "text", "receipt", "typing", "profile", "mailboxes", "join", "", "edit", "delete", "react", "pin", "timer", "farewell",
      "file", "file state", "room events", "room have", "room key",
    ];
    const kind = kinds[fields[0]] ?? "unknown";
    compare.is(`${name}: kind`, decoded.kind, kind);
    compare.is(`${name}: id`, decoded.id, fields[1].bin);
    compare.is(`${name}: sent_at_ms`, decoded.sentAtMs, fields[2]);
  }
  for (const [name, bytes] of Object.entries(inputs.skipped)) {
    compare.is(`${name}: kind`, decodePayload(unhex(bytes)).kind, "unknown");
  }
  for (const [name, bytes] of Object.entries(inputs.refused)) compare.refuses(name, () => decodePayload(unhex(bytes)));
}

function presence({ inputs, derived }, compare) {
  const epoch = epochAt(inputs.unix_s);
  const nonce = unhex(inputs.nonce);
  const addresses = inputs.addresses.map(unhex);
  compare.is("epoch", epoch, derived.epoch);
  const message = presenceMessage(epoch, nonce, inputs.port, addresses);
  compare.is("message", message, derived.message);
  const keys = inputs.presence_keys.map(unhex);
  const tags = keys.map((key) => presenceTag(key, message));
  compare.is("tags", tags.map(hex), derived.tags);
  const txt = encodeAdvert(nonce, tags, inputs.fillers.map(unhex));
  compare.is("txt", txt.map(hex), derived.txt);
  const advert = decodeAdvert(derived.txt.map(unhex));
  const found = (unixS) => keys.map((key) => announces(key, advert, inputs.port, addresses, epochAt(unixS)));
  const [first, last] = [derived.found_first_second, derived.found_last_second];
  for (const unixS of [first, inputs.unix_s, last]) compare.is(`found at ${unixS}`, found(unixS).every(Boolean), true);
  for (const unixS of [first - 1, last + 1]) compare.is(`found at ${unixS}`, found(unixS).some(Boolean), false);
  const turned = [...txt.slice(0, 2), ...txt.slice(2).reverse()];
  compare.is("strings in another order", decodeAdvert(turned), null);
  compare.is("an entry less", decodeAdvert([...txt.slice(0, -1), txt.at(-1).slice(0, -8)]), null);
  compare.is("no tags", decodeAdvert([...txt.slice(0, 2), EMPTY]), null);
  compare.is("another port", announces(keys[0], advert, inputs.port + 1, addresses, epoch), false);
}

function queues({ inputs, derived }, compare) {
  const queue = queueKeys(unhex(inputs.queue_secret));
  const [account, pairing] = [accountKeys(unhex(inputs.account_secret)), pairingKeys(unhex(inputs.pairing_secret))];
  for (const [name, value] of Object.entries({
    queue_id: queue.id, guest_tag: queue.tag, guest_link: queue.link, id: queue.idKey, blob_key: queue.blobKey,
    bundle_key: queue.bundleKey, account_tag: account.tag, account_link: account.link, pairing_tag: pairing.tag,
    pairing_link: pairing.link,
  })) compare.is(name, value, derived[name]);
  const envelope = unhex(inputs.envelope);
  const blob = sealBlob(queue, inputs.until, envelope);
  compare.is("blob", blob, derived.blob);
  compare.is("blob_id", blobId(blob), derived.blob_id);
  compare.is("put", encodePut(inputs.number, queue, blob), derived.put);
  const opened = openBlob(queue, blob);
  compare.is("blob opened", [opened.until, hex(opened.envelope)], [inputs.until, inputs.envelope]);
  for (const place of [0, 12, blob.length - 1]) {
    const bent = blob.slice();
    bent[place] ^= 1;
    compare.refuses(`blob with byte ${place} changed`, () => openBlob(queue, bent));
  }
  compare.refuses("blob of another length", () => openBlob(queue, blob.slice(0, -1)));
  const parcel = { ...inputs.parcel, fileId: unhex(inputs.parcel.file_id), bytes: unhex(inputs.parcel.bytes) };
  const parcelBlob = sealParcel(queue, parcel);
  compare.is("parcel_blob", parcelBlob, derived.parcel_blob);
  const { fileId, what, index, part, bytes } = openParcel(queue, parcelBlob);
  compare.is("parcel opened", [hex(fileId), what, index, part, hex(bytes)], Object.values(inputs.parcel));
  compare.refuses("a parcel for an envelope", () => openBlob(queue, parcelBlob));
  compare.refuses("an envelope for a parcel", () => openParcel(queue, blob));
  const sealed = sealBundle(queue, unhex(inputs.bundle), recorded({ bytes: [unhex(inputs.bundle_nonce)] }));
  compare.is("sealed_bundle", sealed, derived.sealed_bundle);
  compare.is("bundle opened", openBundle(queue, sealed), inputs.bundle);
  compare.is("bundle_mark", bundleMark(sealed), derived.bundle_mark);
  const [maskKey, rand] = [unhex(inputs.mask_key), unhex(inputs.rand)];
  compare.is("day_tag", dayTag(account.tag, inputs.day), derived.day_tag);
  compare.is("clear", clearForAnchor(account.tag, maskKey, inputs.day, rand), derived.clear);
  const link = new LinkInitiator(account, inputs.day, { ...RANDOM, bytes: recordedOnce(rand) }, maskKey);
  compare.is("handshake_hash_after_prologue", link.noise.state.trace[0].h, derived.handshake_hash_after_prologue);
  compare.is("clear of the link", link.takeOutgoing().slice(0, 40), derived.clear);
  const work = inputs.requests.work;
  compare.is("work_hash", workHash(queue, inputs.day, blobId(blob), inputs.work_nonce), derived.work_hash);

  const ids = (list) => list.map(({ bin }) => unhex(bin));
  const { open, ack, have, lay, pair: paired } = inputs.requests;
  const other = { id: queue.id, tag: unhex(open[2].bin), link: unhex(open[3].bin) };
  const made = {
    open: requests.open(other, open[4], open[5]), "open for files": requests.open(other, 4, 0), shut: requests.shut(queue), subscribe: requests.subscribe(),
    ack: requests.ack(queue, ids(ack[2])), have: requests.have(queue, ids(have[2])),
    lay: requests.lay(queue, lay[2], unhex(lay[3].bin)), fetch: requests.fetch(queue),
    work: requests.work(queue, unhex(work[2].bin), work[3], work[4]),
    pair: requests.pair({ tag: unhex(paired[1].bin), link: unhex(paired[2].bin) }), status: requests.status(),
    unpair: requests.unpair(),
  };
  for (const [name, fields] of Object.entries(made)) {
    compare.is(`request ${name}`, encodeRequest(inputs.number, fields), derived.requests[name]);
  }
  for (const [name, body] of Object.entries(derived.answers)) {
    void derived.answers[name];
    const answer = decodeAnswer(unhex(body));
    compare.is(`answer ${name}`, [answer.count, answer.name], [inputs.number, name === "no bundle" ? "laid" : name]);
    compare.is(`answer ${name} encoded again`, encodeRequest(answer.count, valueOf(inputs.answers[name])), body);
  }

  const hints = inputs.hints.map(({ host, port, mask_key: key }) => ({ host, port, maskKey: unhex(key) }));
  const body = pairingBody({ secret: unhex(inputs.pairing_secret), expiresH: inputs.expires_h, hints });
  compare.is("pairing_body", body, derived.pairing_body);
  compare.is("pairing_text", encodePairingText(body), derived.pairing_text);
  const read = decodePairingText(derived.pairing_text.toLowerCase());
  compare.is("pairing text read", [hex(read.secret), read.expiresH, hintsShown(read.hints)],
    [inputs.pairing_secret, inputs.expires_h, inputs.hints]);
  compare.refuses("pairing text cut", () => decodePairingText(derived.pairing_text.slice(0, -1)), "checksum");
  compare.refuses("a token", () => decodePairingText(`LOOM-AE${"A".repeat(109)}`), "version");
}

/** The first bytes drawn are these, all others random. */
function recordedOnce(first) {
  const left = [first];
  return (length) => left.shift() ?? RANDOM.bytes(length);
}

function invites({ inputs, derived }, compare) {
  const [fingerprint, x25519, secret] = [unhex(inputs.fingerprint), unhex(inputs.x25519_public), unhex(inputs.secret)];
  const maskKey = unhex(inputs.mask_key);
  const keys = inviteKeys(secret, fingerprint);
  compare.is("invite_tag", keys.tag, derived.invite_tag);
  compare.is("invite_link", keys.link, derived.invite_link);
  const link = new LinkInitiator(keys, inputs.day, { ...RANDOM, bytes: recordedOnce(unhex(inputs.rand)) });
  compare.is("handshake_hash_after_prologue", link.noise.state.trace[0].h, derived.handshake_hash_after_prologue);
  compare.is("clear", link.takeOutgoing().slice(0, 40), derived.clear);
  compare.is("queue_secret", inviteQueue(secret, fingerprint, maskKey), derived.queue_secret);
  compare.is("first_queue_secret", firstQueue(secret, unhex(inputs.link_key), maskKey), derived.first_queue_secret);
  compare.is("join", encodePayload(valueOf(inputs.join)), derived.join);
  compare.is("join read", decodePayload(unhex(derived.join)).name, inputs.join[3]);
  for (const kind of ["invite", "address", "room_invite"]) {
    const { expires_h: expiresH, flags, hints, room_id: roomId, room_name: name } = inputs[kind];
    const room = roomId ? { id: unhex(roomId), name } : null;
    const packed = hints.map(({ host, port, mask_key: key }) => ({ host, port, maskKey: key ? unhex(key) : null }));
    const body = inviteBody({ fingerprint, x25519, secret, expiresH, flags, room, hints: packed });
    compare.is(`${kind}_body`, body, derived[`${kind}_body`]);
    const text = derived[`${kind}_text`];
    compare.is(`${kind}_text`, encodeInvite(body), text);
    const read = decodeInvite(` ${text.toLowerCase()}\n`);
    compare.is(`${kind} read`, [hex(read.fingerprint), read.expiresH, read.flags, hintsShown(read.hints)],
      [inputs.fingerprint, expiresH, flags, hints]);
    compare.is(`${kind} room`, read.room && [hex(read.room.id), read.room.name], room && [roomId, name]);
    compare.refuses(`${kind} cut`, () => decodeInvite(text.slice(0, -1)), "checksum");
    compare.refuses(`${kind} as a token`, () => decodeToken(text), "version");
  }
}

function nearby({ inputs, derived }, compare) {
  compare.is("alias", aliasOf(unhex(inputs.alias_random)), derived.alias);
  const person = ({ x25519_seed: seed, fingerprint, name, port, number, nonce }) => ({
    x25519Seed: unhex(seed), x25519: x25519Public(unhex(seed)), fingerprint: unhex(fingerprint), name, port,
    number: unhex(number), nonce: unhex(nonce),
  });
  const [a, b] = [person(inputs.a), person(inputs.b)];
  const kemSeed = unhex(inputs.a.kem_seed);
  const dialler = new NearbyInitiator(unhex(inputs.a.ephemeral_seed), kemSeed, a.number);
  compare.is("a_sends", frame(dialler.message1), derived.a_sends);
  const other = new NearbyResponder(dialler.message1);
  compare.is("number of a at b", other.otherNumber, inputs.a.number);
  const ciphertext = unhex(inputs.b.kem_ciphertext);
  const answer = other.answer(
    unhex(inputs.b.ephemeral_seed), () => ({ ciphertext, secret: Decaps(kemSeed, ciphertext) }), b.number,
  );
  compare.is("b_sends", frame(answer), derived.b_sends);
  dialler.readMessage2(answer);
  compare.is("number of b at a", dialler.otherNumber, inputs.b.number);
  for (const [i, noted] of derived.trace.entries()) {
    for (const [who, { state }] of [["a", dialler], ["b", other]]) {
      for (const part of ["after", "ck", "h", "k"]) {
        compare.is(`${part} of ${who} after ${noted.after}`, state.trace[i][part], noted[part]);
      }
    }
  }
  const [toB, toA] = dialler.keys;
  compare.is("a_to_b_key", toB, derived.a_to_b_key);
  compare.is("b_to_a_key", toA, derived.b_to_a_key);
  compare.is("keys at b", other.keys.map(hex), dialler.keys.map(hex));
  const { h } = dialler.state;
  const commit = commitment(h, a.nonce);
  compare.is("commit", commit, derived.commit);
  compare.is("words", nearbyWords(h, a.nonce, b.nonce), derived.words);
  compare.is("a_introduction", introduction(a), derived.a_introduction);
  compare.is("b_introduction", introduction(b), derived.b_introduction);
  const [proofA, proofB] = [proof(pairKeys(a, b).sending.tag, h), proof(pairKeys(b, a).sending.tag, h)];
  const ofA = [[COMMIT, commit], [NONCE, a.nonce], [INTRODUCTION, introduction(a)], [PROOF, proofA]];
  const ofB = [[NONCE, b.nonce], [INTRODUCTION, introduction(b)], [PROOF, proofB]];
  for (const [name, key, records] of [["a_records", toB, ofA], ["b_records", toA, ofB]]) {
    for (const [i, wanted] of derived[name].entries()) {
      compare.is(`${name} ${i}`, sealNearby(key, i, ...records[i]), wanted);
      compare.is(`${name} ${i} opened`, openNearby(key, i, unhex(wanted)).type, records[i][0]);
    }
  }
  compare.is("b_differ_after_nonce", sealNearby(toA, 1, DIFFER), derived.b_differ_after_nonce);
}

function files({ inputs, derived }, compare) {
  const [linkKey, salt] = [unhex(inputs.link_key), unhex(inputs.salt)];
  const keys = fileKeys(linkKey, salt);
  compare.is("queue_secret", fileSecret(linkKey, salt), derived.queue_secret);
  compare.is("queue_id", keys.id, derived.queue_id);
  compare.is("mark", fileMark(keys, salt), derived.mark);
  const bundle = sealBundle(keys, unhex(inputs.bundle), recorded({ bytes: [unhex(inputs.bundle_nonce)] }));
  const blobs = [bundle, ...inputs.envelopes.map((one) => sealBlob(keys, inputs.until, unhex(one)))];
  blobs.forEach((blob, n) => compare.is(`blob ${n}`, blob, derived.blobs[n]));
  const file = encodeMailFile(salt, fileMark(keys, salt), blobs);
  compare.is("file", file, derived.file);
  const read = decodeMailFile(file);
  compare.is("file read", [read.salt, read.mark, ...read.blobs].map(hex), [inputs.salt, derived.mark, ...derived.blobs]);
  compare.is("bundle opened", openBundle(keys, read.blobs[0]), inputs.bundle);
  compare.is("envelopes opened", read.blobs.slice(1).map((blob) => hex(openBlob(keys, blob).envelope)), inputs.envelopes);
  compare.refuses("file cut within a blob", () => decodeMailFile(file.slice(0, -1)));
  compare.refuses("file cut within a length", () => decodeMailFile(concat(file, u8(0))));
  compare.refuses("file with a blob of another length", () => decodeMailFile(concat(file, new Uint8Array([0, 0, 0, 1, 7]))));
  for (const place of [0, 8]) {
    const bent = file.slice();
    bent[place] ^= 1;
    compare.refuses(`file with byte ${place} changed`, () => decodeMailFile(bent));
  }
}

function backups({ inputs, derived }, compare) {
  const salt = unhex(inputs.salt);
  const ofPhrase = phraseKey({
    ed25519Seed: unhex(inputs.ed25519_seed), mldsaSeed: unhex(inputs.mldsa_seed), x25519Seed: unhex(inputs.x25519_seed),
  });
  compare.is("phrase_key", ofPhrase, derived.phrase_key);
  const kinds = [
    ["phrase", ofPhrase, []],
    ["passphrase", unhex(inputs.passphrase_key), [inputs.cost, unhex(inputs.passphrase_salt)]],
  ];
  for (const [name, key, cost] of kinds) {
    const wanted = derived.files[name];
    const header = backupHeader(key, salt, ...cost);
    compare.is(`${name}: header`, header, wanted.header);
    const fileKey = backupKey(key, salt);
    compare.is(`${name}: file_key`, fileKey, wanted.file_key);
    for (const [index, isLast] of [[0, false], [1, false], [2, true]]) {
      const sealed = sealBackupChunk(fileKey, header, index, isLast, unhex(inputs.content));
      compare.is(`${name}: chunk ${index}`, H(sealed), wanted.chunk_hashes[index]);
    }
  }
}

function keyslot({ inputs, derived }, compare) {
  const [keks, secrets, nonces] = [inputs.keks, inputs.vault_keys, inputs.nonces].map((all) => all.map(unhex));
  const [salt, unused] = [unhex(inputs.salt), () => unhex(inputs.unused)];
  const slot = (place, use) => slots.usedSlot(keks[place], nonces[place], use, secrets[place]);
  const file = (...two) => slots.keyslotFile(2, inputs.cost, salt, ...two);
  compare.is("alone", file(slot(0, 0), unused), derived.alone);
  compare.is("alone_second", file(unused, slot(0, 0)), derived.alone_second);
  compare.is("guarded", file(slot(0, 1), slot(1, 2)), derived.guarded);
  const old = slots.oldSlot(keks[0], nonces[0], secrets[0]);
  compare.is("version_1", slots.keyslotFile(1, inputs.cost, salt, old), derived.version_1);
  secrets.forEach((one, i) => compare.is(`database key ${i}`, slots.databaseKey(one), derived.database_keys[i]));
  const [waySalt, secret] = [unhex(inputs.way_salt), unhex(inputs.way_secret)];
  compare.is("way_key", slots.wayKey(waySalt, secret), derived.way_key);
  compare.is("way", slots.wayFile(waySalt, unhex(inputs.hint), secret, nonces[0], secrets[0]), derived.way);
}

function move({ inputs, derived }, compare) {
  const [h, shares] = [unhex(inputs.handshake_hash), inputs.shares.map(unhex)];
  const key = moves.moveKey(h, ...shares);
  compare.is("key", key, derived.key);
  for (const end of [0, 1]) {
    compare.is(`pledge ${end}`, moves.pledge(end, shares[end]), derived.pledges[end]);
    compare.is(`proof ${end}`, moves.moveProof(key, h, end), derived.proofs[end]);
  }
  compare.is("psk", moves.movePsk(key), derived.psk);
  compare.is("backup_key", moves.moveBackupKey(key), derived.backup_key);
  compare.is("offer", moves.offer(inputs.size, unhex(inputs.header)), derived.offer);
  compare.is("have", moves.have(inputs.offset), derived.have);
  compare.is("data", moves.data(unhex(inputs.data)), derived.data);
  [1, 2, 3].forEach((reason, i) => compare.is(`refusal ${reason}`, moves.refusal(reason), derived.refusals[i]));
}

function transfer({ inputs, derived, refused_records: refused }, compare) {
  const content = Uint8Array.from({ length: inputs.size }, (_, i) => (i * 7 + Math.floor(i / 256)) % 256);
  const [fileId, secret] = [unhex(inputs.file_id), unhex(inputs.secret)];
  const hashes = hashesOf(content);
  compare.is("hashes", hashes.map(hex), [...derived.hashes.map((one) => one)]);
  const root = fileRoot(content.length, inputs.media_type, hashes);
  compare.is("root", root, derived.root);
  compare.is("empty_root", fileRoot(0, inputs.media_type, []), derived.empty_root);
  const keys = transferKeys(secret, root);
  compare.is("data_key", keys[DATA], derived.data_key);
  compare.is("list_key", keys[LIST], derived.list_key);
  const pieces = [0, 1].map((index) => ({ fileId, what: DATA, index }));
  const list = { fileId, what: LIST, index: 0 };
  const sealedList = sealPiece(keys, list, concat(...hashes));
  compare.is("sealed_list", sealedList, derived.sealed_list);
  const sealed = chunksOf(content).map((chunk, i) => sealPiece(keys, pieces[i], chunk));
  sealed.forEach((one, i) => compare.is(`sealed chunk ${i}`, H(one), derived.sealed_chunk_hashes[i]));
  compare.is("sealed_last_chunk", sealed[1], derived.sealed_last_chunk);
  compare.is("request", encodeFileRequest(pieces[1]), derived.request);
  compare.is("request read", decodeFileRequest(unhex(derived.request)).index, 1);
  compare.is("request_of_the_list", encodeFileRequest(list), derived.request_of_the_list);
  const parts = sealed.map((one, i) => encodeFileParts(pieces[i], one));
  parts[0].forEach((one, i) => compare.is(`part ${i}`, H(one), derived.part_hashes[i]));
  compare.is("part", parts[1][0], derived.part);
  const [listed] = encodeFileParts(list, sealedList);
  compare.is("part_of_the_list", listed, derived.part_of_the_list);
  compare.is("refusal", encodeFileRefusal(pieces[1], LATER), derived.refusal);
  compare.is("refusal read", decodeFileRefusal(unhex(derived.refusal)).reason, LATER);

  const offer = decodePayload(unhex(derived.file));
  compare.is("file", hex(offer.root) + hex(offer.secret), derived.root + inputs.secret);
  compare.is("offer", [offer.name, offer.size, offer.mediaType, offer.caption], [
    inputs.offer.name, inputs.size, inputs.media_type, inputs.offer.caption,
  ]);
  inputs.states.forEach((wanted, i) => {
    const state = decodePayload(unhex(derived.states[i]));
    compare.is(`state ${i}`, [hex(state.fileId), state.number, state.state], [wanted[3].bin, wanted[4], wanted[5]]);
  });
  const fetching = new Fetching(fileId, offer);
  for (const body of [listed, ...parts.flat()]) fetching.take(decodeFilePart(body));
  compare.is("fetched", H(fetching.content), hex(H(content)));

  const decoders = { 4: decodeFileRequest, 5: decodeFilePart, 6: decodeFileRefusal };
  for (const [kind, bodies] of Object.entries(refused)) {
    for (const [name, body] of Object.entries(bodies)) {
      compare.refuses(`record ${kind} ${name}`, () => decoders[kind](unhex(body)));
    }
  }
}

function rooms({ inputs, derived, states, refused_heads: refusedHeads, refused_posts: refusedPosts }, compare) {
  const roomId = unhex(derived.room_id);
  const pairs = {};
  const names = {};
  for (const [name, given] of Object.entries(inputs.members)) {
    const pair = (pairs[name] = roomPair(unhex(given.ed25519_seed), unhex(given.mldsa_seed)));
    const wanted = derived.members[name];
    const token = { fingerprint: unhex(given.token.fingerprint), x25519: unhex(given.token.x25519_public) };
    compare.is(`${name} ed25519`, pair.keys.ed25519, wanted.ed25519_public);
    compare.is(`${name} mldsa`, pair.keys.mldsa, wanted.mldsa_public);
    compare.is(`${name} author`, memberAuthor(pair.keys), wanted.author);
    compare.is(`${name} joined`, joined(roomId, token), wanted.joined);
    compare.is(`${name} proof`, isProofOf(roomId, token, pair.keys, unhex(given.proof)), true);
    names[wanted.author] = name;
  }
  const authors = inputs.council.members.map((name) => hex(pairs[name].author)).sort().map(unhex);
  compare.is("council_author", councilAuthor({ threshold: inputs.council.threshold, authors }), derived.council_author);
  names[derived.council_author] = "council";
  const authorOf = (name) => (name === "council" ? unhex(derived.council_author) : pairs[name].author);
  compare.is("claim", roomClaim(unhex(inputs.invite_secret), roomId), derived.claim);
  compare.is("continued_claim", continuedClaim(roomId, unhex(inputs.continued_room_id)), derived.continued_claim);
  const queue = Object.fromEntries(Object.entries(inputs.queue).map(([name, one]) => [name, unhex(one)]));
  compare.is("queue_secret", roomQueueSecret(queue.link_key, queue.holder, queue.mask_key), derived.queue_secret);

  const known = new Map();
  const read = {};
  for (const [name, given] of Object.entries(inputs.statements)) {
    const wanted = derived.statements[name];
    const one = (read[name] = decodeStatement(unhex(wanted.event)));
    const where = given.kind === 1 ? new Uint8Array(32) : roomId;
    compare.is(`${name} head`, encodeHead(where, authorOf(given.author), given.number, given.kind, valueOf(given.body)), wanted.head);
    compare.is(`${name} id`, one.id, wanted.id);
    compare.is(`${name} room`, one.roomId, derived.room_id);
    compare.is(`${name} is a statement`, isStatement(one.event), true);
    compare.is(`${name} verifies`, isVerified(one, known), true);
    const bent = one.event.slice();
    bent[bent.length - 1] ^= 1;
    compare.is(`${name} bent`, isVerified(decodeStatement(bent), known), false);
    const told = keysTold(one);
    if (told) known.set(...told);
  }
  for (const [name, head] of Object.entries(refusedHeads)) compare.refuses(name, () => decodeHead(unhex(head)));

  const posts = [];
  for (const [name, given] of Object.entries(inputs.posts)) {
    const wanted = derived.posts[name];
    const { number, order, kind, sent_at_ms: sentAtMs } = given;
    const fields = valueOf(given.content);
    compare.is(`${name} event`, signPost(pairs[given.author], roomId, { number, order, sentAtMs, kind, fields }), wanted.event);
    compare.is(`${name} without content`, withoutContent(unhex(wanted.event)), wanted.event_without_content);
    const one = decodePost(unhex(wanted.event));
    compare.is(`${name} head`, one.head, wanted.head);
    compare.is(`${name} id`, one.id, wanted.id);
    compare.is(`${name} content`, one.content === null, kind > 11);
    compare.is(`${name} is no statement`, isStatement(one.event), false);
    compare.is(`${name} verifies`, [one, decodePost(unhex(wanted.event_without_content))].map((each) => isPostVerified(each, known)), [true, true]);
    if (kind === FILE) compare.is(`${name} file id`, fileIdOf(one.id), derived.file_ids[name]);
    posts.push(one);
  }
  for (const [name, event] of Object.entries(refusedPosts)) compare.refuses(name, () => decodePost(unhex(event)));

  const statements = Object.values(read);
  const places = placesOf(statements, posts, 0n);
  [...places].forEach(([place, ids], at) => {
    const wanted = derived.places[at];
    compare.is(`place ${at}`, [place, ids.length, hex(digestOf(ids))], [wanted.place, wanted.count, wanted.digest]);
  });
  compare.is("places", places.size, derived.places.length);
  compare.is("root", rootOf(places), derived.root);
  compare.is("root_from_order", rootOf(placesOf(statements, posts, BigInt(inputs.from_order))), derived.root_from_order);

  const postNames = Object.fromEntries(Object.entries(derived.posts).map(([name, one]) => [one.id, name]));
  for (const [at, wanted] of states.entries()) {
    const held = Object.entries(read).filter(([name]) => !wanted.without.includes(name));
    const state = materialize(held.map(([, one]) => one).reverse());
    const { without, ...rest } = wanted;
    const shown = {
      name: state.name,
      policy: state.policy,
      channels: state.channels.map(([name]) => name),
      members: state.members.map(({ author, capabilities }) => [names[author], capabilities]),
      officers: state.officers.map(([author, rank]) => [names[author], rank]),
      removed: Object.keys(state.removed).map((author) => names[author]),
      left: Object.keys(state.left).map((author) => names[author]),
      pins: state.pins.map((id) => postNames[id]),
      deleted: state.deleted.map((id) => postNames[id]).sort(),
      banned: Object.keys(state.banned).length,
      counting: held.filter(([, { id }]) => state.counting.includes(id)).map(([name]) => name),
    };
    const counting = held.map(([name]) => name).filter((name) => rest.counting.includes(name));
    compare.is(`state ${at}, without ${without}`, shown, { ...rest, counting });
  }
}

const FILES = {
  identity, identity_chain, pair, link, session, payloads, presence, queues, invites, nearby, files, rooms, transfer, backups,
  keyslot, move,
};

/** `{ name: { compared, differences } }` of all files in a folder. */
export function compareVectors(folder) {
  const results = {};
  for (const [name, compute] of Object.entries(FILES)) {
    const comparison = new Comparison();
    const vector = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
    const unread = new Set();
    compute({ ...vector, derived: watched(vector.derived, unread) }, comparison);
    comparison.is("derived values that nothing was compared with", [...unread], []);
    results[name] = { compared: comparison.compared, differences: comparison.differences };
  }
  return results;
}

