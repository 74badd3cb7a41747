/** MessagePack, read in its one encoding (PROTOCOL 6). */

import { number } from "./bytes.js";
import { Refused, refuse } from "./errors.js";
import { PAYLOAD_DEPTH_MAX } from "./limits.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Heads and lengths of MessagePack. */
export class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.offset = 0;
  }

  take(length) {
    if (this.offset + length > this.bytes.length) throw refuse("a value is cut short");
    return this.bytes.subarray(this.offset, (this.offset += length));
  }

  uint(width) {
    return number(this.take(width));
  }

  end() {
    if (this.offset !== this.bytes.length) throw refuse("bytes are left over");
  }

  /** In its shortest form. */
  arrayHead() {
    const head = this.uint(1);
    if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
    const count = head === 0xdc ? this.uint(2) : head === 0xdd ? this.uint(4) : -1;
    if (count < 16 || (head === 0xdd && count < 0x1_0000)) throw refuse("no array, or not in its shortest form");
    return count;
  }

  /** In its shortest form, as a bigint. */
  unsigned() {
    const head = this.uint(1);
    if (head <= 0x7f) return BigInt(head);
    const width = { 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8 }[head];
    if (width === undefined) throw refuse("no unsigned integer");
    const value = this.take(width).reduce((total, byte) => total * 256n + BigInt(byte), 0n);
    const least = { 1: 0x80n, 2: 0x100n, 4: 0x1_0000n, 8: 0x1_0000_0000n }[width];
    if (value < least) throw refuse("an integer not in its shortest form");
    return value;
  }

  /** In its shortest form. */
  bin() {
    const head = this.uint(1);
    const width = { 0xc4: 1, 0xc5: 2, 0xc6: 4 }[head];
    if (width === undefined) throw refuse("no bytes");
    const length = this.uint(width);
    if ((width === 2 && length < 0x100) || (width === 4 && length < 0x1_0000)) throw refuse("bytes not in the shortest form");
    return this.take(length).slice();
  }

  /** A text of UTF-8, in its shortest form. */
  text() {
    const head = this.uint(1);
    const width = { 0xd9: 1, 0xda: 2, 0xdb: 4 }[head] ?? 0;
    const length = head >= 0xa0 && head <= 0xbf ? head & 0x1f : this.uint(width || 1);
    const least = { 0: 0, 1: 32, 2: 0x100, 4: 0x1_0000 }[width];
    if ((width === 0 && (head < 0xa0 || head > 0xbf)) || length < least) throw refuse("no text, or not in its shortest form");
    try {
      return UTF8.decode(this.take(length));
    } catch (error) {
      throw error instanceof Refused ? error : refuse("a text that is no UTF-8");
    }
  }

  bool() {
    const head = this.uint(1);
    if (head !== 0xc2 && head !== 0xc3) throw refuse("no bool");
    return head === 0xc3;
  }

  /** Whether nil comes next, which is taken then. */
  isNil() {
    if (this.bytes[this.offset] !== 0xc0) return false;
    this.offset += 1;
    return true;
  }

  /** An unsigned integer below `end`, as a number. */
  below(end) {
    const value = this.unsigned();
    if (value >= BigInt(end)) throw refuse("a number out of its bounds");
    return Number(value);
  }

  /** An array of exactly this many fields. */
  fields(count) {
    if (this.arrayHead() !== count) throw refuse("another number of fields");
  }

  /** An array, each item read by `read`, `least` to `most` of them. */
  array(least, most, read) {
    const count = this.arrayHead();
    if (count < least || count > most) throw refuse("too few or too many items");
    return Array.from({ length: count }, () => read(this));
  }

  /** Bytes of one of these lengths. */
  bytesOf(...lengths) {
    const value = this.bin();
    if (!lengths.includes(value.length)) throw refuse("bytes of another length");
    return value;
  }

  /** A text of `least` to `most` bytes. */
  textOf(least, most) {
    const value = this.text();
    const length = Buffer.byteLength(value);
    if (length < least || length > most) throw refuse("a text out of its bounds");
    return value;
  }

  /** Any one well-formed value inside `depth` arrays and maps. */
  skip(depth) {
    const head = this.uint(1);
    if (head <= 0x7f || head >= 0xe0) return;
    if (head <= 0x8f) return this.skipMany(2 * (head & 0x0f), depth + 1);
    if (head <= 0x9f) return this.skipMany(head & 0x0f, depth + 1);
    if (head <= 0xbf) return void this.take(head & 0x1f);
    switch (head) {
      case 0xc0: case 0xc2: case 0xc3: return;
      case 0xc1: throw refuse("a byte that begins nothing");
      case 0xc4: case 0xd9: return void this.take(this.uint(1));
      case 0xc5: case 0xda: return void this.take(this.uint(2));
      case 0xc6: case 0xdb: return void this.take(this.uint(4));
      case 0xc7: return void this.take(this.uint(1) + 1);
      case 0xc8: return void this.take(this.uint(2) + 1);
      case 0xc9: return void this.take(this.uint(4) + 1);
      case 0xca: case 0xce: case 0xd2: return void this.take(4);
      case 0xcb: case 0xcf: case 0xd3: return void this.take(8);
      case 0xcc: case 0xd0: return void this.take(1);
      case 0xcd: case 0xd1: return void this.take(2);
      case 0xd4: case 0xd5: case 0xd6: case 0xd7: case 0xd8: return void this.take(1 + 2 ** (head - 0xd4));
      case 0xdc: return this.skipMany(this.uint(2), depth + 1);
      case 0xdd: return this.skipMany(this.uint(4), depth + 1);
      case 0xde: return this.skipMany(2 * this.uint(2), depth + 1);
      default: return this.skipMany(2 * this.uint(4), depth + 1);
    }
  }

  skipMany(count, depth) {
    if (depth > PAYLOAD_DEPTH_MAX) throw refuse("arrays or maps too deep");
    for (let i = 0; i < count; i += 1) this.skip(depth);
  }
}
