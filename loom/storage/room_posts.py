"""What the timeline of a room shows: posts, and lines about what was changed in it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber

LINE: Final = 0
"""The kind of a line; no post has it."""
LAST_ORDER: Final = 2**63 - 1
_COLUMNS: Final = (
    "row_id, room, id, author, number, ordinal, sent_at_ms, stored_at_ms, kind, channel, reply,"
    " body, is_edited, is_gone, is_held, is_doubled, is_mention, expires_at_ms"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM room_posts"  # noqa: S608 - constants only
_ABOUT: Final = (
    f"SELECT {_COLUMNS}, subject FROM room_subjects CROSS JOIN room_posts USING (row_id)"  # noqa: S608
    " WHERE subject IN (SELECT unhex(value) FROM json_each(?)) AND +room = ?"
    " ORDER BY ordinal, id"
)
_ADD: Final = (
    "INSERT OR IGNORE INTO room_posts (room, id, author, number, ordinal, sent_at_ms,"
    " stored_at_ms, kind, channel, reply, body, is_gone, is_held, is_doubled, is_mention,"
    " expires_at_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class RoomPost(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the timeline. `row_id` orders them as they came, `ordinal` as they are shown."""

    row_id: int = 0
    room: RoomNumber
    id: bytes
    author: bytes
    number: int | None
    """None: a line."""
    ordinal: int
    sent_at_ms: int
    stored_at_ms: int
    kind: int
    channel: str
    reply: bytes | None = None
    """The post that it answers."""
    body: str
    is_edited: bool = False
    is_gone: bool = False
    is_held: bool = False
    is_doubled: bool = False
    is_mention: bool = False
    expires_at_ms: int | None = None

    def __repr__(self) -> str:
        return f"RoomPost({self.row_id}, {self.kind})"


def add(
    db: Connection, post: RoomPost, data: bytes | None, subjects: Iterable[bytes] = ()
) -> int | None:
    """Keep it; its row, or None: it is there.

    Args:
        data: as it travels, None of a line.
        subjects: the posts that it is about.
    """
    cursor = db.execute(
        _ADD,
        (
            post.room,
            post.id,
            post.author,
            post.number,
            post.ordinal,
            post.sent_at_ms,
            post.stored_at_ms,
            post.kind,
            post.channel,
            post.reply,
            post.body,
            post.is_gone,
            post.is_held,
            post.is_doubled,
            post.is_mention,
            post.expires_at_ms,
            data,
        ),
    )
    if cursor.rowcount < 1:
        return None
    row_id = cursor.lastrowid or 0
    db.executemany(
        "INSERT OR IGNORE INTO room_subjects VALUES (?, ?)", [(row_id, one) for one in subjects]
    )
    return row_id


def by_id(db: Connection, room: RoomNumber, post_id: bytes) -> RoomPost | None:
    """The post or line of that id, or None."""
    return _one(db, _SELECT + " WHERE room = ? AND id = ?", (room, post_id))


def by_rows(db: Connection, row_ids: Iterable[int]) -> list[RoomPost]:
    """Those that are there, in the order in which they came."""
    found = (_one(db, _SELECT + " WHERE row_id = ?", (row_id,)) for row_id in sorted(row_ids))
    return [one for one in found if one is not None]


def between(db: Connection, room: RoomNumber, first: bytes, last: bytes) -> list[RoomPost]:
    """Posts with ids from `first` to `last`; at most two."""
    rows = db.execute(
        _SELECT + " WHERE room = ? AND id BETWEEN ? AND ? AND number IS NOT NULL LIMIT 2",
        (room, first, last),
    )
    return [_post(row) for row in rows]


def page(
    db: Connection,
    room: RoomNumber,
    limit: int,
    channel: str | None = None,
    before: tuple[int, bytes] | None = None,
) -> list[RoomPost]:
    """The newest posts and lines before (ordinal, id), the first of them first."""
    order, post_id = before or (LAST_ORDER, b"")
    where = "" if channel is None else " AND channel = ?"
    rows = db.execute(
        f"{_SELECT} WHERE room = ?{where} AND (ordinal, id) < (?, ?)"
        " AND kind IN (0, 1, 5, 7) AND NOT is_held ORDER BY ordinal DESC, id DESC LIMIT ?",
        (room, *([] if channel is None else [channel]), order, post_id, limit),
    )
    return [_post(row) for row in rows][::-1]


def about(
    db: Connection, room: RoomNumber, subjects: Sequence[bytes]
) -> list[tuple[bytes, RoomPost]]:
    """What was posted about these posts, each with which: edits, reactions; in their order."""
    ids = msgspec.json.encode([one.hex() for one in subjects]).decode()
    return [(row[-1], _post(row)) for row in db.execute(_ABOUT, (ids, room))]


