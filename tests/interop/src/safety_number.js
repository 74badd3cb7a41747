/** What two people compare in person (PROTOCOL 1.4). */

import { bigint, compare } from "./bytes.js";
import { enc } from "./encoding.js";
import { H } from "./primitives.js";

/** Twelve groups of five digits. */
export function safetyNumber(one, other) {
  const [smaller, larger] = compare(one, other) < 0 ? [one, other] : [other, one];
  const digest = H(enc("LOOM/1 sn", smaller, larger));
  return Array.from({ length: 12 }, (_, i) =>
    String(bigint(digest.subarray(5 * i, 5 * i + 5)) % 100_000n).padStart(5, "0"),
  );
}

/** The places in the English list of BIP 39 of the twelve words. */
export function safetyWords(groups) {
  const all = BigInt(groups.join(""));
  return Array.from({ length: 12 }, (_, j) => Number((all >> BigInt(11 * (11 - j))) % 2048n));
}
