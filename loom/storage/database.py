"""The encrypted database of one profile: one writer thread with group commit, and its readers."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Self, TypeVar, cast

from sqlcipher3.dbapi2 import Connection
from sqlcipher3.dbapi2 import Error as SqlError

from loom.errors import InvalidInput, ProfileDamaged, StoreError, StoreUnavailable
from loom.storage import maintenance, schema, search
from loom.storage.connection import (
    BUSY_TIMEOUT_MS,
    CLOSED,
    TOO_LARGE,
    connect,
    snapshot,
    translate,
    translated,
)
from loom.storage.conversations import Save, save_last
from loom.storage.reader import Reader

T = TypeVar("T")

BATCH_MAX: Final = 512
CHECKPOINT_TRIES: Final = 60
CHECKPOINT_PAUSE_S: Final = 0.25
INTEGRITY_CHECKS: Final = 2

# The writer gives up the interpreter at each SQL statement. Measured with a loop that is never
# idle: at Python's 5 ms a message took up to 13 ms to store, because each statement waited.
SWITCH_INTERVAL_S: Final = 0.000_2

_Work = Callable[[Connection], Any]
_Task = tuple[_Work, Save | None]
_Then = Callable[[Any], object]
_Item = tuple[_Task, "asyncio.Future[Any]", _Then | None]
_Job = tuple[list[_Item], Callable[[], None] | None]
"""For the writer's thread: what to commit, and what to do afterwards, between two commits."""
_Outcome = tuple[Any, Exception | None]


