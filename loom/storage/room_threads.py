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
    "SELECT unhex(value), (SELECT count(*) FROM room_posts AS a WHERE a.room = ?2"
    " AND a.thread = unhex(value) AND a.kind = 1 AND NOT a.is_held),"
    " (SELECT count(*) FROM room_posts AS u WHERE u.room = ?2 AND u.channel = r.channel"
    " AND u.thread = unhex(value) AND u.is_unread = 1)"
    " FROM json_each(?1) CROSS JOIN room_posts AS r ON r.room = ?2 AND r.id = unhex(value)"
    " WHERE EXISTS (SELECT 1 FROM room_posts AS e WHERE e.room = ?2 AND e.thread = unhex(value))"
)
_NEWEST: Final = (
    "SELECT thread FROM room_posts AS a WHERE room = ?1 AND thread IS NOT NULL AND kind = 1"
    " AND NOT is_held AND (?2 IS NULL OR channel = ?2) AND EXISTS ("
    "SELECT 1 FROM room_posts AS r WHERE r.room = ?1 AND r.id = a.thread AND NOT r.is_held)"
    " GROUP BY thread HAVING max(row_id) < ?3 ORDER BY max(row_id) DESC LIMIT ?4"
)


class Answers(NamedTuple):
    """How many texts there are in a thread, and how many of them are unread."""

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
    given = msgspec.json.encode([one.hex() for one in roots]).decode()
    rows = db.execute(_ANSWERS, (given, room))
    return {bytes(root): Answers(total, unread) for root, total, unread in rows}


def newest(
    db: Connection, room: RoomNumber, limit: int, channel: str | None, before_row: int
) -> list[bytes]:
    """The posts that began threads with an answer before a row, the newest answer first."""
    rows = db.execute(_NEWEST, (room, channel, before_row, limit))
    return [bytes(root) for (root,) in rows]


def last_row(db: Connection, room: RoomNumber, root: bytes) -> int | None:
    """The row of the last answer in a thread."""
    sql = "SELECT max(row_id) FROM room_posts WHERE room = ? AND thread = ? AND kind = 1"
    [[last]] = db.execute(f"{sql} AND NOT is_held", (room, root))
    return None if last is None else int(last)


def is_root(db: Connection, room: RoomNumber, post_id: bytes) -> bool:
    """Whether a thread began with it."""
    sql = "SELECT 1 FROM room_posts WHERE room = ? AND thread = ? LIMIT 1"
    return db.execute(sql, (room, post_id)).fetchone() is not None
