"""Which contacts are in a room, and which keys each side told the other there (PROTOCOL 14.1)."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId, PeerId, PersonId, RoomNumber

_SELECT: Final = (
    "SELECT room, person_id, said, told, refused, compared_at_ms, device_id, peer_id,"
    " NOT blocked AND NOT identity_changed AND NOT revoked AND stub_until_s IS NULL"
    " FROM room_peers JOIN devices USING (person_id) JOIN persons USING (person_id)"
)


class RoomPeer(msgspec.Struct, frozen=True):
    """A contact in a room; what travels to them goes to `device_id`."""

    room: RoomNumber
    person_id: PersonId
    said: bytes | None
    """The author that they said they are; nothing of the room is sent before."""
    told: bytes | None
    """The author that they were told."""
    refused: int
    """How many events they sent that could not be verified."""
    compared_at_ms: int
    """When they were told last what is here."""
    device_id: DeviceId
    peer_id: PeerId
    is_welcome: bool
    """They may hear of us."""

    def __repr__(self) -> str:
        return f"RoomPeer({self.room}, {self.person_id})"


def of_room(db: Connection, room: RoomNumber) -> list[RoomPeer]:
    """All of a room."""
    rows = db.execute(
        _SELECT + " WHERE room = ? ORDER BY person_id",
        (room,),
    )
    return [_peer(row) for row in rows]


def of_person(db: Connection, person_id: PersonId) -> list[RoomPeer]:
    """Every room that a contact is in."""
    rows = db.execute(
        _SELECT + " WHERE person_id = ? ORDER BY room",
        (person_id,),
    )
    return [_peer(row) for row in rows]


def of(db: Connection, room: RoomNumber, person_id: PersonId) -> RoomPeer | None:
    """One contact in one room, or None."""
    row = db.execute(
        _SELECT + " WHERE room = ? AND person_id = ?",
        (room, person_id),
    ).fetchone()
    return None if row is None else _peer(row)


def put_said(db: Connection, room: RoomNumber, person_id: PersonId, author: bytes) -> None:
    """They said which keys are theirs. Other ones than before: it may be a new profile of theirs,
    which was told nothing."""
    db.execute(
        "INSERT INTO room_peers (room, person_id, said) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET said = excluded.said,"
        " told = iif(ifnull(said, excluded.said) = excluded.said, told, NULL)",
        (room, person_id, author),
    )


def put_told(db: Connection, room: RoomNumber, person_id: PersonId, author: bytes) -> None:
    """They were told which keys are one's own."""
    db.execute(
        "INSERT INTO room_peers (room, person_id, told) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET told = excluded.told",
        (room, person_id, author),
    )


def tell_again(db: Connection, person_id: PersonId) -> None:
    """What they were told did not arrive for sure: they are to be told in each room."""
    db.execute("UPDATE room_peers SET told = NULL WHERE person_id = ?", (person_id,))


def put_compared(db: Connection, room: RoomNumber, person_id: PersonId, now_ms: int) -> None:
    """They were told what is here."""
    db.execute(
        "UPDATE room_peers SET compared_at_ms = ?, refused = 0 WHERE room = ? AND person_id = ?",
        (now_ms, room, person_id),
    )


def count_refused(db: Connection, room: RoomNumber, person_id: PersonId, more: int) -> None:
    """So many more events of theirs could not be verified."""
    db.execute(
        "UPDATE room_peers SET refused = refused + ? WHERE room = ? AND person_id = ?",
        (more, room, person_id),
    )


def forget(db: Connection, room: RoomNumber, person_ids: Iterable[PersonId]) -> None:
    """They are in the room no longer."""
    db.executemany(
        "DELETE FROM room_peers WHERE room = ? AND person_id = ?",
        [(room, person_id) for person_id in person_ids],
    )


def _peer(row: tuple[Any, ...]) -> RoomPeer:
    return RoomPeer(
        room=row[0],
        person_id=row[1],
        said=row[2],
        told=row[3],
        refused=row[4],
        compared_at_ms=row[5],
        device_id=row[6],
        peer_id=row[7],
        is_welcome=bool(row[8]),
    )
