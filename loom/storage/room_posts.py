"""What the timeline of a room shows: posts, and lines about what was changed in it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber
from loom.storage import room_blocks

LINE: Final = 0
"""The kind of a line; no post has it."""
HINTS: Final = 9
"""The kind of posts that say where their author is reached."""
LAST_ORDER: Final = 2**63 - 1
QUOTE_MAX: Final = 200
"""Characters of a post that an answer to it shows."""
_ID_BYTES: Final = 32
FILE: Final = 11
"""The kind of posts that offer a file."""
SHOWN: Final = (LINE, 1, 5, 7, FILE)
"""The kinds of what a timeline shows: lines, texts, polls, proposals, files."""
_SHOWN: Final = "kind IN (0, 1, 5, 7, 11)"
"""As in the index `room_posts_in_channel`."""
_LINE_PREFIX: Final = b"\xff" * 8
"""No post has an id that begins so."""
_LINE_KEY_BYTES: Final = 16
OUT: Final = 2
"""`is_held` of a post that its author's removal, or who is no member any more, takes out."""
EXPIRED: Final = 2
"""`is_gone` of a post whose time was over."""
_COLUMNS: Final = (
    "row_id, room, id, author, number, ordinal, sent_at_ms, stored_at_ms, kind, channel, reply,"
    " body, is_edited, is_gone, is_held, is_doubled, is_mention, expires_at_ms, thread, mentions,"
    " expires_s, is_unread, is_hidden, is_bookmarked"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM room_posts"  # noqa: S608 - constants only
_ABOUT: Final = (
    f"SELECT {_COLUMNS}, subject FROM room_subjects CROSS JOIN room_posts USING (row_id)"  # noqa: S608
    " WHERE subject IN (SELECT unhex(value) FROM json_each(?)) AND +room = ?"
    " AND is_held < 2 ORDER BY ordinal, id"
)
_UNDER_NUMBERS: Final = """
SELECT author, number, post.id, row_id FROM json_each(?2) AS wanted CROSS JOIN room_posts AS post
    WHERE room = ?1 AND author = unhex(wanted.value ->> 0) AND number = wanted.value ->> 1
"""
_PLACE: Final = (
    "SELECT ordinal, id, row_id FROM room_posts WHERE room = ? AND id = ? AND data IS NOT NULL"
)
_RECENT: Final = """
SELECT count(*) FROM (
    SELECT sent_at_ms, stored_at_ms FROM room_posts
        WHERE room = ? AND author = ? AND number IS NOT NULL ORDER BY number DESC LIMIT ?
) WHERE sent_at_ms >= ? AND stored_at_ms > ?
"""
_ADD: Final = (
    "INSERT OR IGNORE INTO room_posts (room, id, author, number, ordinal, sent_at_ms,"
    " stored_at_ms, kind, channel, reply, body, is_gone, is_held, is_doubled, is_mention,"
    " expires_at_ms, thread, mentions, expires_s, is_unread, is_hidden, data)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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
    is_expired: bool = False
    """It is gone because its time was over."""
    is_held: bool = False
    is_doubled: bool = False
    is_mention: bool = False
    expires_at_ms: int | None = None
    thread: bytes | None = None
    """The post that began the thread which it is in."""
    mentions: tuple[bytes, ...] = ()
    """The authors whom it addresses."""
    expires_s: int = 0
    """As its author wrote it."""
    is_unread: bool = False
    is_hidden: bool = False
    """A moderator deleted it, and may take that back."""
    is_bookmarked: bool = False
    """By the owner, here only."""
    is_out: bool = False
    """It is not taken from its author any more: held, too, and for longer than an hour."""

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
            post.thread,
            b"".join(post.mentions),
            post.expires_s,
            post.is_unread,
            post.is_hidden,
            data,
        ),
    )
    if cursor.rowcount < 1:
        return None
    row_id = cursor.lastrowid or 0
    if about := [(row_id, one) for one in subjects]:
        db.executemany("INSERT OR IGNORE INTO room_subjects VALUES (?, ?)", about)
    return row_id


