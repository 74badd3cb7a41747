/** Hashes, agreements, encapsulation, signatures and ciphers (PROTOCOL 0.1, 0.3). */

import { randomBytes } from "node:crypto";

import { gcm, gcmsiv } from "@noble/ciphers/aes";
import { chacha20poly1305 } from "@noble/ciphers/chacha";
import { ed25519, x25519 } from "@noble/curves/ed25519";
import { blake3 } from "@noble/hashes/blake3";
import { hkdf } from "@noble/hashes/hkdf";
import { hmac } from "@noble/hashes/hmac";
import { sha512 } from "@noble/hashes/sha2";
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa";
import { ml_kem768 } from "@noble/post-quantum/ml-kem";

import { bigint, concat, EMPTY, zeros } from "./bytes.js";
import { enc } from "./encoding.js";
import { refuse } from "./errors.js";

export const ED25519_SIGNATURE_BYTES = 64;
export const SIGNATURE_BYTES = 64 + 3_309;
export const ENCAPSULATION_KEY_BYTES = 1_184;
export const KEM_CIPHERTEXT_BYTES = 1_088;

export const H = (message) => sha512(message);
export const B3 = (message) => blake3(message);
export const MAC = (key, message) => hmac(sha512, key, message);
export const HK = (salt, ikm, info, length) => hkdf(sha512, ikm, salt.length ? salt : zeros(64), info, length);

/** Bytes cut into parts of these lengths. */
export function split(bytes, ...lengths) {
  let offset = 0;
  return lengths.map((length) => bytes.slice(offset, (offset += length)));
}

// --- X25519 ---------------------------------------------------------------------------------------

const PRIME = 2n ** 255n - 19n;
const SMALL_ORDER = [
  0n,
  1n,
  PRIME - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

const littleEndian = (key) => bigint(Uint8Array.from(key).reverse());

export const isCanonical = (key) => key.length === 32 && littleEndian(key) < PRIME;
export const isOfSmallOrder = (key) => SMALL_ORDER.includes(littleEndian(key));
export const x25519Public = (seed) => x25519.getPublicKey(seed);

/** X25519, 32 bytes; throws for a result of zeros. */
export function X(seed, publicKey) {
  let secret;
  try {
    secret = x25519.getSharedSecret(seed, publicKey);
  } catch {
    throw refuse("the agreement is zero");
  }
  return secret;
}

// --- ML-KEM-768 -----------------------------------------------------------------------------------

export const kemPublic = (seed) => ml_kem768.keygen(seed).publicKey;
export const Decaps = (seed, ciphertext) => ml_kem768.decapsulate(ciphertext, ml_kem768.keygen(seed).secretKey);

/** FIPS 203, section 7.2: every coefficient of 12 bits is below 3,329. */
export function isEncapsulationKey(key) {
  if (key.length !== ENCAPSULATION_KEY_BYTES) return false;
  for (let i = 0; i < ENCAPSULATION_KEY_BYTES - 32; i += 3) {
    const low = key[i] | ((key[i + 1] & 0x0f) << 8);
    const high = (key[i + 1] >> 4) | (key[i + 2] << 4);
    if (low >= 3_329 || high >= 3_329) return false;
  }
  return true;
}

// --- the double signature ---------------------------------------------------------------------------

export const ed25519Public = (seed) => ed25519.getPublicKey(seed);
export const mldsaPublic = (seed) => ml_dsa65.keygen(seed).publicKey;

const signedBytes = (label, message) => enc(`LOOM/1 ${label}`, message);

/** Both halves; `keys` has `ed25519Seed` and `mldsaSeed`. */
function sign(keys, label, message) {
  const signed = signedBytes(label, message);
  return concat(
    ed25519.sign(signed, keys.ed25519Seed),
    ml_dsa65.sign(ml_dsa65.keygen(keys.mldsaSeed).secretKey, signed),
  );
}

/** Whether both halves verify under the keys of a card. */
export function verifies(card, label, message, signature) {
  const signed = signedBytes(label, message);
  const [classical, lattice] = split(signature, ED25519_SIGNATURE_BYTES, SIGNATURE_BYTES - ED25519_SIGNATURE_BYTES);
  return (
    ed25519.verify(classical, signed, card.ed25519, { zip215: false }) &&
    ml_dsa65.verify(card.mldsa, signed, lattice)
  );
}

// --- ciphers ----------------------------------------------------------------------------------------

const ZERO_NONCE = zeros(12);

/** A cipher as a pair of functions; `open` gives null where the tag is wrong. */
const cipher = (make) => ({
  seal: (key, nonce, plaintext, ad = EMPTY) => make(key, nonce, ad).encrypt(plaintext),
  open: (key, nonce, sealed, ad = EMPTY) => {
    try {
      return make(key, nonce, ad).decrypt(sealed);
    } catch {
      return null;
    }
  },
});

export const CHACHA = cipher(chacha20poly1305);
export const SIV = cipher(gcmsiv);
export const GCM = cipher(gcm);
export { ZERO_NONCE };

/** The nonce of links: 4 zero bytes, then the counter LITTLE-endian. */
export function counterNonce(counter) {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(counter), 4);
  return Uint8Array.from(nonce);
}

// --- what is drawn ------------------------------------------------------------------------------------

/** Everything that is random. The vectors replay a recorded one. */
export const RANDOM = {
  bytes: (length) => Uint8Array.from(randomBytes(length)),
  encapsulate: (key) => {
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(key);
    return { ciphertext: cipherText, secret: sharedSecret };
  },
  sign,
};
