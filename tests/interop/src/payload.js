/** What one envelope holds (PROTOCOL 6). */

import { decode, encode } from "@msgpack/msgpack";

import { equal } from "./bytes.js";
import { refuse } from "./errors.js";
import { isHost } from "./host.js";
import {
  DELETE_MAX_IDS, FILE_CHUNKS_MAX, FILE_MAX_BYTES, FILE_NAME_MAX_BYTES, FILE_THUMBNAIL_MAX_BYTES, FILE_TYPE_MAX_BYTES, MAILBOX_ADDRESSES_MAX, MAILBOXES_MAX, NAME_MAX_BYTES, PAYLOAD_MAX_BYTES, STATUS_MAX_BYTES,
  REACTION_MAX_BYTES, RECEIPT_MAX_IDS, TEXT_MAX_BYTES, TIMER_MAX_S, TIMER_MIN_S,
} from "./limits.js";
import { Reader } from "./message_pack.js";
import { encodeComparison, readEvents, readHave, readKey } from "./room_payloads.js";

export const TEXT = 1;
export const RECEIPT = 2;
export const TYPING = 3;
export const PROFILE = 4;
export const MAILBOXES = 5;
export const JOIN = 6;
export const EDIT = 8;
export const DELETE = 9;
export const REACT = 10;
export const PIN = 11;
export const TIMER = 12;
export const FAREWELL = 13;
export const FILE = 14;
export const FILE_STATE = 15;
export const ROOM_EVENTS = 16;
export const ROOM_HAVE = 17;
export const ROOM_KEY = 18;

const ID_BYTES = 16;
const TIME_MAX = 2 ** 53 - 1;
const NAMES = {
  [TEXT]: "text", [RECEIPT]: "receipt", [TYPING]: "typing", [PROFILE]: "profile", [MAILBOXES]: "mailboxes", [JOIN]: "join",
  [EDIT]: "edit", [DELETE]: "delete", [REACT]: "react", [PIN]: "pin", [TIMER]: "timer", [FAREWELL]: "farewell",
  [FILE]: "file", [FILE_STATE]: "file state",
  [ROOM_EVENTS]: "room events", [ROOM_HAVE]: "room have", [ROOM_KEY]: "room key",
};
const OF_ROOMS = { [ROOM_EVENTS]: readEvents, [ROOM_HAVE]: readHave, [ROOM_KEY]: readKey };
/** Stored and receipted; a kind of a later version is, too. */
export const IS_RECEIPTED = new Set([
  "text", "profile", "mailboxes", "join", "edit", "delete", "react", "pin", "timer", "farewell", "unknown",
  "file", "file state",
  "room events", "room have", "room key",
]);

export const encodePayload = (fields) => encode(fields);
export const text = (id, sentAtMs, body, reply = null, expiresS = 0) =>
  encode([TEXT, id, sentAtMs, body, reply, expiresS]);
/** Edit, Delete, React or Pin of these fields. */
export const statement = (tag, id, sentAtMs, ...fields) => encode([tag, id, sentAtMs, ...fields]);
export const receipt = (id, sentAtMs, delivered, read = []) => encode([RECEIPT, id, sentAtMs, delivered, read]);
export const typing = (id, sentAtMs, on) => encode([TYPING, id, sentAtMs, on]);
export const profile = (id, sentAtMs, name, status = "", away = false) => encode([PROFILE, id, sentAtMs, sentAtMs, name, status, away]);

export const encodeFile = (id, sentAtMs, { name, size, mediaType, root, secret, caption = "" }) =>
  encode([FILE, id, sentAtMs, name, size, mediaType, root, secret, null, caption, null, 0]);
/** What becomes of a file: 1 accept, 2 decline, 3 cancel, 4 done, 5 changed. */
export const fileState = (id, sentAtMs, fileId, number, state) =>
  encode([FILE_STATE, id, sentAtMs, fileId, number, state, null]);

export const roomEvents = (id, sentAtMs, roomId, events, told) => encode([ROOM_EVENTS, id, sentAtMs, roomId, events, told]);
export const roomHave = (id, sentAtMs, roomId, comparison) => encode([ROOM_HAVE, id, sentAtMs, roomId, encodeComparison(comparison)]);
export const roomKey = (id, sentAtMs, roomId, keys, proof, claim) =>
  encode([ROOM_KEY, id, sentAtMs, roomId, keys.ed25519, keys.mldsa, proof, claim]);

