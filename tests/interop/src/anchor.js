/** One link with an anchor: requests and their answers, pushes (PROTOCOL 10.2, 10.3). */

import { connect } from "node:net";

import { hex } from "./bytes.js";
import { dayAt } from "./gate.js";
import { LinkInitiator } from "./link.js";
import { RANDOM } from "./primitives.js";
import { ANSWER, decodeAnswer, decodePush, encodePut, encodeRequest, PUSH, REQUEST } from "./requests.js";
import { Route } from "./route.js";

export class AnchorLink {
  /** Resolves once the link is confirmed; `keys` are an account's, a guest's or a pairing's. */
  static dial({ host, port, maskKey }, keys, { onPush = () => {}, onClosed = () => {} } = {}) {
    return new Promise((resolve, reject) => {
      const one = new AnchorLink();
      Object.assign(one, { onPush, count: 0, asked: new Map(), displaced: false });
      const socket = connect({ host, port });
      socket.once("error", reject);
      socket.once("connect", () => {
        const link = new LinkInitiator(keys, dayAt(Date.now() / 1_000), RANDOM, maskKey);
        const on = {
          event: (_route, event) => {
            if (event.confirmed) resolve(one);
            else one.receive(event);
          },
          settled: () => {},
          closed: (_route, reason) => {
            for (const { fail } of one.asked.values()) fail(new Error(reason));
            onClosed(reason);
            reject(new Error(reason));
          },
        };
        one.route = new Route(link, socket, { isDialler: true, on });
      });
    });
  }

  /** The answer to a request. */
  ask(fields) {
    return this.#send((count) => encodeRequest(count, fields));
  }

  put(queue, blob) {
    return this.#send((count) => encodePut(count, queue, blob));
  }

  close() {
    this.route.close("done");
  }

  receive({ type, body }) {
    if (type === PUSH) this.onPush(decodePush(body));
    else if (type === ANSWER) {
      const answer = decodeAnswer(body);
      if (answer.name === "displaced") this.displaced = true;
      this.asked.get(answer.count)?.resolve(answer);
      this.asked.delete(answer.count);
    }
  }

  #send(make) {
    this.count += 1;
    const { count } = this;
    return new Promise((resolve, fail) => {
      this.asked.set(count, { resolve, fail });
      this.route.send(REQUEST, make(count));
    });
  }
}

/** An answer as JSON. */
export const shown = (value) => {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(shown);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shown(one)]));
};
