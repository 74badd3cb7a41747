/** Files of backups (PROTOCOL 8.1). */

import { ascii, concat, uint, u32, u8, zeros } from "./bytes.js";
import { CHACHA, H, HK } from "./primitives.js";

const EMPTY = zeros(0);
const CHUNK_BYTES = 65_536;

export const phraseKey = ({ ed25519Seed, mldsaSeed, x25519Seed }) =>
  HK(EMPTY, concat(ed25519Seed, mldsaSeed, x25519Seed), ascii("LOOM/1 backup phrase"), 32);

/** `cost` is memory in KiB, passes and lanes of Argon2id; all 0 for a phrase. */
export function backupHeader(key, salt, cost = [0, 0, 0], passphraseSalt = zeros(16)) {
  const [memory, passes, lanes] = cost;
  const isPassphrase = memory > 0 ? 1 : 0;
  const head = concat(
    ascii("LOOMBACK"), u8(1), u8(isPassphrase), u32(memory), u8(passes), u8(lanes), passphraseSalt, salt,
    HK(salt, key, ascii("LOOM/1 backup check"), 8),
  );
  return concat(head, H(head).slice(0, 8));
}

export const backupKey = (key, salt) => HK(salt, key, ascii("LOOM/1 backup"), 32);

export function sealBackupChunk(fileKey, header, index, isLast, content) {
  const plaintext = concat(u32(content.length), content, zeros(CHUNK_BYTES - 4 - content.length));
  return CHACHA.seal(fileKey, concat(uint(index, 11), u8(isLast ? 1 : 0)), plaintext, H(header));
}
