/** The text by which a person takes an anchor into use (PROTOCOL 10.4). */

import { concat, equal, hex, number, u32, u8 } from "./bytes.js";
import { InvalidInput } from "./errors.js";
import { packHint, readHints } from "./hints.js";
import { charactersOf, checksumOf, packedOf, unpacked } from "./token.js";

const VERSION = 3;
const CHARACTERS_MIN = 76;
const CHARACTERS_MAX = 495;
const CHECKSUM_BYTES = 4;

export function pairingBody({ secret, expiresH, hints }) {
  return concat(u8(VERSION), secret, u32(expiresH), u8(hints.length), ...hints.map(packHint));
}

export const encodePairingText = (body) => `LOOM-${charactersOf(concat(body, checksumOf(body)))}`;

/** `{ secret, expiresH, hints }`. */
export function decodePairingText(text) {
  const characters = packedOf(text);
  if (characters.length < CHARACTERS_MIN) throw new InvalidInput("length");
  const { bytes, spare } = unpacked(characters);
  if (bytes[0] !== VERSION) throw new InvalidInput("version");
  if (characters.length > CHARACTERS_MAX) throw new InvalidInput("length");
  const body = bytes.slice(0, -CHECKSUM_BYTES);
  if (!equal(checksumOf(body), bytes.slice(-CHECKSUM_BYTES))) throw new InvalidInput("checksum");
  if (/1/.test(spare)) throw new InvalidInput("spare bits");
  if (charactersOf(bytes).length !== characters.length) throw new InvalidInput("length");
  return { secret: body.slice(1, 17), expiresH: number(body.subarray(17, 21)), hints: anchorsOf(readHints(body, 21)) };
}

function anchorsOf(hints) {
  if (hints.some(({ maskKey }) => maskKey === null)) throw new InvalidInput("hints");
  return hints;
}

export const hintsShown = (hints) =>
  hints.map(({ host, port, maskKey }) => ({ host, port, mask_key: maskKey ? hex(maskKey) : "" }));
