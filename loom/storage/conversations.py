"""The serialized sessions with a contact: one value, with the version that was read."""

from sqlcipher3.dbapi2 import Connection

from loom.errors import StateConflict
from loom.model import ContactId


def load(db: Connection, contact_id: ContactId) -> tuple[int, bytes] | None:
    """(version, state), or None before the first `save`."""
    row: tuple[int, bytes] | None = db.execute(
        "SELECT version, state FROM conversations WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    return row


def save(db: Connection, contact_id: ContactId, read_version: int, state: bytes) -> int:
    """Replace the state that was read (0: there was none); the new version.

    Raises:
        StateConflict: somebody else wrote meanwhile.
    """
    if read_version == 0:
        sql = "INSERT INTO conversations VALUES (?3, 1, ?2) ON CONFLICT DO NOTHING"
    else:
        sql = (
            "UPDATE conversations SET version = ?1 + 1, state = ?2"
            " WHERE contact_id = ?3 AND version = ?1"
        )
    if db.execute(sql, (read_version, state, contact_id)).rowcount != 1:
        raise StateConflict
    return read_version + 1


def delete(db: Connection, contact_id: ContactId) -> None:
    """Forget the sessions with a contact."""
    db.execute("DELETE FROM conversations WHERE contact_id = ?", (contact_id,))
