/** One node, driven by JSON lines: a command on each line of stdin, answers and events on stdout. */

import { createInterface } from "node:readline";

import { AnchorLink, shown } from "./anchor.js";
import { compare, hex, unhex } from "./bytes.js";
import { decodeToken } from "./token.js";
import { safetyNumber, safetyWords } from "./safety_number.js";
import { entropyOf, identityOf, phraseOf, seedsOf, WORDS } from "./identity.js";
import { collect, post } from "./mail.js";
import { Node } from "./node.js";
import { decodePairingText, hintsShown } from "./pairing_text.js";
import { accountKeys, openBlob, pairingKeys, queueKeys, sealBlob } from "./queues.js";
import { requests, workMessage } from "./requests.js";
import { RANDOM } from "./primitives.js";
import { KEEPALIVE } from "./records.js";
import { decodeHead } from "./room_events.js";
import { kept, materialize } from "./room_state.js";
import { best } from "./sessions.js";
import { shown as shownOf, timers } from "./statements.js";
import { compareVectors } from "./vectors.js";
import { WRONG } from "./wrong.js";

const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);

let node = null;
const anchors = {};

/** Arguments of a request: `{ bin }` for bytes. */
function bytesIn(value) {
  if (Array.isArray(value)) return value.map(bytesIn);
  return value !== null && typeof value === "object" ? unhex(value.bin) : value;
}

const ratchetOf = ({ ratchet }) => ({
  chains_sent: ratchet.sending ? ratchet.sending.index + 1 : 0,
  chains_received: ratchet.receiving ? ratchet.receiving.index + 1 : 0,
  chains_left: ratchet.chainsLeft.length,
  skipped: ratchet.skipped.length,
  sealed: ratchet.ordinal,
});

