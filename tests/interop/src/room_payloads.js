/** RoomEvents, RoomHave and RoomKey (PROTOCOL 14.1, 14.5). */

import { compare } from "./bytes.js";
import { refuse } from "./errors.js";
import {
  ROOM_EVENT_MAX_BYTES, ROOM_EVENTS_MAX, ROOM_HAVE_IDS_MAX, ROOM_HAVE_ROWS_MAX, ROOM_MEMBERS_MAX,
} from "./limits.js";

const STEPS = 4;
const PLACE_BYTES = 37;
const DIGEST_BYTES = 16;
const PROOF_BYTES = 3_373;

const checkCount = (count, wanted) => {
  if (count !== wanted) throw refuse("another number of fields");
};
const id = (reader) => reader.bytesOf(32);

export function readEvents(reader, count) {
  checkCount(count, 3);
  const roomId = id(reader);
  const events = reader.array(1, ROOM_EVENTS_MAX, () => {
    const event = reader.bin();
    if (event.length < 1 || event.length > ROOM_EVENT_MAX_BYTES) throw refuse("an event out of its bounds");
    return event;
  });
  return { roomId, events, told: reader.array(0, ROOM_MEMBERS_MAX, id) };
}

export function readHave(reader, count) {
  checkCount(count, 2);
  const roomId = id(reader);
  reader.fields(6);
  const step = reader.below(STEPS);
  const fromOrder = reader.unsigned();
  const [root, after, isLast] = [reader.bytesOf(DIGEST_BYTES), reader.bytesOf(0, PLACE_BYTES), reader.bool()];
  let last = after;
  let ids = 0;
  const rows = reader.array(0, ROOM_HAVE_ROWS_MAX, () => {
    reader.fields(4);
    const place = reader.bytesOf(PLACE_BYTES);
    if (compare(place, last) <= 0) throw refuse("places that do not ascend");
    last = place;
    const row = { place, count: reader.below(2 ** 32), digest: reader.bytesOf(DIGEST_BYTES) };
    row.ids = reader.array(0, step < 2 ? 0 : ROOM_HAVE_IDS_MAX, id);
    ids += row.ids.length;
    return row;
  });
  if (ids > ROOM_HAVE_IDS_MAX) throw refuse("too many ids");
  return { roomId, comparison: { step, fromOrder, root, after, isLast, rows } };
}

export function readKey(reader, count) {
  checkCount(count, 5);
  const roomId = id(reader);
  const keys = { ed25519: reader.bytesOf(32), mldsa: reader.bytesOf(1_952) };
  return { roomId, keys, proof: reader.bytesOf(PROOF_BYTES), claim: reader.bytesOf(0, 32) };
}

/** As values for the encoder; an order fits into a number where this program makes it. */
export const encodeComparison = ({ step, fromOrder, root, after, isLast, rows }) => [
  step, Number(fromOrder), root, after, isLast, rows.map(({ place, count, digest, ids }) => [place, count, digest, ids]),
];
