"""What an anchor does when it is asked: rules over its store (PROTOCOL.md 10.3)."""

import asyncio
import logging
import math
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, NamedTuple, TypeVar

from loom.anchor import store
from loom.anchor.limits import AnchorLimits
from loom.anchor.peers import Account, Pairing, Peer, Queue, Role
from loom.anchor.readers import Readers
from loom.anchor.store import AccountRow, NewBlob, QueueRow, Removed
from loom.core.queues import DoorKeys, work_bits, work_done
from loom.errors import DiskFull, LoomError
from loom.ports import Clock
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.wire.limits import (
    BLOB_ID_BYTES,
    BLOB_KEPT_S,
    BULK_BLOB_BYTES,
    BULK_KEPT_S,
    WORK_DAY_SKEW_DAYS,
)
from loom.wire.requests import (
    Ack,
    Answer,
    Ended,
    Fetch,
    Full,
    Have,
    Ids,
    Laid,
    Later,
    Lay,
    More,
    Ok,
    Open,
    Pair,
    Put,
    QueueBundles,
    QueueStatus,
    QueueUse,
    Request,
    Shut,
    Status,
    Stored,
    Subscribe,
    Subscribed,
    Taken,
    Unknown,
    Unpair,
    Work,
)

log = logging.getLogger(__name__)

DAY_S: Final = 86_400
WORKED_MAX: Final = 8
SUCCESSORS_MAX: Final = 4
"""So many accounts that replace one another may exist at one time."""
PRUNE_AT_ONCE: Final = 1_000

T = TypeVar("T")


class _Taken(NamedTuple):
    """A put on its way to the store."""

    peer: Peer
    number: int
    queue: Queue
    blob: NewBlob


