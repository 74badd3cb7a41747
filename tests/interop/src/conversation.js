/** Delivery with one contact: rows, receipts, what is shown once (PROTOCOL 9, 4.7).
 *
 * A conversation is a plain value. It has no socket and no clock; the node keeps it in the store and
 * commits it before anything of it leaves.
 */

import { concat, equal, hex } from "./bytes.js";
import { issueBundle, presentBundle, readBundle } from "./bundle.js";
import { Refused } from "./errors.js";
import {
  BUNDLE_ONCE_LIFETIME_S, BUNDLE_REQUESTS_PER_HOUR, CHAIN_LIFETIME_S, COUNTER_FUTURE_MS,
  DESYNC_RESTART_INTERVAL_S, DESYNC_RESTARTS_MAX,
  ENVELOPE_MEMORY_S, RECEIPT_MAX_IDS, SEALED_BEYOND_OLDEST_MAX, SEALED_BEYOND_RECEIVED_MAX,
  SESSION_UNCONFIRMED_RESTART_S, TEXTS_BEYOND_RECEIVED_MAX,
} from "./limits.js";
import * as payloads from "./payload.js";
import { H } from "./primitives.js";
import { canSeal, nextToSend, roomFor, sealMessage } from "./ratchet.js";
import { coveredMs, isCovered, nextNumber, timers } from "./statements.js";
import { believeTold, best, clearOf, noSessions, openEnvelope, start, told } from "./sessions.js";

const HOUR_MS = 3_600_000;

export const newConversation = (name, { fingerprint, x25519 }) => ({
  name,
  fingerprint,
  x25519,
  sessions: noSessions(),
  rows: [],
  owed: { delivered: [], read: [], hasFlight: false },
  readOnce: [],
  seen: [],
  envelopes: [],
  history: [],
  held: [],
  startWanted: false,
  starts: [],
  bundleRequests: [],
  displayName: null,
  mailboxes: { number: -1, entries: [] },
});

// --- what is to be sent -------------------------------------------------------------------------------

/** Write a row: a Text or a Profile that waits for its receipt. */
export function addRow(conversation, id, payload) {
  conversation.rows.push({ id, payload, sealed: null });
}

export function addText(conversation, body, nowMs, random, reply = null) {
  const id = payloads.newMessageId(nowMs, random);
  const { expires_s: expiresS } = timers(conversation.held);
  const sentAtMs = sendsAtMs(conversation, nowMs);
  addStated(conversation, id, payloads.text(id, sentAtMs, body, reply, expiresS));
  conversation.history.push({ direction: "out", id: hex(id), body, sentAtMs, state: "queued" });
  return id;
}

/** Later than what a Farewell covers, though this clock may be behind (6.3). */
const sendsAtMs = ({ sendsAfterMs = -1 }, nowMs) => Math.max(nowMs, Math.min(sendsAfterMs, nowMs + COUNTER_FUTURE_MS) + 1);

/** A Text or what is stated about one: this side holds it as the other will. */
function addStated(conversation, id, bytes) {
  addRow(conversation, id, bytes);
  conversation.held.push({ isOwn: true, payload: payloads.decodePayload(bytes) });
}

export function addStatement(conversation, kind, { own, target, value }, nowMs, random) {
  const id = payloads.newMessageId(nowMs, random);
  const number = kind === "delete" ? 0 : nextNumber(conversation.held, kind, target, nowMs);
  const [tag, fields] = {
    edit: [payloads.EDIT, [target, number, value]],
    delete: [payloads.DELETE, [[target]]],
    react: [payloads.REACT, [[own, target], number, value]],
    pin: [payloads.PIN, [[own, target], number, value]],
  }[kind];
  addStated(conversation, id, payloads.statement(tag, id, nowMs, ...fields));
}

/** This side's wish of how long messages last. */
export function addTimer(conversation, expiresS, nowMs, random) {
  const id = payloads.newMessageId(nowMs, random);
  const mine = conversation.held.filter(({ isOwn, payload }) => isOwn && payload.kind === "timer");
  const number = Math.max(nowMs, ...mine.map(({ payload }) => payload.number + 1));
  addStated(conversation, id, payloads.statement(payloads.TIMER, id, sendsAtMs(conversation, nowMs), number, expiresS));
}