def under_number(db: Connection, room: RoomNumber, author: bytes, number: int) -> list[RoomPost]:
    """Those under one number of an author, the smallest id first."""
    rows = db.execute(
        _SELECT + " WHERE room = ? AND author = ? AND number = ? ORDER BY id",
        (room, author, number),
    )
    return [_post(row) for row in rows]


def largest_number(db: Connection, room: RoomNumber, author: bytes) -> int:
    """Of an author's posts; -1: there is none."""
    [[largest]] = db.execute(
        "SELECT max(number) FROM room_posts WHERE room = ? AND author = ?", (room, author)
    )
    return -1 if largest is None else int(largest)


def count_since(db: Connection, room: RoomNumber, author: bytes, since_ms: int) -> int:
    """How many posts of an author came since then."""
    [[count]] = db.execute(
        "SELECT count(*) FROM room_posts WHERE room = ? AND author = ? AND number IS NOT NULL"
        " AND stored_at_ms > ?",
        (room, author, since_ms),
    )
    return int(count)


def ids(
    db: Connection, room: RoomNumber, from_order: int = 0
) -> Iterator[tuple[bytes, int, bytes]]:
    """Author, number and id of every post, also of those whose content is gone."""
    yield from db.execute(
        "SELECT author, number, id FROM room_posts"
        " WHERE room = ? AND number IS NOT NULL AND ordinal >= ?",
        (room, from_order),
    )


def data_of(db: Connection, room: RoomNumber, ids: Iterable[bytes]) -> list[bytes]:
    """Posts as they travel, in their order."""
    wanted = msgspec.json.encode([one.hex() for one in ids]).decode()
    rows = db.execute(
        "SELECT data FROM room_posts WHERE room = ? AND data IS NOT NULL"
        " AND id IN (SELECT unhex(value) FROM json_each(?)) ORDER BY ordinal, id",
        (room, wanted),
    )
    return [data for (data,) in rows]


def change(db: Connection, row_id: int, body: str) -> None:
    """Another wording is shown."""
    db.execute("UPDATE room_posts SET body = ?, is_edited = 1 WHERE row_id = ?", (body, row_id))


def held(db: Connection, room: RoomNumber, until_ms: int, limit: int) -> list[RoomPost]:
    """Posts that were held and came until then."""
    rows = db.execute(
        _SELECT + " WHERE room = ? AND is_held AND stored_at_ms <= ? ORDER BY row_id LIMIT ?",
        (room, until_ms, limit),
    )
    return [_post(row) for row in rows]


def show(db: Connection, row_id: int) -> None:
    """It is held no longer."""
    db.execute("UPDATE room_posts SET is_held = 0 WHERE row_id = ?", (row_id,))


def over(db: Connection, room: RoomNumber, now_ms: int, limit: int) -> list[RoomPost]:
    """Posts whose time is over."""
    rows = db.execute(
        _SELECT + " WHERE expires_at_ms <= ? AND room = ? ORDER BY expires_at_ms LIMIT ?",
        (now_ms, room, limit),
    )
    return [_post(row) for row in rows]


def data_of_row(db: Connection, row_id: int) -> bytes:
    """As it travels; nothing of a line."""
    row = db.execute("SELECT data FROM room_posts WHERE row_id = ?", (row_id,)).fetchone()
    return b"" if row is None or row[0] is None else bytes(row[0])


def erase(db: Connection, row_id: int, data: bytes) -> None:
    """Nothing of it is left but that there was one; `data`: without its content."""
    db.execute(
        "UPDATE room_posts SET body = '', is_gone = 1, is_held = 0, expires_at_ms = NULL,"
        " data = ? WHERE row_id = ?",
        (data, row_id),
    )


def mark_doubled(db: Connection, row_ids: Iterable[int]) -> None:
    """Their author gave two posts one number."""
    db.executemany("UPDATE room_posts SET is_doubled = 1 WHERE row_id = ?", [(r,) for r in row_ids])


def delete(db: Connection, row_id: int) -> None:
    """What no rule keeps."""
    db.execute("DELETE FROM room_posts WHERE row_id = ?", (row_id,))


def _one(db: Connection, sql: str, given: tuple[Any, ...]) -> RoomPost | None:
    row = db.execute(sql, given).fetchone()
    return None if row is None else _post(row)


def _post(row: tuple[Any, ...]) -> RoomPost:
    return RoomPost(
        row_id=row[0],
        room=row[1],
        id=row[2],
        author=row[3],
        number=row[4],
        ordinal=row[5],
        sent_at_ms=row[6],
        stored_at_ms=row[7],
        kind=row[8],
        channel=row[9],
        reply=row[10],
        body=row[11],
        is_edited=bool(row[12]),
        is_gone=bool(row[13]),
        is_held=bool(row[14]),
        is_doubled=bool(row[15]),
        is_mention=bool(row[16]),
        expires_at_ms=row[17],
    )
