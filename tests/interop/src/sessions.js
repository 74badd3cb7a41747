/** All sessions with one contact: which is best, starting, accepting, sealing, opening (PROTOCOL 4.3 to 4.7).
 *
 * `sessions` below is `{ counters, live, refused, prekeys }`, a plain value. Functions that change it are
 * given a copy.
 */

import { compare, concat, equal, u8 } from "./bytes.js";
import { refuse } from "./errors.js";
import { acceptHandshake, handshakeId, PREFIX_BYTES, splitPrefix, startHandshake } from "./handshake.js";
import { COUNTER_FUTURE_MS, ENVELOPE_BUCKETS, SESSION_SUPERSEDED_S, SESSIONS_MAX } from "./limits.js";
import { H, split } from "./primitives.js";
import { NotThisSession, openMessage, ratchetOfA, ratchetOfB } from "./ratchet.js";

export const FLIGHT = 0;
export const MESSAGE = 1;

export const noSessions = () => ({
  counters: { sent: 0, accepted: 0, told: 0 }, live: [], refused: [], prekeys: [],
});

const isBefore = (one, other) =>
  one.counter !== other.counter ? one.counter < other.counter : compare(one.initiator, other.initiator) < 0;

/** The session that everything is sealed on, or null. */
export const best = ({ live }) => live.reduce((most, one) => (most === null || isBefore(most, one) ? one : most), null);

// --- counters -------------------------------------------------------------------------------------

export function nextCounter({ sent, accepted, told }, nowMs) {
  const counted = sent + 1 <= nowMs + COUNTER_FUTURE_MS ? [sent + 1] : [];
  return Math.max(nowMs, accepted + 1, told + 1, ...counted);
}

const isAcceptable = ({ sent, accepted }, counter, nowMs) =>
  counter > BigInt(accepted) && counter <= BigInt(Math.max(nowMs, accepted, sent) + COUNTER_FUTURE_MS);

/** What a bundle says. */
export const told = ({ sent, accepted }) => ({ lastCounter: Math.max(sent, accepted), lastAccepted: accepted });

export function believeTold(counters, told, nowMs) {
  if (told <= BigInt(nowMs + COUNTER_FUTURE_MS)) counters.told = Math.max(counters.told, Number(told));
}

// --- beginning and ending ---------------------------------------------------------------------------

function add(sessions, session) {
  sessions.live.push(session);
  while (sessions.live.length > SESSIONS_MAX) remove(sessions, sessions.live.reduce((a, b) => (isBefore(a, b) ? a : b)));
}

function remove(sessions, session) {
  sessions.live = sessions.live.filter((one) => one !== session);
  if (!session.isOwn) sessions.refused.push({ handshakeId: session.handshakeId, expiresAt: session.expiresAt });
}

/** Begin a session over a bundle that passed its checks. */
export function start(sessions, me, contact, offered, nowMs, random, bend = {}) {
  const before = best(sessions);
  if (before && before.isOwn && !before.isConfirmed) remove(sessions, before);
  const counter = bend.counter ?? nextCounter(sessions.counters, nowMs);
  const flight = startHandshake(me, contact, offered, counter, random, bend);
  sessions.counters.sent = Math.max(sessions.counters.sent, counter);
  const session = {
    handshakeId: flight.handshakeId,
    prefix: flight.prefix,
    prefixHash: H(flight.prefix),
    isOwn: true,
    initiator: me.fingerprint,
    counter,
    expiresAt: flight.expiresAt,
    isConfirmed: false,
    confirmedAtMs: null,
    known: 0,
    ratchet: ratchetOfA(flight.keys, flight.spk),
  };
  add(sessions, session);
  return session;
}

/** Delete what has been superseded for an hour, and what is remembered of bundles that expired. */
export function tidy(sessions, nowMs) {
  const first = best(sessions);
  if (first?.isConfirmed && nowMs - first.confirmedAtMs >= SESSION_SUPERSEDED_S * 1_000) {
    for (const one of sessions.live.filter((other) => other !== first)) remove(sessions, one);
  }
  const isLive = ({ expiresAt }) => expiresAt > nowMs / 1_000;
  sessions.refused = sessions.refused.filter(isLive);
  sessions.prekeys = sessions.prekeys.filter(isLive);
}

