/** What the specification says is refused, made with the right keys: for tests of refusals.
 *
 * Everything is sealed on copies of the state, so that the next honest bytes are as if nothing was sent;
 * `payload` alone is sealed on the real one, as a payload is looked at after the ratchet has moved on.
 */

import { connect } from "node:net";

import { concat, u16, unhex, zeros } from "./bytes.js";
import { encodeBundle, issueBundle, presentBundle } from "./bundle.js";
import { sealAnything } from "./conversation.js";
import { dec, enc } from "./encoding.js";
import { dayAt } from "./gate.js";
import { entropyOf, identityOf, phraseOf, seedsOf } from "./identity.js";
import { PREFIX_BYTES } from "./handshake.js";
import { LinkInitiator } from "./link.js";
import { newMessageId, text } from "./payload.js";
import { RANDOM, split } from "./primitives.js";
import { BUNDLE, BUNDLE_REQUEST, ENVELOPE, frame, KEEPALIVE, padRecord } from "./records.js";
import { start } from "./sessions.js";

const NOT_CANONICAL = concat(Uint8Array.of(0xed), new Uint8Array(30).fill(0xff), Uint8Array.of(0x7f));
const SMALL_ORDER = concat(Uint8Array.of(1), zeros(31));
const NOT_REDUCED = concat(new Uint8Array(1_152).fill(0xff), zeros(32));
const DAY_S = 86_400;

const flipped = (bytes, place) => {
  const found = bytes.slice();
  found[place < 0 ? found.length + place : place] ^= 1;
  return found;
};

const routeTo = (node, contact) => node.sendingRoute(contact);
const stranger = () => identityOf(seedsOf(entropyOf(phraseOf(RANDOM.bytes(32)))));

// --- the gate -------------------------------------------------------------------------------------

/** What I would send first, with one part bent. */
const FIRST_FLIGHTS = {
  "a stranger's tag": (keys, day) => opening({ ...keys, tag: RANDOM.bytes(32) }, day),
  "a day ahead by two": (keys, day) => opening(keys, day + 2),
  "a day behind by two": (keys, day) => opening(keys, day - 2),
  "another link key": (keys, day) => opening({ ...keys, link: RANDOM.bytes(32) }, day),
  "a bit of message 1": (keys, day) => flipped(opening(keys, day), 600),
  "a bit of the last tag": (keys, day) => flipped(opening(keys, day), -1),
  "another length of message 1": (keys, day) => {
    const bytes = opening(keys, day);
    return concat(bytes.slice(0, 40), u16(1_247), bytes.slice(42));
  },
  "e_I with the top bit": (keys, day) => {
    const bytes = opening(keys, day);
    bytes[40 + 2 + 31] |= 0x80;
    return bytes;
  },
};

const opening = (keys, day) => new LinkInitiator(keys, day, RANDOM).takeOutgoing();

/** A connection that writes `bytes`; what came back once the other side closed it, and after how long. */
function exchange(port, bytes) {
  return new Promise((resolve) => {
    const begun = Date.now();
    let received = 0;
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("data", (data) => (received += data.length));
    socket.on("error", () => {});
    socket.on("close", () => resolve({ received, after_ms: Date.now() - begun }));
    socket.write(bytes);
  });
}

// --- records --------------------------------------------------------------------------------------

const RECORDS = {
  "a bit of the tag": (link) => flipped(link.sending.seal(padRecord(KEEPALIVE)), -1),
  "another frame length": () => frame(RANDOM.bytes(81)),
  "an empty frame": () => frame(zeros(0)),
  "not the smallest bucket": (link) => link.sending.seal(padRecord(KEEPALIVE, zeros(0), 4_160)),
  "padding that is not zero": (link) => link.sending.seal(flipped(padRecord(KEEPALIVE), -1)),
  "a body longer than the record": (link) => link.sending.seal(concat(Uint8Array.of(1), u16(62), zeros(61))),
  "an unknown type": (link) => link.sending.seal(padRecord(4)),
  "a keepalive with a body": (link) => link.sending.seal(padRecord(KEEPALIVE, Uint8Array.of(1))),
  "a record sealed twice": (link) => {
    const one = link.sending.seal(padRecord(KEEPALIVE));
    return concat(one, one);
  },
};

// --- bundles --------------------------------------------------------------------------------------

const NOTHING = { lastCounter: 0, lastAccepted: 0 };

const partsOf = (presented) => dec(presented, [null, null, 8, 8, null]);

function resigned(presented, change) {
  const [signature, ...signed] = partsOf(presented).reverse();
  return enc(...signed.reverse(), change(signature));
}

/** A bundle as it is sent, with its inner fields bent and then signed. */
const bent = (fields) => (me, nowS) => {
  const prekey = { ...issueBundle(me, nowS, RANDOM), ...fields(nowS) };
  return presentBundle(me, encodeBundle(me, prekey), NOTHING, RANDOM);
};

