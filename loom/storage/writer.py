"""The connection that writes: what is committed together, and what keeps its files short."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlcipher3.dbapi2 import Connection
from sqlcipher3.dbapi2 import Error as SqlError

from loom.errors import InvalidInput, ProfileDamaged, StoreError, StoreUnavailable
from loom.storage import schema, search, text_index
from loom.storage.connection import (
    BUSY_TIMEOUT_MS,
    TOO_LARGE,
    connect,
    end_cursors,
    snapshot,
    translate,
    translated,
)
from loom.storage.schema import PROFILE, Schema
from loom.storage.sessions import Save, save_last

T = TypeVar("T")

LOG_MAX_PAGES: Final = 1_000
UPKEEP_EVERY: Final = 64
"""After so many tasks one looks whether there is upkeep to do."""

Work = Callable[[Connection], Any]
Task = tuple[Work, Save | None]
Outcome = tuple[Any, Exception | None]


class Writer:
    """Runs tasks in transactions; used by one thread at a time."""

    def __init__(
        self,
        path: Path,
        key: bytes,
        db: Connection,
        before_commit: Callable[[], None] | None,
        kind: Schema,
    ) -> None:
        self.db = db
        self._kind = kind
        self._path = path
        self._key = key
        self._before_commit = before_commit
        self._since_upkeep = UPKEEP_EVERY
        self._is_sound = True

    @classmethod
    def open(
        cls,
        path: Path,
        key: bytes,
        create: bool,
        before_commit: Callable[[], None] | None,
        kind: Schema = PROFILE,
    ) -> Self:
        """See `Database.open`."""
        create_file(path) if create else _require_file(path)
        try:
            db = _opened(path, key, create, kind)
        except ProfileDamaged:
            db = _opened(path, key, create, kind)  # see `reopen`
        return cls(path, key, db, before_commit, kind)

    def commit(self, tasks: list[Task]) -> list[Outcome]:
        """Run tasks in one transaction; one that fails is undone alone and carries its error."""
        outcomes = self._outcomes(tasks)
        # After a failure the next task is to find the connection as it is.
        self._is_sound = all(error is None for _, error in outcomes)
        self._since_upkeep += len(tasks)
        return outcomes

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a snapshot; what it writes is undone."""
        try:
            return self._read(work)
        except ProfileDamaged:
            self.reopen()
            return self._read(work)

    def index(self) -> bool:
        """Bring the full-text index up to date, so far as one transaction does; whether it is.

        Raises:
            DiskFull, StoreError: it is as it was.
        """
        return self._step(search.index_new)

    def erase(self) -> bool | None:
        """`empty_log`; None: a part of an outdated full-text index was dropped, call it again.

        Raises:
            DiskFull, StoreError: the part is as it was.
        """
        if self._kind.has_index and self.read(text_index.is_outdated):
            self._step(text_index.drop_outdated)
            return None
        return self.empty_log()

    def needs_upkeep(self) -> bool:
        """Whether the log is long or many messages wait for the index; looks now and then."""
        if self._since_upkeep < UPKEEP_EVERY or not self._is_sound:
            return False
        self._since_upkeep = 0
        try:
            return self._log_is_long() or self._index_is_due()
        except SqlError:  # a damaged page, which the next task meets, too
            return False

    def keep_up(self) -> bool:
        """Move a long log into the file, and index what waits; whether to call it again soon.

        A failure is for the next time.
        """
        with contextlib.suppress(Exception):
            is_complete = not self._index_is_due() or self._step(search.keep_up)
            if self._log_is_long():
                self.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            return not is_complete
        return False

    def empty_log(self) -> bool:
        """Move the log into the file and empty it; False when a reader is in the way."""
        db = self.db
        with translated():
            with snapshot(db):  # ends cursors that failed work left open
                pass
            # Waiting for a reader would hold the writes up.
            db.execute("PRAGMA busy_timeout = 0")
            try:
                [[busy, _, _]] = db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                db.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        return not busy

    def close(self) -> None:
        """Empty the log and close."""
        try:
            try:
                self.empty_log()
            except ProfileDamaged:
                self.reopen()
                self.empty_log()
        finally:
            with translated():
                self.db.close()

    def reopen(self) -> None:
        """Go on with a new connection, which alone tells whether there is damage.

        SQLCipher takes a page that the disk did not give for a damaged one, and from then on the
        connection refuses every page.
        """
        with translated():
            fresh = _connected(self._path, self._key, self._kind)
            self.db.close()
            self.db = fresh

    def _step(self, work: Callable[[Connection], bool]) -> bool:
        [(result, error)] = self.commit([(work, None)])
        if error is not None:
            raise error
        return bool(result)

    def _outcomes(self, tasks: list[Task]) -> list[Outcome]:
        try:
            try:
                outcomes = self._try(tasks)
            except Exception as error:
                if not isinstance(self._undo(error), ProfileDamaged):
                    raise
                self.reopen()
                outcomes = self._try(tasks)
            if any(isinstance(error, ProfileDamaged) for _, error in outcomes):
                with contextlib.suppress(StoreError):  # the others' work is committed
                    self.reopen()
            return outcomes
        except Exception as error:  # noqa: BLE001 - every task carries it
            return [(None, self._undo(error))] * len(tasks)
        except BaseException:
            with contextlib.suppress(SqlError):
                self.db.rollback()
            raise

    def _index_is_due(self) -> bool:
        return self._kind.has_index and search.is_due(self.db)

    def _log_is_long(self) -> bool:
        [[_, pages, moved]] = self.db.execute("PRAGMA wal_checkpoint(NOOP)")
        return bool(pages - moved >= LOG_MAX_PAGES)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with translated(), snapshot(self.db):
            return work(self.db)

    def _try(self, tasks: list[Task]) -> list[Outcome]:
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        outcomes = self._run(tasks)
        if self._before_commit is not None:
            self._before_commit()
        db.execute("COMMIT")
        return outcomes

    def _run(self, tasks: list[Task]) -> list[Outcome]:
        # A savepoint copies every page that its item touches, and items hardly ever fail: only
        # a batch in which one did is run again with a savepoint for each.
        db = self.db
        try:
            return _run_all(db, tasks)
        except Exception as error:
            if len(tasks) == 1 or not db.in_transaction:
                raise
            end_cursors(error)
        db.rollback()
        db.execute("BEGIN IMMEDIATE")
        return [_attempt(db, *task) for task in tasks]

    def _undo(self, error: Exception) -> Exception:
        end_cursors(error)
        try:
            self.db.rollback()
        except SqlError as second:
            error = second
        return _in_our_words(error)


