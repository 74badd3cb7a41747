/** Byte strings: Uint8Array everywhere; hexadecimal only in JSON. */

export const EMPTY = new Uint8Array(0);

export const ascii = (text) => Uint8Array.from(text, (character) => character.charCodeAt(0));
export const hex = (bytes) => Buffer.from(bytes).toString("hex");
export const unhex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
export const concat = (...parts) => Uint8Array.from(Buffer.concat(parts));
export const zeros = (length) => new Uint8Array(length);

/** Big-endian, `width` bytes; a number or a bigint. */
export function uint(value, width) {
  const bytes = new Uint8Array(width);
  let rest = BigInt(value);
  for (let i = width - 1; i >= 0; i -= 1) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n) throw new RangeError(`${value} does not fit into ${width} bytes`);
  return bytes;
}

export const u8 = (value) => uint(value, 1);
export const u16 = (value) => uint(value, 2);
export const u32 = (value) => uint(value, 4);
export const u64 = (value) => uint(value, 8);

/** Up to 4 bytes, big-endian, as a number. */
export const number = (bytes) => bytes.reduce((total, byte) => total * 256 + byte, 0);

/** Any length, big-endian, as a bigint. */
export const bigint = (bytes) => (bytes.length ? BigInt("0x" + hex(bytes)) : 0n);

/** Equal, in a time that depends on the lengths only. */
export function equal(one, other) {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < one.length; i += 1) difference |= one[i] ^ other[i];
  return difference === 0;
}

export const compare = (one, other) => Buffer.compare(one, other);
export const allZero = (bytes) => equal(bytes, zeros(bytes.length));