const COMMANDS = {
  vectors: ({ folder }) => compareVectors(folder),
  open: (options) => {
    node ??= new Node({ phrase: phraseOf(RANDOM.bytes(32)), ...options }, print);
    return { token: node.token };
  },
  contact: ({ name, token }) => node.addContact(name, token),
  safety_number: ({ contact }) => {
    const groups = safetyNumber(node.me.fingerprint, node.conversation(contact).fingerprint);
    return { groups, words: safetyWords(groups).map((place) => WORDS[place]) };
  },
  token_is_fine: ({ token }) => Boolean(decodeToken(token)),
  listen: async ({ port = 0 }) => ({ port: await node.listen(port) }),
  dial: ({ contact, host = "127.0.0.1", port }) => node.dial(contact, host, port),
  leave_start: ({ ms }) => {
    node.leaveStartMs = { dialler: ms, dialled: ms };
  },
  phrase: ({ beside: other, is_larger: isLarger }) => {
    const fingerprint = other ? decodeToken(other).fingerprint : null;
    for (;;) {
      const phrase = phraseOf(RANDOM.bytes(32));
      if (!fingerprint) return phrase;
      const order = compare(identityOf(seedsOf(entropyOf(phrase))).fingerprint, fingerprint);
      if (order > 0 === isLarger) return phrase;
    }
  },
  keepalives: ({ contact, count }) => {
    const { link } = node.sendingRoute(contact);
    for (let i = 0; i < count; i += 1) link.send(KEEPALIVE);
  },
  hang_up: ({ contact }) => node.linksWith(contact).forEach((route) => route.close("hung up")),
  send: ({ contact, bodies }) => node.send(contact, bodies),
  answer: ({ contact, body, own, target }) => node.answer(contact, body, own, unhex(target)),
  state: ({ contact, kind, own = true, target, value }) => node.addStatement(contact, kind, { own, target: unhex(target), value }),
  shown: ({ contact }) => shownOf(node.conversation(contact).held),
  timer: ({ contact }) => timers(node.conversation(contact).held),
  set_timer: ({ contact, expires_s: expiresS }) => node.setTimer(contact, expiresS),
  offer_file: ({ contact, name, size, media_type: mediaType = "", caption = "" }) =>
    node.files.offer(contact, { name, size, mediaType, caption }),
  accept_file: ({ contact, file_id: fileId }) => node.files.accept(contact, fileId),
  farewell: ({ contact }) => node.farewell(contact),
  send_with_id: ({ contact, message_id: id, body }) => node.sendWithId(contact, unhex(id), body),
  read: ({ contact, ids }) => node.read(contact, ids.map(unhex)),
  typing: ({ contact, on }) => node.typing(contact, on),
  history: ({ contact }) => node.conversation(contact).history,
  hold: ({ incoming = false, outgoing = false }) => {
    node.held = { in: incoming ? [] : null, out: outgoing ? [] : null };
  },
  held: () => ({ incoming: node.held.in?.length ?? 0, outgoing: node.held.out?.length ?? 0 }),
  release_incoming: ({ order }) => node.releaseIncoming(order),
  release_outgoing: ({ order }) => node.releaseOutgoing(order),
  inspect: ({ contact }) => {
    const { sessions, rows, displayName } = node.conversation(contact);
    const first = best(sessions);
    return {
      rows: rows.length,
      display_name: displayName,
      links: node.linksWith(contact).map(({ isDialler, records }) => ({ is_dialler: isDialler, records })),
      sessions: sessions.live.map((session) => ({
        id: hex(session.handshakeId),
        is_best: session === first,
        is_own: session.isOwn,
        is_confirmed: session.isConfirmed,
        ...ratchetOf(session),
      })),
    };
  },
  // --- rooms
  materialize: ({ heads, sets }) => {
    const statements = heads.map((head) => decodeHead(unhex(head)));
    return sets.map((places) => {
      const some = places.map((place) => statements[place]);
      const state = materialize(some);
      if (!state) return null;
      const { councils, ...shown } = state;
      return { ...shown, kept: [...kept(some, state)].sort() };
    });
  },
  room_join: ({ contact, text }) => node.inRoom((rooms) => rooms.join(contact, text)),
  room_accept: ({ room, contact }) => node.inRoom((rooms) => rooms.accept(room, contact)),
  room_post: ({ room, kind = 1, fields }) => node.inRoom((rooms) => rooms.post(room, kind, bytesIn(fields))),
  room_offer_file: ({ room, name, size, media_type: mediaType = "", caption = "" }) =>
    node.inRoom(() => node.files.post(room, { name, size, mediaType, caption })),
  room_fetch_file: ({ contact, room, post_id: postId }) => node.files.fetchOfRoom(contact, room, postId),
  room_say: ({ room, kind, fields }) => node.inRoom((rooms) => rooms.say(room, kind, bytesIn(fields))),
  room_own: ({ room }) => node.rooms.own(node.rooms.room(room)),
  room_state: ({ room }) => node.rooms.state(node.rooms.room(room)),
  room_history: ({ room }) => node.rooms.history(room),
  room_ids: ({ room }) => {
    const found = node.rooms.room(room);
    return { statements: node.rooms.statements(found).map(({ id }) => id).sort(), posts: node.rooms.posts(found).map(({ id }) => id).sort() };
  },
  // --- anchors
  anchor_dial: async ({ link: name, address, secret, as = "guest" }) => {
    const keys = { guest: queueKeys, account: accountKeys, pairing: pairingKeys }[as](unhex(secret));
    const onPush = ({ behind, queueId, blob }) => {
      print({ event: "push", link: name, behind, queue: hex(queueId), blob: blob && hex(blob) });
    };
    const onClosed = (reason) => print({ event: "closed", link: name, reason });
    const to = { ...address, maskKey: unhex(address.mask_key) };
    anchors[name] = await AnchorLink.dial(to, keys, { onPush, onClosed });
  },
  anchor_ask: async ({ link: name, request, secret, account, args = [] }) => {
    const first = secret ? [queueKeys(unhex(secret))] : account ? [accountKeys(unhex(account))] : [];
    const given = args.map(bytesIn);
    return shown(await anchors[name].ask(requests[request](...first, ...given)));
  },
  anchor_put: async ({ link: name, secret, blob }) => shown(await anchors[name].put(queueKeys(unhex(secret)), unhex(blob))),
  anchor_raw: ({ link: name, type, body }) => anchors[name].route.send(type, unhex(body)),
  anchor_hang_up: ({ link: name }) => anchors[name].close(),
  blob: ({ secret, until, envelope }) => hex(sealBlob(queueKeys(unhex(secret)), until, unhex(envelope))),
  open_blob: ({ secret, blob }) => shown(openBlob(queueKeys(unhex(secret)), unhex(blob))),
  queue_id: ({ secret }) => hex(queueKeys(unhex(secret)).id),
  work_message: ({ secret, blob_id: id, day }) => hex(workMessage(queueKeys(unhex(secret)), day, unhex(id), 0)),
  pairing_text: ({ text }) => {
    const { secret, expiresH, hints } = decodePairingText(text);
    return { secret: hex(secret), expires_h: expiresH, hints: hintsShown(hints) };
  },
  post: ({ contact }) => post(node, contact),
  collect: ({ contact, texts = 0 }) => collect(node, contact, texts),

  wrong: ({ what, ...options }) => WRONG[what](node, options),
};

async function answer(line) {
  const { id, do: name, ...options } = JSON.parse(line);
  try {
    if (!(name in COMMANDS)) throw new Error(`no command ${name}`);
    print({ id, result: (await COMMANDS[name](options)) ?? null });
  } catch (error) {
    print({ id, error: error.wrong ?? error.message, stack: error.stack });
  }
}

const lines = createInterface({ input: process.stdin });
lines.on("line", answer);
lines.on("close", () => {
  node?.end();
  process.exit(0);
});
