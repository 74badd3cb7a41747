"""The anchors at which this profile has an account, and the queues it holds there."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import Address, AnchorId, DeviceId

_COLUMNS: Final = (
    "anchor_id, account, mask_key, addresses, added_at_ms, is_left, instead_of, is_replaced"
)
_addresses = msgspec.msgpack.Decoder(list[tuple[str, int]])


class Anchor(msgspec.Struct, frozen=True):
    """An account. `account`: C, 32 bytes, secret; `mask_key`: D, 16 bytes."""

    anchor_id: AnchorId
    account: bytes
    mask_key: bytes
    addresses: tuple[Address, ...]
    since_ms: int
    """When it was taken into use; of one that is left or replaced, when that was."""
    is_left: bool = False
    """Nothing new goes there; it is forgotten once the anchor deleted it."""
    instead_of: AnchorId | None = None
    """The account that it is to replace at the same anchor, which has not made it yet."""
    is_replaced: bool = False
    """It only serves contacts who do not know the new one yet."""

    def __repr__(self) -> str:
        return f"Anchor({self.anchor_id}, redacted)"

    @property
    def is_used(self) -> bool:
        """Whether new queues are opened there, and contacts are told of them."""
        return not self.is_left and not self.is_replaced and self.instead_of is None


class Queue(msgspec.Struct, frozen=True):
    """A queue held at an own anchor for one device. `secret`: Q, 32 bytes."""

    queue_id: bytes
    anchor_id: AnchorId
    device_id: DeviceId
    direction: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Queue({self.queue_id.hex()[:8]}, device_id={self.device_id}, redacted)"


def add(
    db: Connection, account: bytes, mask_key: bytes, addresses: Sequence[Address], since_ms: int
) -> Anchor:
    """Keep a new account."""
    cursor = db.execute(
        "INSERT INTO anchors (account, mask_key, addresses, added_at_ms) VALUES (?, ?, ?, ?)",
        (account, mask_key, _encoded(addresses), since_ms),
    )
    return Anchor(AnchorId(cursor.lastrowid or 0), account, mask_key, tuple(addresses), since_ms)


def every(db: Connection) -> list[Anchor]:
    """All accounts, those that are being left too, oldest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM anchors ORDER BY anchor_id")  # noqa: S608
    return [_anchor(row) for row in rows]


def put_addresses(db: Connection, anchor_id: AnchorId, addresses: Sequence[Address]) -> None:
    """An anchor has moved."""
    db.execute(
        "UPDATE anchors SET addresses = ? WHERE anchor_id = ?", (_encoded(addresses), anchor_id)
    )


def renew_all(db: Connection, secret: Callable[[], bytes], now_ms: int) -> None:
    """Let another account replace each one, perhaps one that the anchor has not made yet."""
    found = every(db)
    renewed = {one.instead_of for one in found}
    for one in found:
        if not one.is_left and not one.is_replaced and one.anchor_id not in renewed:
            db.execute(
                "INSERT INTO anchors (account, mask_key, addresses, added_at_ms, instead_of)"
                " VALUES (?, ?, ?, ?, ?)",
                (secret(), one.mask_key, _encoded(one.addresses), now_ms, one.anchor_id),
            )


def replace(db: Connection, old: AnchorId, new: AnchorId, now_ms: int) -> None:
    """The anchor has made the new account."""
    db.execute("UPDATE anchors SET instead_of = NULL WHERE anchor_id = ?", (new,))
    db.execute(
        "UPDATE anchors SET is_replaced = 1, added_at_ms = ? WHERE anchor_id = ?", (now_ms, old)
    )


def holds_queues(db: Connection, anchor_id: AnchorId) -> bool:
    """Whether a contact may know a queue there."""
    found = db.execute("SELECT 1 FROM queues WHERE anchor_id = ? LIMIT 1", (anchor_id,))
    return found.fetchone() is not None


def leave(db: Connection, anchor_id: AnchorId, now_ms: int) -> None:
    """Use it no longer: the anchor is to delete it, then it is forgotten."""
    db.execute(
        "UPDATE anchors SET is_left = 1, added_at_ms = ? WHERE anchor_id = ?", (now_ms, anchor_id)
    )
    db.execute("DELETE FROM queues WHERE anchor_id = ?", (anchor_id,))
    db.execute("DELETE FROM windows WHERE anchor_id = ?", (anchor_id,))
    db.execute("DELETE FROM anchors WHERE instead_of = ?", (anchor_id,))


def delete(db: Connection, anchor_id: AnchorId) -> None:
    """Forget an account with its queues, and never speak to it again."""
    db.execute("DELETE FROM anchors WHERE anchor_id = ?", (anchor_id,))


# --- queues ---


def add_queue(db: Connection, queue: Queue) -> None:
    """Keep a queue that the anchor is to be asked for."""
    was_shut(db, queue.queue_id)
    db.execute(
        "INSERT INTO queues VALUES (?, ?, ?, ?, ?)",
        (queue.queue_id, queue.anchor_id, queue.device_id, queue.direction, queue.secret),
    )


def queues(db: Connection) -> list[Queue]:
    """Every queue that is held anywhere."""
    return [Queue(*row) for row in db.execute("SELECT * FROM queues ORDER BY anchor_id")]


def queues_of(db: Connection, device_id: DeviceId) -> list[Queue]:
    """Every queue that is held for a device."""
    rows = db.execute("SELECT * FROM queues WHERE device_id = ?", (device_id,))
    return [Queue(*row) for row in rows]


def delete_queue(db: Connection, queue_id: bytes) -> None:
    """Hold a queue no longer; the anchor is to be told."""
    db.execute("DELETE FROM queues WHERE queue_id = ?", (queue_id,))


def to_shut(db: Connection, anchor_id: AnchorId) -> list[bytes]:
    """The queues that this anchor must still delete."""
    rows = db.execute("SELECT queue_id FROM queues_to_shut WHERE anchor_id = ?", (anchor_id,))
    return [row[0] for row in rows]


def was_shut(db: Connection, queue_id: bytes) -> None:
    """The anchor deleted it."""
    db.execute("DELETE FROM queues_to_shut WHERE queue_id = ?", (queue_id,))


def _encoded(addresses: Sequence[Address]) -> bytes:
    return msgspec.msgpack.encode([(one.host, one.port) for one in addresses])


def _anchor(row: tuple[Any, ...]) -> Anchor:
    addresses = tuple(Address(*one) for one in _addresses.decode(row[3]))
    return Anchor(row[0], row[1], row[2], addresses, row[4], bool(row[5]), row[6], bool(row[7]))
