/** Keys and records of a move to another machine (PROTOCOL 8.2). */

import { ascii, concat, EMPTY, u64, u8, zeros } from "./bytes.js";
import { enc } from "./encoding.js";
import { HK, MAC } from "./primitives.js";

const PLEDGE_BYTES = 325;

export const pledge = (end, share) => concat(u8(1), u8(end), share, zeros(PLEDGE_BYTES - 2 - share.length));
export const moveKey = (handshakeHash, old, new_) => HK(handshakeHash, concat(old, new_), ascii("LOOM/1 move"), 32);
export const moveProof = (key, handshakeHash, end) =>
  MAC(key, enc("LOOM/1 move proof", handshakeHash, u8(end))).slice(0, 32);
export const movePsk = (key) => HK(EMPTY, key, ascii("LOOM/1 move link"), 32);
export const moveBackupKey = (key) => HK(EMPTY, key, ascii("LOOM/1 move backup"), 32);

export const offer = (size, header) => concat(u8(1), u64(size), header);
export const have = (offset) => concat(u8(2), u64(offset));
export const data = (bytes) => concat(u8(3), bytes);
export const refusal = (reason) => concat(u8(8), u8(reason));
