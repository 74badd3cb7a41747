"""Hashes of envelopes that were opened: one that comes again is receipted, not opened."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import MessageId, PeerId

DAY_S: Final = 86_400

# The key begins with the day, and few are asked for: each day is looked into (ADR 0002).
_FIND: Final = """
WITH RECURSIVE days (day) AS (
    SELECT min(day) FROM envelopes
    UNION ALL
    SELECT (SELECT min(day) FROM envelopes WHERE day > days.day) FROM days WHERE day IS NOT NULL
)
SELECT hash, peer_id, received_at_s, message_id
FROM days CROSS JOIN envelopes USING (day) WHERE hash = ? AND peer_id = ? LIMIT 1
"""


class Envelope(msgspec.Struct, frozen=True):
    """An envelope that was opened; `message_id` None: it held nothing to receipt."""

    hash: bytes
    peer_id: PeerId
    received_at_s: int
    message_id: MessageId | None = None


def add_many(db: Connection, envelopes: Iterable[Envelope]) -> None:
    """Remember envelopes; one that is known already of the same day stays as it is."""
    db.executemany(
        "INSERT OR IGNORE INTO envelopes VALUES (?, ?, ?, ?, ?)",
        [(e.received_at_s // DAY_S, e.hash, e.peer_id, e.received_at_s, e.message_id)
         for e in envelopes],
    )  # fmt: skip


def find(db: Connection, peer_id: PeerId, hash_: bytes) -> Envelope | None:
    """The remembered envelope of this peer, or None."""
    row = db.execute(_FIND, (hash_, peer_id)).fetchone()
    return None if row is None else Envelope(*row)


def prune(db: Connection, before_s: int) -> int:
    """Forget what came before a time; how many."""
    return db.execute(
        "DELETE FROM envelopes WHERE day <= ? AND received_at_s < ?", (before_s // DAY_S, before_s)
    ).rowcount
