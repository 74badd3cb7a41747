"""Whose posts a member may delete as their own (PROTOCOL 14.3)."""

from loom.core.room.statement import Admit, Genesis
from loom.model import PeerId
from loom.node.room_states import RoomNow
from loom.node.rooms.work import RoomWork
from loom.storage import identity_statements, persons, room_peers


def may_take_back(work: RoomWork, now: RoomNow, author: bytes, other: bytes) -> bool:
    """Whether posts of `other` are an author's own: theirs, or of an identity before it (1.5)."""
    if author == other:
        return True
    before, after = _admitted_as(now, other), _admitted_as(now, author)
    if before is None or after is None or before == after:
        return False
    if author in now.own_authors:
        return author == now.own and other in now.own_authors
    number = identity_statements.whose(work.db).get(PeerId(before))
    person = None if number is None else persons.by_id(work.db, number)
    if person is None or person.peer_id != after or person.forked:
        return False
    peer = room_peers.of(work.db, now.row.room, person.person_id)
    return peer is not None and peer.said == author


def _admitted_as(now: RoomNow, author: bytes) -> bytes | None:
    """The identity that a pair was let in with, also of who is out."""
    member = now.held.state.members.get(author)
    if member is not None:
        return member.peer_id
    for one in now.held.statements.values():
        body = one.body
        if isinstance(body, Admit) and body.author == author and one.id in now.state.counting:
            return body.token[0]
        if isinstance(body, Genesis) and one.author == author:
            return body.token[0]
    return None
