"""What contacts told of their mailboxes, what was told to them, and the bundles laid there."""

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId
from loom.wire.content.mailboxes import Direction, Mailbox

_entries = msgspec.msgpack.Decoder(tuple[Mailbox, ...])


class Told(msgspec.Struct, frozen=True):
    """The newest Mailboxes of a device, and the session that told them by its reset counter."""

    reset_counter: int
    number: int
    mailboxes: tuple[Mailbox, ...]


class Sent(msgspec.Struct, frozen=True):
    """The last Mailboxes queued for a device; `reset_counter` of the best session then, or 0."""

    number: int
    reset_counter: int
    mailboxes: tuple[Mailbox, ...]


class LaidBundle(msgspec.Struct, frozen=True):
    """A bundle at one place of a queue that this side reads. `digest`: 8 bytes."""

    queue_id: bytes
    device_id: DeviceId
    place: int
    digest: bytes
    expires_at_s: int

    def __repr__(self) -> str:
        return f"LaidBundle(device_id={self.device_id}, place={self.place})"


def told(db: Connection, device_id: DeviceId) -> Told | None:
    """The newest that a device told, or None."""
    row = db.execute(
        "SELECT reset_counter, number, entries FROM told_mailboxes WHERE device_id = ?",
        (device_id,),
    ).fetchone()
    return None if row is None else Told(row[0], row[1], _entries.decode(row[2]))


def put_told(db: Connection, device_id: DeviceId, told: Told) -> None:
    """Replace what a device told."""
    db.execute(
        "INSERT OR REPLACE INTO told_mailboxes VALUES (?, ?, ?, ?)",
        (device_id, told.reset_counter, told.number, msgspec.msgpack.encode(told.mailboxes)),
    )


def keep_read(db: Connection, device_id: DeviceId) -> None:
    """Write nowhere that a device told; what it told to be read is read until it tells more."""
    before = told(db, device_id)
    if before is None:
        return
    kept = tuple(one for one in before.mailboxes if one.direction == Direction.OUTBOUND)
    put_told(db, device_id, Told(-1, -1, kept))


def sent(db: Connection, device_id: DeviceId) -> Sent | None:
    """The last that was queued for a device, or None."""
    row = db.execute(
        "SELECT number, reset_counter, entries FROM mailbox_numbers WHERE device_id = ?",
        (device_id,),
    ).fetchone()
    return None if row is None else Sent(row[0], row[1], _entries.decode(row[2]))


def put_sent(db: Connection, device_id: DeviceId, sent: Sent) -> None:
    """Note what is queued for a device now."""
    db.execute(
        "INSERT OR REPLACE INTO mailbox_numbers VALUES (?, ?, ?, ?)",
        (device_id, sent.number, sent.reset_counter, msgspec.msgpack.encode(sent.mailboxes)),
    )


def tell_again(db: Connection, device_id: DeviceId) -> None:
    """What was queued for a device did not leave: it is to be told, also if it was told before."""
    db.execute("UPDATE mailbox_numbers SET reset_counter = -1 WHERE device_id = ?", (device_id,))


def devices(db: Connection) -> set[DeviceId]:
    """Every device that told of mailboxes or was told."""
    rows = db.execute(
        "SELECT device_id FROM told_mailboxes UNION SELECT device_id FROM mailbox_numbers"
    )
    return {row[0] for row in rows}


def laid(db: Connection, queue_id: bytes) -> dict[int, LaidBundle]:
    """The bundles that were laid at a queue, by place."""
    rows = db.execute("SELECT * FROM laid_bundles WHERE queue_id = ?", (queue_id,))
    return {row[2]: LaidBundle(*row) for row in rows}


def put_laid(db: Connection, bundle: LaidBundle) -> None:
    """Note a bundle, instead of the one at its place."""
    db.execute(
        "INSERT OR REPLACE INTO laid_bundles VALUES (?, ?, ?, ?, ?)",
        (
            bundle.queue_id,
            bundle.device_id,
            bundle.place,
            bundle.digest,
            bundle.expires_at_s,
        ),
    )


def forget_laid(db: Connection, device_id: DeviceId) -> None:
    """All bundles laid for a device are to be replaced."""
    db.execute("DELETE FROM laid_bundles WHERE device_id = ?", (device_id,))


def forget_laid_at(db: Connection, queue_id: bytes) -> None:
    """The same for one queue."""
    db.execute("DELETE FROM laid_bundles WHERE queue_id = ?", (queue_id,))


# --- mail that did not open ---


def is_unopened(db: Connection, digest: bytes) -> bool:
    """Whether this mail was judged before and did not open. `digest`: 32 bytes."""
    row = db.execute("SELECT 1 FROM unopened_mail WHERE hash = ?", (digest,)).fetchone()
    return row is not None


def add_unopened(db: Connection, digest: bytes, day: int) -> None:
    """Remember mail that did not open."""
    db.execute("INSERT OR IGNORE INTO unopened_mail VALUES (?, ?)", (digest, day))


def prune(db: Connection, before_day: int) -> int:
    """Forget mail of earlier days; how many."""
    return db.execute("DELETE FROM unopened_mail WHERE day < ?", (before_day,)).rowcount
