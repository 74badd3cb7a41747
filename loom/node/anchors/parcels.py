"""Parcels of one window: stored as they come, acknowledged once they are durable.

Those of a file of a room are held until their piece is whole and opens: others give pieces of the
same file at the same time, and nothing that one member sends may lie where theirs do.
"""

import asyncio
import logging
from collections import deque
from typing import Final, NamedTuple

from loom.core.file.offer import Offer
from loom.core.file.parcels import Begun, is_in_place, parts_of
from loom.core.queues import QueueKeys
from loom.errors import LoomError, PeerError
from loom.model import FileId
from loom.node.device import Device
from loom.node.routes.anchor_link import AnchorLink
from loom.wire.file_records import Piece, What
from loom.wire.parcel import PARCEL_CONTENT_BYTES, Parcel, decode_parcel
from loom.wire.requests import Ack, Answer, Push

log = logging.getLogger(__name__)

HELD_MAX: Final = 16
"""Pieces that are held in memory until all their parcels came."""


class _Came(NamedTuple):
    link: AnchorLink
    push: Push


class Parcels:
    """Oldest first, all that came together at a time."""

    def __init__(self, device: Device, keys: QueueKeys) -> None:
        self._device = device
        self._fetching = device.files.fetching
        self._keys = keys
        self._begun = Begun()
        self._held: dict[Piece, dict[int, bytes]] = {}
        self._waiting: deque[_Came] = deque()
        self._task: asyncio.Task[None] | None = None

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """A blob came."""
        self._waiting.append(_Came(link, push))
        if self._task is None:
            self._task = self._device.spawn(self._take(), "parcels of files")

    async def settled(self) -> None:
        """Return once all that came is stored."""
        while self._task is not None:
            await asyncio.wait({self._task})

    # --- the task ---

    async def _take(self) -> None:
        try:
            while self._waiting:
                came = list(self._waiting)
                self._waiting.clear()
                opened = [one for one in map(self._opened, came) if one is not None]
                try:
                    await self._store(opened)
                except LoomError as error:
                    log.warning("contact %d: parcels: %s", self._device.number, error.code)
                    for file_id in {one.piece.file_id for one in opened}:
                        self._fetching.rest(FileId(file_id), error.code)
                # Those of a file that rests, too, or they would hold up the others: the sender
                # is told what is missing once it goes on.
                self._acknowledge(came)
        finally:
            self._task = None

    def _opened(self, came: _Came) -> Parcel | None:
        try:
            return decode_parcel(self._keys.open_parcel(came.push.blob))
        except PeerError:
            log.info("contact %d: a blob that is no parcel of a file", self._device.number)
            return None

    async def _store(self, parcels: list[Parcel]) -> None:
        """Those that are of use are durable afterwards.

        Raises:
            DiskFull, StoreError: some are not.
        """
        store = self._device.context.parts.files
        touched: dict[bytes, None] = {}
        whole: list[tuple[Piece, bytes, int]] = []
        writes: list[tuple[bytes, Parcel]] = []
        for parcel in parcels:
            piece = parcel.piece
            known = await self._fetching.ready(FileId(piece.file_id))
            if known is None or not is_in_place(known[0], parcel):
                continue
            offer, blob_id = known
            if not self._fetching.lacks(piece):
                continue
            if piece.what is What.LIST or self._fetching.is_of_room(FileId(piece.file_id)):
                self._hold(offer, parcel)
                continue
            may_be_whole = self._begun.came(offer, parcel)
            writes.append((blob_id, parcel))
            touched[blob_id] = None
            if may_be_whole:
                whole.append((piece, blob_id, offer.sealed_bytes(piece)))

        def write() -> list[bytes]:
            for blob_id, parcel in writes:
                start = parcel.part * PARCEL_CONTENT_BYTES
                store.write(blob_id, parcel.piece.index, parcel.content, start)
            for blob_id in touched:
                store.sync(blob_id)
            return [store.read(blob_id, piece.index, size) for piece, blob_id, size in whole]

        if writes:
            found = await asyncio.to_thread(write)
            for (piece, _, _), sealed in zip(whole, found, strict=True):
                self._fetching.mailed(piece, sealed)
        await self._fetching.lists_stored()

    def _hold(self, offer: Offer, parcel: Parcel) -> None:
        parts = self._held.setdefault(parcel.piece, {})
        parts[parcel.part] = parcel.content
        if len(parts) == parts_of(offer, parcel.piece):
            del self._held[parcel.piece]
            sealed = b"".join(content for _, content in sorted(parts.items()))
            self._fetching.mailed(parcel.piece, sealed)
        while len(self._held) > HELD_MAX:
            del self._held[next(iter(self._held))]

    def _acknowledge(self, came: list[_Came]) -> None:
        by_link: dict[AnchorLink, list[bytes]] = {}
        for one in came:
            if one.link.is_up:
                by_link.setdefault(one.link, []).append(one.push.blob_id)
        for link, ids in by_link.items():
            link.request(Ack(self._keys.queue_id, tuple(ids))).add_done_callback(_forget)


def _forget(answer: "asyncio.Future[Answer]") -> None:
    if not answer.cancelled():
        answer.exception()  # the link ended: the parcels come again
