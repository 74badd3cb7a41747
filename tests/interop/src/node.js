/** One person on this machine: the store, TCP, and which link carries what (PROTOCOL 3.7, 9). */

import { connect, createServer } from "node:net";

import { readBundle } from "./bundle.js";
import { compare, equal, hex } from "./bytes.js";
import {
  addFarewell, addProfile, addRead, addRow, addStatement, addText, addTimer, answerBundleRequest, envelopeOfRow, isStartDue,
  newConversation, onNewLink,
  owesReceipt, takeBundle, takeIn, takeReceipt, typingEnvelope,
} from "./conversation.js";
import { close, Refused } from "./errors.js";
import { dayAt } from "./gate.js";
import { handshakeId, PREFIX_BYTES, splitPrefix } from "./handshake.js";
import { entropyOf, identityOf, seedsOf } from "./identity.js";
import { LINKS_PER_MINUTE_MAX } from "./limits.js";
import { LinkInitiator, LinkResponder } from "./link.js";
import { Files } from "./files.js";
import { text } from "./payload.js";
import { pairKeys } from "./pair_keys.js";
import { RANDOM } from "./primitives.js";
import { BUNDLE, BUNDLE_REQUEST, ENVELOPE, FILE_PART, FILE_REFUSAL, FILE_REQUEST, REPLACED } from "./records.js";
import { Rooms } from "./rooms.js";
import { Route } from "./route.js";
import { best, FLIGHT, tidy } from "./sessions.js";
import { load, save } from "./store.js";
import { decodeToken, encodeToken } from "./token.js";

const TICK_MS = 250;
const RETRY_MS = 30_000;
const RETRY_MAX_MS = 600_000;
const ASK_AGAIN_MS = 30_000;
const GREET_AGAIN_MS = 60_000;
const ROWS_BEFORE_RECEIPT = 16;
const REFUSED_IN_A_ROW = 64;

