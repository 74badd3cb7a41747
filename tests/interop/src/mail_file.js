/** Mail in files (PROTOCOL 13). */

import { ascii, concat, equal, u32, u8 } from "./bytes.js";
import { refuse } from "./errors.js";
import { ENVELOPE_BUCKETS } from "./limits.js";
import { HK, MAC } from "./primitives.js";
import { queueKeys } from "./queues.js";

const HEAD = concat(ascii("LOOMMAIL"), u8(1));
const SALT_BYTES = 16;
const MARK_BYTES = 16;
const BLOB_OVERHEAD = 36;
export const SEALED_BUNDLE_BYTES = 6852;
const LENGTHS = [...ENVELOPE_BUCKETS.map((bucket) => bucket + BLOB_OVERHEAD), SEALED_BUNDLE_BYTES];
const FILE_MAX_BYTES = 5 * 1024 * 1024;

export const fileSecret = (linkKey, salt) => HK(salt, linkKey, ascii("LOOM/1 file"), 32);
export const fileKeys = (linkKey, salt) => queueKeys(fileSecret(linkKey, salt));
export const fileMark = (keys, salt) => MAC(keys.idKey, salt).slice(0, MARK_BYTES);

export const encodeMailFile = (salt, mark, blobs) =>
  concat(HEAD, salt, mark, ...blobs.flatMap((blob) => [u32(blob.length), blob]));

export function decodeMailFile(file) {
  const saltAt = HEAD.length;
  const markAt = saltAt + SALT_BYTES;
  let at = markAt + MARK_BYTES;
  if (file.length > FILE_MAX_BYTES || file.length < at || !equal(file.slice(0, saltAt), HEAD)) {
    throw refuse("no file of mail of this version");
  }
  const blobs = [];
  while (at < file.length) {
    if (at + 4 > file.length) throw refuse("a file that ends within a length");
    const length = new DataView(file.buffer, file.byteOffset).getUint32(at);
    at += 4;
    if (!LENGTHS.includes(length) || at + length > file.length) throw refuse("a file that ends within a blob");
    blobs.push(file.slice(at, at + length));
    at += length;
  }
  return { salt: file.slice(saltAt, markAt), mark: file.slice(markAt, markAt + MARK_BYTES), blobs };
}
