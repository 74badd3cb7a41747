"""Statements that are stored, and what follows: lines in the timeline, who is told, events."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from loom.api.events import RoomJoined, RoomLeft, RoomStateChanged
from loom.core.room.keys import Council
from loom.core.room.statement import Admit, Body, SignedStatement, sign_statement
from loom.errors import InvalidInput, RoomWaits
from loom.node.room_lines import line_of
from loom.node.room_states import RoomNow, signer_of
from loom.node.rooms import comparing, introducing, offering, posting, telling, troubles, votes
from loom.node.rooms.work import RoomWork
from loom.storage import room_peers, room_posts, room_statements, rooms
from loom.storage.connection import Db
from loom.storage.room_peers import RoomPeer
from loom.storage.room_statements import StoredStatement
from loom.storage.rooms import Standing
from loom.wire.limits import ROOM_STATEMENTS_MAX

VERSION_BYTES = 16


def state(work: RoomWork, now: RoomNow, body: Body) -> RoomNow:
    """Sign a statement of one's own, keep it and tell it; see `sign`."""
    return add(work, now, sign(work, now, body))


def sign(work: RoomWork, now: RoomNow, body: Body, author: bytes | None = None) -> SignedStatement:
    """A statement of one's own with the next number, which is not kept yet.

    Args:
        author: another one of one's own than that which signs now.

    Raises:
        InvalidInput: one has signed as many as anybody may.
        RoomWaits: this profile is an older copy.
    """
    if now.row.copied_order is not None:
        raise RoomWaits(room=now.row.name)
    author = author or now.own
    number = max(now.held.ledger.next_number(author), now.row.statement_floor)
    if number >= ROOM_STATEMENTS_MAX:
        raise InvalidInput(what=f"You have changed the room {now.row.name} as often as anybody can")
    signer = signer_of(work.db, now.row.room, author)
    return sign_statement(signer, now.row.room_id, number, body)


def add(work: RoomWork, now: RoomNow, signed: SignedStatement) -> RoomNow:
    """Keep and tell a statement that was made here, by oneself or from votes."""
    before = telling.hearing(work, now)
    after, new = store(work, now, [signed])
    tell(work, after, before, new, set())
    return after


def tell(
    work: RoomWork,
    now: RoomNow,
    before: Sequence[RoomPeer],
    new: Sequence[SignedStatement],
    told: AbstractSet[bytes],
) -> None:
    """Pass statements on. Who is removed by one hears of it, and of nothing after it.

    Who left tells everybody, reached or not: it never compares with them again.

    Args:
        before: who heard of the room until now; who comes by one is sent all there are.
        told: the members who have them, or get them without this side's help.
    """
    hearing = {one.person_id for one in telling.hearing(work, now)}
    stay = [one for one in before if one.person_id in hearing]
    gone = [one for one in before if one.person_id not in hearing]
    leaves = now.own in now.state.left and any(one.author == now.own for one in new)
    if not leaves:
        stay = telling.reached(work, stay)
    peers = [one for one in (*stay, *gone) if one.said not in told]
    names = {now.own, *told, *(one.said or b"" for one in peers)}
    telling.tell(work, now, peers, [one.data for one in new], names)


def store(
    work: RoomWork, now: RoomNow, statements: Iterable[SignedStatement]
) -> tuple[RoomNow, list[SignedStatement]]:
    """Keep what is new, and do what follows; what holds then, and what was new."""
    db, room = work.db, now.row.room
    new = [
        one
        for one in statements
        if one.room_id == now.row.room_id
        and room_statements.add(db, room, StoredStatement(one.id, one.author, one.number, one.data))
    ]
    if not new:
        return now, []
    rooms.put_version(db, room, work.parts.nonces.take(VERSION_BYTES), work.now_ms)
    after = work.now(room)
    if after is None:
        return now, []
    retained = after.held.ledger.retained()
    for one in after.held.statements.values():
        if one.id not in retained:
            room_statements.delete(db, room, one.id)
            if one.author == after.own:
                # Others may still have it: its number is not given to another one.
                rooms.raise_statement_floor(db, room, one.number + 1)
    new = [one for one in new if one.id in retained]
    if after.state.name and after.state.name != after.row.name:
        rooms.rename(db, room, after.state.name)
    after = _settle(work, now, after, new)
    return after, new