class Database:
    """Runs work on the profile's data. One event loop, one process (see `profile_lock`)."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        writer: Connection,
        before_commit: Callable[[], None] | None,
    ) -> None:
        self._path = path
        self._key = key
        self._writer = writer
        self._before_commit = before_commit
        self._submitted: list[_Item] = []
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._closed = False
        self._ended = False
        self._is_writing = True
        self._idle = True  # the writer's thread has not begun: its connection is free
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
        before_commit: Callable[[], None] | None = None,
    ) -> Self:
        """Open the file and bring its schema up to date.

        Args:
            key: 32 bytes, raw.
            create: make a new file (mode 0600); it must not exist.
            before_commit: called in the writer thread before each COMMIT; what it raises rolls
                the batch back. For tests that inject failures.

        Raises:
            ProfileDamaged: missing, empty, or not readable with this key.
            ProfileTooNew: a newer program wrote it.
            StoreUnavailable, DiskFull, StoreError: the file cannot be used.
        """
        _create_file(path) if create else _require_file(path)
        try:
            writer = _opened(path, key, create)
        except ProfileDamaged:
            writer = _opened(path, key, create)  # see `_reopen_writer`
        return cls(path, key, writer, before_commit)

    def submit(
        self,
        work: Callable[[Connection], T],
        save: Save | None = None,
        then: Callable[[T], object] | None = None,
    ) -> "asyncio.Future[T]":
        """Queue work for the writer, in call order; the future resolves after its commit.

        An exception of `work` undoes that work alone. Cancelling the future does not stop it.
        `work` may run twice, the first time undone: it changes nothing but the database.

        Args:
            save: the state that goes with `work`. Of those that meet in one commit only the last
                is written; when that cannot be, each stands or falls alone (StateConflict).
            then: called in the event loop with the result, in the order of the commits, before
                anybody who awaits the future goes on, and also when the future was cancelled.

        Raises:
            StoreUnavailable: the database is closed.
        """
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        self._start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._submitted.append(((work, save), future, then))
        if len(self._submitted) == 1:
            # All that one turn of the loop submits goes over together: one wake-up, one commit.
            future.get_loop().call_soon(self._hand_over)
        return future

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; returns once it is durable.

        Raises:
            DiskFull, StoreUnavailable, StoreError: nothing of `work` was kept.
        """
        return await self.submit(work)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """`write`, blocking: for making a profile, before anything else runs.

        Raises:
            DiskFull, StoreUnavailable, StoreError: nothing of `work` was kept.
        """
        if not self._idle:
            raise StoreUnavailable(what="the profile is at work already")
        result, error = self._commit([(work, None)])[0]
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

    async def long_read(self, work: Callable[[Connection], T]) -> T:
        """`read` in a thread of its own, ended at once when it is cancelled or by closing.

        Raises:
            StoreUnavailable: the database was closed meanwhile.
        """
        if self._closed:
            raise StoreUnavailable(what=CLOSED)
        return await self._long_reader.run(work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`read`, blocking: for start-up only."""
        if self._idle:
            # Nothing was submitted yet: a second connection would double the time to unlock.
            try:
                return self._read_as_writer(work)
            except ProfileDamaged:
                self._reopen_writer()
                return self._read_as_writer(work)
        return self._reader.run_now(work)

    async def checkpoint(self) -> bool:
        """Move the log into the file and empty it, so that nothing deleted stays in it.

        Returns:
            False when reads were in the way to the end; try again later.

        Raises:
            StoreUnavailable: the database is closed.
        """
        for _ in range(CHECKPOINT_TRIES):
            if await self._between_commits(self._empty_log):
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
            self._queue.put(([], self._stop_writing))
            self._writing.join()
        for reader in (self._reader, self._long_reader, self._checker):
            reader.close()
        try:
            try:
                self._empty_log()
            except ProfileDamaged:
                self._reopen_writer()
                self._empty_log()
        finally:
            with translated():
                self._writer.close()

    def _start(self) -> None:
        if self._idle:
            self._idle = False
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
            self._writing.start()

    def _read_as_writer(self, work: Callable[[Connection], T]) -> T:
        with translated(), snapshot(self._writer):
            return work(self._writer)

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

        self._queue.put(([], run))
        return await asyncio.wrap_future(done)

    def _hand_over(self) -> None:
        items, self._submitted = self._submitted, []
        for start in range(0, len(items), BATCH_MAX):
            self._queue.put((items[start : start + BATCH_MAX], None))

    # --- the writer thread ---

    def _write_all(self) -> None:
        while self._is_writing:
            batch, after = self._gather(*self._queue.get())
            if batch:
                _resolve(batch, self._commit([task for task, _, _ in batch]))
            if after is not None:
                after()

    def _gather(self, batch: list[_Item], after: Callable[[], None] | None) -> _Job:
        with contextlib.suppress(Empty):
            while after is None and len(batch) < BATCH_MAX:
                more, after = self._queue.get_nowait()
                batch += more
        return batch, after

    def _stop_writing(self) -> None:
        self._is_writing = False

    def _empty_log(self) -> bool:
        # Waiting for a reader would hold the writer up, too.
        db = self._writer
        with translated():
            with snapshot(db):  # ends cursors that failed work left open
                pass
            db.execute("PRAGMA busy_timeout = 0")
            try:
                [[busy, _, _]] = db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return not busy

    def _commit(self, tasks: list[_Task]) -> list[_Outcome]:
        try:
            try:
                outcomes = self._try(tasks)
            except Exception as error:
                if not isinstance(self._undo(error), ProfileDamaged):
                    raise
                self._reopen_writer()
                outcomes = self._try(tasks)
            if any(isinstance(error, ProfileDamaged) for _, error in outcomes):
                with contextlib.suppress(StoreError):  # the others' work is committed
                    self._reopen_writer()
            return outcomes
        except Exception as error:  # noqa: BLE001 - every future of the batch carries it
            return [(None, self._undo(error))] * len(tasks)

    def _reopen_writer(self) -> None:
        # SQLCipher takes a page that the disk did not give for a damaged one, and from then on
        # the connection refuses every page. Only a new one tells whether there is damage.
        with translated():
            fresh = connect(self._path, self._key)
            self._writer.close()
            self._writer = fresh

    def _try(self, tasks: list[_Task]) -> list[_Outcome]:
        db = self._writer
        db.execute("BEGIN IMMEDIATE")
        outcomes = self._run(tasks)
        search.index_new(db)
        if self._before_commit is not None:
            self._before_commit()
        db.execute("COMMIT")
        return outcomes

    def _run(self, tasks: list[_Task]) -> list[_Outcome]:
        # A savepoint copies every page that its item touches, and items hardly ever fail: only
        # a batch in which one did is run again with a savepoint for each.
        db = self._writer
        try:
            return _run_all(db, tasks)
        except Exception:
            if len(tasks) == 1 or not db.in_transaction:
                raise
        db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")
        return [_attempt(db, *task) for task in tasks]

    def _undo(self, error: Exception) -> Exception:
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except SqlError as second:
            error = second
        return _in_our_words(error)


def _opened(path: Path, key: bytes, is_new: bool) -> Connection:
    """A connection for the writer, with the schema up to date."""
    writer = connect(path, key)
    try:
        with translated():
            if not is_new and schema.version(writer) == 0:
                raise ProfileDamaged(what="the database is empty")
        if schema.migrate(writer, schema.migrations()):
            _index_anew(writer)
    except BaseException:
        writer.close()
        raise
    return writer


def _index_anew(db: Connection) -> None:
    # A migration may have begun the full-text index anew; a commit would end this, but only later.
    with translated():
        db.execute("BEGIN IMMEDIATE")
        search.index_new(db)
        db.execute("COMMIT")


def _run_all(db: Connection, tasks: list[_Task]) -> list[_Outcome]:
    outcomes: list[_Outcome] = []
    saves: list[Save] = []
    for work, save in tasks:
        if save is None:
            # It may read or delete the state that earlier work leaves behind.
            save_last(db, saves)
            saves = []
        else:
            saves.append(save)
        outcomes.append((work(db), None))
    save_last(db, saves)
    return outcomes


def _attempt(db: Connection, work: _Work, save: Save | None) -> _Outcome:
    db.execute("SAVEPOINT item")
    try:
        outcome: _Outcome = work(db), None
        if save is not None:
            save_last(db, [save])
    except Exception as error:  # carried by the item's future
        # A full disk or a failed write may have ended the whole transaction.
        if not db.in_transaction:
            raise
        db.execute("ROLLBACK TO item")
        outcome = None, _in_our_words(error)
    db.execute("RELEASE item")
    return outcome


def _in_our_words(error: Exception) -> Exception:
    translation: Exception
    if isinstance(error, OverflowError):
        translation = InvalidInput(what=TOO_LARGE)
    elif isinstance(error, SqlError):
        translation = translate(error)
    else:
        return error
    translation.__cause__ = error
    return translation


def _resolve(batch: list[_Item], outcomes: list[_Outcome]) -> None:
    _, future, _ = batch[0]
    try:
        future.get_loop().call_soon_threadsafe(settle, batch, outcomes)
    except RuntimeError:  # the loop is closed: nobody waits
        return


def settle(batch: list[_Item], outcomes: list[_Outcome]) -> None:
    """In the event loop: tell those who submitted a batch what became of it."""
    for (_, future, then), (result, error) in zip(batch, outcomes, strict=True):
        if error is None and then is not None:
            then(result)
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)


def _create_file(path: Path) -> None:
    # SQLite gives its log and its shared memory the mode of the file itself.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError as error:
        raise StoreUnavailable(what="there is a database already") from error
    except OSError as error:
        raise StoreUnavailable(what="the database cannot be created") from error


def _require_file(path: Path) -> None:
    try:
        size_bytes = path.stat().st_size
    except FileNotFoundError as error:
        raise ProfileDamaged(what="the database is missing") from error
    except OSError as error:
        raise StoreUnavailable(what="the database cannot be opened") from error
    if size_bytes == 0:
        raise ProfileDamaged(what="the database is empty")
