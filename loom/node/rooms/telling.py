"""Which contacts are told what of a room, packed into as few payloads as hold it."""

from collections.abc import Iterable, Iterator, Sequence

from loom.core.room import sync
from loom.model import MessageId
from loom.node.room_states import RoomNow
from loom.node.rooms.work import RoomWork
from loom.storage import outbox, room_peers
from loom.storage.room_peers import RoomPeer
from loom.wire.content import KnownPayload, RoomEvents, encode_payload


def hearing(work: RoomWork, now: RoomNow) -> list[RoomPeer]:
    """The contacts that are members, said so in this room, and may hear of us."""
    people = {member.peer_id for member in now.state.members.values()}
    return [
        one
        for one in room_peers.of_room(work.db, now.row.room)
        if one.said is not None and one.is_welcome and one.peer_id in people
    ]


def reached(work: RoomWork, peers: Iterable[RoomPeer]) -> list[RoomPeer]:
    """Those of them who have soon what is queued. The others compare when they are here again."""
    return [one for one in peers if one.device_id in work.reached]


def from_order(now: RoomNow, peer: RoomPeer) -> int:
    """The order from which a member is sent posts."""
    members = now.state.members.values()
    return min((one.from_order for one in members if one.peer_id == peer.peer_id), default=0)


def tell(
    work: RoomWork,
    now: RoomNow,
    peers: Sequence[RoomPeer],
    events: Iterable[bytes],
    told: Iterable[bytes],
) -> None:
    """Queue events for these contacts; `told`: the members who get them without others' help."""
    for pack, names in sync.pack(events, told) if peers else ():
        for peer in peers:
            _queue_events(work, now, peer, pack, names)


def tell_one(
    work: RoomWork, now: RoomNow, peer: RoomPeer, events: Iterable[bytes]
) -> Iterator[tuple[MessageId, tuple[bytes, ...]]]:
    """Queue events for one contact; the id of each payload, and what is in it."""
    for pack, names in sync.pack(events, [now.own]):
        yield _queue_events(work, now, peer, pack, names), pack


def _queue_events(
    work: RoomWork,
    now: RoomNow,
    peer: RoomPeer,
    pack: tuple[bytes, ...],
    names: tuple[bytes, ...],
) -> MessageId:
    message_id = MessageId(work.parts.new_id())
    queue(work, peer, RoomEvents(message_id, work.now_ms, now.row.room_id, pack, names))
    return message_id


def queue(work: RoomWork, peer: RoomPeer, payload: KnownPayload) -> None:
    """One payload for a contact."""
    message_id = MessageId(payload.message_id)
    outbox.add(work.db, peer.device_id, message_id, encode_payload(payload))
    work.queued_for.add(peer.device_id)
