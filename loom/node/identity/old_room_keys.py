"""Rooms where the owner signs with a key that is older than the identity."""

from loom.api.identity_views import OldRoomKey
from loom.core.room.statement import Capability
from loom.node.parts import Parts
from loom.node.room_states import RoomNow, name_of
from loom.node.rooms.renewing import falls_to, is_above
from loom.storage import room_renewals, rooms
from loom.storage.connection import Db


def old_room_keys(parts: Parts, db: Db) -> list[OldRoomKey]:
    """Where the owner is a member under such a key, who replaces it, and who can remove it."""
    states = [parts.room_states.of(db, row) for row in rooms.every(db) if row.is_live]
    return [
        OldRoomKey(
            room=now.row.name,
            room_id=now.row.room_id.hex(),
            renewers=_renewers(db, now),
            removers=_removers(now),
        )
        for now in states
        if now.is_member and room_renewals.is_older(db, now.row.room, now.own)
    ]


def _renewers(db: Db, now: RoomNow) -> list[str]:
    """Those whose nodes let the new key in: nobody, if it was removed, or one made the room."""
    own = now.state.officers.get(now.own)
    is_wanted = now.drawn is not None or room_renewals.is_older(
        db, now.row.room, now.own_authors[0]
    )
    if not is_wanted or (own is not None and not own.rank):
        return []
    return [
        name_of(now, one.author)
        for one in now.state.officers.values()
        if one.author not in now.own_authors and falls_to(now, one.author, now.own)
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
        and (own is None or is_above(one, own))
    ]
