"""Who is at the other end of a link to an anchor, and what it may read and write."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from loom.anchor.limits import AnchorLimits
from loom.anchor.meter import Meter
from loom.anchor.store import AccountRow, PairingRow, QueueRow
from loom.wire.limits import PUT_REFUSED_S
from loom.wire.requests import Answer, Push, QueueUse


class Account:
    """Somebody who pairs with this anchor, and holds queues here."""

    def __init__(self, row: AccountRow, limits: AnchorLimits) -> None:
        self.account_id = row.account_id
        self.keys = row.keys
        self.paired_at_s = row.paired_at_s
        self.queues: dict[int, Queue] = {}
        self.size_bytes = 0
        """Of mail."""
        self.bulk_bytes = 0
        """Of parcels of files."""
        self.puts = Meter(limits.account_puts_per_minute, 60.0)
        self.bulk_puts = Meter(limits.bulk_puts_per_minute, 60.0)

    def __repr__(self) -> str:
        return f"Account({self.account_id})"

    def count(self, queue: "Queue", size_bytes: int) -> None:
        """So many bytes more, or fewer, lie in one of its queues."""
        if queue.is_bulk:
            self.bulk_bytes += size_bytes
        else:
            self.size_bytes += size_bytes


class Queue:
    """A queue with what lies in it, counted from when a put is taken until it is deleted."""

    def __init__(self, row: QueueRow, account: Account, limits: AnchorLimits) -> None:
        self.number = row.number
        self.queue_id = row.queue_id
        self.account = account
        self.keys = row.keys
        self.use = row.use
        self.until_s = row.until_s
        self.blobs = row.blobs
        self.size_bytes = row.size_bytes
        self.puts = (
            Meter(limits.bulk_puts_per_minute, 60.0)
            if self.is_bulk
            else Meter(limits.queue_puts_per_minute, 60.0)
        )
        self.fetches = Meter(limits.fetches_per_hour, 3_600.0)
        account.queues[row.number] = self
        account.count(self, row.size_bytes)

    def __repr__(self) -> str:
        return f"Queue({self.number})"

    @property
    def is_open_to_many(self) -> bool:
        """Whether many have its keys: those of an invite or an address."""
        return self.use in (QueueUse.INVITE, QueueUse.ADDRESS)

    @property
    def is_bulk(self) -> bool:
        """Whether it is for parcels of files, which never take the room of mail."""
        return self.use is QueueUse.BULK

    @property
    def meters(self) -> tuple[Meter, Meter]:
        """What each put to it is counted in: the queue's, and the account's for its kind."""
        account = self.account
        return self.puts, account.bulk_puts if self.is_bulk else account.puts

    def count(self, blobs: int, size_bytes: int) -> None:
        """So many more, or fewer."""
        self.blobs += blobs
        self.size_bytes += size_bytes
        self.account.count(self, size_bytes)


class Pairing:
    """A pairing text that was given out."""

    def __init__(self, row: PairingRow) -> None:
        self.pairing_id = row.pairing_id
        self.keys = row.keys
        self.expires_s = row.expires_s

    def __repr__(self) -> str:
        return f"Pairing({self.pairing_id})"


Role = Account | Queue | Pairing


class Line(Protocol):
    """The way back to a peer."""

    @property
    def is_writable(self) -> bool:
        """More may be pushed without waiting for the buffer to drain."""
        ...

    def answer(self, number: int, answer: Answer) -> None:
        """Answer a request; dropped when the link is gone."""
        ...

    def push(self, push: Push) -> None:
        """Push; dropped when the link is gone."""
        ...

    def end(self) -> None:
        """Close once everything queued is flushed."""
        ...


class Refused(NamedTuple):
    """The blob that was refused first, and what is answered to others until then."""

    blob_id: bytes
    answer: Answer
    until_s: float

    def __repr__(self) -> str:
        return f"Refused({self.answer!r})"


class Peer:
    """The other end of one confirmed link, by the key that it proved."""

    def __init__(self, role: Role, line: Line) -> None:
        self.role = role
        self.line = line
        self.displaces = False
        """Whether another link of its key was there when it came."""
        self.subscribed_as: int | None = None
        """The number of its subscribe request."""
        self.worked: set[bytes] = set()
        """Blobs that it has shown work for."""
        self.refused: dict[int, Refused] = {}
        """By queue, or what was sent behind a refused blob would come before it."""

    def __repr__(self) -> str:
        return f"Peer({self.role!r})"

    def refuse(self, queue: Queue, blob_id: bytes, answer: Answer, now_s: float) -> None:
        """For a while take nothing of it for this queue but the blob that was refused first."""
        before = self.refused.get(queue.number)
        if before is None or before.blob_id == blob_id or before.until_s <= now_s:
            before = Refused(blob_id, answer, now_s)
        self.refused[queue.number] = before._replace(until_s=now_s + PUT_REFUSED_S)

    def reads(self, queue: Queue) -> bool:
        """Whether it is the reader of this queue."""
        return queue.account is self.role if queue.use.is_inbound else queue is self.role

    def writes(self, queue: Queue) -> bool:
        """Whether it is the writer of this queue."""
        return queue is self.role if queue.use.is_inbound else queue.account is self.role

    def read_queues(self) -> Iterable[Queue]:
        """All queues that it reads."""
        match self.role:
            case Account():
                return [queue for queue in self.role.queues.values() if queue.use.is_inbound]
            case Queue(use=QueueUse.OUTBOUND):
                return [self.role]
            case _:
                return []
