/** Rooms as a member has them: what came, what holds, who is told (PROTOCOL 14). */

import { EMPTY, equal, hex, unhex } from "./bytes.js";
import { addRow } from "./conversation.js";
import { Refused } from "./errors.js";
import { decodeInvite } from "./invite.js";
import { PAYLOAD_MAX_BYTES, ROOM_EVENTS_MAX, ROOM_ORDER_STEP_MAX } from "./limits.js";
import * as payloads from "./payload.js";
import { RANDOM } from "./primitives.js";
import {
  CONTINUE, continuedClaim, decodePost, decodeStatement, EDIT, encodeHead, FILE, isPostVerified, isProofOf, isStatement, isVerified, joined, keysTold, memberAuthor,
  REACT, roomClaim, roomPair, signPost, signStatement, TEXT, UNSAY,
} from "./room_events.js";
import { kept, materialize, takesPost } from "./room_state.js";
import { answerTo, begin, placesOf } from "./room_sync.js";
import { best } from "./sessions.js";

/** Room for the fields beside the events of one payload and for whom it names. */
const BESIDE_EVENTS_BYTES = 4_600;
const EVENT_HEAD_BYTES = 3;

const largest = (numbers) => Math.max(0, ...numbers);

export class Rooms {
  constructor(node) {
    this.node = node;
    node.state.rooms ??= {};
  }

  room(id) {
    const found = this.node.state.rooms[id];
    if (!found) throw new Error(`no room ${id}`);
    return found;
  }

  // --- what is here ---------------------------------------------------------------------------------------

  statements(room) {
    return room.statements.map(decodeStatement);
  }

  /** Those that are taken; the others are kept aside. */
  posts(room) {
    const state = this.state(room);
    return room.posts.map(decodePost).filter(({ author, number }) => state && takesPost(state, author, number));
  }

  state(room) {
    return materialize(this.statements(room));
  }

  known(room) {
    return new Map(this.statements(room).map(keysTold).filter(Boolean));
  }

  own(room) {
    return hex(room.pair.author);
  }

  isMember(room, state = this.state(room)) {
    return state?.members.some(({ author }) => author === this.own(room)) ?? false;
  }

  /** Contacts that are members and said their keys here. */
  hearing(room, state = this.state(room)) {
    const people = new Set(state?.members.map(({ fingerprint }) => fingerprint));
    return Object.entries(room.peers)
      .filter(([name, { said }]) => said && people.has(hex(this.node.conversation(name).fingerprint)))
      .map(([name, { said }]) => ({ name, said }));
  }

  // --- what one does --------------------------------------------------------------------------------------

  join(contact, text) {
    const { room: door, secret } = decodeInvite(text);
    return this.enter(contact, door, roomClaim(secret, door.id));
  }

  /** Goes on in the room that a contact offers in this one. */
  accept(id, contact) {
    const old = this.room(id);
    const { said } = this.peer(old, contact);
    const offers = this.posts(old).filter(({ kind, author, content }) => kind === CONTINUE && author === said && content);
    const { roomId, name, people } = offers.reduce((one, other) => (one.number > other.number ? one : other)).content;
    if (!people.some((one) => equal(one, this.node.me.fingerprint))) throw new Error("it is offered to others");
    return this.enter(contact, { id: roomId, name }, continuedClaim(old.id, roomId));
  }

  /** Asks a contact with a claim to be let in. */
  enter(contact, { id, name }, claim) {
    const pair = roomPair(RANDOM.bytes(32), RANDOM.bytes(32));
    const room = { id, name, pair, door: contact, statements: [], posts: [], peers: {}, count: 0, told: [] };
    this.node.state.rooms[hex(id)] = room;
    this.tellKey(room, contact, claim);
    return hex(id);
  }

  tellKey(room, contact, claim = EMPTY) {
    const { me } = this.node;
    const proof = RANDOM.sign(room.pair, "room join", joined(room.id, me));
    this.peer(room, contact).told = true;
    this.queue(contact, (id, nowMs) => payloads.roomKey(id, nowMs, room.id, room.pair.keys, proof, claim));
  }