def _opened(path: Path, key: bytes, is_new: bool, kind: Schema) -> Connection:
    """A connection for the writer, with the schema up to date."""
    db = connect(path, key, erases=kind.erases)
    try:
        with translated():
            if not is_new and schema.version(db) == 0:
                raise ProfileDamaged(what="the database is empty")
            schema.migrate(db, schema.migrations(kind))
            if kind.has_index:
                search.attach(db)
    except BaseException:
        db.close()
        raise
    return db


def _connected(path: Path, key: bytes, kind: Schema) -> Connection:
    """Another one, of which the schema is up to date."""
    db = connect(path, key, erases=kind.erases)
    try:
        if kind.has_index:
            search.attach(db)
    except BaseException:
        db.close()
        raise
    return db


def _run_all(db: Connection, tasks: list[Task]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    saves: list[Save] = []
    for work, save in tasks:
        if save is not None:
            saves.append(save)
        elif saves:
            # It may read or delete the state that earlier work leaves behind.
            save_last(db, saves)
            saves = []
        outcomes.append((work(db), None))
    save_last(db, saves)
    return outcomes


def _attempt(db: Connection, work: Work, save: Save | None) -> Outcome:
    db.execute("SAVEPOINT item")
    try:
        outcome: Outcome = work(db), None
        if save is not None:
            save_last(db, [save])
    except Exception as error:  # carried by the item's future
        end_cursors(error)
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


def create_file(path: Path) -> None:
    """An empty file for a database, mode 0600.

    Raises:
        StoreUnavailable: there is one already, or none can be made.
    """
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
