"""Texts that were begun and not sent."""

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId


def put(db: Connection, conversation_id: ConversationId, body: str) -> None:
    """Keep one text per conversation; an empty one forgets it."""
    if body:
        db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (conversation_id, body))
    else:
        db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))


def all_(db: Connection) -> dict[ConversationId, str]:
    """Every text, by conversation."""
    return dict(db.execute("SELECT conversation_id, body FROM drafts ORDER BY conversation_id"))
