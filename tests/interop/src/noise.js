/** The handshake of a link (PROTOCOL 3.3). */

import { ascii, concat, EMPTY, zeros } from "./bytes.js";
import { close, discard } from "./errors.js";
import {
  CHACHA, counterNonce, Decaps, ENCAPSULATION_KEY_BYTES, H, isCanonical, isEncapsulationKey, KEM_CIPHERTEXT_BYTES,
  kemPublic, MAC, split, X, x25519Public,
} from "./primitives.js";

const NAME = "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512";
const TAG_BYTES = 16;
export const MESSAGE_1_BYTES = 32 + ENCAPSULATION_KEY_BYTES + 2 * TAG_BYTES;
export const MESSAGE_2_BYTES = 32 + KEM_CIPHERTEXT_BYTES + 2 * TAG_BYTES;

function noiseHkdf(ck, ikm, count) {
  const temporary = MAC(ck, ikm);
  const outputs = [];
  for (let i = 1; i <= count; i += 1) {
    outputs.push(MAC(temporary, concat(outputs.at(-1) ?? EMPTY, Uint8Array.of(i))));
  }
  return outputs;
}

/** `ck`, `h` and `k` of one side; `trace` notes them after each token. */
export class SymmetricState {
  constructor(name, prologue) {
    this.h = this.ck = concat(ascii(name), zeros(64 - name.length));
    this.k = null;
    this.counter = 0;
    this.trace = [];
    this.mixHash(prologue);
    this.note("prologue");
  }

  note(after) {
    this.trace.push({ after, ck: this.ck, h: this.h, k: this.k ?? EMPTY });
  }

  mixHash(data) {
    this.h = H(concat(this.h, data));
  }

  mixKey(data) {
    const [ck, key] = noiseHkdf(this.ck, data, 2);
    this.ck = ck;
    this.k = key.slice(0, 32);
    this.counter = 0;
  }

  mixPsk(psk) {
    const [ck, a, key] = noiseHkdf(this.ck, psk, 3);
    this.ck = ck;
    this.mixHash(a);
    this.k = key.slice(0, 32);
    this.counter = 0;
    this.note("psk");
  }

  mixEphemeral(publicKey, message) {
    this.mixHash(publicKey);
    this.mixKey(publicKey);
    this.note(`e of message ${message}`);
  }

  seal(plaintext) {
    const sealed = this.k ? CHACHA.seal(this.k, counterNonce(this.counter), plaintext, this.h) : plaintext;
    this.counter += 1;
    this.mixHash(sealed);
    return sealed;
  }

  /** null where the tag is wrong. */
  open(sealed) {
    const plaintext = this.k ? CHACHA.open(this.k, counterNonce(this.counter), sealed, this.h) : sealed;
    this.counter += 1;
    this.mixHash(sealed);
    return plaintext;
  }

  /** The keys that I and R seal records with. */
  transportKeys() {
    return noiseHkdf(this.ck, EMPTY, 2).map((key) => key.slice(0, 32));
  }
}

/** The prologues of links to a contact and to an anchor. */
export const CONTACT = "LOOM/1 link";
export const ANCHOR = "LOOM/1 anchor";

const prologueOf = (clear, to) => concat(ascii(to), clear);

/** I's side: `message1`, then `readMessage2`. */
export class NoiseInitiator {
  constructor(psk, clear, ephemeralSeed, kemSeed, to = CONTACT) {
    this.seeds = { ephemeralSeed, kemSeed };
    const state = (this.state = new SymmetricState(NAME, prologueOf(clear, to)));
    state.mixPsk(psk);
    const ephemeral = x25519Public(ephemeralSeed);
    state.mixEphemeral(ephemeral, 1);
    const sealedKey = state.seal(kemPublic(kemSeed));
    state.note("e1");
    const end = state.seal(EMPTY);
    state.note("message 1");
    this.message1 = concat(ephemeral, sealedKey, end);
  }

  /** Sets `keys`: what I and what R seals with. */
  readMessage2(message) {
    const { state, seeds } = this;
    const [ephemeral, sealedCiphertext, end] = split(message, 32, KEM_CIPHERTEXT_BYTES + TAG_BYTES, TAG_BYTES);
    if (!isCanonical(ephemeral)) throw close("e_R is not canonical");
    state.mixEphemeral(ephemeral, 2);
    state.mixKey(agree(seeds.ephemeralSeed, ephemeral));
    state.note("ee");
    const ciphertext = state.open(sealedCiphertext);
    if (ciphertext === null) throw close("message 2 does not verify");
    state.mixKey(Decaps(seeds.kemSeed, ciphertext));
    state.note("ekem1");
    if (state.open(end) === null) throw close("message 2 does not verify");
    state.note("message 2");
    this.keys = state.transportKeys();
  }
}

/** R's side: reading message 1 costs no agreement; `answer` does. */
export class NoiseResponder {
  constructor(psk, clear) {
    this.state = new SymmetricState(NAME, prologueOf(clear, CONTACT));
    this.state.mixPsk(psk);
  }

  readMessage1(message) {
    const { state } = this;
    const [ephemeral, sealedKey, end] = split(message, 32, ENCAPSULATION_KEY_BYTES + TAG_BYTES, TAG_BYTES);
    if (!isCanonical(ephemeral)) throw discard("e_I is not canonical");
    state.mixEphemeral(ephemeral, 1);
    this.ephemeral = ephemeral;
    this.encapsulationKey = state.open(sealedKey);
    state.note("e1");
    if (this.encapsulationKey === null || state.open(end) === null) throw discard("message 1 does not verify");
    state.note("message 1");
  }

  /** Message 2; sets `keys`. */
  answer(ephemeralSeed, encapsulate) {
    const { state } = this;
    if (!isEncapsulationKey(this.encapsulationKey)) throw close("ek fails its check");
    const ephemeral = x25519Public(ephemeralSeed);
    state.mixEphemeral(ephemeral, 2);
    state.mixKey(agree(ephemeralSeed, this.ephemeral));
    state.note("ee");
    const { ciphertext, secret } = encapsulate(this.encapsulationKey);
    const sealedCiphertext = state.seal(ciphertext);
    state.mixKey(secret);
    state.note("ekem1");
    const end = state.seal(EMPTY);
    state.note("message 2");
    this.keys = state.transportKeys();
    return concat(ephemeral, sealedCiphertext, end);
  }
}

function agree(seed, publicKey) {
  try {
    return X(seed, publicKey);
  } catch {
    throw close("the agreement is zero");
  }
}
