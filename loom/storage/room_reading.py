"""What of a room is unread and what addresses the owner, post by post."""

from typing import Any, Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber
from loom.storage.messages import LAST_ROW
from loom.storage.room_posts import Within

COUNTED_MAX: Final = 1_000
_COUNT: Final = (
    "SELECT channel, sum(thread IS NULL), sum(thread IS NOT NULL), sum(is_mention) FROM ("
    "SELECT channel, thread, is_mention FROM room_posts WHERE room = ? AND is_unread = 1 LIMIT ?"
    ") GROUP BY channel"
)
_OTHERS: Final = (
    "kind IN (1, 5, 7, 11) AND NOT is_held AND NOT is_gone AND NOT is_hidden"
    " AND author NOT IN (SELECT author FROM room_keys WHERE room_keys.room = room_posts.room)"
)


class Unread(NamedTuple):
    """Posts of others in a channel: outside of threads, in threads; how many mention the owner."""

    outside: int = 0
    in_threads: int = 0
    mentions: int = 0


class Place(NamedTuple):
    """All of a room; a channel without its threads; or a thread."""

    channel: str | None = None
    thread: bytes | None = None


def counts(db: Connection, room: RoomNumber) -> dict[str, Unread]:
    """What is unread by channel; of a room at most COUNTED_MAX."""
    rows = db.execute(_COUNT, (room, COUNTED_MAX))
    return {row[0]: Unread(*row[1:]) for row in rows}


def set_bookmarked(db: Connection, row_id: int, *, on: bool) -> None:
    """Note that the owner bookmarked a post, or no longer."""
    db.execute("UPDATE room_posts SET is_bookmarked = ? WHERE row_id = ?", (on, row_id))


def bookmarked(
    db: Connection, room: RoomNumber | None, limit: int, before_row: int | None = None
) -> list[int]:
    """The rows of bookmarked posts of a room, or of all, newest first."""
    rows = db.execute(
        "SELECT row_id FROM room_posts INDEXED BY room_posts_bookmarked WHERE is_bookmarked = 1"
        " AND NOT is_held AND NOT is_hidden AND row_id < ?1 AND (?2 IS NULL OR room = ?2)"
        " ORDER BY row_id DESC LIMIT ?3",
        (LAST_ROW if before_row is None else before_row, room, limit),
    )
    return [row_id for (row_id,) in rows]


def read_row(db: Connection, room: RoomNumber, channel: str) -> int:
    """The row before the first unread post of a channel outside of threads; else the last row."""
    row = db.execute(
        "SELECT row_id - 1 FROM room_posts WHERE room = ?1 AND channel = ?2 AND thread IS NULL"
        " AND is_unread = 1 ORDER BY row_id LIMIT 1",
        (room, channel),
    ).fetchone()
    if row is None:
        row = db.execute("SELECT ifnull(max(row_id), 0) FROM room_posts").fetchone()
    return int(row[0])


def mark_read(
    db: Connection, room: RoomNumber, place: Place, up_to_row: int, from_row: int = 0
) -> int:
    """These rows of a place were seen; how many were unread."""
    where, given = _where(room, place)
    return db.execute(
        f"UPDATE room_posts SET is_unread = 0 WHERE {where} AND is_unread = 1"  # noqa: S608
        " AND row_id BETWEEN ? AND ?",
        (*given, _bound(from_row), _bound(up_to_row)),
    ).rowcount


def mark_unread(db: Connection, room: RoomNumber, place: Place, from_row: int) -> int:
    """Posts of others from that row on are unread again; how many."""
    where, given = _where(room, place)
    return db.execute(
        f"UPDATE room_posts SET is_unread = 1 WHERE {where} AND is_unread = 0"  # noqa: S608
        f" AND row_id >= ? AND {_OTHERS}",
        (*given, _bound(from_row)),
    ).rowcount


def newest_of_others(db: Connection, room: RoomNumber, place: Place) -> int | None:
    """The row of the post of others that came last."""
    where, given = _where(room, place)
    row = db.execute(
        f"SELECT row_id FROM room_posts WHERE {where} AND {_OTHERS}"  # noqa: S608
        " ORDER BY row_id DESC LIMIT 1",
        given,
    ).fetchone()
    return None if row is None else int(row[0])


def first_unread(db: Connection, room: RoomNumber, within: Within) -> tuple[int, bytes] | None:
    """Order and id of the unread post that stands first; the times of `within` do not count."""
    parts = ["room = ? AND is_unread = 1"]
    given: list[Any] = [room]
    for part, value in (("channel = ?", within.channel), ("thread = ?", within.thread)):
        if value is not None:
            parts.append(part)
            given.append(value)
    if within.roots_only:
        parts.append("thread IS NULL")
    # The sign keeps SQLite from looking for it in the order of all posts.
    row = db.execute(
        f"SELECT ordinal, id FROM room_posts WHERE {' AND '.join(parts)}"  # noqa: S608
        " ORDER BY +ordinal, id LIMIT 1",
        given,
    ).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def mentions(
    db: Connection, room: RoomNumber | None, limit: int, before_row: int | None
) -> list[int]:
    """The rows of the posts that mention the owner, the newest first."""
    rows = db.execute(
        "SELECT row_id FROM room_posts WHERE is_mention = 1 AND NOT is_held AND NOT is_hidden"
        " AND row_id < ?1 AND (?2 IS NULL OR room = ?2) ORDER BY row_id DESC LIMIT ?3",
        (LAST_ROW if before_row is None else _bound(before_row), room, limit),
    )
    return [row_id for (row_id,) in rows]


def _where(room: RoomNumber, place: Place) -> tuple[str, list[Any]]:
    if place.thread is not None:
        return "room = ? AND thread = ?", [room, place.thread]
    if place.channel is not None:
        return "room = ? AND channel = ? AND thread IS NULL", [room, place.channel]
    return "room = ?", [room]


def _bound(row_id: int) -> int:
    return min(max(row_id, 0), LAST_ROW)