/** Delete the conversation for both: a Delete and a Timer that wait still leave. */
export function addFarewell(conversation, nowMs, random) {
  const id = payloads.newMessageId(nowMs, random);
  const beforeMs = Math.max(nowMs, ...conversation.history.map(({ sentAtMs }) => sentAtMs));
  const leaves = ({ payload }) => !["text", "edit", "react", "pin"].includes(payloads.decodePayload(payload).kind);
  conversation.rows = conversation.rows.filter(leaves);
  addRow(conversation, id, payloads.statement(payloads.FAREWELL, id, beforeMs, beforeMs, 1));
  honour(conversation, { isOwn: true, payload: { kind: "farewell", id, beforeMs, scope: 1 }, untilMs: beforeMs });
}

/** What a Farewell covers is deleted; of what is not receipted nothing leaves any more. */
function honour(conversation, farewell) {
  conversation.held.push(farewell);
  conversation.sendsAfterMs = Math.max(conversation.sendsAfterMs ?? -1, farewell.payload.beforeMs);
  const untilMs = coveredMs(conversation.held);
  const isGone = ({ payload }) => payload.kind === "text" && payload.sentAtMs <= untilMs;
  const gone = conversation.held.filter(isGone).map(({ payload }) => payload.id);
  const isAbout = ({ kind, id, target }) => has(gone, id) || (["edit", "react", "pin"].includes(kind) && has(gone, target));
  conversation.held = conversation.held.filter(({ payload }) => !isAbout(payload));
  conversation.rows = conversation.rows.filter(({ payload }) => !isAbout(payloads.decodePayload(payload)));
  conversation.history = conversation.history.filter(({ sentAtMs }) => sentAtMs > untilMs);
}

export function addProfile(conversation, name, nowMs, random) {
  const id = payloads.newMessageId(nowMs, random);
  addRow(conversation, id, payloads.profile(id, nowMs, name));
}

const onSession = (rows, session) => rows.filter(({ sealed }) => sealed && equal(sealed.handshakeId, session.handshakeId));

/** Whether flow control lets one more message be sealed. */
function hasRoom(conversation, session, beyond) {
  const { ordinal } = session.ratchet;
  const awaited = onSession(conversation.rows, session).map(({ sealed }) => sealed.ordinal);
  return ordinal < session.known + beyond && (awaited.length === 0 || ordinal < Math.min(...awaited) + SEALED_BEYOND_OLDEST_MAX);
}

/** An envelope of the best session, which must be able to seal. */
function sealOn(conversation, session, payload, random) {
  const awaited = onSession(conversation.rows, session).map(({ sealed }) => sealed.index);
  const taken = nextToSend(session.ratchet, random, awaited);
  const clear = clearOf(session);
  const { message } = sealMessage(taken, payload, roomFor(payload, clear.length), random);
  return { envelope: concat(clear, message), index: taken.index, ordinal: taken.ordinal };
}

const sealable = (conversation) => {
  const session = best(conversation.sessions);
  return session && canSeal(session.ratchet) ? session : null;
};

/** The envelope of a row, the same bytes as before where they still serve; null where it must wait. */
export function envelopeOfRow(conversation, row, nowMs, random) {
  const session = sealable(conversation);
  if (!session) return null;
  const { sealed } = row;
  if (sealed && equal(sealed.handshakeId, session.handshakeId) && nowMs - sealed.atMs < CHAIN_LIFETIME_S * 1_000) {
    return sealed.envelope;
  }
  if (!hasRoom(conversation, session, TEXTS_BEYOND_RECEIVED_MAX)) return null;
  row.sealed = { ...sealOn(conversation, session, row.payload, random), handshakeId: session.handshakeId, atMs: nowMs };
  return row.sealed.envelope;
}

export const owesReceipt = ({ owed }) => owed.delivered.length > 0 || owed.read.length > 0 || owed.hasFlight;

/** Owe the read ids; they go once on this link and once more on the next. */
export function addRead(conversation, ids) {
  conversation.owed.read.push(...ids.map((id) => ({ id, isAgain: false })));
}

/** What a new link asks for: read ids go once more. */
export function onNewLink(conversation) {
  conversation.owed.read.push(...conversation.readOnce.map((id) => ({ id, isAgain: true })));
  conversation.readOnce = [];
}

/** The envelope of the next Receipt that is owed, which it is no longer, or null. */
export function takeReceipt(conversation, nowMs, random) {
  const session = sealable(conversation);
  if (!session || !hasRoom(conversation, session, SEALED_BEYOND_RECEIVED_MAX)) return null;
  const { owed } = conversation;
  const delivered = owed.delivered.splice(0, RECEIPT_MAX_IDS);
  const read = owed.read.splice(0, RECEIPT_MAX_IDS - delivered.length);
  owed.hasFlight = false;
  conversation.readOnce.push(...read.filter(({ isAgain }) => !isAgain).map(({ id }) => id));
  const ids = read.map(({ id }) => id);
  const payload = payloads.receipt(payloads.newMessageId(nowMs, random), nowMs, delivered, ids);
  return sealOn(conversation, session, payload, random).envelope;
}

