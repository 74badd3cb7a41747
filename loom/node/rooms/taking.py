"""Takes in signed events of a room, in one transaction with the envelope that brought them."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Final, NamedTuple

from loom.core.room.keys import Signers
from loom.core.room.post import SignedPost, decode_post, verify_post
from loom.core.room.statement import (
    SignedStatement,
    decode_statement,
    is_statement,
    keys_told,
    lacks_keys,
    verify_statement,
)
from loom.errors import MalformedMessage, PeerError
from loom.node.room_states import RoomNow
from loom.node.rooms import (
    changes,
    continuing,
    copies,
    deciding,
    posting,
    renewing,
    telling,
    votes,
)
from loom.node.rooms.work import RoomWork
from loom.storage import room_peers
from loom.storage.room_peers import RoomPeer
from loom.wire.limits import ROOM_UNVERIFIED_MAX

log = logging.getLogger(__name__)

_Verify = Callable[[Sequence[SignedPost]], list[SignedPost]]
CORES: Final = min(4, os.cpu_count() or 1)
VERIFIED_TOGETHER: Final = 16
"""So few signatures are verified faster than threads are begun for them."""


class _Came(NamedTuple):
    statements: list[SignedStatement]
    posts: list[SignedPost]
    refused: int
    """How many could not be read or verified."""


def take_in(
    work: RoomWork, now: RoomNow, peer: RoomPeer, events: Sequence[bytes], told: Iterable[bytes]
) -> RoomNow:
    """Keep what is new and verifies, show it, and pass it on to those who were not told."""
    if peer.refused >= ROOM_UNVERIFIED_MAX:
        return now
    came = _verified(now, events, ROOM_UNVERIFIED_MAX - peer.refused)
    if came.refused:
        log.info("contact %d: %d events of a room refused", peer.person_id, came.refused)
        room_peers.count_refused(work.db, now.row.room, peer.person_id, came.refused)
    before = telling.hearing(work, now)
    now, statements = changes.store(work, now, came.statements)
    posts = posting.store(work, now, came.posts)
    _look_for_own(work, now, peer, statements, posts)
    names = {*told, peer.said or b"", now.own}
    if now.is_member:
        changes.tell(work, now, before, statements, names)
        others = telling.reached(work, telling.hearing(work, now))
        others = [one for one in others if one.said not in names]
        names.update(one.said or b"" for one in others)
        for order in {telling.from_order(now, one) for one in others}:
            peers = [one for one in others if telling.from_order(now, one) == order]
            theirs = [one.data for one in posts if one.order >= order]
            telling.tell(work, now, peers, theirs, names)
    for post in posts:
        continuing.note(work, now, post)
    if statements:
        now = renewing.look(work, deciding.settle_all(work, now))
    elif touched := votes.proposals_touched(posts):
        now = deciding.settle(work, now, touched)
    return now


def _look_for_own(
    work: RoomWork,
    now: RoomNow,
    peer: RoomPeer,
    statements: list[SignedStatement],
    posts: list[SignedPost],
) -> None:
    """What one signed and has not: this profile is an older copy, and asks what else there is."""
    mine = [one.number for one in statements if one.author == now.own]
    mine_too = [one.number for one in posts if one.author == now.own]
    if not (mine or mine_too) or not now.is_member:
        return
    if copies.is_lost(now, mine, mine_too):
        copies.note(work, now, now.row.largest_order)
    if (after := work.now(now.row.room)) is not None:
        copies.ask(work, after, peer)


def _verified(now: RoomNow, events: Sequence[bytes], most: int) -> _Came:
    """Statements first: they tell the keys of those who posted.

    Args:
        most: after so many that do not verify no more is looked at.
    """
    keys = dict(now.state.keys)
    came = _Came([], [], 0)
    waiting: list[SignedStatement] = []
    unread: list[SignedPost] = []
    refused = 0
    for data in events:
        if refused >= most:
            break
        try:
            if is_statement(data):
                waiting.append(decode_statement(data))
            else:
                unread.append(decode_post(data))
        except PeerError:
            refused += 1
    is_more = True
    while waiting and is_more:
        later: list[SignedStatement] = []
        for one in waiting:
            if refused >= most:
                break
            if lacks_keys(one, keys):
                later.append(one)
                continue
            try:
                _check_room(now, one.room_id)
                verify_statement(one, keys)
            except PeerError:
                refused += 1
            else:
                came.statements.append(one)
                if (told := keys_told(one)) is not None:
                    keys[told.author] = told
        is_more = len(later) < len(waiting)
        waiting = later
    came.posts.extend(_verified_posts(now, unread, keys, most - refused))
    refused += len(unread) - len(came.posts)
    return came._replace(refused=refused + len(waiting))


def _verified_posts(
    now: RoomNow, posts: Sequence[SignedPost], keys: Mapping[bytes, Signers], most: int
) -> list[SignedPost]:
    """Those of this room whose signatures are right; OpenSSL leaves the interpreter to others.

    Args:
        most: after so many that do not verify no more is looked at.
    """
    verify = partial(_verify_posts, now, keys)
    if len(posts) < 2 * VERIFIED_TOGETHER or CORES < 2:
        return _in_turns(posts, most, verify)
    return _in_turns(posts, most, partial(_verify_together, _verifiers(), verify))


@cache
def _verifiers() -> ThreadPoolExecutor:
    """Threads for whatever is verified together: to begin some each time takes longer."""
    return ThreadPoolExecutor(CORES, thread_name_prefix="loom-verifier")


def _in_turns(posts: Sequence[SignedPost], most: int, verify: _Verify) -> list[SignedPost]:
    """No turn has more than may still fail."""
    verified: list[SignedPost] = []
    at = 0
    while at < len(posts) and (left := most - (at - len(verified))) > 0:
        turn = posts[at : at + left]
        verified += verify(turn)
        at += len(turn)
    return verified


def _verify_together(
    pool: ThreadPoolExecutor, verify: _Verify, posts: Sequence[SignedPost]
) -> list[SignedPost]:
    parts = [posts[at : at + VERIFIED_TOGETHER] for at in range(0, len(posts), VERIFIED_TOGETHER)]
    return [one for part in pool.map(verify, parts) for one in part]


def _verify_posts(
    now: RoomNow, keys: Mapping[bytes, Signers], posts: Sequence[SignedPost]
) -> list[SignedPost]:
    verified: list[SignedPost] = []
    for post in posts:
        with suppress(PeerError):
            _check_room(now, post.room_id)
            verify_post(post, keys)
            verified.append(post)
    return verified


def _check_room(now: RoomNow, room_id: bytes) -> None:
    if room_id != now.row.room_id:
        raise MalformedMessage(what="room")