/** A UUIDv7. */
export function newMessageId(nowMs, random) {
  const id = random.bytes(ID_BYTES);
  Buffer.from(id.buffer).writeUIntBE(nowMs, 0, 6);
  id[6] = 0x70 | (id[6] & 0x0f);
  id[8] = 0x80 | (id[8] & 0x3f);
  return id;
}

/** `{ kind, id, sentAtMs, ... }`; kind `unknown` for a tag of later versions. */
export function decodePayload(bytes) {
  if (bytes.length > PAYLOAD_MAX_BYTES) throw refuse("a payload that is too long");
  const reader = new Reader(bytes);
  const count = reader.arrayHead();
  if (count < 3) throw refuse("a payload without the three common fields");
  const tag = reader.unsigned();
  const id = reader.bin();
  const sentAtMs = reader.unsigned();
  if (tag === 0n || id.length !== ID_BYTES || sentAtMs > TIME_MAX) throw refuse("a common field out of its bounds");
  const base = { id, sentAtMs: Number(sentAtMs) };
  if (!(tag in NAMES)) {
    for (let i = 3; i < count; i += 1) reader.skip(0);
    reader.end();
    return { kind: "unknown", ...base };
  }
  if (tag in OF_ROOMS) {
    const fields = OF_ROOMS[tag](reader, count - 3);
    reader.end();
    return { kind: NAMES[tag], ...base, ...fields };
  }
  return { kind: NAMES[tag], ...base, ...knownFields(Number(tag), bytes) };
}

