"""The largest reset counters sent to and accepted from a peer; no smaller one is stored."""

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import PeerId


class Counters(msgspec.Struct, frozen=True):
    """Reset counters (docs/PROTOCOL.md 4), in Unix milliseconds or above."""

    sent: int = 0
    accepted: int = 0


def get(db: Connection, peer_id: PeerId) -> Counters:
    """The counters; zeros for a peer never heard of."""
    row = db.execute("SELECT sent, accepted FROM counters WHERE peer_id = ?", (peer_id,)).fetchone()
    return Counters() if row is None else Counters(*row)


def put(db: Connection, peer_id: PeerId, counters: Counters) -> None:
    """Raise the counters to these; a smaller value changes nothing."""
    db.execute(
        "INSERT INTO counters VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
        " sent = max(sent, excluded.sent), accepted = max(accepted, excluded.accepted)",
        (peer_id, counters.sent, counters.accepted),
    )


def begin_identity(db: Connection) -> None:
    """The owner has another identity: with it nothing was accepted yet; no smaller one is told."""
    db.execute("UPDATE counters SET sent = max(sent, accepted), accepted = 0")
