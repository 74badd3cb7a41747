/** Files of this side's conversations and rooms: offered, accepted, fetched piece by piece, and served (PROTOCOL 15). */

import { concat, EMPTY, equal, hex } from "./bytes.js";
import { addRow } from "./conversation.js";
import { close } from "./errors.js";
import { FILE_CHUNK_BYTES } from "./limits.js";
import { encodeFile, fileState, newMessageId } from "./payload.js";
import { H, RANDOM } from "./primitives.js";
import { FILE_PART, FILE_REFUSAL, FILE_REQUEST } from "./records.js";
import { FILE, fileIdOf } from "./room_events.js";
import {
  chunkCount, decodeFilePart, decodeFileRefusal, decodeFileRequest, encodeFileParts, encodeFileRefusal,
  encodeFileRequest, Fetching, fileRoot, GONE, hashesOf, LATER, LIST, listPieces, sealPiece, transferKeys,
} from "./transfer.js";

const ACCEPT = 1;
const DONE = 4;

export class Files {
  constructor(node) {
    this.node = node;
    /** Of others and of this side, by contact and file_id. */
    this.offered = new Map();
    this.own = new Map();
    this.fetching = new Map();
    /** What is whole here of files that posts offer, by file_id. */
    this.ofRooms = new Map();
  }

  /** Bytes by a rule, so that no content crosses from the test to here. */
  static content(size) {
    return Uint8Array.from({ length: size }, (_, i) => (i * 7 + Math.floor(i / 256)) % 256);
  }

  /** What is served of a content, and by which keys. */
  static held(content, secret, root) {
    return { content, list: concat(...hashesOf(content)), keys: transferKeys(secret, root) };
  }

  offer(contact, { name, size, mediaType, caption }) {
    const content = Files.content(size);
    const [id, secret] = [newMessageId(Date.now(), RANDOM), RANDOM.bytes(32)];
    const root = fileRoot(size, mediaType, hashesOf(content));
    this.own.set(`${contact} ${hex(id)}`, { ...Files.held(content, secret, root), isAccepted: false });
    this.#queue(contact, id, encodeFile(id, Date.now(), { name, size, mediaType, root, secret, caption }));
    return hex(id);
  }

  /** Offers a file to the members of a room; the id of its post. */
  post(room, { name, size, mediaType, caption }) {
    const content = Files.content(size);
    const secret = RANDOM.bytes(32);
    const root = fileRoot(size, mediaType, hashesOf(content));
    const fields = ["general", name, size, mediaType, root, secret, null, caption, EMPTY, EMPTY, [], 0];
    const postId = this.node.rooms.post(room, FILE, fields);
    this.ofRooms.set(hex(fileIdOf(postId)), { ...Files.held(content, secret, root), room, postId });
    return postId;
  }

  /** Asks one member for what a post offers; to ask is to accept. */
  fetchOfRoom(contact, room, postId) {
    const offer = this.node.rooms.contentOf(room, postId);
    this.fetching.set(contact, Object.assign(new Fetching(fileIdOf(postId), offer), { offer, room, postId }));
    this.node.pump(contact);
  }

  accept(contact, fileId) {
    const offer = this.offered.get(`${contact} ${fileId}`);
    this.fetching.set(contact, new Fetching(offer.id, offer));
    this.acceptedBy = this.#say(contact, offer.id, ACCEPT);
  }

  /** A File or FileState that came. */
  takeIn(contact, payload) {
    if (payload.kind === "file") {
      this.offered.set(`${contact} ${hex(payload.id)}`, payload);
      const { name, size, mediaType, caption } = payload;
      this.node.tell({ event: "offered", contact, file_id: hex(payload.id), name, size, media_type: mediaType, caption });
      return;
    }
    const own = this.own.get(`${contact} ${hex(payload.fileId)}`);
    if (own && payload.state === ACCEPT) own.isAccepted = true;
    this.node.tell({ event: "stated", contact, file_id: hex(payload.fileId), state: payload.state });
  }

  /** Once the sender has the accept, one piece after the other is asked for. */
  pump(route) {
    const fetching = this.fetching.get(route.name);
    const isUntold = ({ id }) => this.acceptedBy && equal(id, this.acceptedBy);
    const waits = !fetching?.postId && this.node.conversation(route.name).rows.some(isUntold);
    if (!fetching || waits || fetching.askedOn === route || (fetching.notBefore ?? 0) > Date.now()) return;
    fetching.askedOn = route;
    const { wanted } = fetching;
    if (wanted !== null) {
      route.send(FILE_REQUEST, encodeFileRequest(wanted));
      return;
    }
    this.fetching.delete(route.name);
    if (fetching.postId) this.#keepOfRoom(fetching);
    else this.#say(route.name, fetching.fileId, DONE);
    this.node.tell({ event: "fetched", contact: route.name, file_id: hex(fetching.fileId), hash: hex(H(fetching.content)) });
  }

  onRecord(route, type, body) {
    if (type === FILE_REQUEST) return this.#serve(route, decodeFileRequest(body));
    const fetching = this.fetching.get(route.name);
    if (!fetching || fetching.askedOn !== route) throw close("a piece that was not asked for");
    if (type === FILE_PART) {
      if (!fetching.take(decodeFilePart(body))) return undefined;
    } else {
      const { reason } = decodeFileRefusal(body);
      fetching.notBefore = Date.now() + (reason === LATER ? 10_000 : 3_600_000);
      this.node.tell({ event: "not served", contact: route.name, reason });
    }
    fetching.askedOn = null;
    return this.pump(route);
  }

  #serve(route, piece) {
    const own = this.own.get(`${route.name} ${hex(piece.fileId)}`) ?? this.#ofRoom(route.name, piece.fileId);
    const count = own && (piece.what === LIST ? listPieces(own.content.length) : chunkCount(own.content.length));
    if (!own || piece.index >= count) return route.send(FILE_REFUSAL, encodeFileRefusal(piece, GONE));
    if (!own.isAccepted) return route.send(FILE_REFUSAL, encodeFileRefusal(piece, LATER));
    const start = piece.index * FILE_CHUNK_BYTES;
    const whole = piece.what === LIST ? own.list : own.content;
    const sealed = sealPiece(own.keys, piece, whole.slice(start, start + FILE_CHUNK_BYTES));
    for (const part of encodeFileParts(piece, sealed)) route.send(FILE_PART, part);
    return undefined;
  }

  /** Each request is decided on its own. */
  #ofRoom(contact, fileId) {
    const held = this.ofRooms.get(hex(fileId));
    return held && this.node.rooms.mayHave(held.room, contact, held.postId) ? { ...held, isAccepted: true } : undefined;
  }

  #keepOfRoom({ fileId, content, offer: { secret, root }, room, postId }) {
    this.ofRooms.set(hex(fileId), { ...Files.held(content, secret, root), room, postId });
  }

  #say(contact, fileId, state) {
    const id = newMessageId(Date.now(), RANDOM);
    this.#queue(contact, id, fileState(id, Date.now(), fileId, Date.now(), state));
    return id;
  }

  #queue(contact, id, payload) {
    addRow(this.node.conversation(contact), id, payload);
    this.node.commit();
    this.node.pump(contact);
  }
}
