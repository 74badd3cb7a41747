/** Adverts on the LAN (PROTOCOL 7), without mDNS itself. */

import { ascii, compare, concat, equal, u16, u64 } from "./bytes.js";
import { enc } from "./encoding.js";
import { EPOCH_S, EPOCH_SKEW, ADVERT_ADDRESSES_MAX, PRESENCE_BUCKETS, PRESENCE_TAGS_PER_STRING } from "./limits.js";
import { MAC } from "./primitives.js";

const TAG_BYTES = 8;
const NONCE_BYTES = 16;

export const epochAt = (unixS) => Math.floor(unixS / EPOCH_S);

export function presenceMessage(epoch, nonce, port, addresses) {
  const packed = [...addresses].sort(compare);
  return enc("LOOM/1 presence", u64(epoch), nonce, u16(port), ...packed);
}

export const presenceTag = (key, message) => MAC(key, message).slice(0, TAG_BYTES);

/** The TXT strings of one instance: at most 128 tags, with fillers up to a bucket. */
export function encodeAdvert(nonce, tags, fillers) {
  const bucket = PRESENCE_BUCKETS.find((size) => size >= tags.length);
  const entries = [...tags, ...fillers.slice(0, bucket - tags.length)].sort(compare);
  const strings = [ascii("v=1"), concat(ascii("n="), nonce)];
  for (let i = 0; i * PRESENCE_TAGS_PER_STRING < entries.length; i += 1) {
    const part = entries.slice(i * PRESENCE_TAGS_PER_STRING, (i + 1) * PRESENCE_TAGS_PER_STRING);
    strings.push(concat(ascii(`t${i}=`), ...part));
  }
  return strings;
}

/** Nonce and entries of an advert, or null where it has any other form. */
export function decodeAdvert(strings) {
  if (strings.length < 3 || !equal(strings[0], ascii("v=1"))) return null;
  const [, nonceString, ...tagStrings] = strings;
  if (!equal(nonceString.subarray(0, 2), ascii("n=")) || nonceString.length !== 2 + NONCE_BYTES) return null;
  const parts = [];
  for (const [i, string] of tagStrings.entries()) {
    if (!equal(string.subarray(0, 3), ascii(`t${i}=`))) return null;
    const isLast = i === tagStrings.length - 1;
    const length = string.length - 3;
    if (isLast ? length % TAG_BYTES !== 0 || length === 0 : length !== PRESENCE_TAGS_PER_STRING * TAG_BYTES) return null;
    for (let j = 3; j < string.length; j += TAG_BYTES) parts.push(string.slice(j, j + TAG_BYTES));
  }
  if (!PRESENCE_BUCKETS.includes(parts.length)) return null;
  if (parts.some((entry, i) => i > 0 && compare(parts[i - 1], entry) > 0)) return null;
  return { nonce: nonceString.slice(2), entries: parts };
}

/** Whether a contact's key is behind one of the entries, by the clock of the reader. */
export function announces(key, advert, port, addresses, epoch) {
  if (port === 0 || addresses.length === 0 || addresses.length > ADVERT_ADDRESSES_MAX) return false;
  const epochs = [epoch];
  for (let i = 1; i <= EPOCH_SKEW; i += 1) epochs.push(epoch - i, epoch + i);
  return epochs.some((one) => {
    const tag = presenceTag(key, presenceMessage(one, advert.nonce, port, addresses));
    return advert.entries.some((entry) => equal(entry, tag));
  });
}
