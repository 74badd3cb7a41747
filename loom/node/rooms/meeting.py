"""Which members of common rooms are to be known, and where each is reached (PROTOCOL 14.7)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from loom.core.room.post import HintsContent, decode_post
from loom.core.room.state import Member
from loom.model import Address, Contact, ContactToken, PeerId, PersonId
from loom.node.room_states import RoomNow
from loom.node.rooms import introducing, posting, speaking
from loom.node.rooms.work import RoomWork
from loom.storage import anchors, invites, persons, room_posts, rooms
from loom.wire.hints import Hint, encode_hints
from loom.wire.limits import (
    ACQUAINTANCE_ENDS_S,
    ACQUAINTANCES_MAX,
    FINGERPRINT_BYTES,
    ROOM_HINTS_INTERVAL_S,
    ROOM_HINTS_MAX,
)

LOOK_S: Final = 60.0


class Meeting(NamedTuple):
    """Somebody in a common room, and where they said they are reached."""

    token: ContactToken
    anchors: tuple[Hint, ...] = ()
    nodes: tuple[Address, ...] = ()
    """Only what was told in a room where this side dials members, too."""
    is_reachable: bool = False
    """Either of both has said something."""

    def __repr__(self) -> str:
        return f"Meeting({self.token.peer_id.hex()})"


@dataclass
class Found:
    """What one look at all rooms found, and stored."""

    met: dict[PeerId, Meeting] = field(default_factory=dict)
    added: list[Contact] = field(default_factory=list)
    """New acquaintances."""
    ended: list[PersonId] = field(default_factory=list)
    """Acquaintances whose time is over."""
    look_again_s: float = LOOK_S


def look(work: RoomWork, told: Iterable[Hint], *, is_quiet: bool) -> Found:
    """Let who is known follow from the rooms as they are now.

    Args:
        told: this node, for rooms whose members link to it.
        is_quiet: nothing is said of oneself.
    """
    db, found, common = work.db, Found(), list[RoomNow]()
    known = {one.person.peer_id: one for one in persons.contacts(db)}
    at_anchors, nodes = invites.anchor_hints(anchors.every(db)), tuple(told)
    for row in rooms.every(db):
        now = work.now(row.room) if row.is_live else None
        if now is None or not now.is_member:
            continue
        common.append(now)
        own = (*at_anchors, *(nodes if row.is_direct else ()))[:ROOM_HINTS_MAX]
        others = [one for one in now.state.members.values() if _is_somebody_else(now, one)]
        hints = _hints(work, now)
        if not is_quiet:
            strangers = [one for one in others if _is_stranger(known, one)]
            wait_s = _tell(work, now, own, strangers, hints)
            found.look_again_s = min(found.look_again_s, wait_s)
        for member in others:
            _meet(found.met, now, member, hints.get(member.author, ()), own)
    _keep(work, known, found)
    for now in common:
        introducing.introduce(work, now)
    return found


def _is_somebody_else(now: RoomNow, member: Member) -> bool:
    """Not oneself, and not somebody who was appointed and never admitted."""
    return len(member.peer_id) == FINGERPRINT_BYTES and member.author not in now.own_authors


def _is_stranger(known: Mapping[PeerId, Contact], member: Member) -> bool:
    contact = known.get(PeerId(member.peer_id))
    return contact is None or contact.person.is_acquaintance


def _hints(work: RoomWork, now: RoomNow) -> dict[bytes, tuple[Hint, ...]]:
    """What holds, by author; of those who are gone nothing is kept."""
    hints: dict[bytes, tuple[Hint, ...]] = {}
    for post, data in room_posts.hints(work.db, now.row.room):
        content = decode_post(data).content
        if post.author not in now.state.members:
            posting.erase(work, post)
        elif isinstance(content, HintsContent):
            hints[post.author] = content.hints
    return hints


def _tell(
    work: RoomWork,
    now: RoomNow,
    own: tuple[Hint, ...],
    strangers: list[Member],
    hints: Mapping[bytes, tuple[Hint, ...]],
) -> float:
    """Say where one is reached, if somebody needs it; when to look again, in seconds.

    A member without an anchor who joined later was not sent what was said before.
    """
    last = room_posts.last_hints(work.db, now.row.room, now.own)
    missed = last is not None and any(
        one.from_order > last.ordinal
        for one in strangers
        if not any(hint.is_anchor for hint in hints.get(one.author, ()))
    )
    is_other = own != hints.get(now.own, ())
    if not strangers or not (is_other or (missed and own)):
        return LOOK_S
    if now.row.copied_order is not None:
        return LOOK_S  # nothing is signed now
    ago_s = ROOM_HINTS_INTERVAL_S if last is None else (work.now_ms - last.stored_at_ms) // 1000
    if 0 <= ago_s < ROOM_HINTS_INTERVAL_S:
        return float(ROOM_HINTS_INTERVAL_S - ago_s)
    speaking.post(work, now, HintsContent(encode_hints(own)))
    return LOOK_S


def _meet(
    met: dict[PeerId, Meeting],
    now: RoomNow,
    member: Member,
    hints: tuple[Hint, ...],
    own: tuple[Hint, ...],
) -> None:
    """Of somebody in several rooms all counts together; of two keys that which came first."""
    peer_id = PeerId(member.peer_id)
    token = ContactToken(peer_id, member.x25519_public)
    before = met.get(peer_id, Meeting(token))
    if before.token != token:
        return
    there = [one for one in hints if one.is_anchor]
    nodes = [one.address for one in hints if not one.is_anchor] if now.row.is_direct else []
    met[peer_id] = Meeting(
        token,
        tuple(dict.fromkeys((*before.anchors, *there)))[:ROOM_HINTS_MAX],
        tuple(dict.fromkeys((*before.nodes, *nodes)))[:ROOM_HINTS_MAX],
        before.is_reachable or bool(own or there or nodes),
    )


def _keep(work: RoomWork, known: Mapping[PeerId, Contact], found: Found) -> None:
    """Add who is met, end who is not."""
    db, now_s = work.db, work.now_ms // 1000
    count = 0
    for peer_id, contact in known.items():
        until_s, person_id = contact.person.acquaintance_until_s, contact.person.person_id
        if until_s is None:
            continue
        meeting = found.met.get(peer_id)
        is_met = meeting is not None and (
            meeting.token.x25519_public == contact.person.x25519_public
        )
        count += 1
        if is_met and until_s:
            persons.put_acquaintance(db, person_id, 0)
        elif not is_met and 0 < until_s <= now_s:
            found.ended.append(person_id)
        elif not is_met and not until_s:
            persons.put_acquaintance(db, person_id, now_s + ACQUAINTANCE_ENDS_S)
    for peer_id, meeting in found.met.items():
        if peer_id not in known and meeting.is_reachable and count < ACQUAINTANCES_MAX:
            count += 1
            found.added.append(
                persons.insert_acquaintance(
                    db,
                    peer_id=peer_id,
                    x25519_public=meeting.token.x25519_public,
                    created_at_ms=work.now_ms,
                )
            )
