"""Mail carried by hand: what waits for a contact in a file, and what such a file brings."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from hmac import compare_digest
from typing import Final, NamedTuple

from loom.core import choice
from loom.core.delivery import receipts as receipt_rules
from loom.core.queues import QueueKeys, derive_file_keys
from loom.errors import MailFileOfNobody, PeerError
from loom.node.device import Device
from loom.node.mail import Incoming, Judgement, Mail
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import outbox, receipts
from loom.wire.limits import (
    AEAD_NONCE_BYTES,
    MAIL_FILE_MAX_BYTES,
    MAIL_LIFETIME_S,
    SEALED_BUNDLE_BYTES,
)
from loom.wire.mail_file import (
    SALT_BYTES,
    decode_mail_file,
    encode_mail_file,
    framed_bytes,
)

log = logging.getLogger(__name__)

FILE_QUEUE: Final = b"in a file"
"""Stands for the queue of a bundle that travels in files."""
BUNDLE_AGAIN_S: Final = 28 * 86_400
"""A bundle is given again until a week after it was made."""
PAGE_ROWS: Final = 64
RECEIPT_ROWS: Final = 256
JUDGED_WITHIN_S: Final = 120.0


class Exported(NamedTuple):
    """A file, how many rows of the outbox are in it, and how many had no room or no session."""

    data: bytes
    rows: int
    left: int

    def __repr__(self) -> str:
        return f"Exported({len(self.data)} bytes, {self.rows} rows)"


class Imported(NamedTuple):
    """Whose file it was, and what became of its envelopes."""

    device: Device
    taken: int
    known: int
    unopened: int
    began: bool
    """A session was begun on the bundle in it."""


class MailFiles:
    """Nothing that is owed is cleared by an export: only a receipt does that."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster

    async def export(self, device: Device) -> Exported:
        """What waits for a device, its receipts first, and a bundle for the way back."""
        salt = self._parts.random(SALT_BYTES)
        keys = derive_file_keys(device.keys.sending.link, salt)
        bundle = await device.bundles.for_file(FILE_QUEUE, BUNDLE_AGAIN_S)
        blobs = [keys.seal_bundle(bundle, self._parts.random(AEAD_NONCE_BYTES))]
        await device.sessions.ready()
        if device.sessions.best is not None:
            blobs += await self._receipts(device, keys)
        room = MAIL_FILE_MAX_BYTES - sum(map(framed_bytes, blobs)) - 256
        rows = await self._rows(device, keys, room)
        blobs += rows
        device_id = device.device_id
        total = await self._parts.database.read(lambda db: outbox.count(db, device_id))
        data = encode_mail_file(salt, keys.mark(salt), blobs)
        return Exported(data, len(rows), total - len(rows))

    async def import_(self, data: bytes) -> Imported:
        """Take in a file of a contact.

        Raises:
            MalformedMessage: it is no file of mail.
            MailFileOfNobody: no contact has written it for this profile.
        """
        file = decode_mail_file(data)
        device, keys = self._writer(file.salt, file.mark)
        judged: list[asyncio.Future[Judgement]] = []
        came: list[Incoming] = []
        bundles: list[bytes] = []
        unopened = 0
        for blob in file.blobs:
            try:
                if len(blob) == SEALED_BUNDLE_BYTES:
                    bundles.append(keys.open_bundle(blob))
                    continue
                opened = keys.open_blob(blob)
            except PeerError:
                unopened += 1
                continue
            future: asyncio.Future[Judgement] = asyncio.get_running_loop().create_future()
            judged.append(future)
            came.append(Incoming(opened.envelope, Mail(opened.until_s, partial(_judge, future))))
        if came:
            device.inbox.put(came)
            async with asyncio.timeout(JUDGED_WITHIN_S):
                await asyncio.gather(*judged)
        ends = [one.result() for one in judged]
        began = await self._begin(device, bundles)
        return Imported(
            device,
            ends.count(Judgement.TAKEN),
            ends.count(Judgement.KNOWN),
            unopened + ends.count(Judgement.UNOPENED),
            began,
        )

    # --- inside ---

    async def _receipts(self, device: Device, keys: QueueKeys) -> list[bytes]:
        device_id = device.device_id
        stored = await self._parts.database.write(
            lambda db: receipts.of_device(db, device_id, RECEIPT_ROWS)
        )
        await device.sessions.ready()
        page = receipt_rules.first_page(stored)
        if not page.rows and not _is_unanswered(device):
            return []
        envelope = device.delivery.receipts.seal(page.delivered, page.read)
        if envelope is None:
            return []
        await device.sessions.commit()
        return [keys.seal_blob(self._parts.now_s() + MAIL_LIFETIME_S, envelope)]

    async def _rows(self, device: Device, keys: QueueKeys, room: int) -> list[bytes]:
        blobs: list[bytes] = []
        after, device_id = 0, device.device_id
        while True:
            page = await self._parts.database.write(
                lambda db, after=after: outbox.page(db, device_id, after, PAGE_ROWS)  # type: ignore[misc]
            )
            sealed = await device.delivery.outbox.seal_rows(page)
            for one in sealed:
                blob = keys.seal_blob(one.sealed.until_s, one.sealed.envelope)
                room -= framed_bytes(blob)
                if room < 0:
                    return blobs
                blobs.append(blob)
            if not page or len(sealed) < len(page):
                return blobs
            after = page[-1].row_id

    def _writer(self, salt: bytes, mark: bytes) -> tuple[Device, QueueKeys]:
        """Whose file it is; every contact is tried, as at the gate."""
        found: tuple[Device, QueueKeys] | None = None
        for device in self._roster.welcome():
            keys = derive_file_keys(device.keys.receiving.link, salt)
            if compare_digest(keys.mark(salt), mark):
                found = device, keys
        if found is None:
            raise MailFileOfNobody
        return found

    async def _begin(self, device: Device, bundles: Sequence[bytes]) -> bool:
        """Begin a session on a bundle of the file, if one is due."""
        wish = await device.delivery.starts.wish()
        is_due = choice.should_start(
            device.sessions.value.live,
            something_to_send=wish.something_to_send,
            start_wanted=wish.start_wanted,
            wanted_starts_s=wish.wanted_starts_s,
            link_time_s=0.0,
            now_s=self._parts.now_s(),
            is_halted=wish.is_halted,
        )
        if not is_due:
            return False
        for bundle in bundles:
            try:
                if await device.delivery.starts.begin(bundle):
                    return True
            except PeerError as error:
                log.info("contact %d: bundle of a file: %s", device.number, error.code)
        return False


def _is_unanswered(device: Device) -> bool:
    best = device.sessions.best
    return best is not None and choice.unconfirmed(best)


def _judge(future: "asyncio.Future[Judgement]", judgement: Judgement) -> None:
    if not future.done():
        future.set_result(judgement)
