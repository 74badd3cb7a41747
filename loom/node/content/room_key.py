"""RoomKey: which keys are a contact's in a room; with a claim, they ask to be let in."""

from loom.node.content.intake import Intake
from loom.node.rooms import comparing, continuing, deciding, introducing, posting, renewing
from loom.node.rooms.work import RoomWork
from loom.storage import room_peers, rooms
from loom.storage.rooms import Standing
from loom.wire.content import RoomKey


def take_in(intake: Intake, payload: RoomKey) -> None:
    """Who used one's invite into the room is admitted, or voted on; then each tells what it has."""
    work, person = work_of(intake), intake.context.person
    row = rooms.by_id(work.db, payload.room_id)
    if row is None or not row.is_live:
        return
    now = work.parts.room_states.of(work.db, row)
    known = room_peers.of(work.db, row.room, person.person_id)
    peer = introducing.take_key(work, now, person, payload)
    is_again = known is not None and peer is not None and known.said == peer.said
    if is_again and row.standing is Standing.JOINING and row.door == person.person_id:
        introducing.tell_key(work, now, person, row.claim)  # they could not let one in before
    if peer is None or not now.is_member:
        return
    if payload.claim and peer.said not in now.state.members and person.is_contact:
        if row.copied_order is not None:
            # They hear it again once one may sign, and ask again then.
            introducing.tell_key(work, now, person)
            return
        if not deciding.may_admit(now):
            return  # the invite is not spent: one may be given the right again
        admit = introducing.admitted_by(work, now, person, payload)
        if continuing.may_come(work, now, person, payload.claim):
            admit = introducing.admission(work, now, person, payload)
        if admit is None:
            return
        deciding.admit(work, now, admit)
        return
    if not introducing.is_in(now, person):
        return
    work.happened.later.append(work.parts.room_fetch.ring)  # they may give a file
    if peer.told != introducing.told_to(now, person):
        introducing.tell_key(work, now, person)
    elif is_again:
        introducing.tell_key_again(work, now, person, intake.reset_counter)
    now = renewing.look(work, now)
    if not is_again and peer.said is not None:
        posting.take_back(work, now, peer.said)
    comparing.compare(work, now, peer)


def work_of(intake: Intake) -> RoomWork:
    """The same transaction."""
    parts = intake.context.parts
    return RoomWork(
        intake.db,
        intake.happened,
        parts,
        intake.now_ms,
        intake.reached,
        intake.queued_for,
        intake.rooms_changed,
    )
