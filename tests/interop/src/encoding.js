/** `enc` and its strict reverse (PROTOCOL 0.1, 0.2). */

import { ascii, concat, number, u32 } from "./bytes.js";
import { refuse } from "./errors.js";

/** Each item after its length; a text stands for its ASCII bytes. */
export function enc(...items) {
  const parts = items.map((item) => (typeof item === "string" ? ascii(item) : item));
  return concat(...parts.flatMap((part) => [u32(part.length), part]));
}

/** The items of `enc`, of exactly these lengths (null: any length). */
export function dec(bytes, lengths) {
  const items = [];
  let offset = 0;
  for (const wanted of lengths) {
    if (offset + 4 > bytes.length) throw refuse("an item is missing");
    const length = number(bytes.subarray(offset, offset + 4));
    offset += 4;
    if (wanted !== null && length !== wanted) throw refuse(`an item has ${length} bytes instead of ${wanted}`);
    if (offset + length > bytes.length) throw refuse("an item is cut short");
    items.push(bytes.slice(offset, offset + length));
    offset += length;
  }
  if (offset !== bytes.length) throw refuse("bytes are left over");
  return items;
}
