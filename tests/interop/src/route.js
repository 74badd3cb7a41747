/** A link with its socket: writing, closing, and the times of PROTOCOL 3.6. */

import {
  IDLE_TIMEOUT_S, KEEPALIVE_S, LINK_CLEAR_BYTES, LINK_CLEAR_TIMEOUT_S, LINK_HANDSHAKE_TIMEOUT_S, RECORD_GRACE_S,
  RECORD_MIN_BYTES_PER_S,
} from "./limits.js";
import { KEEPALIVE } from "./records.js";

const TICK_MS = 500;

export class Route {
  /** `on` has `event(route, event)`, `settled(route)` after each piece of data, and `closed(route)`. */
  constructor(link, socket, { isDialler, name = null, on }) {
    Object.assign(this, { link, socket, isDialler, name, on });
    this.begunAt = this.sentAt = this.receivedAt = Date.now();
    this.recordBegunAt = null;
    this.confirmedAt = null;
    this.records = 0;
    /** Rows written here, and whether a receipt came: PROTOCOL 9.1. */
    this.written = new Map();
    this.hasReceipt = false;
    this.askedAt = null;
    this.greetedAt = null;
    this.refusedHandshakes = new Set();
    this.refusedInARow = 0;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.receive(data));
    socket.on("error", (error) => this.close(error.code));
    socket.on("close", () => this.close("closed by the other end"));
    this.timer = setInterval(() => this.tick(Date.now()), TICK_MS);
    this.flush();
  }

  get isOpen() {
    return this.confirmedAt !== null && !this.isClosed;
  }

  receive(data) {
    this.receivedAt = Date.now();
    for (const event of this.link.receive(data)) {
      if (event.authenticated) this.name = event.authenticated;
      if (event.confirmed) this.confirmedAt = Date.now();
      if (event.type !== undefined) this.records += 1;
      this.on.event(this, event);
    }
    const isBegun = this.link.begun !== null;
    this.recordBegunAt = isBegun ? (this.recordBegunAt ?? Date.now()) : null;
    this.flush();
    if (this.link.isClosed) this.close(this.link.reason);
    else this.on.settled(this);
  }

  send(type, body) {
    this.link.send(type, body);
    this.flush();
  }

  flush() {
    const data = this.link.takeOutgoing();
    if (data.length === 0 || this.isClosed) return;
    this.sentAt = Date.now();
    this.socket.write(data);
  }

  tick(now) {
    const hasTaken = (sinceMs, limitS) => now - sinceMs >= limitS * 1_000;
    if (this.confirmedAt === null) {
      const isSilent = !this.isDialler && this.link.received < LINK_CLEAR_BYTES;
      if (isSilent && hasTaken(this.begunAt, LINK_CLEAR_TIMEOUT_S)) this.close("nothing was sent");
      else if (hasTaken(this.begunAt, LINK_HANDSHAKE_TIMEOUT_S)) this.close("the handshake took too long");
      return;
    }
    const length = this.link.begun;
    if (hasTaken(this.receivedAt, IDLE_TIMEOUT_S)) this.close("silence");
    else if (length !== null && hasTaken(this.recordBegunAt, RECORD_GRACE_S + length / RECORD_MIN_BYTES_PER_S)) {
      this.close("a record took too long");
    } else if (hasTaken(this.sentAt, KEEPALIVE_S)) this.send(KEEPALIVE);
  }

  close(reason, { afterWriting = false } = {}) {
    if (this.isClosed) return;
    this.isClosed = true;
    this.link.isClosed = true;
    clearInterval(this.timer);
    if (afterWriting) this.socket.destroySoon();
    else this.socket.destroy();
    this.on.closed(this, reason);
  }
}
