/** The Double Ratchet with header encryption (PROTOCOL 5).
 *
 * A state is a plain value. `seal` and `open` change the state they are given, so callers hand them
 * a copy and keep it only on success.
 */

import { allZero, concat, EMPTY, equal, number, u32, u8, zeros } from "./bytes.js";
import { enc } from "./encoding.js";
import { desync, refuse, Refused } from "./errors.js";
import {
  ENVELOPE_BUCKETS, HOLD_CHAINS, MAX_SKIP, MAX_SKIPPED_STORED, SKIPPED_LIFETIME_S, STORED_CHAINS_MAX,
} from "./limits.js";
import {
  CHACHA, Decaps, ENCAPSULATION_KEY_BYTES, GCM, H, HK, isCanonical, isEncapsulationKey, KEM_CIPHERTEXT_BYTES,
  kemPublic, SIV, split, X, x25519Public, ZERO_NONCE,
} from "./primitives.js";

const HEADER_BYTES = 69;
const BLOCK_BYTES = ENCAPSULATION_KEY_BYTES + KEM_CIPHERTEXT_BYTES + 16;
const SALT_BYTES = 16;
const COMMITMENT_BYTES = 32;
/** A message without payload and zeros. */
export const MESSAGE_OVERHEAD = HEADER_BYTES + BLOCK_BYTES + SALT_BYTES + COMMITMENT_BYTES + 4 + 16;
const NO_CIPHERTEXT = zeros(KEM_CIPHERTEXT_BYTES);
const FROM_A = 0;
const FROM_B = 1;

// --- state ----------------------------------------------------------------------------------------

const common = (keys) => ({
  rootKey: keys.rootKey, sid: keys.sid, ad: keys.ad, sending: null, receiving: null, pn: 0, stepDue: false,
  ordinal: 0, chainsLeft: [], skipped: [],
});

/** A's first state; its first sealing takes a step at once. */
export const ratchetOfA = (keys, spk) => ({
  ...common(keys),
  direction: FROM_A,
  own: null,
  remote: { dh: spk, ek: EMPTY },
  nextSendingHeaderKey: keys.headerKeyA,
  nextReceivingHeaderKey: keys.nextHeaderKeyB,
});

export const ratchetOfB = (keys, spkSeed) => ({
  ...common(keys),
  direction: FROM_B,
  own: { dhSeed: spkSeed, dh: x25519Public(spkSeed), kemSeed: null, ek: EMPTY },
  remote: null,
  nextSendingHeaderKey: keys.nextHeaderKeyB,
  nextReceivingHeaderKey: keys.headerKeyA,
});

/** B cannot send before it received. */
export const canSeal = (state) => state.remote !== null;

// --- keys -----------------------------------------------------------------------------------------

function stepKeys(state, dh, secret, publics) {
  const hash = H(enc(...publics));
  const info = enc("LOOM/1 rk", state.sid, hash);
  const [rootKey, chainKey, nextHeaderKey] = split(HK(state.rootKey, enc(dh, secret), info, 96), 32, 32, 32);
  return { rootKey, chainKey, nextHeaderKey, hash };
}

/** The message key of a chain key, and the next chain key. */
export const chainStep = (chainKey) => split(H(enc("LOOM/1 ck", chainKey)), 32, 32);

export function messageKeys(messageKey, sid, direction, salt) {
  const [k, kc] = split(H(enc("LOOM/1 msg", messageKey, sid, u8(direction), salt)), 32, 32);
  return { k, kc };
}

export const blockKey = (headerKey) => H(enc("LOOM/1 block", headerKey)).slice(0, 32);

// --- sealing ----------------------------------------------------------------------------------------

/** The sending half of a step; returns what the vectors note of it. */
function stepToSend(state, random) {
  const dhSeed = random.bytes(32);
  const kemSeed = random.bytes(64);
  const own = { dhSeed, dh: x25519Public(dhSeed), kemSeed, ek: kemPublic(kemSeed) };
  const isFirst = state.remote.ek.length === 0;
  const { ciphertext, secret } = isFirst
    ? { ciphertext: NO_CIPHERTEXT, secret: EMPTY }
    : random.encapsulate(state.remote.ek);
  const dh = X(own.dhSeed, state.remote.dh);
  const publics = [own.dh, state.remote.dh, state.remote.ek, ciphertext, own.ek];
  const { rootKey, chainKey, nextHeaderKey, hash } = stepKeys(state, dh, secret, publics);
  const before = state.sending;
  state.pn = before ? before.n : 0;
  state.sending = {
    headerKey: state.nextSendingHeaderKey,
    chainKey,
    n: 0,
    index: before ? before.index + 1 : 0,
    firstOrdinal: state.ordinal,
    ciphertext,
  };
  state.rootKey = rootKey;
  state.nextSendingHeaderKey = nextHeaderKey;
  state.own = own;
  state.stepDue = false;
  return { dh, secret, hash, rootKey, chainKey, nextHeaderKey };
}