class Service:
    """All queues of one anchor, and who reads them.

    Args:
        admit: lets the owner of these keys in from now on.
        dismiss: ends that, with the links that there are.
        spawn: runs a task that ends with the anchor.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: AnchorLimits,
        *,
        admit: Callable[[Role], None],
        dismiss: Callable[[Role], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self.limits = limits
        self.accounts: dict[int, Account] = {}
        self.queues: dict[bytes, Queue] = {}
        self.size_bytes = 0
        """Of all blobs."""
        self.room_bytes = 0
        """What all blobs together may take."""
        self.is_draining = False
        self.emptied: Callable[[], None] = lambda: None
        """Called when the last blob is gone while it drains."""
        self._database = database
        self._clock = clock
        self._admit = admit
        self._dismiss = dismiss
        self._spawn = spawn
        self._by_number: dict[int, Queue] = {}
        self._pairings: dict[int, Pairing] = {}
        self._puts: list[_Taken] = []
        """Counted, and not yet handed to the store."""
        self._readers = Readers(database, spawn)
        self._last_seq = 0
        self._told = limits.told()
        self._handlers: dict[type, Callable[[Peer, int, Any], None]] = {
            Put: self._put,
            Open: self._open,
            Shut: self._shut,
            Subscribe: self._subscribe,
            Ack: self._ack,
            Have: self._have,
            Lay: self._lay,
            Fetch: self._fetch,
            Work: self._work,
            Pair: self._pair,
            Status: self._status,
            Unpair: self._unpair,
        }

    async def load(self) -> None:
        """Read what is stored, and let its owners in."""
        contents = await self._database.read(store.load)
        self._last_seq = contents.last_seq
        for account in contents.accounts:
            self._add_account(account)
        for queue in contents.queues:
            self._add_queue(queue)
            self.size_bytes += queue.size_bytes
        for pairing in contents.pairings:
            self._add_pairing(pairing)

    @property
    def blobs(self) -> int:
        """How many lie here."""
        return sum(queue.blobs for queue in self.queues.values())

    @property
    def bulk_bytes(self) -> int:
        """Of parcels of files."""
        return sum(account.bulk_bytes for account in self.accounts.values())

    # --- from the door ---

    def receive(self, peer: Peer, number: int, request: Request) -> None:
        """Carry out a request, then `flush`; its answer goes to the peer once it is durable."""
        self._handlers[type(request)](peer, number, request)

    def writable_again(self, peer: Peer) -> None:
        """The peer's buffer drained."""
        self._readers.push_more(peer)

    def left(self, peer: Peer, *, displaced: bool = False) -> None:
        """The peer's link is gone, or is to end because another of its key came."""
        self._readers.left(peer, displaced=displaced)

    # --- from the anchor's owner ---

    async def give_pairing(self, keys: DoorKeys, expires_s: int) -> None:
        """Let one account be made with these keys, until then."""
        row = await self._database.write(lambda db: store.add_pairing(db, keys, expires_s))
        self._add_pairing(row)

    async def remove_account(
        self, account: Account, told: Callable[[], None] = lambda: None
    ) -> None:
        """Delete an account with its queues and what lies in them.

        Queue by queue, or others would wait while hundreds of MiB are deleted.

        Args:
            told: called once it is done, before the links end.
        """
        for queue in [one for one in account.queues.values() if one.blobs]:
            await self._database.write(lambda db, gone=queue.number: store.shut_queue(db, gone))  # type: ignore[misc]
            self._drop_queue(queue)
        await self._database.write(lambda db: store.remove_account(db, account.account_id))
        for queue in list(account.queues.values()):
            self._drop_queue(queue)
        self.accounts.pop(account.account_id, None)
        told()
        self._dismiss(account)
        self._check_emptied()

    def drain(self) -> None:
        """Take nothing new; `emptied` is called once nothing lies here."""
        self.is_draining = True
        self._check_emptied()

    async def prune(self, now_s: int) -> None:
        """Delete what is too old: blobs, queues of invites, pairing texts."""
        before_s = now_s - BLOB_KEPT_S
        while removed := await self._database.write(
            lambda db: store.prune_blobs(db, before_s, PRUNE_AT_ONCE)
        ):
            self._removed(removed)
        bulk = [one.number for one in self.queues.values() if one.is_bulk and one.blobs]
        bulk_before_s = now_s - BULK_KEPT_S
        while removed := await self._database.write(
            lambda db: store.prune_queues_blobs(db, bulk, bulk_before_s, PRUNE_AT_ONCE)
        ):
            self._removed(removed)
        for number in await self._database.write(lambda db: store.prune_queues(db, before_s)):
            if (queue := self._by_number.get(number)) is not None:
                self._drop_queue(queue)
        for number in await self._database.write(lambda db: store.prune_pairings(db, now_s)):
            if (pairing := self._pairings.pop(number, None)) is not None:
                self._dismiss(pairing)

    # --- writers ---

    def _put(self, peer: Peer, number: int, put: Put) -> None:
        queue = self.queues.get(put.queue_id)
        is_odd = queue is not None and queue.is_bulk and len(put.blob) != BULK_BLOB_BYTES
        if queue is None or is_odd or not peer.writes(queue):
            peer.line.answer(number, Unknown())
            return
        now_s = self._clock.monotonic_s()
        refusal = self._refusal(peer, queue, put, now_s)
        if refusal is not None:
            if isinstance(refusal, Full | Later):
                peer.refuse(queue, put.blob_id, refusal, now_s)
            self._answer_refused(peer, number, queue, put.blob_id, refusal)
            return
        peer.refused.pop(queue.number, None)
        peer.worked.discard(put.blob_id)
        for meter in queue.meters:
            meter.take(now_s)
        self._count(queue, 1, len(put.blob))
        self._last_seq += 1
        self._puts.append(
            _Taken(peer, number, queue, NewBlob(self._last_seq, queue.number, put.blob))
        )

    def flush(self) -> None:
        """Store all puts that came together; called after some requests."""
        taken, self._puts = self._puts, []
        if not taken:
            return
        blobs, now = [one.blob for one in taken], self._now_s()

        def stored(seqs: set[int]) -> None:
            for one in taken:
                if one.blob.seq in seqs:
                    self._readers.stored(one.queue, one.blob)
                else:
                    self._count(one.queue, -1, -len(one.blob.blob))
                is_gone = one.queue.number not in self._by_number
                one.peer.line.answer(one.number, Unknown() if is_gone else Ok())

        def failed(error: Exception) -> None:
            now_s = self._clock.monotonic_s()
            for one in taken:
                self._count(one.queue, -1, -len(one.blob.blob))
                one.peer.refuse(one.queue, one.blob.blob[:BLOB_ID_BYTES], Full(), now_s)
                self._answer_failed(one.peer, one.number, error)

        self._write(lambda db: store.put(db, blobs, now), stored, failed)

    def _refusal(self, peer: Peer, queue: Queue, put: Put, now_s: float) -> Answer | None:
        """Why a put cannot be taken now."""
        size = len(put.blob)
        if queue.until_s and self._now_s() >= queue.until_s:
            return Ended()
        if queue.use is QueueUse.ADDRESS and put.blob_id not in peer.worked:
            return More(work_bits(queue.blobs))
        before = peer.refused.get(queue.number)
        if before is not None and before.blob_id != put.blob_id and now_s < before.until_s:
            return before.answer
        if self.is_draining or not self._has_room(queue, size):
            return Full()
        wait_s = max(meter.wait_s(now_s) for meter in queue.meters)
        return Later(math.ceil(wait_s)) if wait_s > 0 else None

    def _has_room(self, queue: Queue, size_bytes: int) -> bool:
        limits, account = self.limits, queue.account
        if queue.is_bulk:
            # Mail keeps the other half: files never push it out.
            return (
                queue.size_bytes + size_bytes <= limits.bulk_queue_bytes
                and account.bulk_bytes + size_bytes <= limits.bulk_account_bytes
                and self.size_bytes + size_bytes <= self.room_bytes // 2
            )
        return (
            queue.blobs < limits.blobs_of(queue.use)
            and queue.size_bytes + size_bytes <= limits.queue_bytes
            and account.size_bytes + size_bytes <= limits.account_bytes
            and self.size_bytes + size_bytes <= self.room_bytes
        )

    def _answer_refused(
        self, peer: Peer, number: int, queue: Queue, blob_id: bytes, refusal: Answer
    ) -> None:
        """The refusal, unless this very blob lies there."""
        self._read(
            peer,
            number,
            lambda db: store.have(db, queue.number, (blob_id,)),
            lambda found: Ok() if found else refusal,
        )

    def _have(self, peer: Peer, number: int, have: Have) -> None:
        queue = self.queues.get(have.queue_id)
        if queue is None or not peer.writes(queue):
            peer.line.answer(number, Unknown())
            return
        self._read(peer, number, lambda db: store.have(db, queue.number, have.ids), Ids)

    def _fetch(self, peer: Peer, number: int, fetch: Fetch) -> None:
        queue = self.queues.get(fetch.queue_id)
        if queue is None or queue.is_bulk or not peer.writes(queue):
            peer.line.answer(number, Unknown())
            return
        now_s = self._clock.monotonic_s()
        if (wait_s := queue.fetches.wait_s(now_s)) > 0:
            peer.line.answer(number, Later(math.ceil(wait_s)))
            return
        queue.fetches.take(now_s)
        self._answer_write(
            peer,
            number,
            lambda db: store.fetch(db, queue.number),
            lambda found: Laid(found[0], found[1]),
        )

    def _work(self, peer: Peer, number: int, work: Work) -> None:
        queue = self.queues.get(work.queue_id)
        if queue is None or queue.use is not QueueUse.ADDRESS or not peer.writes(queue):
            peer.line.answer(number, Unknown())
            return
        bits = work_bits(queue.blobs)
        is_today = abs(work.day - self._now_s() // DAY_S) <= WORK_DAY_SKEW_DAYS
        if not is_today or work_done(work.queue_id, work.day, work.blob_id, work.nonce) < bits:
            peer.line.answer(number, More(bits))
            return
        if len(peer.worked) >= WORKED_MAX:
            peer.worked.pop()
        peer.worked.add(work.blob_id)
        peer.line.answer(number, Ok())

    # --- readers ---

    def _subscribe(self, peer: Peer, number: int, _request: Subscribe) -> None:
        queues = list(peer.read_queues())
        if not queues and not isinstance(peer.role, Account):
            peer.line.answer(number, Unknown())
            return
        self._readers.subscribed(peer, number, queues)
        named = [(queue.number, queue.queue_id) for queue in queues]

        def subscribed(marks: tuple[QueueBundles, ...]) -> Answer:
            return Subscribed(self._now_s(), peer.displaces, marks)

        self._read(
            peer,
            number,
            lambda db: store.marks(db, named),
            subscribed,
            then=lambda: self._readers.push_more(peer),
        )

    def _ack(self, peer: Peer, number: int, ack: Ack) -> None:
        queue = self.queues.get(ack.queue_id)
        if queue is None or not peer.reads(queue):
            peer.line.answer(number, Unknown())
            return

        def deleted(removed: Removed) -> Answer:
            self._removed([removed])
            self._readers.acknowledged(peer, queue, ack.ids)
            return Ok()

        self._answer_write(
            peer,
            number,
            lambda db: store.ack(db, queue.number, ack.ids),
            deleted,
            then=lambda: self._readers.push_more(peer),
        )

    def _lay(self, peer: Peer, number: int, lay: Lay) -> None:
        queue = self.queues.get(lay.queue_id)
        if queue is None or queue.is_bulk or not peer.reads(queue):
            peer.line.answer(number, Unknown())
            return
        self._answer_write(
            peer,
            number,
            lambda db: store.lay(db, queue.number, lay.place, lay.sealed),
            lambda is_there: Ok() if is_there else Unknown(),
        )

    # --- holders ---

    def _open(self, peer: Peer, number: int, wanted: Open) -> None:
        account = peer.role
        if not isinstance(account, Account):
            peer.line.answer(number, Unknown())
            return
        takes_none = wanted.use is QueueUse.BULK and not self.limits.bulk_account_bytes
        if (self.is_draining or takes_none) and wanted.queue_id not in self.queues:
            peer.line.answer(number, Full())
            return

        def opened(found: QueueRow | str) -> Answer:
            if isinstance(found, str):
                return Taken() if found == "taken" else Full()
            known = self._by_number.get(found.number)
            if known is None:
                self._add_queue(found)
            else:
                known.until_s = found.until_s
            self._readers.opened(self._by_number[found.number])
            return Ok()

        self._answer_write(
            peer,
            number,
            lambda db: store.open_queue(db, account.account_id, wanted, self.limits.queues),
            opened,
            then=lambda: self._readers.push_more(peer),
        )

    def _shut(self, peer: Peer, number: int, shut: Shut) -> None:
        queue = self.queues.get(shut.queue_id)
        if not isinstance(peer.role, Account):
            peer.line.answer(number, Unknown())
            return
        if queue is None or queue.account is not peer.role:
            peer.line.answer(number, Ok())
            return

        def gone(_: None) -> Answer:
            self._drop_queue(queue)
            self._check_emptied()
            return Ok()

        self._answer_write(peer, number, lambda db: store.shut_queue(db, queue.number), gone)

    def _pair(self, peer: Peer, number: int, pair: Pair) -> None:
        role, now = peer.role, self._now_s()
        if not isinstance(role, Pairing | Account) or (
            isinstance(role, Pairing) and now >= role.expires_s
        ):
            peer.line.answer(number, Unknown())
            return
        if self.is_draining:
            peer.line.answer(number, Full())
            return
        keys, most = DoorKeys(pair.tag, pair.link), self.limits.accounts

        def make(db: Db) -> AccountRow | str:
            if isinstance(role, Pairing):
                return store.spend_pairing(db, role.pairing_id, keys, now, most)
            return store.succeed(db, role.account_id, keys, now, SUCCESSORS_MAX)

        def paired(found: AccountRow | str) -> Answer:
            if isinstance(found, str):
                refusals: dict[str, Answer] = {"taken": Taken(), "full": Full()}
                return refusals.get(found, Unknown())
            if found.account_id not in self.accounts:
                self._add_account(found)
            return self._told

        self._answer_write(peer, number, make, paired)

    def _status(self, peer: Peer, number: int, _request: Status) -> None:
        account = peer.role
        if not isinstance(account, Account):
            peer.line.answer(number, Unknown())
            return
        numbers = list(account.queues)

        def look(db: Db) -> list[tuple[int, int, int]]:
            ages = store.oldest(db, numbers)
            return [(one, ages.get(one, 0), store.once_left(db, one)) for one in numbers]

        def stored(found: list[tuple[int, int, int]]) -> Answer:
            rows = []
            for one, oldest_s, bundles in found:
                if (queue := account.queues.get(one)) is not None:
                    size = queue.size_bytes
                    rows.append(QueueStatus(queue.queue_id, queue.blobs, size, oldest_s, bundles))
            return Stored(self._now_s(), self._told, tuple(rows))

        self._read(peer, number, look, stored)

    def _unpair(self, peer: Peer, number: int, _request: Unpair) -> None:
        account = peer.role
        if not isinstance(account, Account):
            peer.line.answer(number, Unknown())
            return

        async def run() -> None:
            try:
                await self.remove_account(account, told=lambda: peer.line.answer(number, Ok()))
            except LoomError as error:
                self._answer_failed(peer, number, error)

        self._spawn(run())

    # --- what is kept in memory ---

    def _add_account(self, row: AccountRow) -> None:
        account = self.accounts[row.account_id] = Account(row, self.limits)
        self._admit(account)

    def _add_queue(self, row: QueueRow) -> None:
        queue = Queue(row, self.accounts[row.account_id], self.limits)
        self.queues[row.queue_id] = self._by_number[row.number] = queue
        self._admit(queue)

    def _add_pairing(self, row: store.PairingRow) -> None:
        pairing = self._pairings[row.pairing_id] = Pairing(row)
        self._admit(pairing)

    def _drop_queue(self, queue: Queue) -> None:
        """Once, though its holder may ask twice before it is gone, or its time end meanwhile."""
        if self._by_number.get(queue.number) is not queue:
            return
        self.size_bytes -= queue.size_bytes
        queue.account.count(queue, -queue.size_bytes)
        queue.account.queues.pop(queue.number, None)
        self.queues.pop(queue.queue_id, None)
        self._by_number.pop(queue.number, None)
        self._readers.dropped(queue)
        self._dismiss(queue)

    def _count(self, queue: Queue, blobs: int, size_bytes: int) -> None:
        if queue.number in self._by_number:
            queue.count(blobs, size_bytes)
            self.size_bytes += size_bytes

    def _removed(self, removed: Iterable[Removed]) -> None:
        for one in removed:
            if (queue := self._by_number.get(one.queue)) is not None:
                self._count(queue, -one.blobs, -one.size_bytes)
        self._check_emptied()

    def _check_emptied(self) -> None:
        if self.is_draining and self.size_bytes == 0:
            self.emptied()

    # --- the store ---

    def _read(
        self,
        peer: Peer,
        number: int,
        work: Callable[[Db], T],
        answer: Callable[[T], Answer],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Answer from what is stored."""

        async def run() -> None:
            try:
                found = await self._database.read(work)
            except LoomError as error:
                self._answer_failed(peer, number, error)
                return
            peer.line.answer(number, answer(found))
            if then is not None:
                then()

        self._spawn(run())

    def _answer_write(
        self,
        peer: Peer,
        number: int,
        work: Callable[[Db], T],
        answer: Callable[[T], Answer],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Answer once it is durable."""

        def committed(result: T) -> None:
            peer.line.answer(number, answer(result))
            if then is not None:
                then()

        self._write(work, committed, lambda error: self._answer_failed(peer, number, error))

    def _write(
        self,
        work: Callable[[Db], T],
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        future = self._database.submit(work, then=then)

        def ended(done: "asyncio.Future[T]") -> None:
            if not done.cancelled() and isinstance(error := done.exception(), Exception):
                failed(error)

        future.add_done_callback(ended)

    def _answer_failed(self, peer: Peer, number: int, error: Exception) -> None:
        """A full disk is a full queue; what else the store says ends the link."""
        if isinstance(error, DiskFull):
            peer.line.answer(number, Full())
            return
        log.warning("a request failed: %s", getattr(error, "code", type(error).__name__))
        peer.line.end()

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1_000