def new_line_id(db: Connection, room: RoomNumber, author: bytes, key: bytes) -> bytes | None:
    """The id of a new line, behind all that have its order; None: there is one with this key.

    Args:
        author: who did what it is about.
        key: what it is about; of 32 bytes the last 16 are kept.
    """
    end = key[-_LINE_KEY_BYTES:]
    same = db.execute(
        "SELECT 1 FROM room_posts WHERE room = ? AND author = ? AND number IS NULL"
        " AND substr(id, -?) = ?",
        (room, author, _LINE_KEY_BYTES, end),
    ).fetchone()
    if same is not None:
        return None
    [[newest]] = db.execute("SELECT ifnull(max(row_id), 0) FROM room_posts")
    return _LINE_PREFIX + int(newest).to_bytes(8, "big") + end


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


class Within(msgspec.Struct, frozen=True, kw_only=True):
    """Which posts of a room are meant.

    Args:
        thread: the post that began it; only its answers.
        roots_only: without what is in threads.
        since_ms: and `before_ms`: since_ms <= sent_at_ms < before_ms.
    """

    channel: str | None = None
    thread: bytes | None = None
    roots_only: bool = False
    since_ms: int | None = None
    before_ms: int | None = None

    def __repr__(self) -> str:
        return f"Within({self.channel!r})"


ALL: Final = Within()


def page(
    db: Connection,
    room: RoomNumber,
    limit: int,
    within: Within = ALL,
    before: tuple[int, bytes] | None = None,
) -> list[RoomPost]:
    """The newest posts and lines before (ordinal, id), the first of them first."""
    where, given = _where(room, within)
    rows = db.execute(
        f"{_SELECT} WHERE {where} AND (ordinal, id) < (?, ?)"
        " ORDER BY ordinal DESC, id DESC LIMIT ?",
        (*given, *(before or (LAST_ORDER, b"")), limit),
    )
    return [_post(row) for row in rows][::-1]


def page_after(
    db: Connection,
    room: RoomNumber,
    limit: int,
    within: Within = ALL,
    after: tuple[int, bytes] | None = None,
    *,
    inclusive: bool = False,
) -> list[RoomPost]:
    """The first posts and lines after (ordinal, id); `inclusive`: from it on."""
    where, given = _where(room, within)
    sign = ">=" if inclusive else ">"
    rows = db.execute(
        f"{_SELECT} WHERE {where} AND (ordinal, id) {sign} (?, ?) ORDER BY ordinal, id LIMIT ?",
        (*given, *(after or (-1, b"")), limit),
    )
    return [_post(row) for row in rows]


def _where(room: RoomNumber, within: Within) -> tuple[str, list[Any]]:
    parts: list[str] = [f"room = ? AND {_SHOWN} AND NOT is_held"]
    given: list[Any] = [room]
    for part, value in (
        ("channel = ?", within.channel),
        ("thread = ?", within.thread),
        ("sent_at_ms >= ?", within.since_ms),
        ("sent_at_ms < ?", within.before_ms),
    ):
        if value is not None:
            parts.append(part)
            given.append(value)
    if within.roots_only:
        parts.append("thread IS NULL")
    return " AND ".join(parts), given


def by_ids(db: Connection, room: RoomNumber, ids: Iterable[bytes]) -> list[RoomPost]:
    """Those that are there and shown, in their order."""
    found = (by_id(db, room, one) for one in set(ids))
    shown = [one for one in found if one is not None and one.kind in SHOWN and not one.is_held]
    return sorted(shown, key=lambda one: (one.ordinal, one.id))


def newest_of(
    db: Connection, room: RoomNumber, authors: Iterable[bytes], *, own: bool
) -> RoomPost | None:
    """The newest text of these authors, or with `own` False of all others, that is still there."""
    sign = "IN" if own else "NOT IN"
    return _one(
        db,
        f"{_SELECT} WHERE room = ? AND kind = 1 AND NOT is_held AND NOT is_gone AND NOT is_hidden"  # noqa: S608
        f" AND author {sign} (SELECT unhex(value) FROM json_each(?))"
        " ORDER BY ordinal DESC, id DESC LIMIT 1",
        (room, _hex(authors)),
    )


def newest_sent_at_ms(db: Connection, room: RoomNumber) -> int | None:
    """When the last post in order was sent that is no line; None: there is none."""
    row = db.execute(
        "SELECT sent_at_ms FROM room_posts WHERE room = ? AND kind IN (1, 5, 7, 11) AND NOT is_held"
        " ORDER BY ordinal DESC, id DESC LIMIT 1",
        (room,),
    ).fetchone()
    return None if row is None else int(row[0])