  peer(room, contact) {
    return (room.peers[contact] ??= { said: null, told: false });
  }

  /** A post of one's own; its id. */
  post(id, kind, fields) {
    const room = this.room(id);
    const own = room.posts.map(decodePost).filter(({ author }) => author === this.own(room));
    const number = largest(own.map((one) => one.number)) + 1;
    const event = signPost(room.pair, room.id, { number, order: room.count + 1, sentAtMs: Date.now(), kind, fields });
    this.keep(room, [event]);
    this.tell(room, this.hearing(room), [event]);
    return decodePost(event).id;
  }

  /** A statement of one's own, whether it counts or not. */
  say(id, kind, fields) {
    const room = this.room(id);
    const own = this.statements(room).filter(({ author }) => author === this.own(room));
    const head = encodeHead(room.id, room.pair.author, largest(own.map((one) => one.number)) + 1, kind, fields);
    const event = signStatement(room.pair, head, RANDOM);
    const before = this.hearing(room);
    this.keep(room, [event]);
    this.tell(room, before, [event]);
    return decodeStatement(event).id;
  }

  /** RoomEvents for these contacts, in as many payloads as it takes. */
  tell(room, peers, events, told = []) {
    const names = [...new Set([this.own(room), ...peers.map(({ said }) => said), ...told])].sort();
    const pages = [[]];
    let bytes = 0;
    for (const event of events) {
      const size = event.length + EVENT_HEAD_BYTES;
      const isFull = bytes + size > PAYLOAD_MAX_BYTES - BESIDE_EVENTS_BYTES || pages.at(-1).length === ROOM_EVENTS_MAX;
      if (isFull && pages.at(-1).length > 0) {
        pages.push([]);
        bytes = 0;
      }
      pages.at(-1).push(event);
      bytes += size;
    }
    for (const page of pages.filter(({ length }) => length > 0)) {
      for (const { name } of peers) {
        this.queue(name, (id, nowMs) => payloads.roomEvents(id, nowMs, room.id, page, names.map(unhex)));
      }
    }
  }

  queue(contact, payloadOf) {
    const nowMs = Date.now();
    const id = payloads.newMessageId(nowMs, RANDOM);
    addRow(this.node.conversation(contact), id, payloadOf(id, nowMs));
  }

  // --- what comes in --------------------------------------------------------------------------------------

