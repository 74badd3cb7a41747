/** Who may speak at all (PROTOCOL 3.1, 3.2). */

import { bigint, concat, equal, u64 } from "./bytes.js";
import { enc } from "./encoding.js";
import { LINK_DAY_SKEW_DAYS } from "./limits.js";
import { MAC, split } from "./primitives.js";

const DAY_S = 86_400;

export const dayAt = (unixS) => Math.floor(unixS / DAY_S);

export const gateTag = (tagKey, day, rand) => MAC(tagKey, enc("LOOM/1 tag", u64(day), rand)).slice(0, 16);

/** The 40 clear bytes of a link. */
export const clearBytes = (tagKey, day, rand) => concat(rand, u64(day), gateTag(tagKey, day, rand));

/** Whose clear bytes these are, with their day and rand; null for a stranger's.
 *
 * `entries` are `{ name, tagKey }`; `isUsed(name, rand)` says whether a rand came before.
 */
export function admitted(clear, entries, today, isUsed) {
  const [rand, dayBytes, tag] = split(clear, 16, 8, 16);
  const day = bigint(dayBytes);
  const found = entries.filter(({ tagKey }) => equal(gateTag(tagKey, day, rand), tag));
  if (found.length !== 1) return null;
  const ahead = day - BigInt(today);
  if (ahead > LINK_DAY_SKEW_DAYS || ahead < -LINK_DAY_SKEW_DAYS) return null;
  if (isUsed(found[0].name, rand)) return null;
  return { name: found[0].name, rand, day: Number(day) };
}

// --- the gate of an anchor (PROTOCOL 10.2) ---------------------------------------------------------

export const dayTag = (tagKey, day) => MAC(tagKey, enc("LOOM/1 anchor tag", u64(day))).slice(0, 16);

/** The 40 clear bytes of a link to the anchor whose `D` is `maskKey`. */
export function clearForAnchor(tagKey, maskKey, day, rand) {
  const mask = MAC(maskKey, enc("LOOM/1 anchor mask", u64(day), rand));
  return concat(rand, u64(day), dayTag(tagKey, day).map((byte, i) => byte ^ mask[i]));
}
