"""RoomHave: what each side has of a room, and what the other lacks (docs/PROTOCOL.md 14.5)."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from loom.core.room import sync
from loom.core.room.sync import Digest, Family, Place, Summary
from loom.model import MessageId, RoomNumber
from loom.node.room_states import RoomNow
from loom.node.rooms import telling
from loom.node.rooms.work import RoomWork
from loom.storage import outbox, room_blocks, room_peers, room_posts
from loom.storage.room_blocks import Block
from loom.storage.room_peers import RoomPeer
from loom.wire.content import RoomHave
from loom.wire.content.room_have import DIGEST_BYTES, Comparison, Step

FIRST_POSTS: Final = 50


def compare(work: RoomWork, now: RoomNow, peer: RoomPeer) -> None:
    """Tell a contact what is here, unless that still waits from an earlier time."""
    begun = work.parts.room_states.begun
    last = begun.get((now.row.room, peer.person_id))
    if last is not None and outbox.waiting(work.db, peer.device_id, [last]):
        return  # on links that break again and again one would follow the other
    from_order = from_order_of(now, peer)
    begun[now.row.room, peer.person_id] = _say(
        work, now, peer, sync.begin(from_order, summary(work, now, from_order))
    )
    room_peers.put_compared(work.db, now.row.room, peer.person_id, work.now_ms)


def welcome(work: RoomWork, now: RoomNow, peer: RoomPeer) -> None:
    """Send who has come what verifies their Admit, and the posts after which they count on."""
    newest = room_posts.page(work.db, now.row.room, FIRST_POSTS)
    least = from_order_of(now, peer)
    posts = [one.id for one in newest if one.number is not None and one.ordinal >= least]
    send(work, now, peer, [*now.held.statements, *posts])


def ask(work: RoomWork, now: RoomNow, peer: RoomPeer, from_order: int) -> None:
    """Let a contact say all that they have from that order on: no root is zero."""
    least = max(from_order, from_order_of(now, peer))
    nothing = bytes(DIGEST_BYTES)
    _say(work, now, peer, Comparison(Step.ROOT, least, nothing, b"", True, ()))


def answer(work: RoomWork, now: RoomNow, peer: RoomPeer, comparison: Comparison) -> None:
    """Send what they lack; where both differ, say what is here."""
    from_order = max(comparison.from_order, from_order_of(now, peer))
    found = sync.answer(
        comparison, summary(work, now, from_order), lambda place: _ids(work, now, place, from_order)
    )
    for one in found.comparisons:
        _say(work, now, peer, one)
    send(work, now, peer, found.send)


def send(work: RoomWork, now: RoomNow, peer: RoomPeer, ids: Iterable[bytes]) -> None:
    """Statements first, then posts in their order; not again what waits for them already."""
    under_way = _under_way(work, now.row.room, peer)
    wanted = set(ids).difference(*under_way.values())
    statements = ((one.id, one.data) for one in now.held.statements.values() if one.id in wanted)
    posts = room_posts.data_of(work.db, now.row.room, wanted)
    id_of: dict[bytes, bytes] = {}
    for message_id, pack in telling.tell_one(
        work, now, peer, _noting(chain(statements, posts), id_of)
    ):
        under_way[message_id] = frozenset(id_of.pop(one) for one in pack)


def forget_receipted(work: RoomWork, now: RoomNow, peer: RoomPeer) -> None:
    """Of what comparisons brought into the outbox only what still waits is remembered."""
    if not _under_way(work, now.row.room, peer):
        del work.parts.room_states.under_way[now.row.room, peer.person_id]


def _under_way(
    work: RoomWork, room: RoomNumber, peer: RoomPeer
) -> dict[MessageId, frozenset[bytes]]:
    known = work.parts.room_states.under_way.setdefault((room, peer.person_id), {})
    for gone in known.keys() - outbox.waiting(work.db, peer.device_id, known):
        del known[gone]
    return known


def _noting(events: Iterable[tuple[bytes, bytes]], id_of: dict[bytes, bytes]) -> Iterator[bytes]:
    for event_id, data in events:
        id_of[data] = event_id
        yield data


def from_order_of(now: RoomNow, peer: RoomPeer) -> int:
    """The order from which both are sent posts."""
    own = now.state.members.get(now.own)
    return max(telling.from_order(now, peer), 0 if own is None else own.from_order)


def _say(work: RoomWork, now: RoomNow, peer: RoomPeer, comparison: Comparison) -> MessageId:
    message_id = MessageId(work.parts.new_id())
    telling.queue(work, peer, RoomHave(message_id, work.now_ms, now.row.room_id, comparison))
    return message_id


def summary(work: RoomWork, now: RoomNow, from_order: int) -> Summary:
    """Of all statements, and of the posts from an order on."""
    found = dict(now.held.places)
    stale: list[Block] = []
    for block in room_blocks.every(work.db, now.row.room):
        if block.digest is None:
            stale.append(block)
        elif block.first_order >= from_order:
            found[_place(block)] = Digest(block.total, block.digest)
        elif block.last_order >= from_order:
            found[_place(block)] = sync.digest_of(_ids(work, now, _place(block), from_order))
    for block in stale:
        found[_place(block)] = _compute(work, now, block, from_order)
    return found


def _compute(work: RoomWork, now: RoomNow, block: Block, from_order: int) -> Digest:
    """The digest of a block is kept, that of what is from an order on returned."""
    posts = room_blocks.ids(work.db, now.row.room, block.author, block.block)
    whole = sync.digest_of(post_id for post_id, _ in posts)
    orders = [order for _, order in posts] or [0]
    room_blocks.put(
        work.db,
        now.row.room,
        Block(block.author, block.block, whole.count, whole.digest, min(orders), max(orders)),
    )
    if min(orders) >= from_order:
        return whole
    return sync.digest_of(post_id for post_id, order in posts if order >= from_order)


def _place(block: Block) -> Place:
    return Place(block.author, Family.POSTS, block.block)


def _ids(work: RoomWork, now: RoomNow, place: Place, from_order: int) -> list[bytes]:
    if place.family == Family.STATEMENTS:
        every = now.held.statements.values()
        return [one.id for one in every if sync.statement_place(one) == place]
    posts = room_blocks.ids(work.db, now.row.room, place.author, place.block)
    return [post_id for post_id, order in posts if order >= from_order]