export class Node {
  /** `tell` is given each event; `path` is the file of the state, made from `phrase` and `name` if missing. */
  constructor({ path, phrase, name }, tell) {
    this.path = path;
    this.tell = tell;
    this.state = load(path) ?? { name, seeds: seedsOf(entropyOf(phrase)), conversations: {}, rands: [] };
    this.me = identityOf(this.state.seeds);
    this.routes = [];
    this.begun = [];
    this.stoodMs = {};
    this.retryMs = {};
    this.keys = {};
    for (const contact of Object.values(this.state.conversations)) this.keys[contact.name] = pairKeys(this.me, contact);
    /** Envelopes kept back by a test, or null. */
    this.held = { in: null, out: null };
    /** How long a link stands before the first session is begun; a test may want another time. */
    this.leaveStartMs = { dialler: 0, dialled: 1_000 };
    /** What a test of refusals sends instead of a bundle, and the bundle that it keeps for flights. */
    this.bundleInstead = null;
    this.isOfferWanted = false;
    this.offer = null;
    this.rooms = new Rooms(this);
    this.files = new Files(this);
    this.commit();
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  commit() {
    save(this.path, this.state);
  }

  get token() {
    return encodeToken(this.me);
  }

  conversation(name) {
    const found = this.state.conversations[name];
    if (!found) throw new Error(`no contact ${name}`);
    return found;
  }

  addContact(name, token) {
    const known = Object.values(this.state.conversations).map(({ fingerprint }) => fingerprint);
    const conversation = newConversation(name, decodeToken(token, this.me.fingerprint, known));
    addProfile(conversation, this.state.name, Date.now(), RANDOM);
    this.state.conversations[name] = conversation;
    this.keys[name] = pairKeys(this.me, conversation);
    this.commit();
  }

  end() {
    clearInterval(this.timer);
    this.server?.close();
    for (const route of [...this.routes]) route.close("ending");
  }

  // --- links ----------------------------------------------------------------------------------------

  listen(port) {
    this.server = createServer((socket) => {
      const link = new LinkResponder(this.gate(), RANDOM);
      this.routes.push(new Route(link, socket, { isDialler: false, on: this.hooks() }));
    });
    return new Promise((resolve) => {
      this.server.listen(port, "127.0.0.1", () => resolve(this.server.address().port));
    });
  }

  /** Resolves once the link is confirmed on this side. */
  dial(name, host, port) {
    const keys = this.keys[name].sending;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once("error", reject);
      socket.once("connect", () => {
        const link = new LinkInitiator(keys, dayAt(Date.now() / 1_000), RANDOM);
        const hooks = this.hooks();
        const on = {
          ...hooks,
          event: (route, event) => {
            hooks.event(route, event);
            if (event.confirmed) resolve();
          },
          closed: (route, reason) => {
            hooks.closed(route, reason);
            reject(new Error(reason));
          },
        };
        this.routes.push(new Route(link, socket, { isDialler: true, name, on }));
      });
    });
  }

  gate() {
    const { rands } = this.state;
    const isUsed = (name, rand) => rands.some((one) => one.name === name && equal(one.rand, rand));
    const today = dayAt(Date.now() / 1_000);
    return {
      entries: Object.entries(this.keys).map(([name, { receiving }]) => ({
        name, tagKey: receiving.tag, linkKey: receiving.link,
      })),
      today,
      isUsed,
      admit: (name, day, rand) => {
        const now = Date.now();
        this.begun = this.begun.filter(({ atMs }) => now - atMs < 60_000);
        if (this.begun.filter((one) => one.name === name).length >= LINKS_PER_MINUTE_MAX) throw close("too many links");
        this.begun.push({ name, atMs: now });
        if (isUsed(name, rand)) throw close("another connection stored this rand first");
        this.state.rands = [...rands.filter((one) => one.day + 2 >= today), { name, day, rand }];
        this.commit();
      },
    };
  }

  hooks() {
    return {
      event: (route, event) => {
        if (event.confirmed) this.onConfirmed(route);
        else if (event.type !== undefined) this.onRecord(route, event);
      },
      settled: (route) => {
        if (!route.isOpen) return;
        this.commit();
        this.pump(route.name);
      },
      closed: (route, reason) => {
        this.routes = this.routes.filter((one) => one !== route);
        this.tell({ event: "closed", contact: route.name, is_dialler: route.isDialler, reason });
      },
    };
  }

  linksWith(name) {
    return this.routes.filter((route) => route.name === name && route.isOpen);
  }

  onConfirmed(route) {
    for (const other of this.linksWith(route.name)) {
      if (other === route || other.isDialler !== route.isDialler) continue;
      if (!other.isDialler) other.send(REPLACED, route.link.who.rand);
      other.close("a newer link stands", { afterWriting: true });
    }
    onNewLink(this.conversation(route.name));
    if (!this.isLarger(route.name)) this.rooms.compare(route.name);
    this.retryMs[route.name] = RETRY_MS;
    this.tell({ event: "link", contact: route.name, is_dialler: route.isDialler });
  }

  isLarger(name) {
    return compare(this.me.fingerprint, this.conversation(name).fingerprint) > 0;
  }

  /** The link that everything is sent on. */
  sendingRoute(name) {
    const links = this.linksWith(name).sort((one, other) => one.confirmedAt - other.confirmedAt);
    const own = links.find(({ isDialler }) => isDialler);
    return links.length > 1 && own && !this.isLarger(name) ? own : (links.at(-1) ?? null);
  }

  /** Of two links that each side dialled one of, the larger fingerprint closes its own. */
  afterRecord(route) {
    if (route.isDialler || !this.isLarger(route.name)) return;
    for (const own of this.linksWith(route.name).filter(({ isDialler }) => isDialler)) own.close("the other link stays");
  }

  // --- what comes in ----------------------------------------------------------------------------------

  onRecord(route, { type, body }) {
    if (type === BUNDLE_REQUEST) this.onBundleRequest(route);
    if (type === REPLACED) {
      const isOwn = this.routes.some(({ isDialler, link }) => isDialler && equal(link.rand, body));
      this.tell({ event: "replaced", contact: route.name, is_own: isOwn });
    }
    else if (type === BUNDLE) this.onBundle(route, body);
    else if (type === FILE_REQUEST || type === FILE_PART || type === FILE_REFUSAL) this.onFileRecord(route, type, body);
    else if (type === ENVELOPE) {
      if (this.held.in) this.held.in.push({ name: route.name, envelope: body });
      else this.onEnvelope(route, body);
    }
    this.afterRecord(route);
  }

  onFileRecord(route, type, body) {
    try {
      this.files.onRecord(route, type, body);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      route.close(error.message);
    }
  }

  onBundleRequest(route) {
    if (this.bundleInstead) {
      const instead = this.bundleInstead();
      if (instead) route.send(BUNDLE, instead);
      this.bundleInstead = this.bundleAfter ?? null;
      this.bundleAfter = null;
      this.tell({ event: "bundle asked", contact: route.name });
      return;
    }
    const answer = answerBundleRequest(this.conversation(route.name), this.me, Date.now(), RANDOM);
    if (answer === null) return;
    this.commit();
    route.send(BUNDLE, answer);
  }

  onBundle(route, bytes) {
    if (!route.isAsked) return;
    route.isAsked = false;
    const { name } = route;
    if (this.isOfferWanted) {
      this.offer = readBundle(bytes, this.conversation(name), Math.floor(Date.now() / 1_000));
      this.isOfferWanted = false;
      this.tell({ event: "offer", contact: name });
      return;
    }
    try {
      const stoodS = (this.stoodMs[name] ?? 0) / 1_000;
      const before = best(this.conversation(name).sessions);
      const next = takeBundle(this.conversation(name), this.me, bytes, Date.now(), stoodS, RANDOM);
      this.state.conversations[name] = next;
      if (best(next.sessions)?.counter !== before?.counter) {
        this.stoodMs[name] = 0;
        this.tell({ event: "started", contact: name });
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.tell({ event: "bundle refused", contact: name, reason: error.message, effect: error.effect });
      if (error.effect !== "refuse") route.close(error.message);
    }
  }

  onEnvelope(route, envelope) {
    const { name } = route;
    const flight = envelope[0] === FLIGHT && envelope.length > PREFIX_BYTES ? flightOf(envelope) : null;
    if (flight && route.refusedHandshakes.has(flight)) return;
    const { conversation, events } = takeIn(this.conversation(name), this.me, envelope, Date.now());
    this.state.conversations[name] = conversation;
    for (const { payload, ...event } of events) {
      if (payload) (payload.kind.startsWith("file") ? this.files : this.rooms).takeIn(name, payload);
      if (event.event === "receipt") route.hasReceipt = true;
      if (event.event === "desync" && flight) route.refusedHandshakes.add(flight);
      this.tell({ contact: name, ...event });
    }
    const isRefused = events.some(({ event }) => event === "desync");
    route.refusedInARow = isRefused ? route.refusedInARow + 1 : 0;
    if (events.some(({ event }) => event === "warn")) route.close("another identity");
    else if (route.refusedInARow >= REFUSED_IN_A_ROW) for (const one of this.linksWith(name)) one.close("junk");
  }

  /** Take in what was held, in this order of places; a place may come twice. */
  releaseIncoming(order) {
    const held = this.held.in ?? [];
    this.held.in = null;
    for (const place of order ?? held.keys()) {
      const { name, envelope } = held[place];
      const route = this.sendingRoute(name);
      if (route) this.onEnvelope(route, envelope);
    }
    this.commit();
    for (const name of Object.keys(this.state.conversations)) this.pump(name);
  }

  // --- what goes out ------------------------------------------------------------------------------------

  send(name, bodies) {
    const ids = bodies.map((body) => addText(this.conversation(name), body, Date.now(), RANDOM));
    this.commit();
    this.pump(name);
    return ids.map(hex);
  }

  answer(name, body, own, target) {
    const id = addText(this.conversation(name), body, Date.now(), RANDOM, [own, target]);
    this.commit();
    this.pump(name);
    return hex(id);
  }

  addStatement(name, kind, fields) {
    addStatement(this.conversation(name), kind, fields, Date.now(), RANDOM);
    this.commit();
    this.pump(name);
  }

  setTimer(name, expiresS) {
    addTimer(this.conversation(name), expiresS, Date.now(), RANDOM);
    this.commit();
    this.pump(name);
  }

  farewell(name) {
    addFarewell(this.conversation(name), Date.now(), RANDOM);
    this.commit();
    this.pump(name);
  }

  /** Something in a room, and what is to be sent then. */
  inRoom(call) {
    const result = call(this.rooms);
    this.commit();
    for (const name of Object.keys(this.state.conversations)) this.pump(name);
    return result;
  }

  /** A Text with an id that another message may have; this side does not show it either. */
  sendWithId(name, id, body) {
    addRow(this.conversation(name), id, text(id, Date.now(), body));
    this.commit();
    this.pump(name);
  }

  read(name, ids) {
    addRead(this.conversation(name), ids);
    this.commit();
    this.pump(name);
  }

  typing(name, on) {
    const envelope = typingEnvelope(this.conversation(name), on, Date.now(), RANDOM);
    const route = this.sendingRoute(name);
    this.commit();
    if (envelope && route) this.write(route, envelope);
  }

  /** Whatever is due on the links with a contact: ask for a bundle, receipts, rows, a greeting. */
  pump(name) {
    const route = this.sendingRoute(name);
    if (!route) return;
    const now = Date.now();
    const conversation = this.conversation(name);
    this.askForBundle(route, conversation, now);
    this.files.pump(route);
    const envelopes = [];
    let envelope;
    while (owesReceipt(conversation) && (envelope = takeReceipt(conversation, now, RANDOM))) envelopes.push(envelope);
    for (const row of conversation.rows) {
      if (!route.hasReceipt && route.written.size >= ROWS_BEFORE_RECEIPT) break;
      envelope = envelopeOfRow(conversation, row, now, RANDOM);
      if (envelope === null) break;
      const id = hex(row.id);
      const sealed = `${hex(row.sealed.handshakeId)} ${row.sealed.ordinal}`;
      if (route.written.get(id)?.sealed === sealed) continue;
      route.written.set(id, { sealed, atMs: now });
      envelopes.push(envelope);
      const message = conversation.history.find((one) => one.id === id);
      if (message?.state === "queued") message.state = "sent";
    }
    const session = best(conversation.sessions);
    const isUnconfirmed = session?.isOwn && !session.isConfirmed;
    const isGreetingDue = route.greetedAt === null || now - route.greetedAt >= GREET_AGAIN_MS;
    if (isUnconfirmed && envelopes.length === 0 && conversation.rows.length === 0 && isGreetingDue) {
      route.greetedAt = now;
      envelope = takeReceipt(conversation, now, RANDOM);
      if (envelope) envelopes.push(envelope);
    }
    if (envelopes.length === 0) return;
    this.commit();
    for (const one of envelopes) this.write(route, one);
  }

  write(route, envelope) {
    if (this.held.out) this.held.out.push({ name: route.name, envelope });
    else route.send(ENVELOPE, envelope);
  }

  /** Write what was held, in this order of places; a place may come twice, now or at a later call. */
  releaseOutgoing(order) {
    this.kept = this.held.out ?? this.kept;
    this.held.out = null;
    for (const place of order ?? this.kept.keys()) {
      const { name, envelope } = this.kept[place];
      this.sendingRoute(name)?.send(ENVELOPE, envelope);
    }
  }

  askForBundle(route, conversation, now) {
    const hasSession = best(conversation.sessions) !== null;
    if (!isStartDue(conversation, now, (this.stoodMs[route.name] ?? 0) / 1_000)) return;
    const leaveMs = this.leaveStartMs[route.isDialler ? "dialler" : "dialled"];
    if (!hasSession && now - route.confirmedAt < leaveMs) return;
    if (route.askedAt !== null && now - route.askedAt < ASK_AGAIN_MS) return;
    route.askedAt = now;
    route.isAsked = true;
    route.send(BUNDLE_REQUEST);
  }

  /** Starts that became due, rows that wait for their receipt for too long, sessions that are over. */
  tick() {
    for (const [name, conversation] of Object.entries(this.state.conversations)) {
      tidy(conversation.sessions, Date.now());
      const route = this.sendingRoute(name);
      if (!route) continue;
      this.stoodMs[name] = (this.stoodMs[name] ?? 0) + TICK_MS;
      const awaited = conversation.rows.flatMap(({ id }) => route.written.get(hex(id))?.atMs ?? []);
      if (awaited.length === 0) this.retryMs[name] = RETRY_MS;
      else if (Date.now() - Math.min(...awaited) >= this.retryMs[name] * (0.8 + 0.4 * Math.random())) {
        this.retryMs[name] = Math.min(2 * this.retryMs[name], RETRY_MAX_MS);
        route.written.clear();
      }
      this.pump(name);
    }
  }
}

const flightOf = (envelope) => {
  const { ephemeral, ciphertext } = splitPrefix(envelope.slice(1, 1 + PREFIX_BYTES));
  return hex(handshakeId(ephemeral, ciphertext));
};
