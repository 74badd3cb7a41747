/** Tokens (PROTOCOL 1.3). */

import { concat, equal } from "./bytes.js";
import { enc } from "./encoding.js";
import { InvalidInput } from "./errors.js";
import { TOKEN_CHARACTERS } from "./limits.js";
import { H, isCanonical, isOfSmallOrder, split } from "./primitives.js";

const PREFIX = "LOOM-";
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VERSION = 1;

export const checksumOf = (body) => H(enc("LOOM/1 token", body)).slice(0, 4);

/** Base32 without padding. */
export function charactersOf(data) {
  const bits = [...data].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{1,5}/g).map((five) => ALPHABET[parseInt(five.padEnd(5, "0"), 2)]).join("");
}

/** What stands behind the prefix, without white space and hyphens. */
export function packedOf(text) {
  const packed = text.replace(/[\p{White_Space}\u001c-\u001f]/gu, "").replace(/[a-z]/g, (letter) => letter.toUpperCase());
  if (!packed.startsWith(PREFIX)) throw new InvalidInput("prefix");
  const characters = packed.slice(PREFIX.length).replaceAll("-", "");
  if (!/^[A-Z2-7]*$/.test(characters)) throw new InvalidInput("alphabet");
  return characters;
}

/** Whole bytes, and the bits that are left. */
export function unpacked(characters) {
  const bits = [...characters].map((one) => ALPHABET.indexOf(one).toString(2).padStart(5, "0")).join("");
  const used = bits.length - (bits.length % 8);
  const bytes = Uint8Array.from(bits.slice(0, used).match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2));
  return { bytes, spare: bits.slice(used) };
}

export function encodeToken({ fingerprint, x25519 }) {
  const body = concat(Uint8Array.of(VERSION), fingerprint, x25519);
  return PREFIX + charactersOf(concat(body, checksumOf(body)));
}

/** The person of a token; `known` lists fingerprints that are refused, `own` is one's own. */
export function decodeToken(text, own = null, known = []) {
  const characters = packedOf(text);
  if (characters.length < TOKEN_CHARACTERS) throw new InvalidInput("length");
  const { bytes, spare } = unpacked(characters);
  if (bytes[0] !== VERSION) throw new InvalidInput("version");
  if (characters.length > TOKEN_CHARACTERS) throw new InvalidInput("length");
  const [body, checksum] = split(bytes, 65, 4);
  if (!equal(checksum, checksumOf(body))) throw new InvalidInput("checksum");
  if (spare !== "000") throw new InvalidInput("spare bits");
  const [, fingerprint, x25519] = split(body, 1, 32, 32);
  if (!isCanonical(x25519)) throw new InvalidInput("canonical key");
  if (isOfSmallOrder(x25519)) throw new InvalidInput("order of the key");
  if (own && equal(own, fingerprint)) throw new InvalidInput("own");
  if (known.some((one) => equal(one, fingerprint))) throw new InvalidInput("known");
  return { fingerprint, x25519 };
}