/** Whether the hold rule lets a new chain begin; `awaited` are the chains of messages without a receipt. */
const mayBegin = (state, awaited) =>
  state.sending === null || awaited.every((index) => state.sending.index - index < HOLD_CHAINS);

/** Take what the next message is sealed with: its chain, `n` and message key. */
export function nextToSend(state, random, awaited = []) {
  if (!canSeal(state)) throw new Error("B cannot send before it received");
  const isDue = state.sending === null || (state.stepDue && mayBegin(state, awaited));
  const step = isDue ? stepToSend(state, random) : null;
  const chain = state.sending;
  const before = chain.chainKey;
  const [messageKey, nextChainKey] = chainStep(before);
  chain.chainKey = nextChainKey;
  const taken = {
    step, headerKey: chain.headerKey, chainKey: before, nextChainKey, messageKey, n: chain.n, pn: state.pn,
    dh: state.own.dh, block: concat(state.own.ek, chain.ciphertext), index: chain.index, ordinal: state.ordinal,
    sid: state.sid, ad: state.ad, direction: state.direction,
  };
  chain.n += 1;
  state.ordinal += 1;
  return taken;
}

/** A ratchet message of exactly `size` bytes. The parts of `taken` may be bent, for tests of refusals. */
export function sealMessage(taken, payload, size, random, bend = {}) {
  const nonce = random.bytes(12);
  const salt = random.bytes(SALT_BYTES);
  const { k, kc } = messageKeys(taken.messageKey, taken.sid, taken.direction, salt);
  const headerPlaintext = concat(u8(bend.flags ?? 0), u32(taken.n), u32(taken.pn), taken.dh);
  const header = concat(nonce, SIV.seal(taken.headerKey, nonce, headerPlaintext));
  const bk = blockKey(taken.headerKey);
  const block = GCM.seal(bk, nonce, taken.block, header);
  const commitment = bend.kc ?? kc;
  const filled = concat(u32(bend.length ?? payload.length), payload);
  const padding = zeros(size - MESSAGE_OVERHEAD - payload.length);
  if (bend.padding) padding[padding.length - 1] = bend.padding;
  const ad = concat(taken.ad, header, block, salt, commitment);
  const body = CHACHA.seal(k, ZERO_NONCE, concat(filled, padding), ad);
  const message = concat(header, block, salt, commitment, body);
  return { message, noted: { k, kc, blockKey: bk, headerPlaintext, header, block, salt, body } };
}

/** The bytes left for a message in the smallest envelope that holds it. */
export function roomFor(payload, clearBytes) {
  const bucket = ENVELOPE_BUCKETS.find((size) => size >= clearBytes + MESSAGE_OVERHEAD + payload.length);
  return bucket - clearBytes;
}

// --- opening ----------------------------------------------------------------------------------------

/** The error of a message that another session may still open (9.2). */
export class NotThisSession extends Refused {
  constructor(message) {
    super("refuse", message);
  }
}

function openHeader(headerKey, header) {
  const plaintext = SIV.open(headerKey, header.subarray(0, 12), header.subarray(12));
  if (plaintext === null) return null;
  const [flags, n, pn, dh] = split(plaintext, 1, 4, 4, 32);
  return { flags: flags[0], n: number(n), pn: number(pn), dh };
}

/** Derive and store the keys of a chain up to `until`. */
function skipTo(state, chain, until, nowS) {
  if (until - chain.n > MAX_SKIP) throw desync("too many messages are missing");
  while (chain.n < until) {
    const [messageKey, next] = chainStep(chain.chainKey);
    state.skipped.push({ index: chain.index, n: chain.n, messageKey, storedAtS: nowS });
    chain.chainKey = next;
    chain.n += 1;
  }
  while (state.skipped.length > MAX_SKIPPED_STORED) state.skipped.shift();
}

/** A stored key, which is taken out. */
function takeSkipped(state, index, n, nowS) {
  const place = state.skipped.findIndex((one) => one.index === index && one.n === n);
  if (place < 0 || nowS - state.skipped[place].storedAtS > SKIPPED_LIFETIME_S) throw desync("the key is gone");
  return state.skipped.splice(place, 1)[0].messageKey;
}

/** The key of message `n` in the current chain. */
function keyInChain(state, n, nowS) {
  const chain = state.receiving;
  if (n < chain.n) return takeSkipped(state, chain.index, n, nowS);
  skipTo(state, chain, n, nowS);
  const [messageKey, next] = chainStep(chain.chainKey);
  chain.chainKey = next;
  chain.n += 1;
  return messageKey;
}

