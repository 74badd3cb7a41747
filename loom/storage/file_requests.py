"""Files of rooms that are asked for by mail: whom this side asked, and what others ask of it."""

from collections.abc import Iterator

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId, FileId, MessageId

_MADE = (
    "SELECT row_id, device_id, file_id, is_author, stands, number, made.told_id, times, since_s,"
    " gave, not_before_s FROM file_requests_made AS made JOIN files USING (row_id) "
)


class Made(msgspec.Struct, frozen=True):
    """One member was asked for one file, perhaps several times; the table says what is what."""

    row_id: int
    device_id: DeviceId
    file_id: FileId
    is_author: bool
    stands: bool
    number: int
    told_id: bytes | None
    times: int
    since_s: int
    gave: bool
    not_before_s: int

    def __repr__(self) -> str:
        return f"Made({self.file_id.hex()[:8]}, device_id={self.device_id})"


class Asked(msgspec.Struct, frozen=True):
    """What a member asks of this side. `place`: None once it was taken back, or not given."""

    number: int
    place: bytes | None
    came_s: int

    def __repr__(self) -> str:
        return f"Asked({self.number}, redacted)"


# --- made by this side ---


def every(db: Connection) -> list[Made]:
    """All that were made, with those that do not stand any more."""
    return list(_found(db, "", ()))


def made(db: Connection, row_id: int, device_id: DeviceId) -> Made | None:
    """What this device was asked about a file."""
    return next(_found(db, "WHERE row_id = ? AND device_id = ?", (row_id, device_id)), None)


def standing(db: Connection, file_id: FileId, device_id: DeviceId) -> Made | None:
    """The same, if it stands and the file is to be fetched still."""
    where = "WHERE file_id = ? AND device_id = ? AND stands AND state = 1 AND NOT is_paused"
    return next(_found(db, where, (file_id, device_id)), None)


def make(db: Connection, row_id: int, device_id: DeviceId, now_s: int, *, is_author: bool) -> None:
    """Ask a device for a file, once more if it was asked before."""
    db.execute(
        "INSERT INTO file_requests_made VALUES (?1, ?2, ?3, 1, 0, NULL, 1, ?4, 0, 0)"
        " ON CONFLICT DO UPDATE SET is_author = ?3, stands = 1, told_id = NULL, times = times + 1,"
        " since_s = ?4",
        (row_id, device_id, is_author, now_s),
    )


def was_told(
    db: Connection, row_id: int, device_id: DeviceId, number: int, message_id: MessageId
) -> None:
    """The device is told with this FileState where parcels are read."""
    db.execute(
        "UPDATE file_requests_made SET number = ?, told_id = ? WHERE row_id = ? AND device_id = ?",
        (number, message_id, row_id, device_id),
    )


def gave(db: Connection, row_id: int, device_id: DeviceId, now_s: int) -> None:
    """Something came of it."""
    db.execute(
        "UPDATE file_requests_made SET gave = 1, since_s = ? WHERE row_id = ? AND device_id = ?",
        (now_s, row_id, device_id),
    )


def take_back(db: Connection, row_id: int, device_id: DeviceId, number: int) -> None:
    """It stands no longer; `number`: of the FileState that says so."""
    db.execute(
        "UPDATE file_requests_made SET stands = 0, told_id = NULL, number = ?"
        " WHERE row_id = ? AND device_id = ?",
        (number, row_id, device_id),
    )


def refused(db: Connection, row_id: int, device_id: DeviceId, not_before_s: int) -> None:
    """They do not have it, or give no more of it: not to be made again before that time."""
    db.execute(
        "UPDATE file_requests_made SET stands = 0, told_id = NULL, gave = 0, not_before_s = ?"
        " WHERE row_id = ? AND device_id = ?",
        (not_before_s, row_id, device_id),
    )


# --- taken from others ---


def taken(db: Connection, row_id: int, device_id: DeviceId) -> Asked | None:
    """What a device said last about a file."""
    row = db.execute(
        "SELECT number, place, came_s FROM file_requests_taken WHERE row_id = ? AND device_id = ?",
        (row_id, device_id),
    ).fetchone()
    return None if row is None else Asked(*row)


def take(
    db: Connection,
    row_id: int,
    device_id: DeviceId,
    number: int,
    now_s: int,
    place: bytes | None,
) -> None:
    """Keep what a device says now; None: it asks no longer."""
    db.execute(
        "INSERT OR REPLACE INTO file_requests_taken VALUES (?, ?, ?, ?, ?, x'')",
        (row_id, device_id, number, now_s, place),
    )


def drop(db: Connection, row_id: int, device_id: DeviceId) -> None:
    """What it asks for is not given any more."""
    db.execute(
        "UPDATE file_requests_taken SET place = NULL, put = x'' WHERE row_id = ? AND device_id = ?",
        (row_id, device_id),
    )


def prune(db: Connection, before_s: int) -> int:
    """Forget what others asked before that time, and what one's own were about that is over."""
    over = (
        "DELETE FROM file_requests_made WHERE NOT stands AND since_s < ?"
        " AND row_id IN (SELECT row_id FROM files WHERE state <> 1)"
    )
    return (
        db.execute("DELETE FROM file_requests_taken WHERE came_s < ?", (before_s,)).rowcount
        + db.execute(over, (before_s,)).rowcount
    )


def _found(db: Connection, where: str, given: tuple[int | bytes, ...]) -> Iterator[Made]:
    for row in db.execute(_MADE + where, given):
        row_id, device_id, file_id, author, stands, number, told_id, times, since_s, *left = row
        yield Made(
            row_id, device_id, file_id, bool(author), bool(stands), number, told_id, times,
            since_s, bool(left[0]), left[1],
        )  # fmt: skip
