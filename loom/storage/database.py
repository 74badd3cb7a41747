"""An encrypted database: one writer with group commit, and its readers."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Any, Final, NamedTuple, Self, TypeVar, cast

from sqlcipher3.dbapi2 import Connection

from loom.errors import StoreUnavailable
from loom.storage import maintenance, search
from loom.storage.connection import CLOSED
from loom.storage.reader import Reader
from loom.storage.schema import PROFILE, Schema
from loom.storage.sessions import Save
from loom.storage.writer import Outcome, Task, Writer

T = TypeVar("T")
log = logging.getLogger(__name__)

BATCH_MAX: Final = 512
CHECKPOINT_TRIES: Final = 60
CHECKPOINT_PAUSE_S: Final = 0.25
INTEGRITY_CHECKS: Final = 2

# The writer gives up the interpreter at each SQL statement. Measured with a loop that is never
# idle: at Python's 5 ms a message took up to 13 ms to store, because each statement waited.
SWITCH_INTERVAL_S: Final = 0.000_2

# docs/adr/0023: beside a commit that takes less, handing it to a thread and back counts.
QUICK_S: Final = 0.002
AT_FIRST_S: Final = 10 * QUICK_S
FORGET: Final = 0.9
"""What of an old slow commit still counts after each new one."""
SMALL_BATCH: Final = 4

_Then = Callable[[Any], object]
_Item = tuple[Task, "asyncio.Future[Any]", _Then | None]
_Job = tuple[list[_Item], Callable[[], None] | None]
"""For the writer's thread: what to commit, and what to do afterwards, between two commits."""


