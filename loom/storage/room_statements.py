"""Signed statements of a room, as they travel; of each author and number a few."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber

_SELECT: Final = "SELECT id, author, number, data FROM room_statements WHERE room = ?"


class StoredStatement(msgspec.Struct, frozen=True):
    """One of them; `data` holds its signatures, too."""

    id: bytes
    author: bytes
    number: int
    data: bytes

    def __repr__(self) -> str:
        return f"StoredStatement({self.id.hex()[:8]})"


def add(db: Connection, room: RoomNumber, statement: StoredStatement) -> bool:
    """Keep it; False: it is there."""
    cursor = db.execute(
        "INSERT OR IGNORE INTO room_statements (room, id, author, number, data)"
        " VALUES (?, ?, ?, ?, ?)",
        (room, statement.id, statement.author, statement.number, statement.data),
    )
    return cursor.rowcount > 0


def every(db: Connection, room: RoomNumber) -> list[StoredStatement]:
    """All of a room, in the order in which they came."""
    rows = db.execute(_SELECT + " ORDER BY row_id", (room,))
    return [StoredStatement(*row) for row in rows]


def by_ids(db: Connection, room: RoomNumber, ids: Iterable[bytes]) -> list[StoredStatement]:
    """Those of them that are there, in the order in which they came."""
    wanted = set(ids)
    return [one for one in every(db, room) if one.id in wanted]


def under_number(
    db: Connection, room: RoomNumber, author: bytes, number: int
) -> list[StoredStatement]:
    """Those under one number of an author, the smallest id first."""
    rows = db.execute(
        _SELECT + " AND author = ? AND number = ? ORDER BY id", (room, author, number)
    )
    return [StoredStatement(*row) for row in rows]


def largest_number(db: Connection, room: RoomNumber, author: bytes) -> int:
    """Of an author; -1: there is none."""
    [[largest]] = db.execute(
        "SELECT max(number) FROM room_statements WHERE room = ? AND author = ?", (room, author)
    )
    return -1 if largest is None else int(largest)


def delete(db: Connection, room: RoomNumber, statement_id: bytes) -> None:
    """What no rule keeps."""
    db.execute("DELETE FROM room_statements WHERE room = ? AND id = ?", (room, statement_id))


def dismiss(db: Connection, room: RoomNumber, statement_id: bytes) -> None:
    """One wants to be asked about it no longer."""
    db.execute(
        "UPDATE room_statements SET is_dismissed = 1 WHERE room = ? AND id = ?",
        (room, statement_id),
    )


def dismissed(db: Connection, room: RoomNumber) -> set[bytes]:
    """The ids of those."""
    rows = db.execute("SELECT id FROM room_statements WHERE room = ? AND is_dismissed", (room,))
    return {statement_id for (statement_id,) in rows}
