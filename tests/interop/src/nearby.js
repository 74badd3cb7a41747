/** Pairing with somebody in the same room (PROTOCOL 12): what is computed, without its course. */

import { ascii, bigint, concat, EMPTY, number, u16, u8, zeros } from "./bytes.js";
import { enc } from "./encoding.js";
import { close } from "./errors.js";
import { SymmetricState } from "./noise.js";
import {
  CHACHA, counterNonce, Decaps, H, isCanonical, isEncapsulationKey, kemPublic, MAC, split, X, x25519Public,
} from "./primitives.js";
import { frame } from "./records.js";

const NAME = "Noise_NNhfs_25519+MLKEM768_ChaChaPoly_SHA512";
const PROLOGUE = ascii("LOOM/1 pair link");
const PLAINTEXT_BYTES = 326;
const INTRODUCTION_BYTES = 325;
export const COMMIT = 1;
export const NONCE = 2;
export const INTRODUCTION = 3;
export const PROOF = 4;
export const DIFFER = 5;

/** Places in the English list of BIP 39 of the two words of an alias. */
export const aliasOf = (random) => [0, 1].map((j) => Number((bigint(random) >> BigInt(11 * (1 - j))) % 2048n));

/** A, who dials: `message1`, then `readMessage2` sets `keys` and the other's number. */
export class NearbyInitiator {
  constructor(ephemeralSeed, kemSeed, ownNumber) {
    this.seeds = { ephemeralSeed, kemSeed };
    const state = (this.state = new SymmetricState(NAME, PROLOGUE));
    const ephemeral = x25519Public(ephemeralSeed);
    state.mixHash(ephemeral);
    this.message1 = concat(ephemeral, state.seal(kemPublic(kemSeed)), state.seal(ownNumber));
    state.note("message 1");
  }

  readMessage2(message) {
    const { state, seeds } = this;
    const [ephemeral, sealedCiphertext, sealedNumber] = split(message, 32, 1_104, 32);
    if (!isCanonical(ephemeral)) throw close("e_B is not canonical");
    state.mixHash(ephemeral);
    state.mixKey(X(seeds.ephemeralSeed, ephemeral));
    const ciphertext = state.open(sealedCiphertext);
    if (ciphertext === null) throw close("message 2 does not verify");
    state.mixKey(Decaps(seeds.kemSeed, ciphertext));
    this.otherNumber = state.open(sealedNumber);
    if (this.otherNumber === null) throw close("message 2 does not verify");
    state.note("message 2");
    this.keys = state.transportKeys();
  }
}

export class NearbyResponder {
  constructor(message) {
    const state = (this.state = new SymmetricState(NAME, PROLOGUE));
    const [ephemeral, key, otherNumber] = split(message, 32, 1_184, 16);
    if (!isCanonical(ephemeral)) throw close("e_A is not canonical");
    if (!isEncapsulationKey(key)) throw close("ek fails its check");
    state.mixHash(ephemeral);
    state.open(key);
    state.open(otherNumber);
    state.note("message 1");
    Object.assign(this, { ephemeral, key, otherNumber });
  }

  answer(ephemeralSeed, encapsulate, ownNumber) {
    const { state } = this;
    const ephemeral = x25519Public(ephemeralSeed);
    state.mixHash(ephemeral);
    state.mixKey(X(ephemeralSeed, this.ephemeral));
    const { ciphertext, secret } = encapsulate(this.key);
    const sealedCiphertext = state.seal(ciphertext);
    state.mixKey(secret);
    const sealedNumber = state.seal(ownNumber);
    state.note("message 2");
    this.keys = state.transportKeys();
    return concat(ephemeral, sealedCiphertext, sealedNumber);
  }
}

export const sealNearby = (key, counter, type, body = EMPTY) => {
  const plaintext = concat(u8(type), body, zeros(PLAINTEXT_BYTES - 1 - body.length));
  return frame(CHACHA.seal(key, counterNonce(counter), plaintext));
};

/** `{ type, rest }` of a frame, or null; `rest` is the body with its padding. */
export function openNearby(key, counter, bytes) {
  if (number(bytes.subarray(0, 2)) !== PLAINTEXT_BYTES + 16) return null;
  const plaintext = CHACHA.open(key, counterNonce(counter), bytes.slice(2));
  return plaintext && { type: plaintext[0], rest: plaintext.slice(1) };
}

export const commitment = (h, nonceA) => H(enc("LOOM/1 pair commit", h, nonceA));
export const proof = (tagKey, h) => MAC(tagKey, enc("LOOM/1 pair proof", h)).slice(0, 32);

/** Places in the English list of BIP 39 of the three words. */
export function nearbyWords(h, nonceA, nonceB) {
  const first = bigint(H(enc("LOOM/1 pair words", h, nonceA, nonceB)).slice(0, 5)) >> 7n;
  return [0, 1, 2].map((j) => Number((first >> BigInt(11 * (2 - j))) % 2048n));
}

export function introduction({ fingerprint, x25519, port, name }) {
  const encoded = new TextEncoder().encode(name);
  const filled = concat(u8(1), fingerprint, x25519, u16(port), u16(encoded.length), encoded);
  return concat(filled, zeros(INTRODUCTION_BYTES - filled.length));
}
