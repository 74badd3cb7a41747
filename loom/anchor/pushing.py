"""What is pushed to one reader: oldest first in each queue, few at a time (PROTOCOL.md 10.3)."""

from collections.abc import Iterable, Sequence
from typing import Final

from loom.anchor.peers import Queue
from loom.anchor.store import BlobRow
from loom.wire.limits import BLOB_ID_BYTES, BULK_PUSHES_MAX, PUSHES_UNACKNOWLEDGED_MAX
from loom.wire.requests import Push

READ_BYTES: Final = 128 * 1024
QUEUES_AT_ONCE: Final = 8


class Reading:
    """Which blobs to read next: queues with the last `seq` that was pushed, and how many."""

    __slots__ = ("count", "queues")

    def __init__(self, queues: Sequence[tuple[int, int]], count: int) -> None:
        self.queues = queues
        self.count = count


class Pushing:
    """The state of one subscription. Sans-IO: what to read comes out, what was read goes in."""

    def __init__(self, queues: Iterable[Queue]) -> None:
        self._queues: dict[int, Queue] = {}
        self._pushed: dict[int, int] = {}
        """By queue the last `seq` that was pushed."""
        self._waiting: dict[int, None] = {}
        """Queues that may hold more than was pushed, in turn."""
        self._in_flight: set[tuple[int, bytes]] = set()
        self._bulk_in_flight = 0
        """How many of them are parcels of files."""
        self._reading: Reading | None = None
        self._came: dict[int, int] = {}
        """By queue the last `seq` that came while it was being read."""
        for queue in queues:
            self.add(queue)

    @property
    def in_flight(self) -> int:
        """How many pushes are not acknowledged."""
        return len(self._in_flight)

    def add(self, queue: Queue) -> None:
        """Push what lies in this queue, too."""
        if queue.number not in self._queues:
            self._queues[queue.number] = queue
            self._pushed[queue.number] = 0
            self._waiting[queue.number] = None

    def remove(self, number: int) -> None:
        """The queue is gone."""
        queue = self._queues.pop(number, None)
        self._pushed.pop(number, None)
        self._waiting.pop(number, None)
        left = {one for one in self._in_flight if one[0] != number}
        if queue is not None and queue.is_bulk:
            self._bulk_in_flight -= len(self._in_flight) - len(left)
        self._in_flight = left

    def stored(self, number: int, seq: int, blob: bytes, *, may_push: bool) -> Push | None:
        """A blob came behind the others; a push of it, or None: later.

        Args:
            may_push: the reader's buffer has room.
        """
        queue = self._queues.get(number)
        if queue is None or seq <= self._pushed[number]:
            return None
        is_next = number not in self._waiting and self._reading is None
        if is_next and may_push and self._room(is_bulk=queue.is_bulk) > 0:
            return self._push(queue, seq, blob, 0)
        self._waiting[number] = None
        self._came[number] = seq
        return None

    def acknowledged(self, number: int, ids: Iterable[bytes]) -> None:
        """The reader has these."""
        gone = {(number, blob_id) for blob_id in ids} & self._in_flight
        self._in_flight -= gone
        if (queue := self._queues.get(number)) is not None and queue.is_bulk:
            self._bulk_in_flight -= len(gone)

    def ends(self) -> list[Push]:
        """Pushes that say of queues without a blob that they are at their end."""
        if self._reading is not None:
            return []
        empty = [one for one in self._waiting if self._queues[one].blobs == 0]
        for number in empty:
            del self._waiting[number]
        return [
            Push(self._queues[number].queue_id, 0) for number in empty if not self._pushed[number]
        ]

    def next_reading(self) -> Reading | None:
        """What to read now; None: nothing, or not yet. It must be given to `read` or `failed`."""
        if self._reading is not None:
            return None
        mail = [one for one in self._waiting if not self._queues[one].is_bulk]
        # Mail first, however much of a file lies there.
        room = self._room(is_bulk=not mail)
        numbers = (mail or list(self._waiting))[:QUEUES_AT_ONCE]
        if not numbers or room <= 0:
            return None
        for number in numbers:
            self._came.pop(number, None)
        self._reading = Reading([(one, self._pushed[one]) for one in numbers], room)
        return self._reading

    def read(self, rows: Sequence[BlobRow]) -> list[Push]:
        """What to push of what was read, and of queues that turned out to be empty."""
        reading, self._reading = self._reading, None
        if reading is None:
            return []
        pushes = []
        left: dict[int, int] = {}
        for row in rows:
            queue = self._queues.get(row.queue)
            if queue is not None and row.seq > self._pushed[row.queue]:
                pushes.append(self._push(queue, row.seq, row.blob, row.behind))
                left[row.queue] = row.behind
        # Of the queues that were asked for, those after the last one that gave something were
        # not looked at when the count or the size ended it.
        was_cut = len(rows) >= reading.count or sum(len(row.blob) for row in rows) >= READ_BYTES
        last = rows[-1].queue if rows else None
        for number, after in reading.queues:
            queue = self._queues.get(number)
            if queue is not None and not left.get(number):
                if number not in left and after == 0:
                    pushes.append(Push(queue.queue_id, 0))
                if self._came.pop(number, 0) <= self._pushed[number]:
                    self._waiting.pop(number, None)
            if was_cut and number == last:
                break
        for number in left:  # the next turn is another queue's
            if number in self._waiting:
                self._waiting[number] = self._waiting.pop(number)
        return pushes

    def failed(self) -> None:
        """The reading gave nothing."""
        self._reading = None

    def _room(self, *, is_bulk: bool) -> int:
        """How many more may be pushed of this kind."""
        room = PUSHES_UNACKNOWLEDGED_MAX - len(self._in_flight)
        return min(room, BULK_PUSHES_MAX - self._bulk_in_flight) if is_bulk else room

    def _push(self, queue: Queue, seq: int, blob: bytes, behind: int) -> Push:
        self._pushed[queue.number] = seq
        self._in_flight.add((queue.number, blob[:BLOB_ID_BYTES]))
        self._bulk_in_flight += queue.is_bulk
        return Push(queue.queue_id, behind, blob)
