/** Keys of queues, blobs and bundles in them (PROTOCOL 10.1). */

import { ascii, bigint, concat, EMPTY, equal, number, u16, u32, u64, u8 } from "./bytes.js";
import { enc } from "./encoding.js";
import { refuse } from "./errors.js";
import { ENVELOPE_BUCKETS } from "./limits.js";
import { H, HK, MAC, SIV, split } from "./primitives.js";

const ID_BYTES = 12;
const BLOB_OVERHEAD = ID_BYTES + 8 + 16;
const MARK_BYTES = 8;
const PARCEL_BYTES = 61_440;
const NO_ENVELOPE = new Uint8Array(8).fill(0xff);

/** What follows from a queue's secret `Q`. */
export function queueKeys(secret) {
  const [id, tag, link, idKey, blobKey, bundleKey] = split(
    HK(EMPTY, secret, ascii("LOOM/1 queue"), 176), 16, 32, 32, 32, 32, 32,
  );
  return { id, tag, link, idKey, blobKey, bundleKey };
}

const twoKeys = (secret, label) => {
  const [tag, link] = split(HK(EMPTY, secret, ascii(label), 64), 32, 32);
  return { tag, link };
};

/** `Q` of the first queue between two members of a room who are no contacts (14.7). */
export const roomQueueSecret = (linkKey, holder, maskKey) =>
  HK(EMPTY, linkKey, enc("LOOM/1 room queue", holder, maskKey), 32);

export const accountKeys = (secret) => twoKeys(secret, "LOOM/1 account");
export const pairingKeys = (secret) => twoKeys(secret, "LOOM/1 pairing");

/** The blob of an envelope; the same bytes each time. It begins with its id. */
export function sealBlob(queue, until, envelope) {
  const content = concat(u64(until), envelope);
  const id = MAC(queue.idKey, content).slice(0, ID_BYTES);
  return concat(id, SIV.seal(queue.blobKey, id, content, queue.id));
}

export const blobId = (blob) => blob.slice(0, ID_BYTES);

/** The blob of a parcel of a file, of its fields. */
export function sealParcel(queue, { fileId, what, index, part, bytes }) {
  const parcel = concat(fileId, u8(what), u32(index), u8(part), u16(bytes.length), bytes);
  const content = concat(NO_ENVELOPE, parcel, new Uint8Array(PARCEL_BYTES - parcel.length));
  const id = MAC(queue.idKey, content).slice(0, ID_BYTES);
  return concat(id, SIV.seal(queue.blobKey, id, content, queue.id));
}

function openContent(queue, blob) {
  if (!ENVELOPE_BUCKETS.includes(blob.length - BLOB_OVERHEAD)) throw refuse("a blob of another length");
  const id = blobId(blob);
  const content = SIV.open(queue.blobKey, id, blob.slice(ID_BYTES), queue.id);
  if (content === null) throw refuse("a blob that does not open");
  if (!equal(id, MAC(queue.idKey, content).slice(0, ID_BYTES))) throw refuse("a blob under another id");
  return content;
}

export function openBlob(queue, blob) {
  const content = openContent(queue, blob);
  if (equal(content.slice(0, 8), NO_ENVELOPE)) throw refuse("a parcel of a file");
  return { until: Number(bigint(content.slice(0, 8))), envelope: content.slice(8) };
}

export function openParcel(queue, blob) {
  if (blob.length !== PARCEL_BYTES + BLOB_OVERHEAD) throw refuse("a parcel of another length");
  const content = openContent(queue, blob);
  const [mark, fileId, what, index, part, length, rest] = split(content, 8, 16, 1, 4, 1, 2, PARCEL_BYTES - 24);
  if (!equal(mark, NO_ENVELOPE)) throw refuse("no parcel of a file");
  const size = number(length);
  const parcel = { fileId, what: number(what), index: number(index), part: number(part), bytes: rest.slice(0, size) };
  const isOdd = parcel.what > 1 || parcel.index >= (parcel.what ? 65_536 : 8) || parcel.part > 4;
  if (isOdd || size < 1 || size > rest.length || rest.slice(size).some((one) => one)) throw refuse("a parcel out of its bounds");
  return parcel;
}

export function sealBundle(queue, bundle, random) {
  const nonce = random.bytes(12);
  return concat(nonce, SIV.seal(queue.bundleKey, nonce, bundle, queue.id));
}

/** null where it does not open. */
export const openBundle = (queue, sealed) =>
  SIV.open(queue.bundleKey, sealed.slice(0, 12), sealed.slice(12), queue.id);

export const bundleMark = (sealed) => H(sealed).slice(0, MARK_BYTES);
