/** What each of two members of a room lacks (PROTOCOL 14.5). */

import { concat, EMPTY, equal, hex, u32, u8, unhex } from "./bytes.js";
import { ROOM_BLOCK_NUMBERS, ROOM_HAVE_IDS_MAX, ROOM_HAVE_ROWS_MAX } from "./limits.js";
import { H } from "./primitives.js";

const ROWS_BYTES_MAX = 34_000;

export const digestOf = (ids) => H(concat(...[...ids].sort().map(unhex))).slice(0, 16);

/** Places in hexadecimal with the ids there, ascending; posts below `fromOrder` are left out. */
export function placesOf(statements, posts, fromOrder) {
  const places = new Map();
  const add = (family, { author, number, id }) => {
    const place = author + hex(concat(u8(family), u32(Math.floor(number / ROOM_BLOCK_NUMBERS))));
    places.set(place, [...(places.get(place) ?? []), id]);
  };
  for (const one of statements) add(1, one);
  for (const one of posts) if (one.order >= fromOrder) add(2, one);
  return new Map([...places].sort(([one], [other]) => (one < other ? -1 : 1)));
}

export const rootOf = (places) => H(concat(...[...places].flatMap(([place, ids]) => [unhex(place), digestOf(ids)]))).slice(0, 16);

const rowOf = (place, ids, withIds) => ({
  place: unhex(place), count: ids.length, digest: digestOf(ids), ids: withIds ? [...ids].sort().map(unhex) : [],
});

/** The first step of who begins. */
export const begin = (places, fromOrder) => ({ step: 0, fromOrder, root: rootOf(places), after: EMPTY, isLast: true, rows: [] });

/** What to send to the author of a comparison: `{ send, comparisons }`. */
export function answerTo(comparison, places) {
  const { step, fromOrder, rows } = comparison;
  const root = rootOf(places);
  const say = (next, own) => ({ step: next, fromOrder, root, after: EMPTY, isLast: true, rows: own });
  if (step === 0) {
    if (equal(comparison.root, root)) return { send: [], comparisons: [] };
    const every = [...places].map(([place, ids]) => rowOf(place, ids, false));
    const comparisons = [];
    for (let at = 0; at === 0 || at < every.length; at += ROOM_HAVE_ROWS_MAX) {
      const page = every.slice(at, at + ROOM_HAVE_ROWS_MAX);
      const after = at === 0 ? EMPTY : every[at - 1].place;
      comparisons.push({ ...say(1, page), after, isLast: at + ROOM_HAVE_ROWS_MAX >= every.length });
    }
    return { send: [], comparisons };
  }
  if (step === 1) {
    const theirs = new Map(rows.map((row) => [hex(row.place), row]));
    const [after, end] = [hex(comparison.after), rows.length > 0 ? hex(rows.at(-1).place) : ""];
    const onPage = [...places.keys()].filter((place) => place > after && (comparison.isLast || place <= end));
    const differing = [...new Set([...theirs.keys(), ...onPage])].sort().filter((place) => {
      const [there, here] = [theirs.get(place), places.get(place)];
      return !there || !here || there.count !== here.length || !equal(there.digest, digestOf(here));
    });
    return { send: [], comparisons: pagesOf(differing.map((place) => rowOf(place, places.get(place) ?? [], true)), 2, say) };
  }
  const send = [];
  const wanted = [];
  for (const { place, ids } of rows) {
    const [there, here] = [new Set(ids.map(hex)), places.get(hex(place)) ?? []];
    send.push(...here.filter((id) => !there.has(id)));
    if ([...there].some((id) => !here.includes(id))) wanted.push(rowOf(hex(place), here, true));
  }
  return { send, comparisons: step === 2 ? pagesOf(wanted, 3, say) : [] };
}

/** As few as hold the rows. */
function pagesOf(rows, step, say) {
  const pages = [];
  let [page, ids] = [[], 0];
  for (const row of rows) {
    const isFull = ids + row.ids.length > ROOM_HAVE_IDS_MAX || (page.length + 1) * 64 + ids * 34 > ROWS_BYTES_MAX;
    if (page.length > 0 && isFull) {
      pages.push(say(step, page));
      [page, ids] = [[], 0];
    }
    page.push(row);
    ids += row.ids.length;
  }
  if (page.length > 0) pages.push(say(step, page));
  return pages;
}