def _proposed(db: Db, now: RoomNow, new: Iterable[SignedStatement]) -> list[bytes]:
    """The proposals that these statements of councils accept or overtake."""
    decided = {
        (one.author, one.number)
        for one in new
        if isinstance(now.state.keys.get(one.author), Council)
    }
    if not decided:
        return []
    found = room_posts.proposals(db, now.row.room, votes.LOOKED_AT_MAX)
    heads = ((one.id, votes.head_of(db, one)) for one in found)
    return [
        post_id
        for post_id, head in heads
        if head is not None and (head.author, head.number) in decided
    ]


def _is_of(own: bytes, statement: SignedStatement) -> bool:
    """Whether the owner made the room by it, or was let in: that is now."""
    is_admitted = isinstance(statement.body, Admit) and statement.body.author == own
    return is_admitted or statement.author == own


def _settle(
    work: RoomWork, before: RoomNow, after: RoomNow, new: Iterable[SignedStatement]
) -> RoomNow:
    """What members see of it, and one's own standing."""
    db, room, place = work.db, after.row.room, posting.place_of(after.row.room)
    counting = [after.held.statements[one] for one in after.state.counting - before.state.counting]
    ranks = {author: place for place, author in enumerate(after.state.officers)}
    for statement in sorted(counting, key=lambda one: (ranks.get(one.author, 0), one.number)):
        line = line_of(before, after, statement)
        if before.row.standing is Standing.JOINING and not _is_of(after.own, statement):
            line = msgspec.structs.replace(line, earlier=True)
        posting.add_line(work, after, statement.id, statement.author, line)
    troubles.tell(work, before, after)
    posting.take_out(work, before, after)
    shown_otherwise = before.state.deleted ^ after.state.deleted
    room_posts.hide(db, room, shown_otherwise & after.state.deleted, on=True)
    room_posts.hide(db, room, shown_otherwise & before.state.deleted, on=False)
    for hidden in filter(None, (room_posts.by_id(db, room, one) for one in shown_otherwise)):
        offering.follow(work, after, hidden)
    for post_id in sorted(shown_otherwise | ({*before.state.pins} ^ {*after.state.pins})):
        posting.tell_changed(work, after, post_id)
    for post_id in _proposed(db, after, new):
        posting.tell_changed(work, after, post_id)
    name, room_id = after.row.name, after.row.room_id.hex()
    if after.is_member and after.row.standing is Standing.JOINING:
        rooms.move(db, room, Standing.MEMBER)
        # What is not sent to a joiner stands before what they post.
        began = max(after.row.largest_order, after.state.members[after.own].from_order)
        rooms.put_order(db, room, began, work.now_ms)
        work.happened.add(RoomJoined(room=name, room_id=room_id), place)
    elif not after.is_member and after.row.standing is Standing.MEMBER:
        removal = after.state.removed.get(before.own)
        rooms.move(db, room, Standing.LEFT if removal is None else Standing.REMOVED)
        by = "" if removal is None else after.held.names.get(removal.by, "")
        offering.end_all(work, room)
        work.happened.add(RoomLeft(room=name, room_id=room_id, by=by), place)
    work.happened.add_live(RoomStateChanged(room=name, room_id=room_id))
    introducing.introduce(work, after)
    people = {one.peer_id for one in before.state.members.values()}
    come = after.state.members.keys() - before.state.members.keys()
    for peer in room_peers.of_room(db, room) if after.is_member else ():
        if peer.said in come and peer.is_welcome:
            is_new = peer.peer_id not in people
            if before.is_member and is_new and peer.device_id in work.reached:
                comparing.welcome(work, after, peer)
            comparing.compare(work, after, peer)
    work.changed.add(room)
    work.happened.later.append(work.parts.room_fetch.ring)
    return work.now(room) or after
