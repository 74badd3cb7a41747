"""The encrypted database of one profile: one writer thread with group commit, one reader thread."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, Self, TypeVar, cast

from sqlcipher3.dbapi2 import Connection
from sqlcipher3.dbapi2 import Error as SqlError

from loom.errors import InvalidInput, ProfileDamaged, StoreError, StoreUnavailable
from loom.storage import maintenance, schema, search
from loom.storage.connection import TOO_LARGE, connect, translate, translated
from loom.storage.conversations import Save, save_last

T = TypeVar("T")

BATCH_MAX: Final = 512
CHECKPOINT_TRIES: Final = 3
INTEGRITY_CHECKS: Final = 2

# The writer gives up the interpreter at each SQL statement. Measured with a loop that is never
# idle: at Python's 5 ms a message took up to 13 ms to store, because each statement waited.
SWITCH_INTERVAL_S: Final = 0.000_2

_Work = Callable[[Connection], Any]
_Task = tuple[_Work, Save | None]
_Then = Callable[[Any], None]
_Item = tuple[_Task, "asyncio.Future[Any]", _Then | None]
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
        self._queue: SimpleQueue[list[_Item] | None] = SimpleQueue()
        self._closed = False
        self._ended = False
        self._idle = True  # the writer's thread has not begun: its connection is free
        self._reader: Connection | None = None
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="loom-reader")
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
        then: Callable[[T], None] | None = None,
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
            raise StoreUnavailable(what="the profile is closed")
        if self._idle:
            self._idle = False
            sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_INTERVAL_S))
            self._writing.start()
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
        """Run `work` on a snapshot, on a connection that cannot write."""
        if self._closed:
            raise StoreUnavailable(what="the profile is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._read, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """`read`, blocking: for start-up only."""
        if self._idle:
            # Nothing was submitted yet: a second connection would double the time to unlock.
            try:
                return _rolled_back(self._writer, work)
            except ProfileDamaged:
                self._reopen_writer()
                return _rolled_back(self._writer, work)
        return self._reading.submit(self._read, work).result()

    async def checkpoint(self) -> bool:
        """Move the log into the file and empty it, so that nothing deleted stays in it.

        Returns:
            False when it was busy to the end; try again later.
        """
        if self._closed:
            raise StoreUnavailable(what="the profile is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._checkpoint)

    async def integrity(self) -> list[str]:
        """What is wrong with the file, in SQLite's words; empty when nothing is."""
        if self._closed:
            raise StoreUnavailable(what="the profile is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reading, self._integrity)

    def take_no_more(self) -> None:
        """Refuse new work from here on; call it in the event loop before `close` in a thread."""
        self._closed = True
        self._hand_over()

    def close(self) -> None:
        """Finish what was submitted, empty the log, close. Blocks; a second call does nothing."""
        if self._ended:
            return
        self._ended = True
        self.take_no_more()
        if not self._idle:
            self._queue.put(None)
            self._writing.join()
        self._reading.shutdown()
        if self._reader is not None:
            self._reader.close()
        try:
            try:
                self._empty_log()
            except ProfileDamaged:
                self._reopen_writer()
                self._empty_log()
        finally:
            with translated():
                self._writer.close()

    def _empty_log(self) -> None:
        with translated():
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _hand_over(self) -> None:
        items, self._submitted = self._submitted, []
        for start in range(0, len(items), BATCH_MAX):
            self._queue.put(items[start : start + BATCH_MAX])

    # --- the reader thread ---

    def _reader_connection(self) -> Connection:
        if self._reader is None:
            self._reader = connect(self._path, self._key, read_only=True)
        return self._reader

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            return _rolled_back(self._reader_connection(), work)
        except ProfileDamaged:
            # See `_reopen_writer`.
            self._reader_connection().close()
            self._reader = None
            return _rolled_back(self._reader_connection(), work)

    def _integrity(self) -> list[str]:
        # FTS5 checks with the structure that its connection has in memory, which another
        # connection may have changed since, and the pages of the file are read beside whoever
        # writes them. So a new connection looks, and what it finds another must find, too.
        wrong: list[str] = []
        for _ in range(INTEGRITY_CHECKS):
            db = connect(self._path, self._key, read_only=True)
            try:
                with translated():
                    wrong = maintenance.integrity(db)
            finally:
                db.close()
            if not wrong:
                break
        return wrong

    def _checkpoint(self) -> bool:
        # Between reads nobody but the writer can be in the way; the busy timeout waits for it.
        with translated():
            db = self._reader_connection()
            for _ in range(CHECKPOINT_TRIES):
                busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
                if not busy:
                    return True
        return False

    # --- the writer thread ---

    def _write_all(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._gather(first)
            _resolve(batch, self._commit([task for task, _, _ in batch]))
            if last:
                return

    def _gather(self, batch: list[_Item]) -> tuple[list[_Item], bool]:
        try:
            while len(batch) < BATCH_MAX:
                more = self._queue.get_nowait()
                if more is None:
                    return batch, True
                batch += more
        except Empty:
            pass
        return batch, False

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


def _rolled_back(db: Connection, work: Callable[[Connection], T]) -> T:
    with translated():
        db.execute("BEGIN")
        try:
            return work(db)
        finally:
            # The method, unlike the statement, also ends cursors that were not read to their end:
            # one of them would keep all later reads on this snapshot.
            db.rollback()


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