const good = (me, nowS) => presentBundle(me, issueBundle(me, nowS, RANDOM).bundle, NOTHING, RANDOM);

const BUNDLES = {
  "a bit of the Ed25519 signature": (me, nowS) => resigned(good(me, nowS), (signature) => flipped(signature, 0)),
  "a bit of the ML-DSA signature": (me, nowS) => resigned(good(me, nowS), (signature) => flipped(signature, -1)),
  "a counter that was not signed": (me, nowS) => {
    const [bundle, card, counter, accepted, signature] = partsOf(good(me, nowS));
    return enc(bundle, card, flipped(counter, -1), accepted, signature);
  },
  "an accepted counter that was not signed": (me, nowS) => {
    const [bundle, card, counter, accepted, signature] = partsOf(good(me, nowS));
    return enc(bundle, card, counter, flipped(accepted, -1), signature);
  },
  "another identity's card": (me, nowS) => good(stranger(), nowS),
  "a signature that is too short": (me, nowS) => resigned(good(me, nowS), (signature) => signature.slice(1)),
  "a byte left over": (me, nowS) => concat(good(me, nowS), zeros(1)),
  nothing: () => zeros(0),
  "another version": bent(() => ({ version: 2 })),
  "more accepted than there was": (me, nowS) =>
    presentBundle(me, issueBundle(me, nowS, RANDOM).bundle, { lastCounter: 4, lastAccepted: 5 }, RANDOM),
  "another device": bent(() => ({ device: 1 })),
  "an unknown kind": bent(() => ({ kind: 4 })),
  "another person's fingerprint": (me, nowS) => {
    const { bundle } = issueBundle({ ...me, fingerprint: stranger().fingerprint }, nowS, RANDOM);
    return presentBundle(me, bundle, NOTHING, RANDOM);
  },
  "a date in the future": bent((nowS) => ({ issuedAt: nowS + 90_000, expiresAt: nowS + 100_000 })),
  "an end before its beginning": bent((nowS) => ({ issuedAt: nowS + 20, expiresAt: nowS + 10 })),
  "a life that is too long": bent((nowS) => ({ expiresAt: nowS + 7 * DAY_S + 1 })),
  "an end that has passed": bent((nowS) => ({ issuedAt: nowS - DAY_S, expiresAt: nowS })),
  "a key that is not canonical": bent(() => ({ spk: NOT_CANONICAL })),
  "a key of small order": bent(() => ({ spk: SMALL_ORDER })),
  "coefficients that are not reduced": bent(() => ({ ek: NOT_REDUCED })),
};

// --- flights --------------------------------------------------------------------------------------

const FLIGHTS = {
  "another device": { device: 1 },
  "a bit of the Ed25519 signature": { signature: (signature) => flipped(signature, 0) },
  "a bit of the ML-DSA signature": { signature: (signature) => flipped(signature, -1) },
  "a counter that was used": { counter: 1 },
  "a counter a day and an hour ahead": { counter: Date.now() + 25 * 3_600_000 },
  "EK with the top bit": { prefix: (prefix) => { const found = prefix.slice(); found[8 + 31] |= 0x80; return found; } },
  "another bundle": { prefix: (prefix) => flipped(prefix, 0) },
  "a bit of ct": { prefix: (prefix) => flipped(prefix, 500) },
  "a bit of e1": { prefix: (prefix) => flipped(prefix, -1) },
  "a message of another session": { message: (message) => flipped(message, 3) },
  "another identity's card": { get card() { return stranger().card; } },
};

/** The envelope of a flight over an offered bundle, of a session that Ada does not keep. */
function flight(node, contact, how, body) {
  const { prefix: bendPrefix = (one) => one, message: bendMessage = (one) => one, ...bend } = FLIGHTS[how] ?? {};
  const conversation = structuredClone(node.conversation(contact));
  const session = start(conversation.sessions, node.me, conversation, node.offer, Date.now(), RANDOM, bend);
  conversation.sessions.live = [session];
  const envelope = sealAnything(conversation, someText(body), RANDOM);
  const [type, prefix, message] = split(envelope, 1, PREFIX_BYTES, envelope.length - 1 - PREFIX_BYTES);
  return concat(type, bendPrefix(prefix), bendMessage(message));
}

const someText = (body = "never to be shown") => text(newMessageId(Date.now(), RANDOM), Date.now(), body);

// --- envelopes ------------------------------------------------------------------------------------

