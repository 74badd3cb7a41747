"""Statements of a contact about messages of theirs that have not come yet (PROTOCOL 6.1)."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, MessageId
from loom.wire.content import decode_payload
from loom.wire.limits import EARLY_MAX, EARLY_MAX_BYTES

_SIZE: Final = "SELECT count(*), total(octet_length(payload)) FROM early WHERE conversation_id = ?"
_BEYOND: Final = """
DELETE FROM early WHERE conversation_id = ?1 AND early_id <= (
    SELECT max(early_id) FROM (
        SELECT early_id, row_number() OVER newer AS place,
            sum(octet_length(payload)) OVER newer AS size_bytes
        FROM early WHERE conversation_id = ?1 WINDOW newer AS (ORDER BY early_id DESC)
    ) WHERE place > ?2 OR size_bytes > ?3
)
"""


def add(
    db: Connection,
    conversation_id: ConversationId,
    target_id: MessageId,
    payload: bytes,
    received_at_s: int,
) -> None:
    """Keep a statement; see `drop_oldest`."""
    db.execute(
        "INSERT INTO early (conversation_id, target_id, payload, received_at_s)"
        " VALUES (?, ?, ?, ?)",
        (conversation_id, target_id, payload, received_at_s),
    )


def drop_oldest(db: Connection, conversation_id: ConversationId) -> None:
    """Of more than 1,000 in a conversation, or more than 1 MiB of payloads, the oldest go."""
    [[count, size_bytes]] = db.execute(_SIZE, (conversation_id,))
    if count > EARLY_MAX or size_bytes > EARLY_MAX_BYTES:
        db.execute(_BEYOND, (conversation_id, EARLY_MAX, EARLY_MAX_BYTES))


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
