"""Stored events, replayed by `seq`. What a message shows is in the history alone."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId
from loom.storage import settings

KEPT_MAX: Final = 10_000
"""Of each conversation, and of those about none: one contact's flood removes nobody else's."""
_FORGOTTEN: Final = "events_forgotten_through"


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to store: `body` is its JSON without `seq`, and without what a message shows.

    `message_row` names the message that is shown in it.
    """

    body: bytes
    created_at_ms: int
    conversation_id: ConversationId | None = None
    message_row: int | None = None


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to replay; what its message shows is in the history."""

    seq: int
    body: bytes
    message_row: int | None


def append(db: Connection, event: NewEvent) -> int:
    """Store an event under the next number; that number."""
    return (
        db.execute(
            "INSERT INTO events (body, conversation_id, message_row, created_at_ms)"
            " VALUES (?, ?, ?, ?)",
            (event.body, event.conversation_id, event.message_row, event.created_at_ms),
        ).lastrowid
        or 0
    )


def after(db: Connection, seq: int, limit: int) -> list[StoredEvent]:
    """The events after a number, in order."""
    rows = db.execute(
        "SELECT seq, body, message_row FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
        (seq, limit),
    )
    return [StoredEvent(seq=s, body=b, message_row=r) for s, b, r in rows]


def last_seq(db: Connection) -> int:
    """The last number given out, also when its event is gone."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return 0 if row is None else int(row[0])


def forget(db: Connection, conversation_id: ConversationId) -> int:
    """Delete every event about a conversation; how many."""
    return db.execute("DELETE FROM events WHERE conversation_id = ?", (conversation_id,)).rowcount


def forgotten_through(db: Connection) -> int:
    """The largest number that `prune` deleted: up to it, events may be missing."""
    value = settings.get(db, _FORGOTTEN)
    return 0 if value is None else int(value)


def prune(db: Connection) -> int:
    """Keep the newest 10,000 of each conversation and of those about none; how many went."""
    gone, forgotten = 0, forgotten_through(db)
    crowded = db.execute(
        "SELECT conversation_id FROM events GROUP BY conversation_id HAVING count(*) > ?",
        (KEPT_MAX,),
    ).fetchall()
    for (conversation_id,) in crowded:
        (last,) = db.execute(
            "SELECT seq FROM events WHERE conversation_id IS ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
            (conversation_id, KEPT_MAX),
        ).fetchone()
        gone += db.execute(
            "DELETE FROM events WHERE conversation_id IS ? AND seq <= ?", (conversation_id, last)
        ).rowcount
        forgotten = max(forgotten, last)
    if gone:
        settings.put(db, _FORGOTTEN, str(forgotten).encode())
    return gone