/** Of a confirmed session: how its message is sealed, or what becomes of the envelope. */
const ENVELOPES = {
  "another length": { after: (envelope) => envelope.slice(1) },
  "no bytes": { after: () => zeros(0) },
  "an unknown type": { after: (envelope) => concat(Uint8Array.of(2), envelope.slice(1)) },
  "a flight of 4,096 bytes": { after: (envelope) => concat(Uint8Array.of(0), envelope.slice(1)) },
  "a bit of the header": { after: (envelope) => flipped(envelope, 20) },
  "a bit of the block": { after: (envelope) => flipped(envelope, 1 + 69 + 100) },
  "a bit of the salt": { after: (envelope) => flipped(envelope, 1 + 69 + 2_288) },
  "a bit of kc": { after: (envelope) => flipped(envelope, 1 + 69 + 2_288 + 16) },
  "a bit of the body": { after: (envelope) => flipped(envelope, -1) },
  "unknown flags": { flags: 1 },
  "another kc": { get kc() { return RANDOM.bytes(32); } },
  "a payload longer than its body": { length: 4_096 },
  "padding that is not zero": { padding: 1 },
  "another ratchet key in a chain": { taken: { get dh() { return RANDOM.bytes(32); } } },
  "a number that was passed": { taken: { n: 0 } },
  "a gap above 2,000": { taken: { n: 5_000 } },
};

// --- commands -------------------------------------------------------------------------------------

const names = { first_flight: FIRST_FLIGHTS, record: RECORDS, bundle: BUNDLES, flight: FLIGHTS, envelope: ENVELOPES };

export const WRONG = {
  /** Everything that can be sent wrong. */
  names: () => Object.fromEntries(Object.entries(names).map(([kind, all]) => [kind, Object.keys(all)])),

  first_flight: (node, { contact, port, how }) => {
    const day = dayAt(Date.now() / 1_000);
    return exchange(port, concat(FIRST_FLIGHTS[how](node.keys[contact].sending, day), zeros(800)));
  },

  /** The same first flight on two connections, one after the other. */
  replayed_first_flight: async (node, { contact, port }) => {
    const bytes = opening(node.keys[contact].sending, dayAt(Date.now() / 1_000));
    const first = await exchange(port, bytes);
    return { first, second: await exchange(port, concat(bytes, zeros(800))) };
  },

  /** A handshake whose first record is a request instead of the confirmation. */
  unconfirmed: (node, { contact, port }) => {
    const link = new LinkInitiator(node.keys[contact].sending, dayAt(Date.now() / 1_000), RANDOM);
    return new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      let frames = 0;
      socket.on("error", () => {});
      socket.on("close", () => resolve({ frames, closed_by_us: link.isClosed }));
      socket.on("data", (data) => {
        const wasConfirmed = link.isConfirmed;
        frames += link.receive(Uint8Array.from(data)).filter(({ type }) => type !== undefined).length;
        if (link.isConfirmed && !wasConfirmed) {
          link.outgoing = [];
          link.sending.counter = 0;
          link.send(BUNDLE_REQUEST);
          socket.write(link.takeOutgoing());
        }
      });
      socket.write(link.takeOutgoing());
    });
  },

  record: (node, { contact, how }) => {
    const route = routeTo(node, contact);
    route.socket.write(RECORDS[how](route.link));
  },

  /**
   * Answer the next request for a bundle with this one, and with `then_none` the one after it not at all;
   * `asked: false` sends it without a request.
   */
  bundle: (node, { contact, how, asked = true, then_none: thenNone = false }) => {
    const make = () => (BUNDLES[how] ?? good)(node.me, Math.floor(Date.now() / 1_000));
    node.bundleAfter = thenNone ? () => null : null;
    if (asked) node.bundleInstead = make;
    else routeTo(node, contact).send(BUNDLE, make());
  },

  /** Do not answer the next request for a bundle. */
  no_bundle: (node) => {
    node.bundleInstead = () => null;
  },

  /** Ask for a bundle, and keep it for flights. */
  offer: (node, { contact }) => {
    const route = routeTo(node, contact);
    route.isAsked = node.isOfferWanted = true;
    route.send(BUNDLE_REQUEST);
  },

  /** A flight over the bundle that is kept; nothing is wrong with it where `how` names nothing. */
  flight: (node, { contact, how, body }) => routeTo(node, contact).send(ENVELOPE, flight(node, contact, how, body)),

  envelope: (node, { contact, how }) => {
    const { after = (one) => one, ...bend } = ENVELOPES[how];
    const conversation = structuredClone(node.conversation(contact));
    routeTo(node, contact).send(ENVELOPE, after(sealAnything(conversation, someText(), RANDOM, bend)));
  },

  /** Any payload, sealed as it should be; a larger envelope than it needs if `size` says so. */
  payload: (node, { contact, payload, size }) => {
    const envelope = sealAnything(node.conversation(contact), unhex(payload), RANDOM, { size });
    node.commit();
    node.write(routeTo(node, contact), envelope);
  },

  /** As many envelopes of random bytes. */
  junk: (node, { contact, count }) => {
    const route = routeTo(node, contact);
    for (let i = 0; i < count; i += 1) route.send(ENVELOPE, concat(Uint8Array.of(1), RANDOM.bytes(4_095)));
  },
};
