/** What wraps the vault key: the keyslot, and the file of another way (PROTOCOL 8). */

import { ascii, concat, EMPTY, u16, u32, u8 } from "./bytes.js";
import { H, HK, SIV } from "./primitives.js";

const whole = (body) => concat(body, H(body).slice(0, 8));

/** `slots` are functions of the bytes before them. */
export function keyslotFile(version, [memory, passes, lanes], salt, ...slots) {
  const head = concat(ascii("LOOMSLOT"), u8(version), u32(memory), u8(passes), u8(lanes), salt);
  return whole(concat(head, ...slots.map((slot) => slot(head))));
}

export const usedSlot = (kek, nonce, use, vaultKey) => (head) =>
  concat(nonce, SIV.seal(kek, nonce, concat(u8(use), vaultKey), head));

/** Of version 1: without a use. */
export const oldSlot = (kek, nonce, vaultKey) => (head) => concat(nonce, SIV.seal(kek, nonce, vaultKey, head));

export const databaseKey = (vaultKey) => HK(EMPTY, vaultKey, ascii("LOOM/1 database"), 32);

export const wayKey = (salt, secret) => HK(salt, secret, ascii("LOOM/1 unlock"), 32);

export function wayFile(salt, hint, secret, nonce, vaultKey) {
  const head = concat(ascii("LOOMWAYS"), u8(1), salt, u16(hint.length), hint);
  return whole(concat(head, nonce, SIV.seal(wayKey(salt, secret), nonce, vaultKey, head)));
}