def about(
    db: Connection, room: RoomNumber, subjects: Sequence[bytes]
) -> list[tuple[bytes, RoomPost]]:
    """What was posted about these posts, each with which: edits, reactions; in their order."""
    return [(row[-1], _post(row)) for row in db.execute(_ABOUT, (_hex(subjects), room))]


def under_numbers(
    db: Connection, room: RoomNumber, numbers: Iterable[tuple[bytes, int]]
) -> dict[tuple[bytes, int], dict[bytes, int]]:
    """The row of each post by its id, under these numbers of authors."""
    wanted = msgspec.json.encode([(author.hex(), number) for author, number in numbers]).decode()
    found: dict[tuple[bytes, int], dict[bytes, int]] = {}
    for author, number, post_id, row_id in db.execute(_UNDER_NUMBERS, (room, wanted)):
        found.setdefault((author, number), {})[post_id] = row_id
    return found


def largest_number(db: Connection, room: RoomNumber, author: bytes) -> int:
    """Of an author's posts; -1: there is none."""
    [[largest]] = db.execute(
        "SELECT max(number) FROM room_posts WHERE room = ? AND author = ?", (room, author)
    )
    return -1 if largest is None else int(largest)


def count_recent(db: Connection, room: RoomNumber, author: bytes, since_ms: int, limit: int) -> int:
    """How many of an author's last posts say that they are of since then; at most `limit`."""
    [[count]] = db.execute(_RECENT, (room, author, limit, since_ms, since_ms))
    return int(count)


