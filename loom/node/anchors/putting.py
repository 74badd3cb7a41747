"""Puts accepted files where their receiver reads, while no link to it stands (PROTOCOL 15.5)."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final

import msgspec

from loom.core.file.parcels import to_put, with_put
from loom.core.queues import QueueKeys, derive_queue_keys
from loom.errors import FileWaits, LoomError, Unreachable
from loom.model import Address
from loom.node.alarm import Alarm
from loom.node.device import Device
from loom.node.files import requesting
from loom.node.files.content import offer_of
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.caller import Caller
from loom.node.routes.line import Line
from loom.storage import files, windows
from loom.storage.connection import Db
from loom.storage.windows import ToPut
from loom.wire.content import Place
from loom.wire.file_records import Piece
from loom.wire.limits import BLOB_ID_BYTES
from loom.wire.parcel import encode_parcel, parcels_of
from loom.wire.requests import Full, Have, Ids, Later, Ok, Push, Put

log = logging.getLogger(__name__)

AFTER_LINK_S: Final = 5.0
"""So long after a link ended, as for mail."""
RETRY_FIRST_S: Final = 15.0
RETRY_MAX_S: Final = 600.0
TRY_AGAIN_S: Final = 6.0
"""So often an anchor that does not answer is tried at most, whatever the contact says."""
FULL_RETRY_S: Final = 60.0
LATER_MAX_S: Final = 600.0
FILES_MAX: Final = 64
SAVE_EVERY_S: Final = 1.0


class _End(Enum):
    DONE = auto()
    """All of it lies there, or it is not to be put any more."""
    CHANGED = auto()
    """Look again: a link stands, or the files are others."""
    FULL = auto()
    LOST = auto()
    """There is no such queue there."""
    REFUSED = auto()
    """Nothing of it is served."""


class _Writer:
    """The user of a line that only writes."""

    async def link_up(self, link: AnchorLink) -> None:
        """Nothing to do."""

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """Nothing is read there."""

    def link_down(self) -> None:
        """Nothing to do."""


class Putting:
    """One task for a device, from when there is something to put."""

    def __init__(self, device: Device, caller: Caller, may_dial: Callable[[Address], bool]) -> None:
        self.device = device
        self._context = device.context
        self._caller = caller
        self._may_dial = may_dial
        self._alarm = Alarm()
        self._lines: dict[bytes, Line] = {}
        """By the secret of the place."""
        self._has_changed = False
        self._is_running = False
        self._retry_s = RETRY_FIRST_S
        self._rest_until_s = 0.0
        self._tried_s = -TRY_AGAIN_S
        self._later_s = 0.0
        self._is_told = False
        self._is_owners = False
        """Something that the owner sent waits; what a member asks for they need not know."""

    def changed(self) -> None:
        """A file, or the link, is another one now."""
        self._has_changed = True
        self._rest_until_s = min(self._rest_until_s, self._tried_s + TRY_AGAIN_S)
        self._alarm.ring()
        if not self._is_running:
            self._is_running = True
            self._context.spawn(self._run(), "putting files")

    def close(self) -> None:
        """Use no anchor any more."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()

    # --- the task ---

    async def _run(self) -> None:
        try:
            await asyncio.sleep(AFTER_LINK_S)
            while await self._is_something_left():
                self._alarm.ring_within(max(0.0, self._rest_until_s - self._now_s()))
                await self._alarm.heard()
        finally:
            self._is_running = False
            self.close()

    async def _is_something_left(self) -> bool:
        """Put what can be put now; True: look again when the alarm rings."""
        try:
            is_left = await self._put_all()
            self._retry_s = RETRY_FIRST_S
        except LoomError as error:
            self._failed(error)
            is_left = True
        return is_left or self._has_changed

    def _failed(self, error: LoomError) -> None:
        log.info("contact %d: files by an anchor: %s", self._context.number, error.code)
        if isinstance(error, Unreachable):
            self._tell("the anchor where they read does not answer")
        else:
            self._context.warn(error)
        self._rest(self._retry_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
        self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)

    async def _put_all(self) -> bool:
        while True:
            self._has_changed = False
            self._alarm.silence()
            if self._rest_until_s > self._now_s():
                return True
            is_quiet = self.device.is_linked() or self._context.parts.profile.value.invisible
            found = [] if is_quiet else await self._look()
            self._is_owners = any(one.file.room is None for one in found)
            self._drop_lines(found)
            for one in found:
                end = await self._put_file(one, _place(one))
                if one.file.room is not None and end in (_End.LOST, _End.REFUSED):
                    await self._drop(one, is_told=end is _End.REFUSED)
                    continue
                if end is _End.CHANGED:
                    break
                if end is _End.FULL:
                    self._tell("the anchor where they read has no room for more of it")
                    self._rest(self._later_s or FULL_RETRY_S)
                    return True
                if end is _End.LOST:
                    self._tell("the anchor where they read keeps nothing of it")
                    self._rest(RETRY_MAX_S)
                    return True
            else:
                if not self._has_changed:
                    return False

    async def _look(self) -> list[ToPut]:
        conversation_id, device_id = self._context.conversation_id, self._context.device_id
        # Through the writer: what is on its way to the disk is there.
        return await self._context.parts.database.write(
            lambda db: windows.to_put(db, conversation_id, device_id, FILES_MAX)
        )

    async def _drop(self, one: ToPut, *, is_told: bool) -> None:
        """A member is given no more of a file of a room by this way, until it asks again."""
        context, file_id = self._context, one.file.file_id

        def drop(db: Db) -> None:
            if (file := files.by_id(db, file_id)) is not None and not file.is_paused:
                requesting.drop(
                    context.parts, db, context.person, context.device_id, file, is_told=is_told
                )

        await context.parts.database.write(drop)
        self.device.delivery.outbox.rows_added()

    async def _put_file(self, one: ToPut, place: Place) -> _End:
        """Put what the receiver still needs, in order.

        Raises:
            Unreachable: the anchor does not answer.
        """
        offer, put = offer_of(one.file), one.put
        keys = derive_queue_keys(place.secret)
        left = to_put(offer, place.have, put)
        first = next(left, None)
        if first is None:
            return _End.DONE
        line = self._line(place)
        if line is None:
            return _End.LOST
        if not line.is_up:
            self._tried_s = self._now_s()
        link = await line.reach()
        saved_s, may_lie_there = self._now_s(), True
        try:
            piece: Piece | None = first
            while piece is not None:
                if self._has_changed or self.device.is_linked():
                    return _End.CHANGED
                sealed = await self.device.files.serving.seal(piece)
                if sealed is None:
                    return _End.REFUSED
                blobs = [
                    keys.seal_parcel(encode_parcel(part)) for part in parcels_of(piece, sealed)
                ]
                if may_lie_there:
                    there = await self._there(link, keys, blobs)
                    if there is None:
                        put = b""
                        return _End.LOST
                    may_lie_there = bool(there)
                    blobs = [blob for blob in blobs if blob[:BLOB_ID_BYTES] not in there]
                end = await self._put(link, keys, blobs)
                if end is not _End.DONE:
                    put = b"" if end is _End.LOST else put
                    return end
                put = with_put(offer, put, piece)
                self._is_told = False
                if self._now_s() - saved_s >= SAVE_EVERY_S:
                    await self._save(one, put)
                    saved_s = self._now_s()
                piece = next(left, None)
            return _End.DONE
        finally:
            await asyncio.shield(self._save(one, put))
            await asyncio.shield(self.device.files.serving.save())

    async def _save(self, one: ToPut, put: bytes) -> None:
        device_id = self._context.device_id
        await self._context.parts.database.write(
            lambda db: windows.set_put(db, one, device_id, put)
        )

    async def _there(
        self, link: AnchorLink, keys: QueueKeys, blobs: Iterable[bytes]
    ) -> frozenset[bytes] | None:
        """Which of these lie there; None: there is no such queue."""
        ids = tuple(blob[:BLOB_ID_BYTES] for blob in blobs)
        answer = await link.ask(Have(keys.queue_id, ids))
        return frozenset(answer.ids) if isinstance(answer, Ids) else None

    async def _put(self, link: AnchorLink, keys: QueueKeys, blobs: Iterable[bytes]) -> _End:
        answers = await asyncio.gather(
            *(link.ask(Put(keys.queue_id, blob)) for blob in blobs), return_exceptions=True
        )
        self._later_s = 0.0
        for answer in answers:
            match answer:
                case Ok():
                    pass
                case Full():
                    return _End.FULL
                case Later(seconds=seconds):
                    self._later_s = float(min(max(1, seconds), LATER_MAX_S))
                    return _End.FULL
                case BaseException():
                    raise answer
                case _:
                    return _End.LOST
        return _End.DONE

    # --- lines ---

    def _line(self, place: Place) -> Line | None:
        if (known := self._lines.get(place.secret)) is not None:
            return known
        told = (Address(host, port) for host, port in place.addresses)
        addresses = [one for one in told if self._may_dial(one)]
        if not addresses:
            return None
        line = self._lines[place.secret] = Line(
            self._caller,
            derive_queue_keys(place.secret).door,
            place.mask_key,
            addresses,
            _Writer(),
            self._context.spawn,
        )
        return line

    def _drop_lines(self, used: Iterable[ToPut]) -> None:
        kept = {_place(one).secret for one in used}
        for secret in set(self._lines) - kept:
            self._lines.pop(secret).close()

    # --- inside ---

    def _tell(self, reason: str) -> None:
        """Once, until something of a file lies there again."""
        if self._is_owners and not self._is_told:
            self._is_told = True
            self._context.warn(FileWaits(contact=self._context.person.name, reason=reason))

    def _rest(self, wait_s: float) -> None:
        self._rest_until_s = self._now_s() + wait_s

    def _now_s(self) -> float:
        return self._context.parts.clock.monotonic_s()


def _place(one: ToPut) -> Place:
    return msgspec.msgpack.decode(one.place, type=Place)
