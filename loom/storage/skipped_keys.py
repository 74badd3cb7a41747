"""Message keys of messages that have not arrived yet."""

from collections.abc import Iterable

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId


class SkippedKey(msgspec.Struct, frozen=True):
    """The key of message `n` of a receiving chain."""

    session_id: bytes
    chain: int
    n: int
    message_key: bytes
    stored_at_s: int

    def __repr__(self) -> str:
        return f"SkippedKey(chain={self.chain}, n={self.n}, redacted)"


def of_device(db: Connection, device_id: DeviceId) -> list[SkippedKey]:
    """Every stored key, by session, chain and number."""
    rows = db.execute(
        "SELECT session_id, chain, n, message_key, stored_at_s FROM skipped_keys"
        " WHERE device_id = ? ORDER BY session_id, chain, n",
        (device_id,),
    )
    return [SkippedKey(*row) for row in rows]


def add_many(db: Connection, device_id: DeviceId, keys: Iterable[SkippedKey]) -> None:
    """Store keys that are not stored yet."""
    db.executemany(
        "INSERT INTO skipped_keys VALUES (?, ?, ?, ?, ?, ?)",
        [(device_id, k.session_id, k.chain, k.n, k.message_key, k.stored_at_s) for k in keys],
    )


def delete_many(
    db: Connection, device_id: DeviceId, places: Iterable[tuple[bytes, int, int]]
) -> None:
    """Delete by (session_id, chain, n); one that is not there is fine."""
    db.executemany(
        "DELETE FROM skipped_keys WHERE device_id = ? AND session_id = ? AND chain = ? AND n = ?",
        [(device_id, *place) for place in places],
    )


def delete_session(db: Connection, device_id: DeviceId, session_id: bytes) -> None:
    """Delete every key of a session."""
    db.execute(
        "DELETE FROM skipped_keys WHERE device_id = ? AND session_id = ?", (device_id, session_id)
    )


def prune(db: Connection, before_s: int) -> int:
    """Delete what was stored before a time; how many."""
    return db.execute("DELETE FROM skipped_keys WHERE stored_at_s < ?", (before_s,)).rowcount
