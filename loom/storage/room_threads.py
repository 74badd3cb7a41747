"""Threads of a room: which post began each, and what was answered there."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber

# A thread within a thread is none: its posts are in the outer one. Nor does one leave its channel.
_ROOT: Final = (
    "SELECT iif(channel = ?3, ifnull(thread, id), NULL) FROM room_posts WHERE room = ?1 AND id = ?2"
)
_ADOPT: Final = (
    "UPDATE room_posts SET thread = iif(channel = ?3, ifnull(?4, thread), NULL)"
    " WHERE room = ?1 AND thread = ?2 AND (channel <> ?3 OR ?4 IS NOT NULL)"
)
_ANSWERS: Final = (
    "SELECT count(*) FROM room_posts INDEXED BY room_posts_in_thread"
    " WHERE room = ? AND thread = ? AND kind IN (1, 11) AND NOT is_held"
)
# A thread is in one channel, that of its first post.
_UNREAD: Final = (
    "SELECT count(*) FROM room_posts INDEXED BY room_posts_unread WHERE room = ?1 AND thread = ?2"
    " AND is_unread = 1 AND channel = (SELECT channel FROM room_posts WHERE room = ?1 AND id = ?2)"
)
_BEGUN: Final = (
    "SELECT unhex(value) FROM json_each(?2)"
    " WHERE EXISTS (SELECT 1 FROM room_posts WHERE room = ?1 AND thread = unhex(value))"
)
_NEWEST: Final = (
    "SELECT thread FROM room_posts INDEXED BY room_posts_in_thread"
    " WHERE room = ? AND thread IS NOT NULL AND kind IN (1, 11) AND NOT is_held"
    " GROUP BY thread HAVING max(row_id) < ? ORDER BY max(row_id) DESC"
)
_BEGAN: Final = "SELECT channel FROM room_posts WHERE room = ? AND id = ? AND NOT is_held"


class Answers(NamedTuple):
    """How many texts and files there are in a thread, and how many of them are unread."""

    total: int
    unread: int


def root_of(db: Connection, room: RoomNumber, thread: bytes, channel: str) -> bytes | None:
    """The post that began the thread of a post in `channel` which says that it is in `thread`.

    None: that is in another channel. As stated where that post is not here.
    """
    row = db.execute(_ROOT, (room, thread, channel)).fetchone()
    if row is None:
        return thread
    return None if row[0] is None else bytes(row[0])


def adopt(
    db: Connection, room: RoomNumber, post_id: bytes, channel: str, thread: bytes | None
) -> None:
    """A post came that others may have begun a thread with before: see `root_of`."""
    db.execute(_ADOPT, (room, post_id, channel, thread))


def answers(db: Connection, room: RoomNumber, roots: Sequence[bytes]) -> dict[bytes, Answers]:
    """Of those posts that began a thread."""
    found: dict[bytes, Answers] = {}
    for root in roots:
        [[total]] = db.execute(_ANSWERS, (room, root))
        if total:
            [[unread]] = db.execute(_UNREAD, (room, root))
            found[root] = Answers(total, unread)
    return found


def newest(
    db: Connection, room: RoomNumber, limit: int, channel: str | None, before_row: int
) -> list[bytes]:
    """The posts that began threads with an answer before a row, the newest answer first."""
    found: list[bytes] = []
    for (root,) in db.execute(_NEWEST, (room, before_row)):
        began = db.execute(_BEGAN, (room, root)).fetchone()
        if began is not None and channel in (None, began[0]):
            found.append(bytes(root))
        if len(found) >= limit:
            break
    return found


def last_row(db: Connection, room: RoomNumber, root: bytes) -> int | None:
    """The row of the last answer in a thread."""
    sql = "SELECT max(row_id) FROM room_posts WHERE room = ? AND thread = ? AND kind IN (1, 11)"
    [[last]] = db.execute(f"{sql} AND NOT is_held", (room, root))
    return None if last is None else int(last)


def begun(db: Connection, room: RoomNumber, ids: Sequence[bytes]) -> set[bytes]:
    """Those of these ids that posts say to be in the thread of."""
    given = msgspec.json.encode([one.hex() for one in ids]).decode()
    return {bytes(root) for (root,) in db.execute(_BEGUN, (room, given))}
