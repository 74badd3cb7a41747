"""New keys in a room after another identity: drawn, admitted, and the old ones put away (14.1)."""

from contextlib import suppress
from typing import Final

from loom.core.room.keys import MemberKeys, verify_join
from loom.core.room.state import Officer
from loom.core.room.statement import (
    Admit,
    Appoint,
    Capability,
    Leave,
    SignedStatement,
)
from loom.errors import InvalidInput, PeerError
from loom.model import ContactToken, PeerId, Person
from loom.node.room_states import RoomNow, draw_pair
from loom.node.rooms import changes, introducing
from loom.node.rooms.stating import posts_below, removal_of
from loom.node.rooms.work import RoomWork
from loom.storage import persons, room_peers, room_renewals, rooms
from loom.storage.room_renewals import Renewal
from loom.wire.limits import ROOM_MEMBERS_MAX

SENIOR: Final = Capability.INVITE | Capability.ROLES | Capability.REMOVE
"""What it takes to give an officer's place to another pair."""


def look(work: RoomWork, now: RoomNow) -> RoomNow:
    """Do what is due of it in a room; doing it again changes nothing."""
    if not now.is_member or now.row.copied_order is not None:
        return now
    if _is_to_draw(work, now):
        now = _draw(work, now)
    with suppress(InvalidInput):  # one has signed as many statements as anybody may
        now = _put_away(work, now)
        for renewal in room_renewals.of_room(work.db, now.row.room):
            now = _admit(work, now, renewal)
        now = _hand_over(work, now)
        now = _keep_out(work, now)
    return now


def falls_to(now: RoomNow, actor: bytes, old: bytes) -> bool:
    """Whether a member is to let in the pair that follows another one's.

    Of an officer it is who appointed them, so that their rank stays the same; else anybody above.
    """
    officer, state = now.state.officers.get(old), now.state
    if actor not in state.members:
        return False
    if officer is None:
        return state.may(actor, Capability.INVITE)
    above = state.officers.get(actor)
    if above is None or not state.may(actor, SENIOR) or not is_above(above, officer):
        return False
    is_there = officer.by in state.members and state.may(officer.by, SENIOR)
    return officer.by == actor or not is_there


# --- one's own pair ---


def _is_to_draw(work: RoomWork, now: RoomNow) -> bool:
    """Nobody stands above who made the room: their pair stays."""
    officer = now.state.officers.get(now.own)
    if officer is not None and not officer.rank:
        return False
    return room_renewals.is_older(work.db, now.row.room, now.own_authors[0])


def _draw(work: RoomWork, now: RoomNow) -> RoomNow:
    key, _ = draw_pair(work.parts.random)
    rooms.add_key(work.db, now.row.room, key)
    now = work.now(now.row.room) or now
    introducing.introduce(work, now)
    return now


def _put_away(work: RoomWork, now: RoomNow) -> RoomNow:
    """The last word of a pair that another one follows; of an officer's a senior decides."""
    for author in now.own_authors:
        is_old = author != now.own and author in now.state.members
        if is_old and author not in now.state.officers:
            leave = Leave(posts_below(work, now, author))
            now = changes.add(work, now, changes.sign(work, now, leave, author))
    return now


# --- those of others ---


def _admit(work: RoomWork, now: RoomNow, renewal: Renewal) -> RoomNow:
    """Let in what a member says under another identity than the one they were admitted with."""
    keys, state = MemberKeys(renewal.ed25519, renewal.mldsa), now.state
    person = persons.by_id(work.db, renewal.person_id)
    is_over = any(keys.author in one for one in (state.members, state.removed, state.left))
    if person is None or is_over:
        room_renewals.forget(work.db, now.row.room, renewal.person_id)
        return now
    peer = room_peers.of(work.db, now.row.room, person.person_id)
    former = _former(now, person)
    if (
        peer is None
        or peer.said != keys.author
        or not _is_followed(peer.is_welcome, person)
        or not former
        or not all(falls_to(now, now.own, one) for one in former)
        or len(state.members) >= ROOM_MEMBERS_MAX
        or _was_admitted(now, person)
        or not introducing.identities_of(work, person).isdisjoint(state.banned)
    ):
        return now
    token = ContactToken(person.peer_id, person.x25519_public)
    try:
        verify_join(now.row.room_id, token, keys, renewal.proof)
    except PeerError:
        return now  # it was said under an identity that another one follows
    member = now.held.state.members[former[0]]
    admit = Admit(
        keys=keys,
        token=(token.peer_id, token.x25519_public),
        name=member.name,
        proof=renewal.proof,
        from_order=member.from_order,
    )
    return changes.state(work, now, admit)


