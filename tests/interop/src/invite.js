/** Texts and keys of invites (PROTOCOL 11.1, 11.2). */

import { concat, EMPTY, equal, number, u32, u8 } from "./bytes.js";
import { enc } from "./encoding.js";
import { InvalidInput } from "./errors.js";
import { packHint, readHints } from "./hints.js";
import { HK, isCanonical, isOfSmallOrder, split } from "./primitives.js";
import { charactersOf, checksumOf, packedOf, unpacked } from "./token.js";

const VERSION = 2;
const IS_ADDRESS = 1;
const IS_INTO_A_ROOM = 2;
const ROOM_NAME_MAX_BYTES = 64;
const CHARACTERS_MIN = 146;
const CHARACTERS_MAX = 495;
const CHECKSUM_BYTES = 4;
const ROOM_AT = 86;

export function inviteBody({ fingerprint, x25519, secret, expiresH, flags, room = null, hints }) {
  const head = concat(u8(VERSION), fingerprint, x25519, secret, u32(expiresH), u8(flags));
  const name = Buffer.from(room?.name ?? "");
  return concat(head, room ? concat(room.id, u8(name.length), name) : EMPTY, u8(hints.length), ...hints.map(packHint));
}

/** `{ id, name }` and where the hints begin. */
function readRoom(body) {
  const length = body[ROOM_AT + 32] ?? 0;
  const end = ROOM_AT + 33 + length;
  if (length < 1 || length > ROOM_NAME_MAX_BYTES || end > body.length) throw new InvalidInput("room");
  try {
    const name = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body.slice(ROOM_AT + 33, end));
    return [{ id: body.slice(ROOM_AT, ROOM_AT + 32), name }, end];
  } catch {
    throw new InvalidInput("room");
  }
}

export const encodeInvite = (body) => `LOOM-${charactersOf(concat(body, checksumOf(body)))}`;

/** Rules 1 to 11, which need to know neither the reader nor the time. */
export function decodeInvite(text) {
  const characters = packedOf(text);
  if (characters.length < CHARACTERS_MIN) throw new InvalidInput("length");
  const { bytes, spare } = unpacked(characters);
  if (bytes[0] !== VERSION) throw new InvalidInput("version");
  if (characters.length > CHARACTERS_MAX) throw new InvalidInput("length");
  const body = bytes.slice(0, -CHECKSUM_BYTES);
  if (!equal(checksumOf(body), bytes.slice(-CHECKSUM_BYTES))) throw new InvalidInput("checksum");
  if (/1/.test(spare)) throw new InvalidInput("spare bits");
  if (charactersOf(bytes).length !== characters.length) throw new InvalidInput("length");
  const [, fingerprint, x25519, secret, expiry, flagByte] = split(body, 1, 32, 32, 16, 4, 1);
  const flags = flagByte[0];
  const [room, hintsAt] = flags === IS_INTO_A_ROOM ? readRoom(body) : [null, ROOM_AT];
  const hints = readHints(body, hintsAt);
  if (flags > IS_INTO_A_ROOM || (flags === IS_ADDRESS && hints.some(({ maskKey }) => maskKey === null))) {
    throw new InvalidInput("flags");
  }
  if (!isCanonical(x25519)) throw new InvalidInput("canonical key");
  if (isOfSmallOrder(x25519)) throw new InvalidInput("order of the key");
  return { fingerprint, x25519, secret, expiresH: number(expiry), flags, room, hints };
}

export function inviteKeys(secret, fingerprint) {
  const [tag, link] = split(HK(EMPTY, secret, enc("LOOM/1 invite", fingerprint), 64), 32, 32);
  return { tag, link };
}

/** `Q` of the invite at the anchor with this mask key. */
export const inviteQueue = (secret, fingerprint, maskKey) =>
  HK(EMPTY, secret, enc("LOOM/1 invite queue", fingerprint, maskKey), 32);

/** `Q` of the first queue towards the joiner there; `linkKey` is that of owner -> joiner. */
export const firstQueue = (secret, linkKey, maskKey) => HK(secret, linkKey, enc("LOOM/1 first queue", maskKey), 32);
