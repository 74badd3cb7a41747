/** What is asked of an anchor and what it answers (PROTOCOL 10.3). */

import { decode, encode } from "@msgpack/msgpack";

import { concat, equal, number, u32, u64 } from "./bytes.js";
import { enc } from "./encoding.js";
import { close } from "./errors.js";
import { H } from "./primitives.js";

export const REQUEST = 16;
export const ANSWER = 17;
export const PUSH = 18;

export const INBOUND = 0;
export const OUTBOUND = 1;

const ANSWERS = {
  1: ["ok"],
  2: ["full"],
  3: ["taken"],
  4: ["later", "seconds"],
  5: ["unknown"],
  6: ["ended"],
  7: ["more", "bits"],
  8: ["ids", "ids"],
  9: ["laid", "sealed", "left"],
  10: ["subscribed", "clock", "displaces", "queues"],
  11: ["displaced"],
  12: ["limits", "queueBlobs", "queueBytes", "queues", "accountBytes", "queuePuts", "accountPuts", "fetches",
    "bulkQueueBytes", "bulkAccountBytes", "bulkPuts"],
  13: ["stored", "clock", "limits", "queues"],
};

/** Every request but a put, as its array. */
export const requests = {
  open: (queue, use = INBOUND, until = 0) => [1, queue.id, queue.tag, queue.link, use, until],
  shut: (queue) => [2, queue.id],
  subscribe: () => [3],
  ack: (queue, ids) => [4, queue.id, ids],
  have: (queue, ids) => [5, queue.id, ids],
  lay: (queue, place, sealed) => [6, queue.id, place, sealed],
  fetch: (queue) => [7, queue.id],
  work: (queue, id, day, nonce) => [8, queue.id, id, day, nonce],
  pair: (account) => [9, account.tag, account.link],
  status: () => [10],
  unpair: () => [11],
};

export const encodeRequest = (count, fields) => concat(u32(count), encode(fields));
export const encodePut = (count, queue, blob) => concat(u32(count), queue.id, blob);

/** `{ count, name, ... }` of the body of an answer; another encoding closes. */
export function decodeAnswer(body) {
  const count = number(body.subarray(0, 4));
  let fields;
  try {
    fields = decode(body.subarray(4));
    if (!equal(encode(fields), body.subarray(4))) throw close("not the one encoding");
  } catch {
    throw close("an answer that is not in its one encoding");
  }
  const names = ANSWERS[fields[0]];
  if (names === undefined || fields.length !== names.length) throw close("an answer with other fields");
  const values = names.slice(1).map((name, i) => [name, fields[i + 1]]);
  return { count, name: names[0], ...Object.fromEntries(values) };
}

/** `{ behind, queueId, blob }`; no blob where the queue is empty. */
export function decodePush(body) {
  const blob = body.slice(20);
  return { behind: number(body.subarray(0, 4)), queueId: body.slice(4, 20), blob: blob.length ? blob : null };
}

/** What work for the put of a blob is a hash of; its last 8 bytes are the nonce. */
export const workMessage = (queue, day, id, nonce) => enc("LOOM/1 work", queue.id, u64(day), id, u64(nonce));
export const workHash = (queue, day, id, nonce) => H(workMessage(queue, day, id, nonce));
