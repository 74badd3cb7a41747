/** Bundles (PROTOCOL 4.1). */

import { bigint, equal, u32, u64, u8 } from "./bytes.js";
import { dec, enc } from "./encoding.js";
import { Refused, refuse } from "./errors.js";
import { pinnedCard } from "./identity.js";
import { BUNDLE_FUTURE_SKEW_S, BUNDLE_LAST_LIFETIME_S, BUNDLE_MAIL_LIFETIME_S, BUNDLE_ONCE_LIFETIME_S } from "./limits.js";
import {
  isCanonical, isEncapsulationKey, isOfSmallOrder, kemPublic, SIGNATURE_BYTES, verifies, x25519Public,
} from "./primitives.js";

export const ONCE = 1;
export const LAST = 2;
export const ONCE_MAILBOX = 3;
const LIFETIMES = {
  [ONCE]: BigInt(BUNDLE_ONCE_LIFETIME_S),
  [LAST]: BigInt(BUNDLE_LAST_LIFETIME_S),
  [ONCE_MAILBOX]: BigInt(BUNDLE_MAIL_LIFETIME_S),
};
const BUNDLE_LENGTHS = [1, 32, 4, 1, 8, 32, 1_184, 8, 8];
const CARD_BYTES = 2_101;
const DEVICE = 0;

/** A bundle with its private halves. */
export function issueBundle(me, nowS, random) {
  const prekey = {
    spkSeed: random.bytes(32),
    kemSeed: random.bytes(64),
    bundleId: random.bytes(8),
    issuedAt: nowS,
    expiresAt: nowS + BUNDLE_ONCE_LIFETIME_S,
  };
  return { ...prekey, bundle: encodeBundle(me, prekey) };
}

export function encodeBundle(me, { spkSeed, kemSeed, bundleId, issuedAt, expiresAt, kind = ONCE, ...other }) {
  return enc(
    u8(other.version ?? 1), me.fingerprint, u32(other.device ?? DEVICE), u8(kind), bundleId,
    other.spk ?? x25519Public(spkSeed), other.ek ?? kemPublic(kemSeed), u64(issuedAt), u64(expiresAt),
  );
}

export const bundleSigned = (bundle, told) => enc(bundle, u64(told.lastCounter), u64(told.lastAccepted));

/** As it is sent. */
export function presentBundle(me, bundle, told, random) {
  const signature = random.sign(me, "bundle", bundleSigned(bundle, told));
  return enc(bundle, me.card, u64(told.lastCounter), u64(told.lastAccepted), signature);
}

/** A bundle that passed every check, in their order; a wrong signature closes the link. */
export function readBundle(bytes, contact, nowS) {
  const [bundle, cardBytes, counterBytes, acceptedBytes, signature] = dec(bytes, [null, null, 8, 8, SIGNATURE_BYTES]);
  const card = pinnedCard(cardBytes, contact);
  if (!verifies(card, "bundle", enc(bundle, counterBytes, acceptedBytes), signature)) {
    throw new Refused("close", "a signature of the bundle is wrong");
  }
  const [version, fingerprint, device, kind, bundleId, spk, ek, issuedAtBytes, expiresAtBytes] = dec(
    bundle, BUNDLE_LENGTHS,
  );
  if (version[0] !== 1) throw refuse("the bundle has another version");
  if (bigint(device) !== BigInt(DEVICE)) throw refuse("another device");
  if (!(kind[0] in LIFETIMES)) throw refuse("a bundle of unknown kind");
  if (!equal(fingerprint, contact.fingerprint)) throw refuse("another person's bundle");
  const [lastCounter, lastAccepted] = [bigint(counterBytes), bigint(acceptedBytes)];
  if (lastAccepted > lastCounter) throw refuse("the counters of the bundle are wrong");
  const [issuedAt, expiresAt, now] = [bigint(issuedAtBytes), bigint(expiresAtBytes), BigInt(nowS)];
  if (issuedAt > now + BigInt(BUNDLE_FUTURE_SKEW_S)) throw refuse("a bundle of the future");
  if (issuedAt > expiresAt || expiresAt > issuedAt + LIFETIMES[kind[0]]) throw refuse("a bundle that lives too long");
  if (now >= expiresAt) throw refuse("a bundle that has expired");
  if (!isCanonical(spk) || isOfSmallOrder(spk)) throw refuse("spk is no good key");
  if (!isEncapsulationKey(ek)) throw refuse("ek fails its check");
  return { bundle, bundleId, spk, ek, lastCounter, lastAccepted, expiresAt: Number(expiresAt) };
}

export { CARD_BYTES, DEVICE };
