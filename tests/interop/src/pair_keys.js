/** What two people share who imported each other's token (PROTOCOL 2). */

import { EMPTY } from "./bytes.js";
import { enc } from "./encoding.js";
import { HK, split, X } from "./primitives.js";

function direction(secret, from, to) {
  const [tag, link, presence] = split(HK(EMPTY, secret, enc("LOOM/1 pair", from, to), 96), 32, 32, 32);
  return { tag, link, presence };
}

/** Keys for what goes from me to the contact, and the other way. */
export function pairKeys(me, contact) {
  const secret = X(me.x25519Seed, contact.x25519);
  return {
    secret,
    sending: direction(secret, me.fingerprint, contact.fingerprint),
    receiving: direction(secret, contact.fingerprint, me.fingerprint),
  };
}
