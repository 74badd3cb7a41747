/** Where a node or an anchor can be dialled, in a text (PROTOCOL 10.4). */

import { ascii, concat, EMPTY, number, u16, u8 } from "./bytes.js";
import { InvalidInput } from "./errors.js";
import { isHost } from "./host.js";

const NODE = 0;
const ANCHOR = 1;
const MASK_KEY_BYTES = 16;

/** `maskKey` is an anchor's, null for a node. */
export const packHint = ({ host, port, maskKey }) =>
  concat(u8(maskKey ? ANCHOR : NODE), u16(port), maskKey ?? EMPTY, u8(host.length), ascii(host));

/** The hints of a body whose count stands at `at`, to its last byte. */
export function readHints(body, at) {
  const hints = [];
  let offset = at + 1;
  const take = (length) => {
    if (offset + length > body.length) throw new InvalidInput("hints");
    return body.slice(offset, (offset += length));
  };
  for (let i = 0; i < body[at]; i += 1) {
    const kind = take(1)[0];
    if (kind > ANCHOR) throw new InvalidInput("hints");
    const port = number(take(2));
    const maskKey = kind === ANCHOR ? take(MASK_KEY_BYTES) : null;
    const host = String.fromCharCode(...take(take(1)[0]));
    if (port === 0 || !isHost(host)) throw new InvalidInput("hints");
    hints.push({ host, port, maskKey });
  }
  if (hints.length === 0 || offset !== body.length) throw new InvalidInput("hints");
  return hints;
}
