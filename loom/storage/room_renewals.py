"""Pairs of room keys after another identity: which of one's own are older, and what members say."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import PersonId, RoomNumber
from loom.storage import rooms, settings

_NEWEST: Final = "identity_room_key"


class Renewal(msgspec.Struct, frozen=True):
    """The pair that a member says, and the proof that it is theirs; not admitted yet."""

    person_id: PersonId
    ed25519: bytes
    mldsa: bytes
    proof: bytes

    def __repr__(self) -> str:
        return f"Renewal({self.person_id})"


def note_rotation(db: Connection) -> None:
    """Every pair of now is of before the identity that follows."""
    settings.put(db, _NEWEST, str(rooms.newest_key(db)).encode())


def is_older(db: Connection, room: RoomNumber, author: bytes) -> bool:
    """Whether a pair of one's own was drawn before one's last rotation."""
    newest = settings.get(db, _NEWEST)
    if newest is None:
        return False
    found = "SELECT 1 FROM room_keys WHERE room = ? AND author = ? AND key_id <= ?"
    return db.execute(found, (room, author, int(newest))).fetchone() is not None


def put(db: Connection, room: RoomNumber, renewal: Renewal) -> None:
    """Keep it instead of what the member said before."""
    db.execute(
        "INSERT OR REPLACE INTO room_renewals (room, person_id, ed25519, mldsa, proof)"
        " VALUES (?, ?, ?, ?, ?)",
        (room, renewal.person_id, renewal.ed25519, renewal.mldsa, renewal.proof),
    )


def of_room(db: Connection, room: RoomNumber) -> list[Renewal]:
    """All that wait in a room."""
    rows = db.execute(
        "SELECT person_id, ed25519, mldsa, proof FROM room_renewals WHERE room = ?"
        " ORDER BY person_id",
        (room,),
    )
    return [Renewal(*row) for row in rows]


def forget(db: Connection, room: RoomNumber, person_id: PersonId) -> None:
    """It was admitted, or never will be."""
    db.execute("DELETE FROM room_renewals WHERE room = ? AND person_id = ?", (room, person_id))
