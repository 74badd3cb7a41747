"""RoomHave: what each side has of a room, and what the other lacks (docs/PROTOCOL.md 14.5)."""

from collections import defaultdict
from collections.abc import Iterable

from loom.core.room import sync
from loom.core.room.sync import Family, Place, Summary
from loom.node.room_states import RoomNow
from loom.node.rooms import telling
from loom.node.rooms.work import RoomWork
from loom.storage import room_peers, room_posts
from loom.storage.room_peers import RoomPeer
from loom.wire.content import RoomHave
from loom.wire.content.room_have import DIGEST_BYTES, Comparison, Step
from loom.wire.limits import ROOM_BLOCK_NUMBERS


def compare(work: RoomWork, now: RoomNow, peer: RoomPeer) -> None:
    """Tell a contact what is here."""
    from_order = from_order_of(now, peer)
    _say(work, now, peer, sync.begin(from_order, _summary(_held(work, now, from_order))))
    room_peers.put_compared(work.db, now.row.room, peer.person_id, work.now_ms)


def ask(work: RoomWork, now: RoomNow, peer: RoomPeer, from_order: int) -> None:
    """Let a contact say all that they have from that order on: no root is zero."""
    least = max(from_order, from_order_of(now, peer))
    nothing = bytes(DIGEST_BYTES)
    _say(work, now, peer, Comparison(Step.ROOT, least, nothing, b"", True, ()))


def answer(work: RoomWork, now: RoomNow, peer: RoomPeer, comparison: Comparison) -> None:
    """Send what they lack; where both differ, say what is here."""
    held = _held(work, now, max(comparison.from_order, from_order_of(now, peer)))
    found = sync.answer(comparison, _summary(held), lambda place: held.get(place, []))
    for one in found.comparisons:
        _say(work, now, peer, one)
    send(work, now, peer, found.send)


def send(work: RoomWork, now: RoomNow, peer: RoomPeer, ids: Iterable[bytes]) -> None:
    """Statements first, then posts in their order."""
    wanted = set(ids)
    events = [one.data for one in now.held.statements.values() if one.id in wanted]
    events += room_posts.data_of(work.db, now.row.room, wanted)
    telling.tell(work, now, [peer], events, [now.own])


def from_order_of(now: RoomNow, peer: RoomPeer) -> int:
    """The order from which both are sent posts."""
    own = now.state.members.get(now.own)
    return max(telling.from_order(now, peer), 0 if own is None else own.from_order)


def _say(work: RoomWork, now: RoomNow, peer: RoomPeer, comparison: Comparison) -> None:
    message_id = work.parts.new_id()
    telling.queue(work, peer, RoomHave(message_id, work.now_ms, now.row.room_id, comparison))


def _held(work: RoomWork, now: RoomNow, from_order: int) -> dict[Place, list[bytes]]:
    found: dict[Place, list[bytes]] = defaultdict(list)
    for one in now.held.statements.values():
        found[sync.statement_place(one)].append(one.id)
    for author, number, post_id in room_posts.ids(work.db, now.row.room, from_order):
        place = Place(author, Family.POSTS, number // ROOM_BLOCK_NUMBERS)
        found[place].append(post_id)
    return found


def _summary(held: dict[Place, list[bytes]]) -> Summary:
    return {place: sync.digest_of(ids) for place, ids in held.items()}
