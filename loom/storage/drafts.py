"""Texts that were begun and not sent."""

from sqlcipher3.dbapi2 import Connection

from loom.model import ContactId


def put(db: Connection, contact_id: ContactId, body: str) -> None:
    """Keep one text per contact; an empty one forgets it."""
    if body:
        db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (contact_id, body))
    else:
        db.execute("DELETE FROM drafts WHERE contact_id = ?", (contact_id,))


def all_(db: Connection) -> dict[ContactId, str]:
    """Every text, by contact."""
    return dict(db.execute("SELECT contact_id, body FROM drafts ORDER BY contact_id"))
