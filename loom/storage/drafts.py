"""Texts that were begun and not sent."""

from collections.abc import Iterable

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId


def put(db: Connection, conversation_id: ConversationId, body: str) -> None:
    """Keep one text per conversation; an empty one forgets it."""
    if body:
        db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (conversation_id, body))
    else:
        db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))


def of(db: Connection, conversation_id: ConversationId) -> str:
    """What was begun in a conversation; empty: nothing."""
    row = db.execute(
        "SELECT body FROM drafts WHERE conversation_id = ?", (conversation_id,)
    ).fetchone()
    return row[0] if row else ""


def page(
    db: Connection, conversations: Iterable[ConversationId], size_bytes: int
) -> tuple[dict[ConversationId, str], bool]:
    """Texts of these conversations until they have `size_bytes`; and whether others have one."""
    found: dict[ConversationId, str] = {}
    for one in conversations:
        body = of(db, one)
        if body and size_bytes <= 0:
            return found, True
        if body:
            found[one] = body
            size_bytes -= len(body.encode())
    return found, False