  /** Keep what is new and verifies, whatever its order; the new events. */
  keep(room, events) {
    const known = this.known(room);
    const here = new Set([...this.statements(room), ...room.posts.map(decodePost)].map(({ id }) => id));
    const fresh = [];
    let waiting = [];
    const posts = [];
    for (const event of events) {
      try {
        (isStatement(event) ? waiting : posts).push(isStatement(event) ? decodeStatement(event) : decodePost(event));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    const isOurs = ({ roomId, id }) => roomId === hex(room.id) && !here.has(id);
    for (let isMore = true; isMore; ) {
      const later = [];
      for (const one of waiting.filter(isOurs)) {
        if (!isVerified(one, known)) {
          later.push(one);
          continue;
        }
        const told = keysTold(one);
        if (told) known.set(...told);
        here.add(one.id);
        room.statements.push(one.event);
        fresh.push(one.event);
      }
      isMore = later.length < waiting.length && later.length > 0;
      waiting = later;
    }
    const state = this.state(room);
    if (state) {
      const statements = this.statements(room);
      const stay = kept(statements, state);
      room.statements = statements.filter(({ id }) => stay.has(id)).map(({ event }) => event);
    }
    for (const one of posts.filter((each) => isOurs(each) && isPostVerified(each, known))) {
      if (!state || !takesPost(state, one.author, one.number) || this.isCrowded(room, one)) continue;
      here.add(one.id);
      room.posts.push(one.event);
      fresh.push(one.event);
      const order = one.order > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(one.order);
      room.count = Math.max(room.count, Math.min(order, room.count + ROOM_ORDER_STEP_MAX));
      if (one.kind === CONTINUE && one.content) {
        this.node.tell({ event: "room offered", room: hex(room.id), offered: hex(one.content.roomId) });
      }
      if (one.kind === FILE && one.content) {
        const { name, size, mediaType, caption } = one.content;
        this.node.tell({ event: "room file", room: hex(room.id), id: one.id, name, size, media_type: mediaType, caption });
      }
      if (one.kind === TEXT && one.content) this.node.tell({ event: "post", room: hex(room.id), id: one.id, body: one.content.body });
    }
    return fresh;
  }

  /** What a post says, whatever became of it. */
  contentOf(id, postId) {
    return this.posts(this.room(id)).find((one) => one.id === postId).content;
  }

  /** Whether a contact is given the file of a post now. */
  mayHave(id, contact, postId) {
    const room = this.room(id);
    const state = this.state(room);
    const posts = this.posts(room);
    const post = posts.find((one) => one.id === postId);
    if (!post?.content || !this.isMember(room, state) || this.isUnsaid(posts, post)) return false;
    const isHearing = this.hearing(room, state).some(({ name }) => name === contact);
    return isHearing && !state.deleted.includes(postId) && post.order >= this.fromOrder(room, contact);
  }

  /** Whether its author took a post back. */
  isUnsaid(posts, post) {
    return posts.some(
      ({ kind, author, content }) =>
        kind === UNSAY && author === post.author && content?.postIds.some((one) => equal(one, unhex(post.id))),
    );
  }

  /** Of one author and number the two with the smallest ids are kept. */
  isCrowded(room, post) {
    const same = room.posts.map(decodePost).filter(({ author, number }) => author === post.author && number === post.number);
    if (same.length < 2) return false;
    const last = same.sort((one, other) => (one.id < other.id ? -1 : 1)).at(-1);
    if (post.id > last.id) return true;
    room.posts = room.posts.filter((event) => decodePost(event).id !== last.id);
    return false;
  }

  /** A payload of one of the three kinds from a contact. */
  takeIn(contact, payload) {
    const room = this.node.state.rooms[hex(payload.roomId)];
    if (!room) return;
    const before = this.state(room);
    const wasMember = this.isMember(room, before);
    if (payload.kind === "room key") this.takeKey(room, contact, payload, wasMember);
    const fingerprint = hex(this.node.conversation(contact).fingerprint);
    const isTheirs = wasMember ? before.members.some((one) => one.fingerprint === fingerprint) : room.door === contact;
    if (!isTheirs) return;
    if (payload.kind === "room have") this.answer(room, contact, payload.comparison);
    if (payload.kind !== "room events") return;
    const hearing = this.hearing(room);
    const fresh = this.keep(room, payload.events);
    const state = this.state(room);
    const isMember = this.isMember(room, state);
    if (isMember && !wasMember) this.joined(room, state);
    if (wasMember && !isMember) this.node.tell({ event: "room left", room: hex(room.id) });
    if (fresh.some(isStatement)) this.node.tell({ event: "room state", room: hex(room.id), name: state?.name ?? "" });
    const told = new Set([...payload.told.map(hex), this.peer(room, contact).said]);
    const others = (isMember ? this.hearing(room, state) : hearing).filter(({ name, said }) => name !== contact && !told.has(said));
    if (isMember) this.tell(room, others, fresh, [...told].filter(Boolean));
  }

  takeKey(room, contact, { keys, proof }, isMember) {
    const token = this.node.conversation(contact);
    if (!isProofOf(room.id, token, keys, proof)) return;
    const peer = this.peer(room, contact);
    const said = hex(memberAuthor(keys));
    const session = best(token.sessions).counter;
    const isDue = !peer.told || (peer.said === said && peer.answeredIn !== session);
    peer.said = said;
    if (!isMember || !isDue) return;
    peer.answeredIn = session;
    this.tellKey(room, contact);
  }

  joined(room, state) {
    const own = state.members.find(({ author }) => author === this.own(room));
    room.count = Math.max(room.count, Number(own.from));
    for (const [name, contact] of Object.entries(this.node.state.conversations)) {
      const isMember = state.members.some(({ fingerprint }) => fingerprint === hex(contact.fingerprint));
      if (isMember && !this.peer(room, name).told) this.tellKey(room, name);
    }
    this.node.tell({ event: "room joined", room: hex(room.id), name: state.name });
  }

  // --- comparing --------------------------------------------------------------------------------------------

  fromOrder(room, contact) {
    const members = this.state(room)?.members ?? [];
    const fingerprint = hex(this.node.conversation(contact).fingerprint);
    const theirs = members.filter((one) => one.fingerprint === fingerprint).map(({ from }) => BigInt(from));
    const own = BigInt(members.find(({ author }) => author === this.own(room))?.from ?? 0);
    const least = theirs.length > 0 ? theirs.reduce((one, other) => (one < other ? one : other)) : 0n;
    return least > own ? least : own;
  }

  places(room, fromOrder) {
    return placesOf(this.statements(room), this.posts(room), fromOrder);
  }

  /** On a new link, by the one with the smaller fingerprint. */
  compare(contact) {
    for (const room of Object.values(this.node.state.rooms)) {
      if (!this.isMember(room) || !room.peers[contact]?.said) continue;
      const from = this.fromOrder(room, contact);
      this.compareWith(room, contact, begin(this.places(room, from), from));
    }
  }

  compareWith(room, contact, comparison) {
    this.queue(contact, (id, nowMs) => payloads.roomHave(id, nowMs, room.id, comparison));
  }

  answer(room, contact, comparison) {
    const own = this.fromOrder(room, contact);
    const from = own > comparison.fromOrder ? own : comparison.fromOrder;
    const { send, comparisons } = answerTo(comparison, this.places(room, from));
    for (const one of comparisons) this.compareWith(room, contact, one);
    const wanted = new Set(send);
    const events = [...this.statements(room), ...this.posts(room)].filter(({ id }) => wanted.has(id)).map(({ event }) => event);
    this.tell(room, [{ name: contact, said: this.peer(room, contact).said ?? this.own(room) }], events);
  }

  // --- what is shown ------------------------------------------------------------------------------------------

  /** Texts in their order, with edits, reactions and what is deleted. */
  history(id) {
    const room = this.room(id);
    const posts = this.posts(room);
    const deleted = new Set(this.state(room).deleted);
    const isLater = (one, other) => one.number > other.number || (one.number === other.number && one.id > other.id);
    const last = (found) => found.reduce((best, one) => (best && isLater(best, one) ? best : one), null);
    return posts
      .filter(({ kind }) => kind === TEXT)
      .sort((one, other) => (one.order === other.order ? (one.id < other.id ? -1 : 1) : one.order < other.order ? -1 : 1))
      .map((text) => {
        const about = posts.filter(({ content }) => content?.postId && hex(content.postId) === text.id);
        const edit = last(about.filter(({ kind, author }) => kind === EDIT && author === text.author));
        const isUnsaid = this.isUnsaid(posts, text);
        const isDeleted = isUnsaid || deleted.has(text.id) || text.content === null;
        const reactions = {};
        for (const author of new Set(about.filter(({ kind }) => kind === REACT).map((one) => one.author))) {
          const one = last(about.filter((each) => each.kind === REACT && each.author === author));
          if (one.content.emoji) reactions[author] = one.content.emoji;
        }
        return {
          id: text.id, author: text.author, channel: text.content?.channel ?? "general",
          body: isDeleted ? "" : (edit ?? text).content.body, order: Number(text.order), is_deleted: isDeleted,
          reply_to: text.content?.reply.length ? hex(text.content.reply) : null, reactions: isDeleted ? {} : reactions,
        };
      });
  }
}