def data_of(
    db: Connection, room: RoomNumber, ids: Iterable[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """The id of each post and it as it travels, in their order."""
    # Looked up one by one: SQLite would rather look through all of the room in its order.
    wanted = [
        (*row, post_id)
        for post_id in ids
        if (row := db.execute(_PLACE, (room, post_id)).fetchone()) is not None
    ]
    for _, _, row_id, post_id in sorted(wanted):
        yield post_id, data_of_row(db, row_id)


def change(db: Connection, row_id: int, body: str, *, is_mention: bool) -> None:
    """Another wording is shown."""
    db.execute(
        "UPDATE room_posts SET body = ?, is_edited = 1, is_mention = ? WHERE row_id = ?",
        (body, is_mention, row_id),
    )


def hide(db: Connection, room: RoomNumber, ids: Iterable[bytes], *, on: bool) -> None:
    """A moderator deleted these posts, or took that back; not of what a council decides."""
    db.execute(
        "UPDATE room_posts SET is_hidden = ?, is_unread = 0 WHERE room = ? AND kind NOT IN (7, 8)"
        " AND id IN (SELECT unhex(value) FROM json_each(?))",
        (on, room, _hex(ids)),
    )


def take_out(db: Connection, room: RoomNumber, author: bytes, end: int | None) -> list[RoomPost]:
    """Keep aside an author's posts from a number on, and no others; those that changed.

    What is out is not shown, counted, compared or passed on. None: nothing is out.
    """
    last = LAST_ORDER if end is None else end
    out = db.execute(
        f"UPDATE room_posts SET is_held = {OUT}, is_unread = 0 WHERE room = ? AND author = ?"  # noqa: S608
        f" AND number >= ? AND is_held < {OUT} RETURNING row_id",
        (room, author, last),
    ).fetchall()
    back = db.execute(
        "UPDATE room_posts SET is_held = 0 WHERE room = ? AND author = ?"  # noqa: S608
        f" AND number < ? AND is_held = {OUT} RETURNING row_id",
        (room, author, last),
    ).fetchall()
    changed = by_rows(db, [row_id for (row_id,) in (*out, *back)])
    room_blocks.changed(db, room, [(author, one.number or 0) for one in changed])
    return changed


def subjects_of(db: Connection, row_id: int) -> list[bytes]:
    """The posts that one is about."""
    rows = db.execute("SELECT subject FROM room_subjects WHERE row_id = ?", (row_id,))
    return [subject for (subject,) in rows]


def subjects_of_author(
    db: Connection, room: RoomNumber, author: bytes, kind: int
) -> list[RoomPost]:
    """The posts that those of one kind of an author are about, and that are not gone."""
    found = (
        "SELECT subject FROM room_posts JOIN room_subjects USING (row_id)"
        " WHERE room = ? AND author = ? AND kind = ?"
    )
    ids = [subject for (subject,) in db.execute(found, (room, author, kind))]
    return [one for one in by_ids(db, room, ids) if not one.is_gone]


def put_wording(db: Connection, row_id: int, body: str, *, is_edited: bool) -> None:
    """What a text says after its edits, once some of them are out or back."""
    db.execute(
        "UPDATE room_posts SET body = ?, is_edited = ? WHERE row_id = ?", (body, is_edited, row_id)
    )


def proposals(db: Connection, room: RoomNumber, limit: int) -> list[RoomPost]:
    """The newest proposals, as they came."""
    rows = db.execute(
        _SELECT + " WHERE room = ? AND kind = 7 ORDER BY row_id DESC LIMIT ?", (room, limit)
    )
    return [_post(row) for row in rows][::-1]


def put_body(db: Connection, row_id: int, body: str) -> None:
    """What a vote says, once it is known."""
    db.execute("UPDATE room_posts SET body = ? WHERE row_id = ?", (body, row_id))


def hints(db: Connection, room: RoomNumber) -> list[tuple[RoomPost, bytes]]:
    """The Hints of every author whose content is there, each as it travels, the newest last."""
    rows = db.execute(
        f"SELECT {_COLUMNS}, data FROM room_posts WHERE room = ? AND kind = {HINTS}"  # noqa: S608
        " AND NOT is_gone ORDER BY number, id",
        (room,),
    )
    return [(_post(row), row[-1]) for row in rows]


def last_hints(db: Connection, room: RoomNumber, author: bytes) -> RoomPost | None:
    """The newest Hints of an author that say something, or None."""
    found = [one for one, _ in hints(db, room) if one.author == author]
    return found[-1] if found else None


def held(db: Connection, room: RoomNumber, until_ms: int, limit: int) -> list[RoomPost]:
    """Posts that were held and came until then."""
    rows = db.execute(
        _SELECT + " WHERE room = ? AND is_held = 1 AND stored_at_ms <= ? ORDER BY row_id LIMIT ?",
        (room, until_ms, limit),
    )
    return [_post(row) for row in rows]


def show(db: Connection, row_id: int) -> None:
    """It is held no longer."""
    db.execute(
        "UPDATE room_posts SET is_held = 0,"
        " is_unread = (kind IN (1, 5, 7, 11) AND NOT is_gone AND NOT is_hidden) WHERE row_id = ?",
        (row_id,),
    )


def over(db: Connection, now_ms: int, limit: int) -> list[RoomPost]:
    """Posts of all rooms whose time is over, those that ended first before the others."""
    rows = db.execute(
        _SELECT + " WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?", (now_ms, limit)
    )
    return [_post(row) for row in rows]


def data_of_row(db: Connection, row_id: int) -> bytes:
    """As it travels; nothing of a line."""
    row = db.execute("SELECT data FROM room_posts WHERE row_id = ?", (row_id,)).fetchone()
    return b"" if row is None or row[0] is None else bytes(row[0])


def expire(db: Connection, row_id: int) -> None:
    """It was erased because its time was over."""
    db.execute("UPDATE room_posts SET is_gone = ? WHERE row_id = ?", (EXPIRED, row_id))


def erase(db: Connection, row_id: int, data: bytes) -> None:
    """Nothing of it is left but that there was one; `data`: without its content."""
    db.execute(
        "UPDATE room_posts SET body = '', is_gone = 1, is_held = 2 * (is_held = 2), is_unread = 0,"
        " is_mention = 0, is_bookmarked = 0, mentions = x'', expires_at_ms = NULL, data = ?"
        " WHERE row_id = ?",
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
        is_expired=row[13] == EXPIRED,
        is_held=bool(row[14]),
        is_doubled=bool(row[15]),
        is_mention=bool(row[16]),
        expires_at_ms=row[17],
        thread=row[18],
        mentions=_split(row[19]),
        expires_s=row[20],
        is_unread=bool(row[21]),
        is_hidden=bool(row[22]),
        is_bookmarked=bool(row[23]),
        is_out=row[14] == OUT,
    )


def _split(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[at : at + _ID_BYTES] for at in range(0, len(joined), _ID_BYTES))


def _hex(ids: Iterable[bytes]) -> str:
    return msgspec.json.encode([one.hex() for one in ids]).decode()
