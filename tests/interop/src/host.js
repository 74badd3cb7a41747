/** The one form of a host (PROTOCOL 10.4). */

import { isIPv4, isIPv6 } from "node:net";

const HOST_MAX = 253;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const ONION = /^(.+\.)?[a-z2-7]{56}\.onion$/;

/** Whether a text is an address or a name in its one form. */
export function isHost(host) {
  if (host.length === 0 || host.length > HOST_MAX) return false;
  if (host.includes(":")) {
    if (!isIPv6(host) || host.includes("%")) return false;
    return new URL(`http://[${host}]`).hostname === `[${host}]` && !/^::ffff:/.test(host);
  }
  const labels = host.split(".");
  if (/^[0-9]+$/.test(labels.at(-1))) return isIPv4(host);
  return labels.every((label) => LABEL.test(label)) && (labels.at(-1) !== "onion" || ONION.test(host));
}
