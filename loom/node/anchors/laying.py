"""Lays the bundles with which writers begin sessions by mail, and replaces them in time."""

import logging
from typing import Final, NamedTuple

from loom.core.prekeys import KIND_LAST, KIND_MAIL
from loom.core.queues import QueueKeys
from loom.crypto.kdf import hash_
from loom.node.device import Device
from loom.node.parts import Parts
from loom.node.routes.anchor_link import AnchorLink
from loom.storage import mailboxes
from loom.storage.mailboxes import LaidBundle
from loom.wire.limits import AEAD_NONCE_BYTES, BUNDLE_MARK_BYTES, BUNDLE_PLACES
from loom.wire.requests import Lay, Ok

log = logging.getLogger(__name__)

LAST_PLACE: Final = BUNDLE_PLACES - 1
ONCE_AT_LEAST: Final = 2
RENEW_BEFORE_S: Final = 7 * 86_400


class Lies(NamedTuple):
    """What an anchor said lies at the places of a queue."""

    marks: bytes | None
    """`H(sealed)[:8]` of each place or zeros; None: it only said how many serve once."""
    once: int = 0

    def __repr__(self) -> str:
        return f"Lies(once={self.once})"


async def lay(parts: Parts, device: Device, keys: QueueKeys, link: AnchorLink, lies: Lies) -> None:
    """Fill the places of one queue that this side reads.

    Raises:
        Unreachable: the link ended.
    """
    queue_id, now_s = keys.queue_id, parts.now_s()
    laid = await parts.database.read(lambda db: mailboxes.laid(db, queue_id))

    def is_good(place: int) -> bool:
        known = laid.get(place)
        if known is None or known.expires_at_s <= now_s + RENEW_BEFORE_S:
            return False
        if lies.marks is None:
            return place == LAST_PLACE or lies.once >= ONCE_AT_LEAST
        at = place * BUNDLE_MARK_BYTES
        return lies.marks[at : at + BUNDLE_MARK_BYTES] == known.digest

    good = [is_good(place) for place in range(BUNDLE_PLACES)]
    once = sum(good[:LAST_PLACE])
    # One that was fetched is no loss yet; below two, all places are filled.
    places = [at for at in range(LAST_PLACE) if not good[at]] if once < ONCE_AT_LEAST else []
    if not good[LAST_PLACE]:
        places.append(LAST_PLACE)
    for place in places:
        kind = KIND_LAST if place == LAST_PLACE else KIND_MAIL
        made = await device.bundles.for_mailbox(queue_id, kind)
        if made is None:
            log.info("contact %d: too many bundles within an hour", device.number)
            return
        expires_at_s, bundle = made
        sealed = keys.seal_bundle(bundle, parts.random(AEAD_NONCE_BYTES))
        if not isinstance(await link.ask(Lay(queue_id, place, sealed)), Ok):
            log.info("contact %d: a bundle was not taken", device.number)
            return
        row = LaidBundle(
            queue_id, device.device_id, place, hash_(sealed)[:BUNDLE_MARK_BYTES], expires_at_s
        )
        await parts.database.write(lambda db, row=row: mailboxes.put_laid(db, row))  # type: ignore[misc]
