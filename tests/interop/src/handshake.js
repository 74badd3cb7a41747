/** The flight of a session (PROTOCOL 4.2 to 4.4). */

import { bigint, concat, EMPTY, u32, u64 } from "./bytes.js";
import { CARD_BYTES, DEVICE } from "./bundle.js";
import { dec, enc } from "./encoding.js";
import { refuse } from "./errors.js";
import { pinnedCard } from "./identity.js";
import {
  Decaps, H, HK, isCanonical, SIGNATURE_BYTES, SIV, split, verifies, X, x25519Public, ZERO_NONCE,
} from "./primitives.js";

const E1_BYTES = 5_518;
export const PREFIX_BYTES = 8 + 32 + 1_088 + E1_BYTES;

export const handshakeId = (ephemeral, ciphertext) => H(enc(ephemeral, ciphertext));

const th0Of = (responder, bundle, ephemeral, ciphertext) =>
  H(enc("LOOM/1 hs", responder, H(bundle), ephemeral, ciphertext));

function firstKeys(dh2, dh3, secret, th0) {
  const [k1, ck] = split(HK(EMPTY, enc(dh2, dh3, secret), enc("LOOM/1 hs1", th0), 96), 32, 64);
  return { k1, ck };
}

export const initSigned = (th0, initiator, responder, counter, device = DEVICE) =>
  enc(th0, initiator, responder, u32(device), u64(counter));

/** What both sides have at the end. */
function finalKeys({ ck, dh1, th0, p1, initiator, responder }) {
  const th1 = H(enc("LOOM/1 th1", th0, p1));
  const info = enc("LOOM/1 hs2", th1, initiator, responder);
  const [rootKey, headerKeyA, nextHeaderKeyB, sid] = split(HK(ck, dh1, info, 128), 32, 32, 32, 32);
  return { th1, rootKey, headerKeyA, nextHeaderKeyB, sid, ad: enc("LOOM/1 AD", initiator, responder, th1) };
}

/** A's flight over a bundle that passed `readBundle`; `bend` replaces parts, for tests of refusals. */
export function startHandshake(me, contact, offered, counter, random, bend = {}) {
  const ephemeralSeed = random.bytes(32);
  const ephemeral = bend.ephemeral ?? x25519Public(ephemeralSeed);
  const { ciphertext, secret } = random.encapsulate(offered.ek);
  const dh2 = X(ephemeralSeed, contact.x25519);
  const dh3 = X(ephemeralSeed, offered.spk);
  const dh1 = X(me.x25519Seed, offered.spk);
  const th0 = th0Of(contact.fingerprint, offered.bundle, ephemeral, ciphertext);
  const { k1, ck } = firstKeys(dh2, dh3, secret, th0);
  const device = bend.device ?? DEVICE;
  const signed = initSigned(th0, me.fingerprint, contact.fingerprint, counter, device);
  const signature = (bend.signature ?? ((one) => one))(random.sign(me, "init", signed));
  const p1 = enc(bend.card ?? me.card, u32(device), u64(counter), signature);
  const e1 = SIV.seal(k1, ZERO_NONCE, p1, th0);
  const keys = finalKeys({ ck, dh1, th0, p1, initiator: me.fingerprint, responder: contact.fingerprint });
  return {
    prefix: concat(offered.bundleId, ephemeral, ciphertext, e1),
    handshakeId: handshakeId(ephemeral, ciphertext),
    counter,
    expiresAt: offered.expiresAt,
    spk: offered.spk,
    keys,
    noted: { dh1, dh2, dh3, secret, th0, k1, ck, signed, p1, e1, ephemeral },
  };
}

export function splitPrefix(prefix) {
  const [bundleId, ephemeral, ciphertext, e1] = split(prefix, 8, 32, 1_088, E1_BYTES);
  return { bundleId, ephemeral, ciphertext, e1 };
}

/** B's side up to the final keys; `accepts(counter)` is asked in its place of the order. */
export function acceptHandshake(me, contact, prefix, prekey, accepts) {
  const { ephemeral, ciphertext, e1 } = splitPrefix(prefix);
  if (!isCanonical(ephemeral)) throw refuse("EK is not canonical");
  const dh2 = X(me.x25519Seed, ephemeral);
  const dh3 = X(prekey.spkSeed, ephemeral);
  const secret = Decaps(prekey.kemSeed, ciphertext);
  const th0 = th0Of(me.fingerprint, prekey.bundle, ephemeral, ciphertext);
  const { k1, ck } = firstKeys(dh2, dh3, secret, th0);
  const p1 = SIV.open(k1, ZERO_NONCE, e1, th0);
  if (p1 === null) throw refuse("e1 does not open");
  const [cardBytes, device, counterBytes, signature] = dec(p1, [CARD_BYTES, 4, 8, SIGNATURE_BYTES]);
  const card = pinnedCard(cardBytes, contact);
  if (bigint(device) !== BigInt(DEVICE)) throw refuse("another device");
  const counter = bigint(counterBytes);
  if (!accepts(counter)) throw refuse("the reset counter is not acceptable");
  const signed = initSigned(th0, contact.fingerprint, me.fingerprint, counter);
  if (!verifies(card, "init", signed, signature)) throw refuse("a signature of the flight is wrong");
  const dh1 = X(prekey.spkSeed, contact.x25519);
  const keys = finalKeys({ ck, dh1, th0, p1, initiator: contact.fingerprint, responder: me.fingerprint });
  return { handshakeId: handshakeId(ephemeral, ciphertext), counter: Number(counter), keys };
}
