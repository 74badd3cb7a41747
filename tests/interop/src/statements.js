/** What is shown of messages: a function of the payloads that one holds, in any order (PROTOCOL 6.1 to 6.3). */

import { hex } from "./bytes.js";
import { COUNTER_FUTURE_MS, EDITS_MAX } from "./limits.js";

const isLater = (one, other) => one.number > other.number || (one.number === other.number && hex(one.id) > hex(other.id));
const firstCluster = (text) => [...new Intl.Segmenter().segment(text)][0]?.segment ?? "";

/** The conversation's timer and what each side wants (6.2). */
export function timers(held) {
  const of = (isMine) =>
    held
      .filter(({ isOwn, payload }) => isOwn === isMine && payload.kind === "timer")
      .map(({ payload }) => payload)
      .reduce((last, one) => (last === null || isLater(one, last) ? one : last), null)?.expiresS ?? 0;
  const [own, theirs] = [of(true), of(false)];
  const wanted = [own, theirs].filter((one) => one > 0);
  return { own_s: own, theirs_s: theirs, expires_s: wanted.length > 0 ? Math.min(...wanted) : 0 };
}

/** Up to when what was sent is covered by a Farewell of either side (6.3); `untilMs` is set as one comes. */
export const coveredMs = (held) =>
  Math.max(-1, ...held.filter(({ payload }) => payload.kind === "farewell").map(({ untilMs }) => untilMs));

/** Whether that counts for what comes now: a clock that was wrong covers nothing. */
export const isCovered = (held, sentAtMs, nowMs) => {
  const untilMs = coveredMs(held);
  return sentAtMs <= untilMs && untilMs <= nowMs + COUNTER_FUTURE_MS;
};

/** `held`: payloads, each with `isOwn`, whether this side wrote it. Deleted messages are left out. */
export function shown(held) {
  const of = (kind) => held.filter(({ payload }) => payload.kind === kind);
  const key = ({ isOwn }, id, own = true) => `${isOwn === own ? "out" : "in"} ${hex(id)}`;
  const deleted = new Set(of("delete").flatMap((one) => one.payload.targets.map((id) => key(one, id))));

  const registers = (kind, name) => {
    const found = {};
    for (const one of of(kind).filter((other) => key(other, other.payload.target, other.payload.own) === name)) {
      const who = one.isOwn ? "me" : "them";
      if (!found[who] || isLater(one.payload, found[who])) found[who] = one.payload;
    }
    return found;
  };

  return of("text")
    .filter((one) => !deleted.has(key(one, one.payload.id)))
    .map((one) => {
      const name = key(one, one.payload.id);
      const edits = of("edit").filter((other) => key(other, other.payload.target) === name).map(({ payload }) => payload);
      edits.sort((a, b) => (isLater(a, b) ? 1 : -1));
      const wordings = [one.payload, ...edits.slice(-EDITS_MAX)].map(({ body }) => body);
      const reactions = Object.entries(registers("react", name)).filter(([, { emoji }]) => emoji !== "");
      const { reply } = one.payload;
      return {
        id: hex(one.payload.id),
        is_own: one.isOwn,
        wordings,
        expires_s: one.payload.expiresS,
        reply_to: reply && hex(reply.target),
        reply_to_own: reply && reply.own === one.isOwn,
        reactions: Object.fromEntries(reactions.map(([who, { emoji }]) => [who, firstCluster(emoji)])),
        is_pinned: Object.values(registers("pin", name)).some(({ on }) => on),
      };
    });
}

/** The number of a new statement of this side about a message: larger than all before. */
export function nextNumber(held, kind, target, nowMs) {
  const before = held.filter(
    ({ isOwn, payload }) => isOwn && payload.kind === kind && hex(payload.target) === hex(target),
  );
  return Math.max(nowMs, ...before.map(({ payload }) => payload.number + 1));
}
