/** The content of files: hashes, keys, pieces and their records (PROTOCOL 15.3, 15.4). */

import { ascii, concat, equal, number, u8, u32, u64, uint } from "./bytes.js";
import { enc } from "./encoding.js";
import { close } from "./errors.js";
import { FILE_CHUNK_BYTES, FILE_CHUNKS_MAX, FILE_PART_MAX_BYTES } from "./limits.js";
import { B3, CHACHA, HK, split } from "./primitives.js";

export const LIST = 0;
export const DATA = 1;
export const LATER = 1;
export const GONE = 2;

const FILE_ID_BYTES = 16;
const HASH_BYTES = 32;
const HEAD_BYTES = FILE_ID_BYTES + 5;
const TAG_BYTES = 16;
const ENDS = { [LIST]: (FILE_CHUNKS_MAX * HASH_BYTES) / FILE_CHUNK_BYTES, [DATA]: FILE_CHUNKS_MAX };

export const chunkCount = (size) => Math.ceil(size / FILE_CHUNK_BYTES);
export const chunksOf = (content) =>
  Array.from({ length: chunkCount(content.length) }, (_, i) => content.slice(i * FILE_CHUNK_BYTES, (i + 1) * FILE_CHUNK_BYTES));
export const hashesOf = (content) => chunksOf(content).map(B3);
export const fileRoot = (size, mediaType, hashes) => B3(enc("LOOM/1 file", u64(size), ascii(mediaType), ...hashes));

/** Of an offer's `F` and root. */
export function transferKeys(secret, root) {
  const [data, list] = split(HK(new Uint8Array(0), secret, enc("LOOM/1 file", root), 64), 32, 32);
  return { [DATA]: data, [LIST]: list };
}

export const sealPiece = (keys, { what, index }, plaintext) => CHACHA.seal(keys[what], uint(index, 12), plaintext);
/** Null where the tag is wrong. */
export const openPiece = (keys, { what, index }, sealed) => CHACHA.open(keys[what], uint(index, 12), sealed);

/** How many pieces the list of a file has, and how long a piece is when it is sealed. */
export const listPieces = (size) => Math.ceil((chunkCount(size) * HASH_BYTES) / FILE_CHUNK_BYTES);
export function sealedLength(size, { what, index }) {
  const whole = what === DATA ? size : chunkCount(size) * HASH_BYTES;
  return Math.min(FILE_CHUNK_BYTES, whole - index * FILE_CHUNK_BYTES) + TAG_BYTES;
}

// --- records ----------------------------------------------------------------------------------------

const head = ({ fileId, what, index }) => concat(fileId, u8(what), u32(index));

function readHead(body) {
  if (body.length < HEAD_BYTES) throw close("a record of a file that is cut short");
  const [fileId, what, index] = split(body, FILE_ID_BYTES, 1, 4);
  const piece = { fileId, what: what[0], index: number(index) };
  if (!(piece.what in ENDS) || piece.index >= ENDS[piece.what]) throw close("a piece that no file has");
  return piece;
}

export const encodeFileRequest = head;

export function decodeFileRequest(body) {
  if (body.length !== HEAD_BYTES) throw close("a request for a file of another length");
  return readHead(body);
}

/** The bodies that carry a sealed piece. */
export function encodeFileParts(piece, sealed) {
  const bodies = [];
  for (let at = 0; at < sealed.length; at += FILE_PART_MAX_BYTES) {
    bodies.push(concat(head(piece), u8(bodies.length), sealed.slice(at, at + FILE_PART_MAX_BYTES)));
  }
  return bodies;
}

export function decodeFilePart(body) {
  const piece = readHead(body);
  if (body.length < HEAD_BYTES + 2) throw close("a part of a file without bytes");
  return { piece, part: body[HEAD_BYTES], bytes: body.slice(HEAD_BYTES + 1) };
}

export const encodeFileRefusal = (piece, reason) => concat(head(piece), u8(reason));

export function decodeFileRefusal(body) {
  const piece = readHead(body);
  const reason = body[HEAD_BYTES];
  if (body.length !== HEAD_BYTES + 1 || (reason !== LATER && reason !== GONE)) throw close("a refusal of another form");
  return { piece, reason };
}

/** Fetches one file at a time: `next` gives the pieces to ask for, one after the other. */
export class Fetching {
  constructor(fileId, { size, mediaType, root, secret }) {
    Object.assign(this, { fileId, size, mediaType, root, keys: transferKeys(secret, root) });
    this.list = [];
    this.hashes = null;
    this.chunks = [];
    this.parts = [];
    if (size === 0) this.#takeHashes([]);
  }

  /** What is missing, or null at the end. */
  get wanted() {
    if (this.hashes === null) return { fileId: this.fileId, what: LIST, index: this.list.length };
    if (this.chunks.length === chunkCount(this.size)) return null;
    return { fileId: this.fileId, what: DATA, index: this.chunks.length };
  }

  /** Takes in the next part of what is wanted; true when a piece is whole. */
  take({ piece, part, bytes }) {
    const { wanted } = this;
    const isNext = wanted !== null && equal(piece.fileId, wanted.fileId) && piece.what === wanted.what && piece.index === wanted.index;
    const left = isNext ? sealedLength(this.size, wanted) - part * FILE_PART_MAX_BYTES : 0;
    if (!isNext || part !== this.parts.length || bytes.length !== Math.min(left, FILE_PART_MAX_BYTES)) {
      throw close("a part that is not the next one");
    }
    this.parts.push(bytes);
    if (left > FILE_PART_MAX_BYTES) return false;
    const opened = openPiece(this.keys, piece, concat(...this.parts));
    this.parts = [];
    if (opened === null) throw close("a piece that does not open");
    if (piece.what === LIST) this.#takeList(opened);
    else this.#takeChunk(opened);
    return true;
  }

  get content() {
    return concat(...this.chunks);
  }

  #takeList(opened) {
    this.list.push(opened);
    if (this.list.length < listPieces(this.size)) return;
    const joined = concat(...this.list);
    this.#takeHashes(split(joined, ...Array(chunkCount(this.size)).fill(HASH_BYTES)));
  }

  #takeHashes(hashes) {
    if (!equal(fileRoot(this.size, this.mediaType, hashes), this.root)) throw close("a list that was not offered");
    this.hashes = hashes;
  }

  #takeChunk(opened) {
    if (!equal(B3(opened), this.hashes[this.chunks.length])) throw close("a chunk that was not offered");
    this.chunks.push(opened);
  }
}
