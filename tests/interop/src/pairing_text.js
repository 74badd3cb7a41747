/** The text by which a person takes an anchor into use (PROTOCOL 10.4). */

import { ascii, concat, equal, hex, number, u16, u32, u8 } from "./bytes.js";
import { enc } from "./encoding.js";
import { InvalidInput } from "./errors.js";
import { isHost } from "./host.js";
import { H } from "./primitives.js";
import { charactersOf, packedOf, unpacked } from "./token.js";

const VERSION = 3;
const ANCHOR = 1;
const CHARACTERS_MIN = 76;
const CHARACTERS_MAX = 495;
const CHECKSUM_BYTES = 4;

const checksumOf = (body) => H(enc("LOOM/1 token", body)).slice(0, CHECKSUM_BYTES);

export function pairingBody({ secret, expiresH, hints }) {
  const packed = hints.map(({ host, port, maskKey }) =>
    concat(u8(ANCHOR), u16(port), maskKey, u8(host.length), ascii(host)),
  );
  return concat(u8(VERSION), secret, u32(expiresH), u8(hints.length), ...packed);
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
  return { secret: body.slice(1, 17), expiresH: number(body.subarray(17, 21)), hints: readHints(body) };
}

function readHints(body) {
  const hints = [];
  let offset = 22;
  for (let i = 0; i < body[21]; i += 1) {
    const length = body[offset + 19];
    const end = offset + 20 + length;
    if (body[offset] !== ANCHOR || !(end <= body.length)) throw new InvalidInput("hints");
    const host = String.fromCharCode(...body.subarray(offset + 20, end));
    const hint = { host, port: number(body.subarray(offset + 1, offset + 3)), maskKey: body.slice(offset + 3, offset + 19) };
    if (hint.port === 0 || !isHost(host)) throw new InvalidInput("hints");
    hints.push(hint);
    offset = end;
  }
  if (hints.length === 0 || offset !== body.length) throw new InvalidInput("hints");
  return hints;
}

export const hintsShown = (hints) => hints.map(({ host, port, maskKey }) => ({ host, port, mask_key: hex(maskKey) }));
