"""Rooms that members offered to go on in, the last one of each (docs/PROTOCOL.md 14.6)."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber

_ID_BYTES: Final = 32


class Continuation(msgspec.Struct, frozen=True):
    """One of them. `old_room_id`: 32 bytes; `people`: fingerprints."""

    old_room_id: bytes
    room_id: bytes
    people: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"Continuation({self.room_id.hex()[:8]})"


def put(
    db: Connection,
    room: RoomNumber,
    author: bytes,
    number: int,
    room_id: bytes,
    people: tuple[bytes, ...],
) -> bytes | None:
    """Keep it instead of an earlier one, whose room it returns, or nothing.

    `number` is that of its post; None: a later one is here.
    """
    row = db.execute(
        "SELECT number, room_id FROM room_continuations WHERE room = ? AND author = ?",
        (room, author),
    ).fetchone()
    if row is not None and row[0] >= number:
        return None
    db.execute(
        "INSERT OR REPLACE INTO room_continuations VALUES (?, ?, ?, ?, ?)",
        (room, author, number, room_id, b"".join(people)),
    )
    return b"" if row is None else bytes(row[1])


def own_of(db: Connection, room_id: bytes) -> list[Continuation]:
    """Those that lead into this room and that one offered oneself."""
    rows = db.execute(
        "SELECT rooms.room_id, room_continuations.people FROM room_continuations"
        " JOIN rooms USING (room) JOIN room_keys USING (room, author)"
        " WHERE room_continuations.room_id = ?",
        (room_id,),
    )
    return [
        Continuation(
            old,
            room_id,
            tuple(people[at : at + _ID_BYTES] for at in range(0, len(people), _ID_BYTES)),
        )
        for old, people in rows
    ]