/** The fields of a known kind, decoded, bounded, and encoded again to the same bytes. */
function knownFields(tag, bytes) {
  let values;
  try {
    values = decode(bytes);
    if (!equal(encode(values), bytes)) throw refuse("not the shortest encoding");
  } catch {
    throw refuse("not the one encoding");
  }
  const fields = values.slice(3);
  const check = (isGood) => {
    if (!isGood) throw refuse("a field out of its bounds");
  };
  const isText = (value, least, most) => {
    if (typeof value !== "string") return false;
    const length = Buffer.byteLength(value);
    return length >= least && length <= most;
  };
  const isIds = (value) =>
    Array.isArray(value) && value.every((id) => id instanceof Uint8Array && id.length === ID_BYTES);
  const targetOf = ([own, target]) => ({ own, target });
  switch (tag) {
    case TEXT:
      check(fields.length === 3 && isText(fields[0], 1, TEXT_MAX_BYTES) && isTimer(fields[2]));
      check(fields[1] === null || isTarget(fields[1]));
      return { body: fields[0], reply: fields[1] && targetOf(fields[1]), expiresS: fields[2] };
    case EDIT:
      check(fields.length === 3 && isBytes(fields[0], ID_BYTES) && isCount(fields[1]) && isText(fields[2], 1, TEXT_MAX_BYTES));
      return { own: true, target: fields[0], number: fields[1], body: fields[2] };
    case DELETE:
      check(fields.length === 1 && isIds(fields[0]) && fields[0].length >= 1 && fields[0].length <= DELETE_MAX_IDS);
      return { targets: fields[0] };
    case REACT:
      check(fields.length === 3 && isTarget(fields[0]) && isCount(fields[1]) && isText(fields[2], 0, REACTION_MAX_BYTES));
      return { ...targetOf(fields[0]), number: fields[1], emoji: fields[2] };
    case PIN:
      check(fields.length === 3 && isTarget(fields[0]) && isCount(fields[1]) && typeof fields[2] === "boolean");
      return { ...targetOf(fields[0]), number: fields[1], on: fields[2] };
    case RECEIPT:
      check(fields.length === 2 && isIds(fields[0]) && isIds(fields[1]));
      check(fields[0].length + fields[1].length <= RECEIPT_MAX_IDS);
      return { delivered: fields[0], read: fields[1] };
    case TYPING:
      check(fields.length === 1 && typeof fields[0] === "boolean");
      return { on: fields[0] };
    case PROFILE:
      check(fields.length === 4 && isCount(fields[0]) && isText(fields[1], 0, NAME_MAX_BYTES));
      check(isText(fields[2], 0, STATUS_MAX_BYTES) && typeof fields[3] === "boolean");
      return { number: fields[0], name: fields[1], status: fields[2], away: fields[3] };
    case MAILBOXES:
      check(fields.length === 2 && isCount(fields[0]) && isMailboxes(fields[1]));
      return { number: fields[0], mailboxes: fields[1].map(mailboxOf) };
    case TIMER:
      check(fields.length === 2 && isCount(fields[0]) && isTimer(fields[1]));
      return { number: fields[0], expiresS: fields[1] };
    case FAREWELL:
      check(fields.length === 2 && isCount(fields[0]) && fields[0] <= values[2] && (fields[1] === 1 || fields[1] === 2));
      return { beforeMs: fields[0], scope: fields[1] };
    case FILE: {
      const [name, size, mediaType, root, secret, thumbnail, caption, reply, expiresS] = fields;
      check(fields.length === 9 && isText(name, 1, FILE_NAME_MAX_BYTES) && isCount(size) && size <= FILE_MAX_BYTES);
      check(isText(mediaType, 0, FILE_TYPE_MAX_BYTES) && /^[ -~]*$/.test(mediaType) && isBytes(root, 32) && isBytes(secret, 32));
      check((thumbnail === null || isThumbnail(thumbnail)) && isText(caption, 0, TEXT_MAX_BYTES) && isTimer(expiresS));
      check(reply === null || isTarget(reply));
      return { name, size, mediaType, root, secret, thumbnail, caption, reply: reply && targetOf(reply), expiresS };
    }
    case FILE_STATE: {
      const [fileId, number, state, place] = fields;
      check(fields.length === 4 && isBytes(fileId, ID_BYTES) && isCount(number) && isCount(state) && state >= 1 && state <= 5);
      check(place === null || (state === 1 && isPlace(place)));
      return { fileId, number, state, place };
    }
    default:
      check(fields.length === 3 && isText(fields[0], 0, NAME_MAX_BYTES) && isCount(fields[1]) && isMailboxes(fields[2]));
      return { name: fields[0], number: fields[1], mailboxes: fields[2].map(mailboxOf) };
  }
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isTimer = (value) => value === 0 || (isCount(value) && value >= TIMER_MIN_S && value <= TIMER_MAX_S);
const isBytes = (value, length) => value instanceof Uint8Array && value.length === length;
const isTarget = (value) =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === "boolean" && isBytes(value[1], ID_BYTES);

const isAddress = (value) =>
  Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && isHost(value[0]) &&
  isCount(value[1]) && value[1] >= 1 && value[1] <= 65_535;

const isPlace = (value) =>
  Array.isArray(value) && value.length === 4 && isQueue(value.slice(0, 3)) && value[3] instanceof Uint8Array &&
  value[3].length <= FILE_CHUNKS_MAX / 8 && value[3].at(-1) !== 0;

function isQueue(value) {
  const [addresses, maskKey, secret] = value;
  return (
    Array.isArray(addresses) && addresses.length >= 1 && addresses.length <= MAILBOX_ADDRESSES_MAX &&
    addresses.every(isAddress) && isBytes(maskKey, 16) && isBytes(secret, 32)
  );
}

const isMailbox = (value) =>
  Array.isArray(value) && value.length === 4 && isQueue(value.slice(0, 3)) && (value[3] === 0 || value[3] === 1);

const isThumbnail = (value) =>
  Array.isArray(value) && value.length === 3 && isCount(value[0]) && isCount(value[1]) && value[0] > 0 && value[1] > 0 &&
  isBytes(value[2], value[0] * value[1] * 3) && value[2].length <= FILE_THUMBNAIL_MAX_BYTES;

const isMailboxes = (value) => Array.isArray(value) && value.length <= MAILBOXES_MAX && value.every(isMailbox);

const mailboxOf = ([addresses, maskKey, secret, direction]) => ({
  addresses: addresses.map(([host, port]) => ({ host, port })), maskKey, secret, direction,
});
