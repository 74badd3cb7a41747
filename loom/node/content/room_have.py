"""RoomHave: what a member has of a room."""

from loom.node.content.intake import Intake
from loom.node.content.room_key import work_of
from loom.node.rooms import comparing, copies, introducing
from loom.storage import room_peers, rooms
from loom.wire.content import RoomHave


def take_in(intake: Intake, payload: RoomHave) -> None:
    """Send what they lack."""
    work, person = work_of(intake), intake.context.person
    row = rooms.by_id(work.db, payload.room_id)
    if row is None or not row.is_live:
        return
    now = work.parts.room_states.of(work.db, row)
    peer = room_peers.of(work.db, row.room, person.person_id)
    is_member = introducing.is_in(now, person)
    is_door = not now.is_member and row.door == person.person_id
    if peer is not None and peer.said is not None and (is_member or is_door):
        comparing.answer(work, now, peer, payload.comparison)
        copies.hear(work, now, peer, payload.comparison)