def _hand_over(work: RoomWork, now: RoomNow) -> RoomNow:
    """The new pairs of officers below get what the old ones had; those are removed."""
    for old, officer in list(now.state.officers.items()):
        if old in now.own_authors or old not in now.state.members:
            continue
        new = _successor(work, now, old)
        if new is None or not falls_to(now, now.own, old):
            continue
        keys, ledger = now.state.keys[new], now.held.ledger
        if new not in now.state.officers and isinstance(keys, MemberKeys):
            appoint = Appoint(
                keys=keys,
                council=None,
                capabilities=officer.capabilities,
                keep=ledger.keep_of(new),
                since=ledger.next_number(new),
            )
            now = changes.state(work, now, appoint)
        if new in now.state.officers:
            now = changes.state(work, now, removal_of(work, now, old))
    return now


def _keep_out(work: RoomWork, now: RoomNow) -> RoomNow:
    """Whom one banned while somebody else let their new pair in is removed again."""
    mine = {
        peer_id
        for peer_id, held_by in now.state.banned.items()
        if now.held.statements[held_by].author == now.own
    }
    me = now.state.officers.get(now.own)
    if not mine or me is None or not now.state.may(now.own, Capability.REMOVE):
        return now
    for author, member in list(now.state.members.items()):
        officer = now.state.officers.get(author)
        person = persons.by_peer_id(work.db, PeerId(member.peer_id))
        if (
            author in now.own_authors
            or person is None
            or now.held.state.members.get(author) is None
        ):
            continue
        former = introducing.identities_of(work, person) - {now.held.state.members[author].peer_id}
        if mine & former and (officer is None or is_above(me, officer)):
            now = changes.state(work, now, removal_of(work, now, author))
    return now


def _successor(work: RoomWork, now: RoomNow, old: bytes) -> bytes | None:
    """The pair that was admitted under the identity of now of a member, as they say themselves."""
    peer_id = now.state.members[old].peer_id
    if peer_id == now.held.state.members[old].peer_id:
        return None
    person = persons.by_peer_id(work.db, PeerId(peer_id))
    if person is None:
        return None
    peer = room_peers.of(work.db, now.row.room, person.person_id)
    if peer is None or peer.said is None or not _is_followed(peer.is_welcome, person):
        return None
    admitted = now.held.state.members.get(peer.said)
    return peer.said if admitted is not None and admitted.peer_id == person.peer_id else None


def _is_followed(is_welcome: bool, person: Person) -> bool:
    """Not of who is blocked, revoked, removed, to be verified first, or says two things."""
    return is_welcome and not person.forked


def _former(now: RoomNow, person: Person) -> list[bytes]:
    """The pairs of a member that were admitted under an identity of before, officers first."""
    return [
        author
        for author, member in now.state.members.items()
        if member.peer_id == person.peer_id
        and now.held.state.members[author].peer_id != person.peer_id
    ]


def _was_admitted(now: RoomNow, person: Person) -> bool:
    """Whether a pair was let in under their identity of now: one is, and no second one."""

    def counts(one: SignedStatement) -> bool:
        return one.id in now.state.counting or one.author == now.own

    return any(
        isinstance(one.body, Admit) and one.body.token[0] == person.peer_id and counts(one)
        for one in now.held.statements.values()
    )


def is_above(one: Officer, other: Officer) -> bool:
    """By rank."""
    return (len(one.rank), one.rank) < (len(other.rank), other.rank)