/** An envelope that has no row, or null: a sign of typing. */
export function typingEnvelope(conversation, on, nowMs, random) {
  const session = sealable(conversation);
  if (!session || !hasRoom(conversation, session, SEALED_BEYOND_RECEIVED_MAX)) return null;
  return sealOn(conversation, session, payloads.typing(payloads.newMessageId(nowMs, random), nowMs, on), random).envelope;
}

/** Seal any bytes on the best session, and any message of them: for tests of refusals. */
export function sealAnything(conversation, payload, random, { taken: bendTaken, size, ...bend } = {}) {
  const session = sealable(conversation);
  const taken = { ...nextToSend(session.ratchet, random), ...bendTaken };
  const clear = clearOf(session);
  const room = size ?? roomFor(payload, clear.length);
  return concat(clear, sealMessage(taken, payload, room, random, bend).message);
}

// --- what comes in --------------------------------------------------------------------------------------

/** Take an envelope in: `{ conversation, events }`, a new value; the given one stays as it was. */
export function takeIn(given, me, envelope, nowMs) {
  const hash = H(envelope).slice(0, 32);
  const conversation = structuredClone(given);
  let opened;
  try {
    opened = openEnvelope(conversation.sessions, me, conversation, envelope, nowMs);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return refused(conversation, hash, error);
  }
  conversation.sessions = opened.sessions;
  if (opened.isFlight) conversation.owed.hasFlight = true;
  if (opened.session === best(opened.sessions)) conversation.startWanted = false;
  const events = opened.isNew ? [{ event: "session", counter: opened.session.counter }] : [];
  events.push(...takePayload(conversation, opened.payload, hash, nowMs));
  conversation.envelopes = conversation.envelopes.filter(({ atMs }) => nowMs - atMs < ENVELOPE_MEMORY_S * 1_000);
  return { conversation, events };
}

/** An envelope that does not open is looked up by its hash. */
function refused(conversation, hash, error) {
  if (error.effect === "warn") return { conversation, events: [{ event: "warn", reason: error.message }] };
  const known = conversation.envelopes.find((one) => equal(one.hash, hash));
  if (known) {
    if (known.id) owe(conversation, known.id);
    return { conversation, events: [{ event: "repeated" }] };
  }
  const session = best(conversation.sessions);
  if (!(session && session.isOwn && !session.isConfirmed)) conversation.startWanted = true;
  return { conversation, events: [{ event: "desync", reason: error.message }] };
}

const OF_ROOMS = new Set(["room events", "room have", "room key"]);
const OF_FILES = new Set(["file", "file state"]);

const has = (ids, id) => ids.some((one) => equal(one, id));

function owe(conversation, id) {
  if (!has(conversation.owed.delivered, id)) conversation.owed.delivered.push(id);
}

