"""Stored events, replayed by `seq`. What a message said stands in the history alone."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import ContactId

KEPT_MAX: Final = 100_000
KEPT_S: Final = 35 * 86_400


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to store: `body` is its JSON without `seq`, and without the text of a message.

    `message_row` names the message whose text belongs into it.
    """

    body: bytes
    created_at_ms: int
    contact_id: ContactId | None = None
    message_row: int | None = None


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to replay; `text` is its message's, None where it has none or it is deleted."""

    seq: int
    body: bytes
    message_row: int | None
    text: str | None


def append(db: Connection, events: Iterable[NewEvent]) -> int:
    """Store events under consecutive numbers; the first of them (0: there was none to store)."""
    first = 0
    for event in events:
        seq = db.execute(
            "INSERT INTO events (body, contact_id, message_row, created_at_ms) VALUES (?, ?, ?, ?)",
            (event.body, event.contact_id, event.message_row, event.created_at_ms),
        ).lastrowid
        first = first or seq or 0
    return first


def after(db: Connection, seq: int, limit: int) -> list[StoredEvent]:
    """The events after a number, in order."""
    rows = db.execute(
        "SELECT seq, events.body, message_row, messages.body FROM events"
        " LEFT JOIN messages ON messages.row_id = message_row"
        " WHERE seq > ? ORDER BY seq LIMIT ?",
        (seq, limit),
    )
    return [StoredEvent(seq=s, body=b, message_row=r, text=t) for s, b, r, t in rows]


def last_seq(db: Connection) -> int:
    """The last number given out, also when its event is gone."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return 0 if row is None else int(row[0])


def forget(db: Connection, contact_id: ContactId) -> int:
    """Delete every event about a contact; how many."""
    return db.execute("DELETE FROM events WHERE contact_id = ?", (contact_id,)).rowcount


def prune(db: Connection, now_s: int) -> int:
    """Keep the newest 100,000 of the last 35 days; how many went."""
    return db.execute(
        "DELETE FROM events WHERE seq <= ? OR created_at_ms < ?",
        (last_seq(db) - KEPT_MAX, (now_s - KEPT_S) * 1_000),
    ).rowcount
