"""After an older copy of the profile was put in its place: what it signed since is asked for first.

Numbers are its own memory of what it signed, and a copy has lost some of it (PROTOCOL 14.5).
"""

import asyncio
import logging
from pathlib import Path

from loom.api.events import RoomCopied
from loom.core.room import sync
from loom.core.room.sync import Digest, Place
from loom.errors import LoomError, RoomWaits
from loom.model import DeviceId, PeerId
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.room_states import Asked, RoomNow
from loom.node.rooms import comparing, introducing, posting
from loom.node.rooms.work import RoomWork
from loom.storage import original, persons, room_peers, room_posts, rooms
from loom.storage.connection import Db
from loom.storage.room_peers import RoomPeer
from loom.storage.rooms import Standing
from loom.wire.content.room_have import Comparison, Step
from loom.wire.limits import (
    ROOM_COPY_POSTS_SKIPPED,
    ROOM_COPY_STATEMENTS_SKIPPED,
    ROOM_STATEMENTS_MAX,
    ROOM_TOLD_MAIL_MS,
)

log = logging.getLogger(__name__)


async def look_for_a_copy(parts: Parts, folder: Path) -> None:
    """When the node starts: see whether the database is an older one, and mark it for next time."""
    known, is_in_rooms = await parts.database.read(
        lambda db: (original.known(db), bool(rooms.every(db)))
    )
    if known is not None and not is_in_rooms:
        return
    is_copy = known is not None and not await asyncio.to_thread(original.is_there, folder, known)
    try:
        mark = await asyncio.to_thread(original.make, folder, known)
    except OSError as error:
        log.warning("the profile is not marked: %s", error.strerror)
        mark = None
    now_ms = parts.clock.now_ms()

    def note_all(db: Db, happened: Happened) -> None:
        if mark is not None:
            original.put(db, mark)
        work = RoomWork(db, happened, parts, now_ms)
        for row in rooms.every(db) if is_copy else ():
            if row.standing is Standing.MEMBER and (now := work.now(row.room)) is not None:
                note(work, now, row.largest_order)

    try:
        await parts.journal.write(note_all)
        if mark is not None:
            await asyncio.to_thread(original.drop_other, folder, mark)
    except LoomError as error:
        log.warning("the profile is not marked: %s", error.code)
    except OSError as error:
        log.warning("an old mark of the profile is left: %s", error.strerror)


def note(work: RoomWork, now: RoomNow, order: int) -> None:
    """From now on nothing is signed in the room, unless nobody else is in it."""
    if now.row.copied_order is not None or all(one in now.own_authors for one in now.state.members):
        return
    rooms.note_copy(work.db, now.row.room, order)
    work.happened.add(_event(now, waits=True), posting.place_of(now.row.room))


def check(now: RoomNow) -> None:
    """Raises RoomWaits: nothing is signed now."""
    if now.row.copied_order is not None:
        raise RoomWaits(room=now.row.name)


def ask(work: RoomWork, now: RoomNow, peer: RoomPeer) -> None:
    """Let a member say all that they have of what came since."""
    order = now.row.copied_order
    if order is not None and peer.said is not None:
        asked = work.parts.room_states.asked
        asked[now.row.room, peer.person_id] = Asked(work.now_ms, b"")
        comparing.ask(work, now, peer, order + 1)


def look(work: RoomWork, now: RoomNow, linked: set[DeviceId]) -> None:
    """Once a minute: ask those who are linked again, and others by mail once a day."""
    if now.row.copied_order is None:
        return
    for peer in room_peers.of_room(work.db, now.row.room):
        asked = work.parts.room_states.asked.get((now.row.room, peer.person_id))
        wait_ms = 0 if peer.device_id in linked else ROOM_TOLD_MAIL_MS
        is_due = asked is None or asked.at_ms + wait_ms <= work.now_ms
        if is_due and peer.device_id in work.reached:
            ask(work, now, peer)


def hear(work: RoomWork, now: RoomNow, peer: RoomPeer, comparison: Comparison) -> None:
    """A member said what they have: go on if it is nothing of one's own that is not here."""
    order, key = now.row.copied_order, (now.row.room, peer.person_id)
    asked = work.parts.room_states.asked.get(key)
    if order is None or asked is None:
        return
    if comparison.step == Step.MISSING:
        # They are given what they lack of one's own: then both have the same.
        if any(sync.decode_place(one.place).author == now.own for one in comparison.rows):
            ask(work, now, peer)
        return
    if comparison.step != Step.ROWS:
        return
    if comparison.after != asked.until or not _knows_since(now, peer, order):
        return
    end = comparison.rows[-1].place if comparison.rows else b""
    mine = _own_digests(work, now, max(comparison.from_order, comparing.from_order_of(now, peer)))
    for row in comparison.rows:
        place = sync.decode_place(row.place)
        if place.author == now.own and mine.get(place) != Digest(row.count, row.digest):
            return  # what is missing here follows, and then they are asked again
    work.parts.room_states.asked[key] = Asked(asked.at_ms, end)
    if comparison.is_last:
        go_on(work, now)


def go_on(work: RoomWork, now: RoomNow) -> None:
    """Sign again, under numbers that even a member who is behind has not seen."""
    room, own = now.row.room, now.own
    posts = room_posts.largest_number(work.db, room, own) + 1 + ROOM_COPY_POSTS_SKIPPED
    number = now.held.ledger.next_number(own)
    skipped = number + ROOM_COPY_STATEMENTS_SKIPPED
    # There are few of them: rather risk one that was used than have none left.
    floor = skipped if skipped < ROOM_STATEMENTS_MAX // 2 else number
    rooms.go_on(work.db, room, posts, floor)
    work.happened.add(_event(now, waits=False), posting.place_of(room))
    after = work.now(room)
    if after is None:
        return
    # Who asked to be let in meanwhile asks again when they are told the keys.
    people = {one.peer_id for one in after.state.members.values()}
    for peer in room_peers.of_room(work.db, room):
        person = persons.by_peer_id(work.db, PeerId(peer.peer_id))
        if person is not None and peer.said is not None and peer.peer_id not in people:
            introducing.tell_key(work, after, person)


def is_lost(now: RoomNow, statements: list[int], posts: list[int]) -> bool:
    """Whether events of one's own that came from others show that this profile is a copy.

    Args:
        statements, posts: their numbers.
    """
    row = now.row
    return row.copied_order is None and (
        any(number >= row.statement_floor for number in statements)
        or any(number >= row.post_floor for number in posts)
    )


def _knows_since(now: RoomNow, peer: RoomPeer, order: int) -> bool:
    """Whether they were sent all posts since then, or nobody else in the room was."""
    others = {
        author: one for author, one in now.state.members.items() if author not in now.own_authors
    }
    knowing = {one.peer_id for one in others.values() if one.from_order <= order + 1}
    return peer.peer_id in knowing or not knowing


def _own_digests(work: RoomWork, now: RoomNow, from_order: int) -> dict[Place, Digest]:
    every = comparing.summary(work, now, from_order)
    return {place: digest for place, digest in every.items() if place.author == now.own}


def _event(now: RoomNow, *, waits: bool) -> RoomCopied:
    return RoomCopied(room=now.row.name, room_id=now.row.room_id.hex(), waits=waits)
