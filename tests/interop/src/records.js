/** Sealed records of a link (PROTOCOL 3.5). */

import { concat, EMPTY, number, u16, zeros } from "./bytes.js";
import { close } from "./errors.js";
import { RECORD_BUCKETS, REKEY_AFTER_RECORDS } from "./limits.js";
import { CHACHA, counterNonce } from "./primitives.js";

export const KEEPALIVE = 0;
export const BUNDLE_REQUEST = 1;
export const BUNDLE = 2;
export const ENVELOPE = 3;
export const FILE_REQUEST = 4;
export const FILE_PART = 5;
export const FILE_REFUSAL = 6;
export const REPLACED = 7;

/** The types that may come on a link with a contact, and from an anchor. */
export const TO_CONTACT = [KEEPALIVE, BUNDLE_REQUEST, BUNDLE, ENVELOPE, FILE_REQUEST, FILE_PART, FILE_REFUSAL, REPLACED];
export const TO_ANCHOR = [KEEPALIVE, 17, 18];

const TAG_BYTES = 16;
const REKEY_COUNTER = 2n ** 64n - 1n;

export const frame = (bytes) => concat(u16(bytes.length), bytes);
export const isFrameLength = (length) => RECORD_BUCKETS.some((bucket) => bucket + TAG_BYTES === length);

/** Type, body and zeros up to the smallest bucket, or up to `bucket`. */
export function padRecord(type, body = EMPTY, bucket = null) {
  const filled = concat(Uint8Array.of(type), u16(body.length), body);
  const size = bucket ?? RECORD_BUCKETS.find((one) => one >= filled.length);
  return concat(filled, zeros(size - filled.length));
}

/** `{ type, body }` of a plaintext, after the checks in their order. */
export function parseRecord(plaintext, types) {
  const length = number(plaintext.subarray(1, 3));
  const used = 3 + length;
  if (RECORD_BUCKETS.find((one) => one >= used) !== plaintext.length) throw close("not the smallest bucket");
  if (plaintext.subarray(used).some((byte) => byte !== 0)) throw close("the padding is not zero");
  const type = plaintext[0];
  if (!types.includes(type)) throw close("unknown type of record");
  const body = plaintext.slice(3, used);
  if (type === KEEPALIVE && body.length > 0) throw close("a keepalive with a body");
  return { type, body };
}

/** One direction: its key changes after every 16,384 records, its counter goes on. */
export class RecordCipher {
  constructor(key) {
    this.key = key;
    this.counter = 0;
  }

  /** A frame. */
  seal(plaintext) {
    const sealed = CHACHA.seal(this.key, counterNonce(this.counter), plaintext);
    this.#advance();
    return frame(sealed);
  }

  open(sealed) {
    const plaintext = CHACHA.open(this.key, counterNonce(this.counter), sealed);
    if (plaintext === null) throw close("the tag of a record is wrong");
    this.#advance();
    return plaintext;
  }

  #advance() {
    this.counter += 1;
    if (this.counter % REKEY_AFTER_RECORDS === 0) {
      this.key = CHACHA.seal(this.key, counterNonce(REKEY_COUNTER), zeros(32)).slice(0, 32);
    }
  }
}
