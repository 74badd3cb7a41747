"""The rooms this profile is in, or was: names, standing, one's own keys and what was decided."""

from enum import IntEnum
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import Level, PersonId, RoomNumber
from loom.storage import arrivals

_COLUMNS: Final = (
    "room, room_id, name, standing, door, claim, version, largest_order, changed_at_ms,"
    " created_at_ms, mute_until_ms, level, is_direct, copied_order, post_floor, statement_floor"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM rooms"  # noqa: S608 - constants only

_ADD: Final = (
    "INSERT INTO rooms (room_id, name, standing, door, claim, version, created_at_ms)"  # noqa: S608
    f" VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}"
)


class Standing(IntEnum):
    """What this profile is in a room."""

    JOINING = 0
    MEMBER = 1
    LEFT = 2
    REMOVED = 3
    OFFERED = 4
    """A member of another room offers to go on in it (PROTOCOL 14.6)."""


class RoomRow(msgspec.Struct, frozen=True, kw_only=True):
    """One room. `room` is its number here; `room_id` (32 bytes) is the same everywhere."""

    room: RoomNumber
    room_id: bytes
    name: str
    standing: Standing
    door: PersonId | None
    """The contact through whom one joins."""
    claim: bytes
    """What shows them that their invite was used: 32 bytes, or nothing."""
    version: bytes
    """Random; another one with each statement that was stored."""
    largest_order: int
    changed_at_ms: int
    """When something of it was stored last."""
    created_at_ms: int
    mute_until_ms: int
    level: Level
    is_direct: bool
    """Its members are told the addresses of this node, and theirs are dialled."""
    copied_order: int | None
    """The largest order known when this profile was seen to be an older copy of itself: nothing is
    signed here. None: it may sign."""
    post_floor: int
    statement_floor: int
    """The smallest numbers of one's next post and statement."""

    def __repr__(self) -> str:
        return f"RoomRow({self.room}, {self.standing.name})"

    @property
    def is_live(self) -> bool:
        """Whether something may still come of it, and go to it."""
        return self.standing in (Standing.JOINING, Standing.MEMBER)


class OwnKey(msgspec.Struct, frozen=True):
    """A pair of one's own in a room. `seeds`: 64 bytes, secret."""

    author: bytes
    seeds: bytes

    def __repr__(self) -> str:
        return f"OwnKey({self.author.hex()[:8]}, redacted)"


def add(
    db: Connection,
    *,
    room_id: bytes,
    name: str,
    standing: Standing,
    version: bytes,
    created_at_ms: int,
    door: PersonId | None = None,
    claim: bytes = b"",
) -> RoomRow:
    """Keep a room under a number that was never used before."""
    row = db.execute(
        _ADD,
        (room_id, name, standing, door, claim, version, created_at_ms),
    ).fetchone()
    return _room(row)


def every(db: Connection) -> list[RoomRow]:
    """All, oldest first."""
    return [_room(row) for row in db.execute(_SELECT + " ORDER BY room")]


def by_number(db: Connection, room: RoomNumber) -> RoomRow | None:
    """The room of that number, or None."""
    row = db.execute(_SELECT + " WHERE room = ?", (room,)).fetchone()
    return None if row is None else _room(row)


def by_id(db: Connection, room_id: bytes) -> RoomRow | None:
    """The room of that id, or None."""
    row = db.execute(_SELECT + " WHERE room_id = ?", (room_id,)).fetchone()
    return None if row is None else _room(row)


def move(db: Connection, room: RoomNumber, standing: Standing) -> None:
    """One's standing is another now."""
    db.execute("UPDATE rooms SET standing = ? WHERE room = ?", (standing, room))


def use_door(
    db: Connection, room: RoomNumber, door: PersonId, claim: bytes, standing: Standing
) -> None:
    """Another invite into the same room is used."""
    db.execute(
        "UPDATE rooms SET door = ?, claim = ?, standing = ? WHERE room = ?",
        (door, claim, standing, room),
    )


def put_version(db: Connection, room: RoomNumber, version: bytes, now_ms: int) -> None:
    """A statement was stored: what holds now has another version."""
    db.execute(
        "UPDATE rooms SET version = ?, changed_at_ms = ? WHERE room = ?", (version, now_ms, room)
    )


def rename(db: Connection, room: RoomNumber, name: str) -> None:
    """The room has another name now."""
    db.execute("UPDATE rooms SET name = ? WHERE room = ?", (name, room))


def put_order(db: Connection, room: RoomNumber, largest: int, now_ms: int) -> None:
    """Posts were stored; `largest` is the order that counts for one's next one."""
    db.execute(
        "UPDATE rooms SET largest_order = ?, changed_at_ms = ? WHERE room = ?",
        (largest, now_ms, room),
    )


def put_habit(db: Connection, room: RoomNumber, mute_until_ms: int, level: Level) -> None:
    """Of which posts one is notified, and from when on."""
    db.execute(
        "UPDATE rooms SET mute_until_ms = ?, level = ? WHERE room = ?",
        (mute_until_ms, level.value, room),
    )


def put_direct(db: Connection, room: RoomNumber, is_direct: bool) -> None:
    """Whether its members link to this node, and this node to them."""
    db.execute("UPDATE rooms SET is_direct = ? WHERE room = ?", (is_direct, room))


def note_copy(db: Connection, room: RoomNumber, order: int) -> None:
    """This profile is an older copy, which knew posts up to that order."""
    db.execute(
        "UPDATE rooms SET copied_order = ? WHERE room = ? AND copied_order IS NULL", (order, room)
    )


def go_on(db: Connection, room: RoomNumber, post_floor: int, statement_floor: int) -> None:
    """Members said how far one had got: one's next numbers are at least these."""
    db.execute(
        "UPDATE rooms SET copied_order = NULL, post_floor = ?, statement_floor = ? WHERE room = ?",
        (post_floor, statement_floor, room),
    )


def raise_statement_floor(db: Connection, room: RoomNumber, floor: int) -> None:
    """One's next statement has at least this number."""
    db.execute(
        "UPDATE rooms SET statement_floor = max(statement_floor, ?) WHERE room = ?", (floor, room)
    )


def delete(db: Connection, room: RoomNumber) -> None:
    """Delete a room with everything in it; one's own keys, too."""
    arrivals.forget_open_room(db, room)
    db.execute("DELETE FROM rooms WHERE room = ?", (room,))


def add_key(db: Connection, room: RoomNumber, key: OwnKey) -> None:
    """From now on this pair signs."""
    db.execute(
        "INSERT INTO room_keys (room, author, seeds) VALUES (?, ?, ?)",
        (room, key.author, key.seeds),
    )


def keys(db: Connection, room: RoomNumber) -> list[OwnKey]:
    """One's own pairs, that which signs first."""
    rows = db.execute(
        "SELECT author, seeds FROM room_keys WHERE room = ? ORDER BY key_id DESC", (room,)
    )
    return [OwnKey(*row) for row in rows]


def newest_key(db: Connection) -> int:
    """The number of the pair that was drawn last in any room; 0: there is none."""
    [(number,)] = db.execute("SELECT ifnull(max(key_id), 0) FROM room_keys")
    return int(number)


def _room(row: tuple[Any, ...]) -> RoomRow:
    return RoomRow(
        room=row[0],
        room_id=row[1],
        name=row[2],
        standing=Standing(row[3]),
        door=row[4],
        claim=row[5],
        version=row[6],
        largest_order=row[7],
        changed_at_ms=row[8],
        created_at_ms=row[9],
        mute_until_ms=row[10],
        level=Level(row[11]),
        is_direct=bool(row[12]),
        copied_order=row[13],
        post_floor=row[14],
        statement_floor=row[15],
    )


def is_door(db: Connection, person_id: PersonId) -> bool:
    """Whether a room was joined through this person."""
    row = db.execute("SELECT 1 FROM rooms WHERE door = ? LIMIT 1", (person_id,)).fetchone()
    return row is not None
