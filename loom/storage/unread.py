"""Which of the others' messages are unread, message by message."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, MessageId
from loom.storage.messages import LAST_ROW

COUNTED_MAX: Final = 1_000
"""Unread ones are counted so far: somebody who floods must not make every list slow."""

_IS_UNREAD: Final = "state = 3 AND author <> 0"
"""As in the index `unread_messages`, so that only unread ones are looked at."""
_COUNTS: Final = (
    "SELECT conversation_id, (SELECT count(*) FROM (SELECT 1 FROM messages AS m"  # noqa: S608
    f" WHERE m.conversation_id = c.conversation_id AND {_IS_UNREAD} LIMIT {COUNTED_MAX}))"
    " FROM conversations AS c"
)
_MARK_READ: Final = (
    "UPDATE messages SET state = 4, expires_at_ms = min(expires_at_ms, ? + expires_s * 1000)"  # noqa: S608
    f" WHERE conversation_id = ? AND {_IS_UNREAD} AND row_id BETWEEN ? AND ?"
    " RETURNING row_id, message_id, is_unread_again"
)
_MARK_UNREAD: Final = (
    "UPDATE messages SET state = 3, is_unread_again = 1"
    " WHERE conversation_id = ? AND author <> 0 AND kind IN (1, 14) AND state = 4 AND row_id >= ?"
    " AND deleted_at_ms IS NULL"
)
_FIRST: Final = f"SELECT min(row_id) FROM messages WHERE conversation_id = ? AND {_IS_UNREAD}"  # noqa: S608
_NEWEST: Final = (
    "SELECT row_id FROM messages WHERE conversation_id = ? AND author <> 0 AND kind IN (1, 14)"
    " AND deleted_at_ms IS NULL ORDER BY row_id DESC LIMIT 1"
)


def mark_read(
    db: Connection,
    conversation_id: ConversationId,
    up_to_row: int,
    from_row: int = 0,
    *,
    now_ms: int,
) -> tuple[int, list[MessageId]]:
    """Mark incoming messages of these rows read; the timer of each begins (PROTOCOL 6.2).

    Returns:
        How many were unread, and the ids of those that were never read before, oldest first.
    """
    given = (
        now_ms,
        conversation_id,
        min(max(from_row, 0), LAST_ROW),
        min(max(up_to_row, 0), LAST_ROW),
    )
    rows = db.execute(_MARK_READ, given).fetchall()
    return len(rows), [message_id for _, message_id, again in sorted(rows) if not again]


def mark_unread(db: Connection, conversation_id: ConversationId, from_row: int) -> int:
    """Mark read incoming messages from this row on unread again; how many there were."""
    return db.execute(_MARK_UNREAD, (conversation_id, min(max(from_row, 0), LAST_ROW))).rowcount


def newest_incoming(db: Connection, conversation_id: ConversationId) -> int | None:
    """The row of the last message that the others wrote."""
    row = db.execute(_NEWEST, (conversation_id,)).fetchone()
    return None if row is None else int(row[0])


def first(db: Connection, conversation_id: ConversationId) -> int | None:
    """The row of the oldest unread message of one conversation."""
    [[row_id]] = db.execute(_FIRST, (conversation_id,))
    return None if row_id is None else int(row_id)


def counts(db: Connection) -> dict[ConversationId, int]:
    """How many of the others' messages are unread, at most COUNTED_MAX, by conversation."""
    return {conversation_id: count for conversation_id, count in db.execute(_COUNTS) if count}


def count(db: Connection, conversation_id: ConversationId) -> int:
    """How many incoming messages of one conversation are unread, at most COUNTED_MAX."""
    [[_, found]] = db.execute(f"{_COUNTS} WHERE conversation_id = ?", (conversation_id,))
    return int(found)