// --- sealing and opening ------------------------------------------------------------------------------

/** What stands before the message in an envelope of this session. */
export const clearOf = (session) => (session.prefix ? concat(u8(FLIGHT), session.prefix) : u8(MESSAGE));

/** Open an envelope: `{ sessions, session, payload, isFlight, isNew }`.
 *
 * The value given stays as it was; the new one is in the answer.
 */
export function openEnvelope(given, me, contact, envelope, nowMs) {
  if (!ENVELOPE_BUCKETS.includes(envelope.length)) throw refuse("an envelope of another length");
  const type = envelope[0];
  if (type === MESSAGE) return openByAny(given, envelope.subarray(1), nowMs);
  if (type !== FLIGHT) throw refuse("an envelope of unknown type");
  if (envelope.length === ENVELOPE_BUCKETS[0]) throw refuse("a flight in too small an envelope");
  const [, prefix, message] = split(envelope, 1, PREFIX_BYTES, envelope.length - 1 - PREFIX_BYTES);
  const { bundleId, ephemeral, ciphertext } = splitPrefix(prefix);
  const id = handshakeId(ephemeral, ciphertext);

  const live = given.live.find((one) => equal(one.handshakeId, id));
  if (live) {
    if (live.isOwn || !equal(live.prefixHash, H(prefix))) throw refuse("another flight of a known handshake");
    return { ...openIn(given, live, message, nowMs), isFlight: true };
  }
  const nowS = nowMs / 1_000;
  if (given.refused.some((one) => equal(one.handshakeId, id) && one.expiresAt > nowS)) {
    throw refuse("the handshake of a session that is gone");
  }
  const prekey = given.prekeys.find((one) => equal(one.bundleId, bundleId) && one.expiresAt > nowS);
  if (!prekey) throw refuse("no such prekey");
  const sessions = structuredClone(given);
  const accepted = acceptHandshake(me, contact, prefix, prekey, (counter) =>
    isAcceptable(sessions.counters, counter, nowMs),
  );
  const session = {
    handshakeId: id,
    prefix: null,
    prefixHash: H(prefix),
    isOwn: false,
    initiator: contact.fingerprint,
    counter: accepted.counter,
    expiresAt: prekey.expiresAt,
    isConfirmed: true,
    confirmedAtMs: nowMs,
    known: 0,
    ratchet: ratchetOfB(accepted.keys, prekey.spkSeed),
  };
  const { payload } = openMessage(session.ratchet, message, Math.floor(nowS));
  sessions.counters.accepted = accepted.counter;
  sessions.prekeys = sessions.prekeys.filter((one) => !equal(one.bundleId, bundleId));
  add(sessions, session);
  return { sessions, session, payload, isFlight: true, isNew: true };
}

/** The best session first, then the others. */
function openByAny(given, message, nowMs) {
  const first = best(given);
  const order = first ? [first, ...given.live.filter((one) => one !== first)] : [];
  for (const session of order) {
    try {
      return { ...openIn(given, session, message, nowMs), isFlight: false };
    } catch (error) {
      if (!(error instanceof NotThisSession)) throw error;
    }
  }
  throw refuse("no session opens it");
}

function openIn(given, wanted, message, nowMs) {
  const sessions = structuredClone(given);
  const session = sessions.live[given.live.indexOf(wanted)];
  const chain = session.ratchet.sending;
  const { payload, stepped } = openMessage(session.ratchet, message, Math.floor(nowMs / 1_000));
  if (stepped && chain) session.known = Math.max(session.known, chain.firstOrdinal + 1);
  if (session.isOwn && !session.isConfirmed) {
    session.isConfirmed = true;
    session.confirmedAtMs = nowMs;
    session.prefix = null;
  }
  return { sessions, session, payload, isNew: false };
}
