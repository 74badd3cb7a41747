"""One encrypted connection: its key, its pragmas, and its errors in Loom's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import disk_usage
from traceback import clear_frames
from typing import Final

from sqlcipher3 import dbapi2

from loom.errors import DiskFull, InvalidInput, ProfileDamaged, StoreError, StoreUnavailable

Db = dbapi2.Connection
"""What work on the database is given; nobody outside the storage opens one."""

BUSY_TIMEOUT_MS: Final = 5_000
CACHED_STATEMENTS: Final = 256
CACHE_KIB: Final = 8_000
SHARED_MEMORY_BYTES: Final = 32 * 1024

# Without an adapter the driver looks for three before it takes what SQLite takes anyhow: 2 us for
# each parameter of these types, with the interpreter held.
dbapi2.register_adapter(bytes, bytes)
dbapi2.register_adapter(type(None), lambda nothing: nothing)

TOO_LARGE: Final = "A number is too large"
CLOSED: Final = "the profile is closed"
_OPEN_READWRITE: Final = 2  # SQLITE_OPEN_READWRITE: never create

# docs/PROTOCOL.md 8. The log is silenced first: it would write over a terminal interface.
_PRAGMAS: Final = f"""
PRAGMA busy_timeout = {BUSY_TIMEOUT_MS};
PRAGMA trusted_schema = OFF;
PRAGMA foreign_keys = ON;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -{CACHE_KIB};
PRAGMA secure_delete = ON;
PRAGMA synchronous = FULL;
"""
# The log is moved between commits (`Writer.keep_up`), so that none waits for it.
_WRITER: Final = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
_READER: Final = "PRAGMA query_only = ON;"


def connect(
    path: Path, key: bytes, *, read_only: bool = False, erases: bool = True
) -> dbapi2.Connection:
    """Open an existing file with a raw 32-byte key; transactions are the caller's.

    Args:
        erases: overwrite what is deleted also where that costs a write.

    Raises:
        ProfileDamaged: the key is not this file's, or the file is no database.
        StoreUnavailable: the file cannot be opened.
        DiskFull: there is no room for the log's index.
    """
    with translated():
        db = dbapi2.connect(
            path,
            flags=_OPEN_READWRITE,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=CACHED_STATEMENTS,
        )
        try:
            db.execute("PRAGMA cipher_log_level = NONE")
            db.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            db.executescript(_PRAGMAS + (_READER if read_only else _WRITER))
            if not erases:
                db.execute("PRAGMA secure_delete = FAST").fetchall()
        except BaseException as error:
            db.close()
            if _lacks_room(error, path):
                raise DiskFull from error
            raise
    return db


def _lacks_room(error: BaseException, path: Path) -> bool:
    # SQLite tells a failed write of its shared memory file from others only by our looking.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code == dbapi2.SQLITE_IOERR and disk_usage(path.parent).free < SHARED_MEMORY_BYTES


@contextmanager
def snapshot(db: Db) -> Iterator[None]:
    """Read one state of the database throughout; undo what was written, if the connection may."""
    db.execute("BEGIN")
    try:
        yield
    except BaseException as error:
        end_cursors(error)
        raise
    finally:
        # The method, unlike the statement, also ends cursors that were not read to their end:
        # one of them would keep all later reads on this snapshot.
        db.rollback()


def end_cursors(error: BaseException) -> None:
    """Free what the functions that failed with `error` still hold.

    Connections share prepared statements: a cursor freed later, and by another thread, would
    set back the statement of a read that is under way by then, which then gives wrong rows.
    """
    failed: BaseException | None = error
    while failed is not None:
        clear_frames(failed.__traceback__)
        failed = failed.__cause__ or failed.__context__


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the library raises as a StoreError, and a number beyond 64 bits as bad input."""
    try:
        yield
    except OverflowError as error:
        raise InvalidInput(what=TOO_LARGE) from error
    except dbapi2.Error as error:
        raise translate(error) from error


def translate(error: dbapi2.Error) -> StoreError:
    """The StoreError for a result code of SQLite; no SQL and no value goes into it."""
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case dbapi2.SQLITE_FULL:
            return DiskFull()
        case dbapi2.SQLITE_NOTADB | dbapi2.SQLITE_CORRUPT:
            return ProfileDamaged(what="the database cannot be read")
        case dbapi2.SQLITE_CANTOPEN | dbapi2.SQLITE_PERM:
            return StoreUnavailable(what="the database cannot be opened")
        case dbapi2.SQLITE_READONLY:
            return StoreUnavailable(what="the database cannot be written")
        case dbapi2.SQLITE_BUSY | dbapi2.SQLITE_LOCKED:
            return StoreUnavailable(what="the database is locked by another program")
        case dbapi2.SQLITE_INTERRUPT:
            return StoreUnavailable(what=CLOSED)
        case dbapi2.SQLITE_IOERR:
            return StoreUnavailable(what="the disk reported an error")
        case _:
            return StoreError()
