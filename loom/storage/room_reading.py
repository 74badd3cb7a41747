"""What of each channel of a room was read, and what was begun there."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber

COUNTED_MAX: Final = 1_000
_UNREAD: Final = """
SELECT count(*), ifnull(sum(is_mention), 0) FROM (
    SELECT is_mention FROM room_posts WHERE room = ?1 AND channel = ?2 AND kind = 1 AND NOT is_held
        AND row_id > ifnull(
            (SELECT read_row FROM room_channels WHERE room = ?1 AND channel = ?2), 0)
        AND author NOT IN (SELECT author FROM room_keys WHERE room = ?1)
    LIMIT ?3
)
"""


def unread(db: Connection, room: RoomNumber, channel: str) -> tuple[int, int]:
    """How many posts of others in a channel are unread, and how many of them are mentions."""
    [[count, mentions]] = db.execute(_UNREAD, (room, channel, COUNTED_MAX))
    return int(count), int(mentions)


def mark_read(db: Connection, room: RoomNumber, channel: str, row_id: int) -> None:
    """What came up to a row was seen; never less than before."""
    db.execute(
        "INSERT INTO room_channels (room, channel, read_row) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET read_row = max(read_row, excluded.read_row)",
        (room, channel, row_id),
    )


def read_row(db: Connection, room: RoomNumber, channel: str) -> int:
    """What came to a channel after this row is unread."""
    row = db.execute(
        "SELECT read_row FROM room_channels WHERE room = ? AND channel = ?", (room, channel)
    ).fetchone()
    return int(row[0]) if row else 0


def put_draft(db: Connection, room: RoomNumber, channel: str, body: str) -> None:
    """Keep one text per channel; an empty one forgets it."""
    db.execute(
        "INSERT INTO room_channels (room, channel, draft) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET draft = excluded.draft",
        (room, channel, body),
    )


def draft(db: Connection, room: RoomNumber, channel: str) -> str:
    """What was begun in a channel; empty: nothing."""
    row = db.execute(
        "SELECT draft FROM room_channels WHERE room = ? AND channel = ?", (room, channel)
    ).fetchone()
    return row[0] if row else ""
