"""Handshakes that are refused when they come again, until their bundle has expired."""

from sqlcipher3.dbapi2 import Connection

from loom.model import PeerId


def add(db: Connection, hsid: bytes, peer_id: PeerId, expires_at_s: int) -> None:
    """Refuse this handshake from now on."""
    db.execute(
        "INSERT OR IGNORE INTO refused_handshakes VALUES (?, ?, ?)", (hsid, peer_id, expires_at_s)
    )


def contains(db: Connection, hsid: bytes) -> bool:
    """Whether this handshake is refused."""
    row = db.execute("SELECT 1 FROM refused_handshakes WHERE hsid = ?", (hsid,)).fetchone()
    return row is not None


def prune(db: Connection, now_s: int) -> int:
    """Forget those whose bundle has expired; how many."""
    return db.execute("DELETE FROM refused_handshakes WHERE expires_at_s <= ?", (now_s,)).rowcount
