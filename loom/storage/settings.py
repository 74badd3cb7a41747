"""Single values of a profile, by name."""

from sqlcipher3.dbapi2 import Connection


def get(db: Connection, key: str) -> bytes | None:
    """The value, or None."""
    row = db.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def put(db: Connection, key: str, value: bytes) -> None:
    """Set or replace a value."""
    db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))


def delete(db: Connection, key: str) -> None:
    """Forget a value; none there is fine."""
    db.execute("DELETE FROM settings WHERE key = ?", (key,))
