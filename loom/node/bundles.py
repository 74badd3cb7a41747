"""Hands out bundles to one device (docs/PROTOCOL.md 4.1)."""

import asyncio
import logging
from typing import Final

from loom.core.prekeys import (
    KIND_MAIL,
    KIND_ONCE,
    Prekey,
    decode_prekey,
    encode_prekey,
    issue,
    present,
    presentable,
)
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import LoomError
from loom.links.direct import DirectLink
from loom.node.context import DeviceContext
from loom.node.sessions import DeviceSessions
from loom.storage import prekeys
from loom.wire.framing import RecordKind
from loom.wire.limits import BUNDLE_REQUESTS_PER_HOUR, BUNDLES_LAID_PER_HOUR

log = logging.getLogger(__name__)

HOUR_S: Final = 3_600


class Bundles:
    """One unused live bundle at a time, however often it is asked for."""

    def __init__(self, context: DeviceContext, sessions: DeviceSessions) -> None:
        self._context = context
        self._sessions = sessions
        self._requests_s: list[float] = []
        self._laid_s: list[float] = []
        self._issuing = asyncio.Lock()

    def requested(self, link: DirectLink) -> None:
        """Answer on the link that asked, unless it asks too often."""
        now_s = self._context.parts.clock.monotonic_s()
        self._requests_s = [at_s for at_s in self._requests_s if now_s - at_s < HOUR_S]
        if len(self._requests_s) >= BUNDLE_REQUESTS_PER_HOUR:
            return
        self._requests_s.append(now_s)
        self._context.spawn(self._answer(link), "bundle request")

    async def _answer(self, link: DirectLink) -> None:
        try:
            async with self._issuing:
                bundle = await self.present()
        except LoomError as error:
            log.warning("contact %d: no bundle: %s", self._context.number, error.code)
            return
        if link.is_up:
            link.send_record(RecordKind.BUNDLE, bundle)

    async def present(self) -> bytes:
        """The one unused live bundle of this contact, signed with today's counter."""
        parts, device_id = self._context.parts, self._context.device_id
        now_s = parts.now_s()
        found = await parts.database.read(
            lambda db: prekeys.latest(db, device_id, presentable(now_s))
        )
        if found is not None:
            prekey = decode_prekey(found.state)
        else:
            prekey = await self._issue(KIND_ONCE, None)
        return await self._signed(prekey)

    async def for_mailbox(self, queue_id: bytes, kind: int) -> tuple[int, bytes] | None:
        """When it expires, and a new signed bundle that lies in one mailbox and serves no link.

        None: an anchor that forgets them, or a contact that uses them up, had too many lately.
        """
        now_s = self._context.parts.clock.monotonic_s()
        self._laid_s = [at_s for at_s in self._laid_s if now_s - at_s < HOUR_S]
        if len(self._laid_s) >= BUNDLES_LAID_PER_HOUR:
            return None
        self._laid_s.append(now_s)
        prekey = await self._issue(kind, queue_id)
        return prekey.expires_at_s, await self._signed(prekey)

    async def for_file(self, place: bytes, fresh_s: int) -> bytes:
        """A signed bundle for files: the same one until it is used, as long as it is fresh.

        Args:
            place: stands for the mailbox.
            fresh_s: how long it must still be valid.
        """
        device_id, now_s = self._context.device_id, self._context.parts.now_s()
        found = await self._context.parts.database.read(
            lambda db: prekeys.of_mailbox(db, device_id, place, now_s + fresh_s)
        )
        if found is not None:
            return await self._signed(decode_prekey(found.state))
        return await self._signed(await self._issue(KIND_MAIL, place))

    async def _issue(self, kind: int, queue_id: bytes | None) -> Prekey:
        parts = self._context.parts
        prekey = issue(
            parts.identity,
            X25519Key(parts.random(32)),
            KemKey.from_seed(parts.random(64)),
            parts.random(8),
            parts.now_s(),
            kind=kind,
        )
        row = prekeys.Prekey(
            prekey.bundle_id,
            self._context.device_id,
            encode_prekey(prekey),
            prekey.expires_at_s,
            prekey.answered_until_s,
            queue_id,
        )
        await parts.database.write(lambda db: prekeys.put(db, row))
        return prekey

    async def _signed(self, prekey: Prekey) -> bytes:
        await self._sessions.ready()
        identity = self._context.parts.identity
        return present(identity, prekey, self._sessions.value.counters)
