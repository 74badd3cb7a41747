/** Both ends of a link, without a socket (PROTOCOL 3).
 *
 * Bytes go in through `receive`, which returns what happened:
 * `{ authenticated }`, `{ confirmed }`, `{ type, body }`; bytes to be sent are taken from `outgoing`.
 */

import { concat, EMPTY, number } from "./bytes.js";
import { close, discard, Refused } from "./errors.js";
import { admitted, clearBytes, clearForAnchor } from "./gate.js";
import { LINK_CLEAR_BYTES, LINK_HANDSHAKE_MAX_BYTES } from "./limits.js";
import { ANCHOR, CONTACT, MESSAGE_1_BYTES, MESSAGE_2_BYTES, NoiseInitiator, NoiseResponder } from "./noise.js";
import { frame, isFrameLength, KEEPALIVE, padRecord, parseRecord, RecordCipher, TO_ANCHOR, TO_CONTACT } from "./records.js";

class Link {
  constructor() {
    this.outgoing = [];
    this.isConfirmed = false;
    this.isClosed = false;
    this.isDiscarded = false;
    this.received = 0;
    this.waiting = EMPTY;
  }

  receive(data) {
    this.received += data.length;
    const happened = [];
    if (this.isClosed) return happened;
    if (!this.isDiscarded) {
      this.waiting = concat(this.waiting, data);
      try {
        let event;
        while ((event = this.step()) !== null) happened.push(...event);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.effect === "discard") this.isDiscarded = true;
        else this.isClosed = true;
        this.reason = error.message;
      }
    }
    if (this.isDiscarded && this.received >= LINK_HANDSHAKE_MAX_BYTES) this.isClosed = true;
    return happened;
  }

  /** Whether bytes of something incomplete have arrived, and how many it will have. */
  get begun() {
    if (this.waiting.length === 0) return null;
    return this.waiting.length < 2 ? 2 : 2 + number(this.waiting.subarray(0, 2));
  }

  send(type, body = EMPTY) {
    this.sendPlaintext(padRecord(type, body));
  }

  sendPlaintext(plaintext) {
    this.outgoing.push(this.sending.seal(plaintext));
  }

  takeOutgoing() {
    return concat(...this.outgoing.splice(0));
  }

  take(length) {
    const taken = this.waiting.slice(0, length);
    this.waiting = this.waiting.slice(length);
    return taken;
  }

  /** The next frame, once it is whole; `check` sees its length as soon as it is there. */
  takeFrame(check) {
    if (this.waiting.length < 2) return null;
    const length = number(this.waiting.subarray(0, 2));
    check(length);
    if (this.waiting.length < 2 + length) return null;
    return this.take(2 + length).slice(2);
  }

  takeRecord() {
    const sealed = this.takeFrame((length) => {
      if (!isFrameLength(length)) throw close(`no record has a frame of ${length} bytes`);
    });
    return sealed === null ? null : parseRecord(this.receiving.open(sealed), this.types);
  }

  openRecords() {
    const record = this.takeRecord();
    return record === null ? null : [record];
  }
}

export class LinkInitiator extends Link {
  /** `keys` are those of the direction I -> R, or those by which an anchor with this `maskKey` knows one. */
  constructor(keys, day, random, maskKey = null) {
    super();
    const rand = random.bytes(16);
    this.rand = rand;
    const clear = maskKey ? clearForAnchor(keys.tag, maskKey, day, rand) : clearBytes(keys.tag, day, rand);
    const to = maskKey ? ANCHOR : CONTACT;
    this.types = maskKey ? TO_ANCHOR : TO_CONTACT;
    this.noise = new NoiseInitiator(keys.link, clear, random.bytes(32), random.bytes(64), to);
    this.outgoing.push(clear, frame(this.noise.message1));
  }

  step() {
    if (this.isConfirmed) return this.openRecords();
    const message = this.takeFrame((length) => {
      if (length !== MESSAGE_2_BYTES) throw close("message 2 has another length");
    });
    if (message === null) return null;
    this.noise.readMessage2(message);
    const [mine, theirs] = this.noise.keys;
    this.sending = new RecordCipher(mine);
    this.receiving = new RecordCipher(theirs);
    this.isConfirmed = true;
    this.send(KEEPALIVE);
    return [{ confirmed: true }];
  }
}

export class LinkResponder extends Link {
  /** `gate` has `entries` of `{ name, tagKey, linkKey }`, `today`, `isUsed(name, rand)` and `admit(name, day, rand)`.
   *
   * `admit` stores the rand before it returns, and throws to refuse.
   */
  constructor(gate, random) {
    super();
    this.gate = gate;
    this.types = TO_CONTACT;
    this.random = random;
    this.step = this.readClear;
  }

  readClear() {
    if (this.waiting.length < LINK_CLEAR_BYTES) return null;
    const clear = this.take(LINK_CLEAR_BYTES);
    this.who = admitted(clear, this.gate.entries, this.gate.today, this.gate.isUsed);
    if (this.who === null) throw discard("a stranger");
    const { linkKey } = this.gate.entries.find(({ name }) => name === this.who.name);
    this.noise = new NoiseResponder(linkKey, clear);
    this.step = this.readMessage1;
    return [];
  }

  readMessage1() {
    const message = this.takeFrame((length) => {
      if (length !== MESSAGE_1_BYTES) throw discard("message 1 has another length");
    });
    if (message === null) return null;
    this.noise.readMessage1(message);
    this.gate.admit(this.who.name, this.who.day, this.who.rand);
    this.outgoing.push(frame(this.noise.answer(this.random.bytes(32), this.random.encapsulate)));
    const [theirs, mine] = this.noise.keys;
    this.sending = new RecordCipher(mine);
    this.receiving = new RecordCipher(theirs);
    this.step = this.readConfirmation;
    return [{ authenticated: this.who.name }];
  }

  readConfirmation() {
    const record = this.takeRecord();
    if (record === null) return null;
    if (record.type !== KEEPALIVE) throw close("the first record is no confirmation");
    this.isConfirmed = true;
    this.step = this.openRecords;
    return [{ confirmed: true }];
  }
}