class Database:
    """Runs work on the profile's data. One event loop, one process (see `profile_lock`).

    A commit takes place in the event loop while commits are quick, or else in a thread.
    """

    def __init__(self, path: Path, key: bytes, writer: Writer) -> None:
        self._writer = writer
        self._slow_s = AT_FIRST_S
        """How long a commit takes: at least as long as the slow ones of late."""
        self._submitted: list[_Item] = []
        self._has_long_work = False
        self._handed_over = 0
        """Jobs of the thread of which the loop does not know yet that they are done."""
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._closed = False
        self._ended = False
        self._is_writing = True
        self._loop: asyncio.AbstractEventLoop
        self._idle = True  # nothing was submitted yet: the writer is free
        self._reader = Reader(path, key, "loom-reader")
        self._long_reader = Reader(path, key, "loom-long-reader")
        self._checker = Reader(path, key, "loom-checker", always_new=True)
        self._writing = Thread(target=self._write_all, name="loom-writer", daemon=True)

    @classmethod
    def open(
        cls,
        path: Path,
        key: bytes,
        create: bool = False,
        *,
        kind: Schema = PROFILE,
        before_commit: Callable[[], None] | None = None,
    ) -> Self:
        """Open the file and bring its schema up to date.

        Args:
            key: 32 bytes, raw.
            create: make a new file (mode 0600); it must not exist.
            kind: whose schema it has.
            before_commit: called before each COMMIT; what it raises rolls the batch back. For
                tests that inject failures.

        Raises:
            ProfileDamaged: missing, empty, or not readable with this key.
            ProfileTooNew: a newer program wrote it.
            StoreUnavailable, DiskFull, StoreError: the file cannot be used.
        """
        return cls(path, key, Writer.open(path, key, create, before_commit, kind))

    def submit(
        self,
        work: Callable[[Connection], T],
        save: Save | None = None,
        then: Callable[[T], object] | None = None,
        *,
        is_long: bool = False,
    ) -> "asyncio.Future[T]":
        """Queue work for the writer, in call order; the future resolves after its commit.

        An exception of `work` undoes that work alone. Cancelling the future does not stop it.
        `work` may run twice, the first time undone: it changes nothing but the database.

        Args:
            save: the state that goes with `work`. Of those that meet in one commit only the last
                is written; when that cannot be, each stands or falls alone (StateConflict).
            then: called in the event loop with the result, in the order of the commits, before
                anybody who awaits the future goes on, and also when the future was cancelled.
            is_long: `work` may touch many rows, so it must not run in the event loop.

        Raises:
            StoreUnavailable: the database is closed.
        """
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        self._start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._submitted.append(((work, save), future, then))
        self._has_long_work |= is_long
        if len(self._submitted) == 1:
            # All that one turn of the loop submits goes together: one wake-up, one commit.
            future.get_loop().call_soon(self._commit_turn)
        return future

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, however long, in a transaction; returns once it is durable.

        Raises:
            DiskFull, StoreUnavailable, StoreError: nothing of `work` was kept.
        """
        return await self.submit(work, is_long=True)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """`write`, blocking: for making a profile, before anything else runs.

        Raises:
            DiskFull, StoreUnavailable, StoreError: nothing of `work` was kept.
        """
        if not self._idle:
            raise StoreUnavailable(what="the profile is at work already")
        [(result, error)] = self._writer.commit([(work, None)])
        while self._writer.keep_up():
            pass
        if error is not None:
            raise error
        return cast(T, result)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run short `work` on a snapshot, on a connection that cannot write.

        Deliveries wait for it: what reads pages of history or searches is a `long_read`.
        """
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        return await self._reader.run(work)

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """`read` of a row or two: at once where a commit would be in the event loop, too."""
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        if self._idle or self._submitted or not self._is_quick():
            return await self._reader.run(work)
        return self._writer.read(work)

    async def long_read(self, work: Callable[[Connection], T]) -> T:
        """`read` in a thread of its own, ended at once when it is cancelled or by closing.

        Raises:
            StoreUnavailable: the database was closed meanwhile.
        """
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        return await self._long_reader.run(work)

    async def aside(self, work: Callable[[Connection], T]) -> T:
        """`read` in a thread that nothing else waits for: of the whole profile, say.

        Raises:
            StoreUnavailable: the database was closed meanwhile.
        """
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        return await self._checker.run(work)

    async def search(self, work: Callable[[Connection], T]) -> T:
        """`long_read` of the full-text index, with what was committed before the call in it.

        Raises:
            DiskFull, StoreError: the newest messages cannot be indexed.
        """

        def look(db: Connection) -> tuple[T] | None:
            return (work(db),) if search.is_complete(db) else None

        if (found := await self.long_read(look)) is not None:
            return found[0]
        while not await self._between_commits(self._writer.index):
            pass
        return await self.long_read(work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`read`, blocking: for start-up only."""
        if self._idle:
            # A second connection would double the time to unlock.
            return self._writer.read(work)
        return self._reader.run_now(work)

    async def checkpoint(self) -> bool:
        """Move the log into the file and empty it, so that nothing deleted stays in it.

        Returns:
            False when reads were in the way to the end; try again later.

        Raises:
            StoreUnavailable: the database is closed.
            DiskFull, StoreError: an outdated index cannot be dropped.
        """
        for _ in range(CHECKPOINT_TRIES):
            # An outdated index does not follow what is deleted.
            while (is_empty := await self._between_commits(self._writer.erase)) is None:
                pass
            if is_empty:
                return True
            await asyncio.sleep(CHECKPOINT_PAUSE_S)
        return False

    async def integrity(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty when nothing is."""
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        # FTS5 checks with the structure that its connection has in memory, which another
        # connection may have changed since, and the pages of the file are read while they are
        # written. So a new connection looks, and what it finds another must find, too.
        wrong: list[str] = []
        for _ in range(INTEGRITY_CHECKS):
            wrong = await self._checker.run(maintenance.integrity)
            if not wrong:
                break
        return wrong

    def take_no_more(self) -> None:
        """Refuse new work from here on; call it in the event loop before `close` in a thread."""
        self._closed = True
        self._long_reader.stop()
        self._checker.stop()
        self._hand_over()

    def close(self) -> None:
        """Finish what was submitted, empty the log, close. Blocks; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        self.take_no_more()
        if not self._idle:
            self._put([], self._stop_writing)
            self._writing.join()
        for reader in (self._reader, self._long_reader, self._checker):
            reader.close()
        self._writer.close()

    def _start(self) -> None:
        if self._idle:
            self._idle = False
            self._loop = asyncio.get_running_loop()
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
            self._writing.start()

    async def _between_commits(self, work: Callable[[], T]) -> T:
        """Run `work` in the writer's thread, after what was submitted."""
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        self._start()
        self._hand_over()
        done: Future[T] = Future()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001 - carried by the future
                done.set_exception(error)

        self._put([], run)
        return await asyncio.wrap_future(done)

    # --- the event loop ---

    def _commit_turn(self) -> None:
        """Commit what one turn of the loop submitted, here or in the thread."""
        is_small = len(self._submitted) <= SMALL_BATCH and not self._has_long_work
        if not (is_small and self._is_quick()):
            self._hand_over()
            return
        batch, self._submitted = self._submitted, []
        if not batch:
            return
        try:
            committed = self._commit(batch)
        except BaseException:  # the program is to end
            for _, future, _ in batch:
                future.cancel()
            raise
        self._done(0, batch, committed)

    def _is_quick(self) -> bool:
        # What the thread still has comes first, and two threads never use one connection.
        return not self._handed_over and self._slow_s < QUICK_S

    def _hand_over(self) -> None:
        items, self._submitted = self._submitted, []
        self._has_long_work = False
        for start in range(0, len(items), BATCH_MAX):
            self._put(items[start : start + BATCH_MAX])

    def _put(self, batch: list[_Item], after: Callable[[], None] | None = None) -> None:
        self._handed_over += 1
        self._queue.put((batch, after))

    def _done(self, jobs: int, batch: list[_Item], committed: "_Committed | None") -> None:
        self._handed_over -= jobs
        if committed is None:
            return
        self._slow_s = max(committed.took_s, FORGET * self._slow_s)
        if committed.needs_upkeep and not self._closed:
            self._put([], self._keep_up)
        settle(batch, committed.outcomes)

    def _continue_upkeep(self) -> None:
        if not self._closed:
            self._put([], self._keep_up)

    # --- committing ---

    def _commit(self, batch: list[_Item]) -> "_Committed":
        start = perf_counter()
        outcomes = self._writer.commit([task for task, _, _ in batch])
        took_s = perf_counter() - start
        return _Committed(outcomes, took_s, self._writer.needs_upkeep())

    # --- the writer's thread ---

    def _write_all(self) -> None:
        while self._is_writing:
            jobs, batch, after = self._gather()
            if batch:
                self._tell(jobs, batch, self._commit(batch))
            if after is not None:
                after()
                self._tell(1, [], None)

    def _gather(self) -> tuple[int, list[_Item], Callable[[], None] | None]:
        """The next batches as one, and what comes after them."""
        batch, after = self._queue.get()
        jobs = 1 if batch else 0
        with contextlib.suppress(Empty):
            while after is None and len(batch) < BATCH_MAX:
                more, after = self._queue.get_nowait()
                batch += more
                jobs += 1 if more else 0
        return jobs, batch, after

    def _tell(self, jobs: int, batch: list[_Item], committed: "_Committed | None") -> None:
        self._in_loop(partial(self._done, jobs, batch, committed))

    def _in_loop(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(call)

    def _keep_up(self) -> None:
        # Commits that wait come between two steps.
        if self._writer.keep_up():
            self._in_loop(self._continue_upkeep)

    def _stop_writing(self) -> None:
        self._is_writing = False


class _Committed(NamedTuple):
    """What became of a batch."""

    outcomes: list[Outcome]
    took_s: float
    needs_upkeep: bool


def settle(batch: list[_Item], outcomes: list[Outcome]) -> None:
    """In the event loop: tell those who submitted a batch what became of it."""
    for (_, future, then), (result, error) in zip(batch, outcomes, strict=True):
        if error is None and then is not None:
            try:
                then(result)
            except Exception as failed:
                log.exception("what follows a commit failed")
                error = failed
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
