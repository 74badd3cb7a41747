"""Whether an opened database is the one that was open last, or an older copy of it.

Beside the database is a file of random bytes, another one each time. The database knows the bytes,
and the inode and the time of the last change of their file, which nobody can copy or set.
"""

from pathlib import Path
from secrets import token_bytes
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.durable import replace_durably
from loom.storage import settings

_KEY: Final = "mark"
_NAMES: Final = ("mark.0", "mark.1")
_NONCE_BYTES: Final = 16


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The file as the database knows it."""

    name: str
    nonce: bytes
    inode: int
    changed_ns: int

    def __repr__(self) -> str:
        return f"Mark({self.name})"


def known(db: Connection) -> Mark | None:
    """What the database knows; None: it was never marked."""
    raw = settings.get(db, _KEY)
    return None if raw is None else msgspec.msgpack.decode(raw, type=Mark)


def put(db: Connection, mark: Mark) -> None:
    """The file that is there from now on."""
    settings.put(db, _KEY, msgspec.msgpack.encode(mark))


def forget(db: Connection) -> None:
    """As if it was never marked."""
    settings.delete(db, _KEY)


def is_there(folder: Path, mark: Mark) -> bool:
    """Whether the very file is there, and not a copy."""
    return mark.name in _NAMES and _read(folder, mark.name) == mark


def make(folder: Path, before: Mark | None) -> Mark:
    """Another file beside the one before, which counts until `put` is committed.

    Raises:
        OSError: there is none.
    """
    name = _NAMES[0] if before is None or before.name != _NAMES[0] else _NAMES[1]
    replace_durably(folder / name, token_bytes(_NONCE_BYTES))
    mark = _read(folder, name)
    if mark is None:
        raise FileNotFoundError(name)
    return mark


def drop_other(folder: Path, mark: Mark) -> None:
    """After the commit: no database but that with this one is the original any more."""
    for name in _NAMES:
        if name != mark.name:
            (folder / name).unlink(missing_ok=True)


def _read(folder: Path, name: str) -> Mark | None:
    path = folder / name
    try:
        there, nonce = path.stat(), path.read_bytes()
    except OSError:
        return None
    return Mark(name, nonce, there.st_ino, there.st_ctime_ns)
