"""The `rand` of each link that authenticated: a replayed first message is refused by it."""

from sqlcipher3.dbapi2 import Connection


def add(db: Connection, owner: bytes, day: int, rand: bytes) -> bool:
    """Remember a rand of a contact's identity or an invite; False when it was known."""
    cursor = db.execute("INSERT OR IGNORE INTO link_rands VALUES (?, ?, ?)", (owner, day, rand))
    return cursor.rowcount > 0


def load(db: Connection, since_day: int) -> set[tuple[bytes, int, bytes]]:
    """(owner, day, rand) of that day and later."""
    return set(db.execute("SELECT peer_id, day, rand FROM link_rands WHERE day >= ?", (since_day,)))


def prune(db: Connection, before_day: int) -> int:
    """Forget earlier days; how many."""
    return db.execute("DELETE FROM link_rands WHERE day < ?", (before_day,)).rowcount
