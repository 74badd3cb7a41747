/** Delivery by mailbox, as the guest of a contact's queues (PROTOCOL 10.6). */

import { AnchorLink } from "./anchor.js";
import { equal } from "./bytes.js";
import {
  envelopeOfRow, isStartDue, owesReceipt, takeBundle, takeIn, takeReceipt,
} from "./conversation.js";
import { Refused } from "./errors.js";
import { MAIL_LIFETIME_S } from "./limits.js";
import { RANDOM } from "./primitives.js";
import { blobId, openBlob, openBundle, queueKeys, sealBlob } from "./queues.js";
import { INBOUND, OUTBOUND, requests } from "./requests.js";

const FETCHES = 4;
const ACKS_MAX = 256;

/** A link with the first address of a told mailbox that answers, and the keys of its queue. */
async function dialMailbox(conversation, direction, hooks) {
  const entry = conversation.mailboxes.entries.find((one) => one.direction === direction);
  if (!entry) throw new Error("no such mailbox was told");
  const queue = queueKeys(entry.secret);
  const reasons = [];
  for (const address of entry.addresses) {
    try {
      return { queue, link: await AnchorLink.dial({ ...address, maskKey: entry.maskKey }, queue, hooks) };
    } catch (error) {
      reasons.push(error.message);
    }
  }
  throw new Error(`no address of the mailbox answers: ${reasons}`);
}

/** Put what is owed and every row into the contact's inbound queue; how many blobs the anchor has now. */
export async function post(node, name) {
  const { queue, link } = await dialMailbox(node.conversation(name), INBOUND);
  try {
    await startByMail(node, name, queue, link);
    const conversation = node.conversation(name);
    const nowMs = Date.now();
    const envelopes = [];
    let envelope;
    while (owesReceipt(conversation) && (envelope = takeReceipt(conversation, nowMs, RANDOM))) {
      envelopes.push({ envelope, sealedAtMs: nowMs });
    }
    for (const row of conversation.rows) {
      envelope = envelopeOfRow(conversation, row, nowMs, RANDOM);
      if (envelope === null) break;
      envelopes.push({ envelope, sealedAtMs: row.sealed.atMs });
    }
    node.commit();
    const blobs = envelopes.map((one) =>
      sealBlob(queue, Math.floor(one.sealedAtMs / 1_000) + MAIL_LIFETIME_S, one.envelope),
    );
    const there = await link.ask(requests.have(queue, blobs.map(blobId)));
    const missing = blobs.filter((blob) => !there.ids.some((id) => equal(id, blobId(blob))));
    const answers = await Promise.all(missing.map((blob) => link.put(queue, blob)));
    return { put: answers.map((answer) => answer.name), there: there.ids.length };
  } finally {
    link.close();
  }
}

/** Begin a session over a bundle that lies there, if a start is due. */
async function startByMail(node, name, queue, link) {
  for (let i = 0; i < FETCHES && isStartDue(node.conversation(name), Date.now(), 0); i += 1) {
    const { sealed, ...answer } = await link.ask(requests.fetch(queue));
    if (!sealed?.length) throw new Error(`no bundle lies there: ${answer.name}`);
    const bundle = openBundle(queue, sealed);
    try {
      if (bundle) node.state.conversations[name] = takeBundle(node.conversation(name), node.me, bundle, Date.now(), 0, RANDOM);
      node.commit();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
}

/** Read the contact's outbound queue to its end, and on until so many texts came.
 *
 * Each blob is acknowledged after the commit of what it said.
 */
export async function collect(node, name, texts) {
  const wanted = node.conversation(name).history.length + texts;
  const pushes = [];
  let wake = () => {};
  const onPush = (push) => {
    pushes.push(push);
    wake();
  };
  const { queue, link } = await dialMailbox(node.conversation(name), OUTBOUND, { onPush });
  try {
    const told = await link.ask(requests.subscribe());
    let blobs = 0;
    for (let isAtEnd = false; !isAtEnd; ) {
      if (pushes.length === 0) await new Promise((resolve) => (wake = resolve));
      const taken = pushes.splice(0, ACKS_MAX);
      const ids = taken.filter(({ blob }) => blob).map(({ blob }) => judge(node, name, queue, blob));
      node.commit();
      if (ids.length > 0) await link.ask(requests.ack(queue, ids));
      blobs += ids.length;
      const isRead = taken.some(({ behind }) => behind === 0) && pushes.length === 0;
      isAtEnd = isRead && node.conversation(name).history.length >= wanted;
    }
    return { blobs, clock: told.clock };
  } finally {
    link.close();
  }
}

/** The id of a blob, after what it said was taken in. */
function judge(node, name, queue, blob) {
  try {
    const { envelope } = openBlob(queue, blob);
    const { conversation, events } = takeIn(node.conversation(name), node.me, envelope, Date.now());
    node.state.conversations[name] = conversation;
    for (const event of events) node.tell({ contact: name, ...event });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    node.tell({ event: "blob refused", contact: name, reason: error.message });
  }
  return blobId(blob);
}
