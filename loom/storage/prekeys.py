"""The private halves of bundles handed out, until used or expired."""

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId


class Prekey(msgspec.Struct, frozen=True):
    """One bundle of ours; `state` is what the core serialized."""

    bundle_id: bytes
    device_id: DeviceId
    state: bytes
    expires_at_s: int
    kept_until_s: int
    """Until then an answer is taken."""
    queue_id: bytes | None = None
    """The mailbox it lies in; None: given on a link."""

    def __repr__(self) -> str:
        return f"Prekey(device_id={self.device_id}, redacted)"


def put(db: Connection, prekey: Prekey) -> None:
    """Keep a bundle."""
    db.execute(
        "INSERT OR REPLACE INTO prekeys VALUES (?, ?, ?, ?, ?, ?)",
        (
            prekey.bundle_id,
            prekey.device_id,
            prekey.state,
            prekey.expires_at_s,
            prekey.kept_until_s,
            prekey.queue_id,
        ),
    )


def get(db: Connection, bundle_id: bytes) -> Prekey | None:
    """The bundle of that id, expired or not, or None."""
    row = db.execute("SELECT * FROM prekeys WHERE bundle_id = ?", (bundle_id,)).fetchone()
    return None if row is None else Prekey(*row)


def latest(db: Connection, device_id: DeviceId, expiries: range) -> Prekey | None:
    """The bundle for links with a device that expires last, within a range of expiries."""
    row = db.execute(
        "SELECT * FROM prekeys WHERE device_id = ? AND queue_id IS NULL"
        " AND expires_at_s >= ? AND expires_at_s < ? ORDER BY expires_at_s DESC LIMIT 1",
        (device_id, expiries.start, expiries.stop),
    ).fetchone()
    return None if row is None else Prekey(*row)


def of_mailbox(db: Connection, device_id: DeviceId, queue_id: bytes, until_s: int) -> Prekey | None:
    """A bundle that lies in a mailbox and is valid until then at least, or None."""
    row = db.execute(
        "SELECT * FROM prekeys WHERE device_id = ? AND queue_id = ? AND expires_at_s >= ?"
        " ORDER BY expires_at_s DESC LIMIT 1",
        (device_id, queue_id, until_s),
    ).fetchone()
    return None if row is None else Prekey(*row)


def delete(db: Connection, bundle_id: bytes) -> bool:
    """Delete a bundle; False: it was not there."""
    return db.execute("DELETE FROM prekeys WHERE bundle_id = ?", (bundle_id,)).rowcount > 0


def prune(db: Connection, now_s: int) -> int:
    """Delete those whose answers are not taken any more; how many."""
    return db.execute("DELETE FROM prekeys WHERE kept_until_s <= ?", (now_s,)).rowcount
