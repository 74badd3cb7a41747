/** The state of one person as a JSON file, replaced whole and durably. */

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";

import { hex, unhex } from "./bytes.js";

/** Byte strings become `{ "bytes": hexadecimal }`. */
const pack = (_key, value) => (value instanceof Uint8Array ? { bytes: hex(value) } : value);
const unpack = (_key, value) =>
  value !== null && typeof value === "object" && typeof value.bytes === "string" ? unhex(value.bytes) : value;

export const load = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8"), unpack) : null);

export function save(path, state) {
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    writeSync(file, JSON.stringify(state, pack));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