function takePayload(conversation, bytes, hash, nowMs) {
  let payload = null;
  try {
    payload = payloads.decodePayload(bytes);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  const isReceipted = payload !== null && payloads.IS_RECEIPTED.has(payload.kind);
  conversation.envelopes.push({ hash, id: isReceipted ? payload.id : null, atMs: nowMs });
  if (payload === null) return [{ event: "malformed" }];
  if (!isReceipted) return payload.kind === "typing" ? [{ event: "typing", on: payload.on }] : takeReceipts(conversation, payload);
  owe(conversation, payload.id);
  if (has(conversation.seen, payload.id)) return [{ event: "repeated" }];
  conversation.seen.push(payload.id);
  if (payload.kind === "unknown") return [{ event: "unknown" }];
  if (payload.kind === "profile") {
    if (payload.number < (conversation.profileNumber ?? 0)) return [];
    conversation.profileNumber = payload.number;
    conversation.displayName = payload.name;
    return [{ event: "profile", name: payload.name }];
  }
  if (payload.kind === "mailboxes" || payload.kind === "join") return takeMailboxes(conversation, payload);
  if (payload.kind === "farewell") return takeFarewell(conversation, payload, nowMs);
  if (payload.kind === "text") {
    if (isCovered(conversation.held, payload.sentAtMs, nowMs)) return [{ event: "covered" }];
    if (conversation.held.some((one) => ["text", "timer"].includes(one.payload.kind) && equal(one.payload.id, payload.id))) {
      return [{ event: "id taken" }];
    }
  }
  if (OF_ROOMS.has(payload.kind) || OF_FILES.has(payload.kind)) return [{ event: payload.kind, payload }];
  conversation.held.push({ isOwn: false, payload });
  if (payload.kind !== "text") return [{ event: payload.kind }];
  const { body, sentAtMs } = payload;
  conversation.history.push({ direction: "in", id: hex(payload.id), body, sentAtMs, state: "received" });
  return [{ event: "text", id: hex(payload.id), body }];
}

/** Carried out at once by who asks about none: this program has no person to ask. */
function takeFarewell(conversation, payload, nowMs) {
  honour(conversation, { isOwn: false, payload, untilMs: Math.min(payload.beforeMs, nowMs) });
  return [{ event: "farewell", scope: payload.scope }];
}

/** The greatest number counts; `number` says so. */
function takeMailboxes(conversation, { number, mailboxes }) {
  if (number <= conversation.mailboxes.number) return [];
  conversation.mailboxes = { number, entries: mailboxes };
  return [{ event: "mailboxes", directions: mailboxes.map(({ direction }) => direction) }];
}

function takeReceipts(conversation, { delivered, read }) {
  const ids = [...delivered, ...read];
  for (const row of conversation.rows.filter(({ id }) => has(ids, id))) {
    const session = conversation.sessions.live.find((one) => row.sealed && equal(one.handshakeId, row.sealed.handshakeId));
    if (session) session.known = Math.max(session.known, row.sealed.ordinal + 1);
  }
  conversation.rows = conversation.rows.filter(({ id }) => !has(ids, id));
  for (const message of conversation.history.filter(({ direction }) => direction === "out")) {
    const id = Buffer.from(message.id, "hex");
    if (has(read, id)) message.state = "read";
    else if (has(delivered, id) && message.state !== "read") message.state = "delivered";
  }
  return [{ event: "receipt", delivered: delivered.map(hex), read: read.map(hex) }];
}

// --- bundles and starts -----------------------------------------------------------------------------------

/** What answers a request for a bundle; null where too many came in this hour. */
export function answerBundleRequest(conversation, me, nowMs, random) {
  const recent = conversation.bundleRequests.filter((atMs) => nowMs - atMs < HOUR_MS);
  if (recent.length >= BUNDLE_REQUESTS_PER_HOUR) return null;
  conversation.bundleRequests = [...recent, nowMs];
  const nowS = Math.floor(nowMs / 1_000);
  const { sessions } = conversation;
  const isHandedOut = ({ expiresAt }) => expiresAt - nowS >= 3_600 && expiresAt - nowS <= BUNDLE_ONCE_LIFETIME_S;
  let prekey = sessions.prekeys.find(isHandedOut);
  if (!prekey) sessions.prekeys.push((prekey = issueBundle(me, nowS, random)));
  return presentBundle(me, prekey.bundle, told(sessions.counters), random);
}

/** Whether a bundle is to be asked for; `standingS` is how long links stood since the best session began. */
export function isStartDue(conversation, nowMs, standingS) {
  const session = best(conversation.sessions);
  if (!session) return conversation.rows.length > 0 || owesReceipt(conversation) || conversation.startWanted;
  if (session.isOwn && !session.isConfirmed) {
    return standingS >= SESSION_UNCONFIRMED_RESTART_S || session.expiresAt <= nowMs / 1_000;
  }
  return conversation.startWanted && recentStarts(conversation, nowMs).length < DESYNC_RESTARTS_MAX;
}

const recentStarts = ({ starts }, nowMs) =>
  starts.filter((atMs) => atMs <= nowMs && nowMs - atMs < DESYNC_RESTART_INTERVAL_S * 1_000);

/** Use a bundle that was asked for, if a start is still due. */
export function takeBundle(given, me, bytes, nowMs, standingS, random) {
  const conversation = structuredClone(given);
  const offered = readBundle(bytes, conversation, Math.floor(nowMs / 1_000));
  if (!isStartDue(conversation, nowMs, standingS)) return conversation;
  believeTold(conversation.sessions.counters, offered.lastCounter, nowMs);
  const before = best(conversation.sessions);
  if (before?.isConfirmed) conversation.starts = [...recentStarts(conversation, nowMs), nowMs];
  start(conversation.sessions, me, conversation, offered, nowMs, random);
  return conversation;
}
