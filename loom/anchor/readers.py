"""Who reads at an anchor now: each is pushed what is stored, as fast as it takes it."""

import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

from loom.anchor import store
from loom.anchor.peers import Peer, Queue, Role
from loom.anchor.pushing import READ_BYTES, Pushing
from loom.anchor.store import BlobRow, NewBlob
from loom.errors import LoomError
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.wire.requests import Displaced

log = logging.getLogger(__name__)


class Readers:
    """By their keys, one link each.

    Args:
        spawn: runs a task that ends with the anchor.
    """

    def __init__(
        self, database: Database, spawn: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._database = database
        self._spawn = spawn
        self._readers: dict[Role, tuple[Peer, Pushing]] = {}

    def subscribed(self, peer: Peer, number: int, queues: Sequence[Queue]) -> None:
        """From now on the peer reads these; `number`: of its request."""
        peer.subscribed_as = number
        self._readers[peer.role] = peer, Pushing(queues)

    def left(self, peer: Peer, *, displaced: bool) -> None:
        """Its link is gone, or is to end because another of its key came."""
        if self._pushing_to(peer) is None:
            return
        del self._readers[peer.role]
        if displaced and peer.subscribed_as is not None:
            peer.line.answer(peer.subscribed_as, Displaced())

    def acknowledged(self, peer: Peer, queue: Queue, ids: Sequence[bytes]) -> None:
        """The peer has these."""
        if (pushing := self._pushing_to(peer)) is not None:
            pushing.acknowledged(queue.number, ids)

    def opened(self, queue: Queue) -> None:
        """Its holder, if it reads it and has subscribed, reads the new queue, too."""
        if queue.use.is_inbound and (reader := self._readers.get(queue.account)) is not None:
            reader[1].add(queue)

    def dropped(self, queue: Queue) -> None:
        """A queue is gone."""
        if (reader := self._readers.get(queue.account)) is not None:
            reader[1].remove(queue.number)

    def stored(self, queue: Queue, new: NewBlob) -> None:
        """A blob is on disk: push it to the queue's reader."""
        role: Role = queue.account if queue.use.is_inbound else queue
        if (reader := self._readers.get(role)) is None:
            return
        peer, pushing = reader
        push = pushing.stored(queue.number, new.seq, new.blob, may_push=peer.line.is_writable)
        if push is not None:
            peer.line.push(push)
        else:
            self.push_more(peer)

    def push_more(self, peer: Peer) -> None:
        """Push what lies there, as far as the peer takes it."""
        pushing = self._pushing_to(peer)
        if pushing is None or not peer.line.is_writable:
            return
        for push in pushing.ends():
            peer.line.push(push)
        if (reading := pushing.next_reading()) is not None:
            wanted, count = reading.queues, reading.count
            self._spawn(self._read(peer, pushing, partial(_next_blobs, wanted=wanted, count=count)))

    def _pushing_to(self, peer: Peer) -> Pushing | None:
        reader = self._readers.get(peer.role)
        return reader[1] if reader is not None and reader[0] is peer else None

    async def _read(
        self, peer: Peer, pushing: Pushing, read: Callable[[Db], list[BlobRow]]
    ) -> None:
        try:
            rows = await self._database.read(read)
        except LoomError as error:
            log.warning("blobs cannot be read: %s", error.code)
            pushing.failed()
            peer.line.end()
            return
        for push in pushing.read(rows):
            peer.line.push(push)
        self.push_more(peer)


def _next_blobs(db: Db, wanted: Iterable[tuple[int, int]], count: int) -> list[BlobRow]:
    return store.next_blobs(db, wanted, count, READ_BYTES)
