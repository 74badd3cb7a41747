"""Joins that came by an address and wait for the user's decision."""

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import InviteId, PeerId, RequestId
from loom.wire.limits import REQUEST_LIFETIME_S, REQUESTS_MAX


class Request(msgspec.Struct, frozen=True):
    """Somebody who would like to be a contact.

    Args:
        payload: the Join.
        envelope_hash: 32 bytes, of the envelope that brought it.
        sessions: with the one that it began; holds secrets.
    """

    request_id: RequestId
    invite_id: InviteId
    peer_id: PeerId
    x25519_public: bytes
    received_at_s: int
    payload: bytes
    envelope_hash: bytes
    sessions: bytes

    def __repr__(self) -> str:
        return f"Request({self.request_id}, redacted)"


def add(
    db: Connection,
    *,
    invite_id: InviteId,
    peer_id: PeerId,
    x25519_public: bytes,
    received_at_s: int,
    payload: bytes,
    envelope_hash: bytes,
    sessions: bytes,
) -> None:
    """Keep a request, instead of an earlier one of the same identity; of 101 the oldest goes."""
    db.execute(
        "INSERT OR REPLACE INTO requests (invite_id, peer_id, x25519_public, received_at_s,"
        " payload, envelope_hash, sessions) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (invite_id, peer_id, x25519_public, received_at_s, payload, envelope_hash, sessions),
    )
    db.execute(
        "DELETE FROM requests WHERE request_id NOT IN"
        " (SELECT request_id FROM requests ORDER BY request_id DESC LIMIT ?)",
        (REQUESTS_MAX,),
    )


def every(db: Connection) -> list[Request]:
    """All, oldest first."""
    return [Request(*row) for row in db.execute("SELECT * FROM requests ORDER BY request_id")]


def count(db: Connection) -> int:
    """How many there are."""
    return int(db.execute("SELECT count(*) FROM requests").fetchone()[0])


def by_id(db: Connection, request_id: RequestId) -> Request | None:
    """The request of that number, or None."""
    row = db.execute("SELECT * FROM requests WHERE request_id = ?", (request_id,)).fetchone()
    return None if row is None else Request(*row)


def delete(db: Connection, request_id: RequestId) -> bool:
    """Delete a request with its keys; False: it was not there."""
    return db.execute("DELETE FROM requests WHERE request_id = ?", (request_id,)).rowcount > 0


def prune(db: Connection, now_s: int) -> int:
    """Delete requests that nobody decided on in seven days; how many."""
    return db.execute(
        "DELETE FROM requests WHERE received_at_s <= ?", (now_s - REQUEST_LIFETIME_S,)
    ).rowcount