/** A chain left behind stays while keys of it remain; of six the oldest goes, with its keys. */
function leave(state, chain) {
  if (!state.skipped.some(({ index }) => index === chain.index)) return;
  state.chainsLeft.unshift({ headerKey: chain.headerKey, dh: chain.dh, index: chain.index });
  while (state.chainsLeft.length > STORED_CHAINS_MAX) {
    const { index } = state.chainsLeft.pop();
    state.skipped = state.skipped.filter((one) => one.index !== index);
  }
}

/** The receiving half of a step. */
function stepToReceive(state, header, blockBytes, headerBytes, nowS) {
  if (state.stepDue) throw refuse("a second step before our answer");
  const known = [state.own.dh, ...(state.receiving ? [state.receiving.dh] : []), ...state.chainsLeft.map(({ dh }) => dh)];
  if (known.some((one) => equal(one, header.dh))) throw refuse("a ratchet key that was there before");
  if (!isCanonical(header.dh)) throw refuse("a ratchet key that is not canonical");
  const headerKey = state.nextReceivingHeaderKey;
  const block = GCM.open(blockKey(headerKey), headerBytes.subarray(0, 12), blockBytes, headerBytes);
  if (block === null) throw new NotThisSession("the block does not open");
  const [ek, ciphertext] = split(block, ENCAPSULATION_KEY_BYTES, KEM_CIPHERTEXT_BYTES);
  if (!isEncapsulationKey(ek)) throw refuse("ek fails its check");
  const before = state.receiving;
  if (before) {
    if (header.pn < before.n) throw refuse("pn is below what was passed");
    skipTo(state, before, header.pn, nowS);
    leave(state, before);
  }
  const isFirst = state.own.kemSeed === null;
  if (isFirst && !allZero(ciphertext)) throw refuse("A's first chain has no ciphertext");
  const secret = isFirst ? EMPTY : Decaps(state.own.kemSeed, ciphertext);
  let dh;
  try {
    dh = X(state.own.dhSeed, header.dh);
  } catch {
    throw new NotThisSession("the agreement of a step is zero");
  }
  const publics = [header.dh, state.own.dh, state.own.ek, ciphertext, ek];
  const { rootKey, chainKey, nextHeaderKey } = stepKeys(state, dh, secret, publics);
  state.receiving = { headerKey, chainKey, n: 0, dh: header.dh, index: before ? before.index + 1 : 0 };
  state.rootKey = rootKey;
  state.nextReceivingHeaderKey = nextHeaderKey;
  state.remote = { dh: header.dh, ek };
  state.stepDue = true;
}

/** The payload of a message; `{ payload, stepped }`. The state given is spoiled by a refusal. */
export function openMessage(state, message, nowS) {
  if (message.length < MESSAGE_OVERHEAD) throw refuse("a message that is too short");
  const [headerBytes, block, salt, commitment, sealed] = split(
    message, HEADER_BYTES, BLOCK_BYTES, SALT_BYTES, COMMITMENT_BYTES,
    message.length - HEADER_BYTES - BLOCK_BYTES - SALT_BYTES - COMMITMENT_BYTES,
  );
  const checkFlags = ({ flags }) => {
    if (flags !== 0) throw refuse("unknown flags");
  };
  const checkChain = (header, chain) => {
    if (!equal(header.dh, chain.dh)) throw refuse("another ratchet key in the same chain");
  };
  let messageKey = null;
  let stepped = false;
  let header;
  if (state.receiving && (header = openHeader(state.receiving.headerKey, headerBytes))) {
    checkFlags(header);
    checkChain(header, state.receiving);
    messageKey = keyInChain(state, header.n, nowS);
  } else if ((header = openHeader(state.nextReceivingHeaderKey, headerBytes))) {
    checkFlags(header);
    stepToReceive(state, header, block, headerBytes, nowS);
    messageKey = keyInChain(state, header.n, nowS);
    stepped = true;
  } else {
    for (const chain of state.chainsLeft) {
      if (!(header = openHeader(chain.headerKey, headerBytes))) continue;
      checkFlags(header);
      checkChain(header, chain);
      messageKey = takeSkipped(state, chain.index, header.n, nowS);
      break;
    }
  }
  if (messageKey === null) throw new NotThisSession("no header key opens the header");
  const { k, kc } = messageKeys(messageKey, state.sid, 1 - state.direction, salt);
  if (!equal(kc, commitment)) throw new NotThisSession("kc differs");
  const body = CHACHA.open(k, ZERO_NONCE, sealed, concat(state.ad, headerBytes, block, salt, commitment));
  if (body === null) throw new NotThisSession("the body does not open");
  const length = number(body.subarray(0, 4));
  if (length > body.length - 4) throw refuse("a payload longer than its body");
  if (!allZero(body.subarray(4 + length))) throw refuse("the padding is not zero");
  return { payload: body.slice(4, 4 + length), stepped };
}
