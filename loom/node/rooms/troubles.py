"""What members are told of each other: two statements under one number, other keys than those
admitted, and what removed officers signed that may be confirmed (docs/PROTOCOL.md 14.4)."""

from loom.api.events import RoomForked, RoomKeyDiffers, RoomOffered
from loom.api.room_views import RoomLine, RoomTrouble, StatementView
from loom.core.room.statement import (
    Appoint,
    Capability,
    Remove,
    SignedStatement,
)
from loom.crypto.kdf import hash_
from loom.node.room_lines import line_of
from loom.node.room_states import RoomNow, name_of
from loom.node.rooms import posting
from loom.node.rooms.work import RoomWork
from loom.storage import persons, room_peers, room_statements
from loom.storage.connection import Db
from loom.storage.room_peers import RoomPeer
from loom.wire.encoding import enc, u16
from loom.wire.limits import ROOM_ID_BYTES


def tell(work: RoomWork, before: RoomNow, after: RoomNow) -> None:
    """What statements that were just stored show: forks, and what is offered to oneself."""
    place, room_id = posting.place_of(after.row.room), after.row.room_id.hex()
    for author, number in sorted(after.state.forks.keys() - before.state.forks.keys()):
        line = RoomLine(what="forked", value=f"{number}")
        if posting.add_line(work, after, _key(b"fork", author, u16(number)), author, line):
            forked = RoomForked(
                room=after.row.name,
                room_id=room_id,
                author=name_of(after, author),
                author_id=author.hex(),
                number=number,
            )
            work.happened.add(forked, place)
    known = {one.id for one in before.state.offered}
    for one in after.state.offered:
        if one.id in known or not may_confirm(after, one):
            continue
        line = _offered_line(after, one)
        if posting.add_line(work, after, _key(b"offered", one.id), one.author, line):
            event = RoomOffered(
                room=after.row.name,
                room_id=room_id,
                author=name_of(after, one.author),
                author_id=one.author.hex(),
                statement_id=one.id.hex(),
                line=line,
            )
            work.happened.add(event, place)


def look(work: RoomWork, now: RoomNow) -> None:
    """Say who says other keys than those they were admitted with, once for each keys.

    Not as soon as the keys come: who has joined again may say theirs before the Admit is here.
    """
    for author, peer in other_keys(work.db, now):
        key = _key(b"other keys", author, peer.said or b"")
        if not posting.add_line(work, now, key, author, RoomLine(what="other keys")):
            continue
        person = persons.by_id(work.db, peer.person_id)
        event = RoomKeyDiffers(
            room=now.row.name,
            room_id=now.row.room_id.hex(),
            contact=person.name if person is not None and person.name else name_of(now, author),
            contact_id=peer.person_id,
        )
        work.happened.add(event, posting.place_of(now.row.room))


def other_keys(db: Db, now: RoomNow) -> list[tuple[bytes, RoomPeer]]:
    """Members who said other keys than any that their identity was admitted with.

    Of who was admitted under an identity of before they are expected.
    """
    authors: dict[bytes, list[bytes]] = {}
    for author, member in now.state.members.items():
        authors.setdefault(member.peer_id, []).append(author)
    admitted = {one.peer_id for one in now.held.state.members.values()}
    return [
        (authors[one.peer_id][0], one)
        for one in room_peers.of_room(db, now.row.room)
        if one.said is not None
        and one.peer_id in admitted
        and one.said not in authors.get(one.peer_id, [one.said])
    ]


def troubles(db: Db, now: RoomNow) -> list[RoomTrouble]:
    """What there is now. A fork is settled when its author was appointed again above it."""
    found = []
    if now.row.copied_order is not None:
        name = name_of(now, now.own)
        found.append(RoomTrouble(what="copied", whom=name, whom_id=now.own.hex()))
    found += [
        RoomTrouble(
            what="forked",
            whom=name_of(now, author),
            whom_id=author.hex(),
            statements=[
                statement_view(now, now.held.statements[one], may=False)
                for one in ids
                if one in now.held.statements
            ],
        )
        for (author, number), ids in now.state.forks.items()
        if now.state.officers[author].is_in_office and number >= now.state.officers[author].since
    ]
    found += [
        RoomTrouble(what="other keys", whom=name_of(now, author), whom_id=author.hex())
        for author, _ in other_keys(db, now)
    ]
    return found


def offered(db: Db, now: RoomNow) -> list[SignedStatement]:
    """What was signed by removed officers and waits for a word; without what one dismissed."""
    if not now.state.offered:
        return []
    dismissed = room_statements.dismissed(db, now.row.room)
    return [one for one in now.state.offered if one.id not in dismissed]


def may_confirm(now: RoomNow, one: SignedStatement) -> bool:
    """Whether one's own word makes an offered statement count."""
    state, body = now.state, one.body
    if not now.is_member or (isinstance(body, Appoint | Remove) and body.author == now.own):
        return False
    if is_kept_by_me(now, one):
        both = state.officers[now.own].capabilities | state.officers[one.author].capabilities
        return both & body.needs == body.needs
    return state.may(now.own, body.needs)


def is_kept_by_me(now: RoomNow, one: SignedStatement) -> bool:
    """Whether one removed its author oneself, and may change what is kept of them."""
    removal = now.state.removed.get(one.author)
    is_mine = removal is not None and removal.by == now.own
    return is_mine and now.state.may(now.own, Capability.REMOVE)


def statement_view(now: RoomNow, one: SignedStatement, *, may: bool) -> StatementView:
    """`may`: oneself may confirm it."""
    counts = one.id in now.state.counting
    return StatementView(
        room=now.row.name,
        room_id=now.row.room_id.hex(),
        statement_id=one.id.hex(),
        author=name_of(now, one.author),
        author_id=one.author.hex(),
        number=one.number,
        line=_line(now, one),
        counts=counts,
        confirmable=may,
    )


def _offered_line(now: RoomNow, one: SignedStatement) -> RoomLine:
    line = _line(now, one)
    return RoomLine(what=line.what, whom=line.whom, value=line.value, offered=True)


def _line(now: RoomNow, one: SignedStatement) -> RoomLine:
    return line_of(now, now, one)


def _key(*what: bytes) -> bytes:
    """What the line about it is known by; no statement has it."""
    return hash_(enc(b"line", *what))[:ROOM_ID_BYTES]
