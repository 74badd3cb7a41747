"""When a backup was made last, and which ones are made daily."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.storage import settings
from loom.storage.backup_file import BackupKey

_SCHEDULE: Final = "backup_schedule"
_LAST: Final = "backup_made_ms"
_PLACES: Final = "backup_places"
NOT_CARRIED: Final = (_SCHEDULE, _PLACES)
"""Settings that no backup holds: a key that opens others, and folders of this machine."""
PLACES_MAX: Final = 64
"""So many are remembered, the newest."""


class Schedule(msgspec.Struct, frozen=True):
    """Daily backups into a folder, of which the newest stay.

    Args:
        key: of a passphrase; None: the recovery phrase opens them.
        has_files: with the contents of files.
    """

    folder: str
    keep: int
    key: BackupKey | None = None
    has_files: bool = False

    def __repr__(self) -> str:
        return f"Schedule(keep={self.keep}, redacted)"


def schedule(db: Connection) -> Schedule | None:
    """What was asked for, or None."""
    raw = settings.get(db, _SCHEDULE)
    return None if raw is None else msgspec.msgpack.decode(raw, type=Schedule)


def set_schedule(db: Connection, asked: Schedule | None) -> None:
    """From now on; None: no more."""
    if asked is None:
        settings.delete(db, _SCHEDULE)
    else:
        settings.put(db, _SCHEDULE, msgspec.msgpack.encode(asked))


def last_ms(db: Connection) -> int | None:
    """When one was made last, Unix milliseconds; None: never."""
    raw = settings.get(db, _LAST)
    return None if raw is None else int(raw)


def made(db: Connection, now_ms: int, place: str) -> None:
    """One was made, and is on the disk; `place`: its file, or the folder of daily ones."""
    settings.put(db, _LAST, str(now_ms).encode())
    known = [one for one in places(db) if one != place]
    settings.put(db, _PLACES, msgspec.msgpack.encode([*known, place][-PLACES_MAX:]))


def places(db: Connection) -> list[str]:
    """Where backups were written on this machine, the newest last; some may be gone."""
    raw = settings.get(db, _PLACES)
    return [] if raw is None else msgspec.msgpack.decode(raw, type=list[str])


def forget_places(db: Connection) -> None:
    """They are those of another machine."""
    settings.delete(db, _PLACES)
