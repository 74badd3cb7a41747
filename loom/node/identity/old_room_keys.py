"""Rooms where the owner signs with a key that is older than the identity."""

from typing import Final

from loom.api.identity_views import OldRoomKey
from loom.core.room.statement import Capability
from loom.node.parts import Parts
from loom.node.room_states import RoomNow, name_of
from loom.storage import rooms, settings
from loom.storage.connection import Db

_NEWEST: Final = "identity_room_key"


def note_rotation(db: Db) -> None:
    """Every pair of now is of before the identity that follows."""
    settings.put(db, _NEWEST, str(rooms.newest_key(db)).encode())


def old_room_keys(parts: Parts, db: Db) -> list[OldRoomKey]:
    """Where the owner is a member under such a key, and who can remove it."""
    newest = settings.get(db, _NEWEST)
    found = [] if newest is None else rooms.of_older_keys(db, int(newest))
    states = [parts.room_states.of(db, row) for row in found if row.is_live]
    return [
        OldRoomKey(room=now.row.name, room_id=now.row.room_id.hex(), removers=_removers(now))
        for now in states
        if now.is_member
    ]


def _removers(now: RoomNow) -> list[str]:
    """Those above the owner who may; of who made the room nobody."""
    own = now.state.officers.get(now.own)
    return [
        name_of(now, one.author)
        for one in now.state.officers.values()
        if now.state.may(one.author, Capability.REMOVE)
        and one.author in now.state.members
        and one.author not in now.own_authors
        and (own is None or _is_above(one.rank, own.rank))
    ]


def _is_above(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return (len(one), one) < (len(other), other)
