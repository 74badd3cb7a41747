"""Statements of a contact about messages of theirs that have not come yet (PROTOCOL 6.1)."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, MessageId
from loom.wire.content import decode_payload
from loom.wire.limits import EARLY_MAX

_BEYOND: Final = (
    "DELETE FROM early WHERE conversation_id = ?1 AND early_id <= (SELECT early_id FROM early"
    " WHERE conversation_id = ?1 ORDER BY early_id DESC LIMIT 1 OFFSET ?2)"
)


def add(
    db: Connection,
    conversation_id: ConversationId,
    target_id: MessageId,
    payload: bytes,
    received_at_s: int,
) -> None:
    """Keep a statement; of more than 1,000 in a conversation the oldest goes."""
    db.execute(
        "INSERT INTO early (conversation_id, target_id, payload, received_at_s)"
        " VALUES (?, ?, ?, ?)",
        (conversation_id, target_id, payload, received_at_s),
    )
    db.execute(_BEYOND, (conversation_id, EARLY_MAX))


def take(db: Connection, conversation_id: ConversationId, target_id: MessageId) -> list[bytes]:
    """What waits for a message, which waits no longer; the payloads as they came, in any order."""
    rows = db.execute(
        "DELETE FROM early WHERE conversation_id = ? AND target_id = ? RETURNING payload",
        (conversation_id, target_id),
    )
    return [payload for (payload,) in rows]


def delete_until(db: Connection, conversation_id: ConversationId, sent_until_ms: int) -> None:
    """Delete those that were sent until then, Unix milliseconds."""
    gone = [
        (early_id,)
        for early_id, payload in db.execute(
            "SELECT early_id, payload FROM early WHERE conversation_id = ?", (conversation_id,)
        )
        if decode_payload(payload).sent_at_ms <= sent_until_ms
    ]
    db.executemany("DELETE FROM early WHERE early_id = ?", gone)


def prune(db: Connection, before_s: int) -> int:
    """Delete what came before a time, Unix seconds; how many."""
    return db.execute("DELETE FROM early WHERE received_at_s < ?", (before_s,)).rowcount
