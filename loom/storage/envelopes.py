"""Hashes of envelopes that were opened: one that comes again is receipted, not opened."""

from collections.abc import Iterable

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import MessageId, PeerId


class Envelope(msgspec.Struct, frozen=True):
    """An envelope that was opened; `message_id` None: it held nothing to receipt."""

    hash: bytes
    peer_id: PeerId
    received_at_s: int
    message_id: MessageId | None = None


def add_many(db: Connection, envelopes: Iterable[Envelope]) -> None:
    """Remember envelopes; a known one stays as it is."""
    db.executemany(
        "INSERT OR IGNORE INTO envelopes VALUES (?, ?, ?, ?)",
        [(e.hash, e.peer_id, e.received_at_s, e.message_id) for e in envelopes],
    )


def find(db: Connection, peer_id: PeerId, hash_: bytes) -> Envelope | None:
    """The remembered envelope of this peer, or None."""
    row = db.execute(
        "SELECT * FROM envelopes WHERE hash = ? AND peer_id = ?", (hash_, peer_id)
    ).fetchone()
    return None if row is None else Envelope(*row)


def prune(db: Connection, before_s: int) -> int:
    """Forget what came before a time; how many."""
    return db.execute("DELETE FROM envelopes WHERE received_at_s < ?", (before_s,)).rowcount
