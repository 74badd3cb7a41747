"""Rooms that go on in a new one: offered by a member, accepted or not (docs/PROTOCOL.md 14.6)."""

from loom.api.events import RoomStateChanged
from loom.api.room_views import RoomLine
from loom.core.room.keys import continued_claim
from loom.core.room.materialize import GENERAL
from loom.core.room.post import ContinueContent, SignedPost
from loom.core.room.statement import Admit, SetChannel
from loom.errors import InvalidInput
from loom.model import PeerId, Person
from loom.node.room_states import RoomNow, draw_pair
from loom.node.rooms import changes, introducing, posting, speaking
from loom.node.rooms.work import RoomWork
from loom.storage import persons, room_continuations, rooms
from loom.storage.rooms import Standing


def offer(work: RoomWork, old: RoomNow, new: RoomNow) -> RoomNow:
    """Make the channels of the old room in the new one, and offer it to the old one's members."""
    for channel in old.state.channels.values():
        if channel.name != GENERAL or channel.topic or channel.is_restricted:
            body = SetChannel(channel.name, channel.topic, channel.is_restricted, True)
            new = changes.state(work, new, body)
    others = old.state.members.keys() - set(old.own_authors)
    people = {old.state.members[one].peer_id for one in others} - {b""}
    content = ContinueContent(new.row.room_id, new.row.name, tuple(sorted(people)))
    note(work, old, speaking.post(work, old, content))
    return new


def note(work: RoomWork, now: RoomNow, post: SignedPost) -> None:
    """Say in the old room where it goes on, and offer the new one, if it is for oneself."""
    content = post.content
    if not isinstance(content, ContinueContent):
        return
    earlier = room_continuations.put(
        work.db, now.row.room, post.author, post.number, content.room_id, content.people
    )
    if earlier is None:
        return
    line = RoomLine(what="continued", value=content.name)
    posting.add_line(work, now, post.id, post.author, line)
    _withdraw(work, earlier)
    if post.author in now.own_authors or work.parts.identity.peer_id not in content.people:
        return
    if rooms.by_id(work.db, content.room_id) is not None:
        return
    maker = _maker(work, now, post.author)
    row = rooms.add(
        work.db,
        room_id=content.room_id,
        name=content.name,
        standing=Standing.OFFERED,
        version=work.parts.nonces.take(changes.VERSION_BYTES),
        created_at_ms=work.now_ms,
        door=None if maker is None else maker.person_id,
        claim=continued_claim(now.row.room_id, content.room_id),
    )
    key, _ = draw_pair(work.parts.random)
    rooms.add_key(work.db, row.room, key)
    work.happened.add_live(RoomStateChanged(room=row.name, room_id=row.room_id.hex()))


def accept(work: RoomWork, now: RoomNow) -> None:
    """Ask who made the room to be let in.

    Raises:
        InvalidInput: it is not offered, or who made it is no contact.
    """
    if now.row.standing is not Standing.OFFERED:
        raise InvalidInput(what=f"The room {now.row.name} is not offered to you")
    maker = None if now.row.door is None else persons.by_id(work.db, now.row.door)
    if maker is None or maker.is_stub or not maker.is_welcome:
        raise InvalidInput(
            what="Who made this room is not among your contacts: ask one of its members to invite"
            " you"
        )
    rooms.move(work.db, now.row.room, Standing.JOINING)
    introducing.tell_key(work, now, maker, now.row.claim)


def may_come(work: RoomWork, now: RoomNow, person: Person, claim: bytes) -> bool:
    """Whether one offered this room to them, and they never were in it."""
    known = introducing.identities_of(work, person)
    was_let_in = any(
        isinstance(one.body, Admit) and one.body.token[0] in known
        for one in now.held.statements.values()
    )
    if was_let_in or not known.isdisjoint(now.state.banned):
        return False
    return any(
        claim == continued_claim(one.old_room_id, one.room_id) and not known.isdisjoint(one.people)
        for one in room_continuations.own_of(work.db, now.row.room_id)
    )


def _maker(work: RoomWork, now: RoomNow, author: bytes) -> Person | None:
    member = now.state.members.get(author)
    if member is None or not member.peer_id:
        return None
    return persons.by_peer_id(work.db, PeerId(member.peer_id))


def _withdraw(work: RoomWork, room_id: bytes) -> None:
    """Its author offered another room later."""
    row = rooms.by_id(work.db, room_id) if room_id else None
    if row is not None and row.standing is Standing.OFFERED:
        rooms.delete(work.db, row.room)
        work.parts.room_states.forget(row.room)
