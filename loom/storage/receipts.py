"""Receipts that are owed to a device until they were written to a confirmed link."""

from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId, MessageId

_ID_BYTES = 16


class ReceiptKind(IntEnum):
    """What is told about the messages."""

    DELIVERED = 0
    READ = 1


class OwedReceipt(msgspec.Struct, frozen=True):
    """One row: ids that are owed together."""

    row_id: int
    kind: ReceiptKind
    message_ids: list[MessageId]

    @property
    def is_read(self) -> bool:
        """The messages were read; otherwise they were stored."""
        return self.kind is ReceiptKind.READ


def add(
    db: Connection, device_id: DeviceId, kind: ReceiptKind, message_ids: Sequence[MessageId]
) -> int:
    """Owe a receipt; its row."""
    cursor = db.execute(
        "INSERT INTO receipts (device_id, kind, ids) VALUES (?, ?, ?)",
        (device_id, kind, b"".join(message_ids)),
    )
    return cursor.lastrowid or 0


def owe_again(db: Connection, device_id: DeviceId, message_id: MessageId) -> None:
    """Owe one id whose receipt was lost; what is owed like this already is not owed twice."""
    db.execute(
        "INSERT INTO receipts (device_id, kind, ids) SELECT ?1, 0, ?2 WHERE NOT EXISTS"
        " (SELECT 1 FROM receipts WHERE device_id = ?1 AND kind = 0 AND ids = ?2)",
        (device_id, message_id),
    )


def of_device(
    db: Connection, device_id: DeviceId, limit: int = -1, read_after: int = 0
) -> list[OwedReceipt]:
    """What is owed to a device, deliveries first, each oldest first.

    Args:
        read_after: of read receipts only those of later rows.
    """
    rows = db.execute(
        "SELECT row_id, kind, ids FROM receipts WHERE device_id = ? AND (kind = 0 OR row_id > ?)"
        " ORDER BY kind, row_id LIMIT ?",
        (device_id, read_after, limit),
    )
    return [OwedReceipt(row_id, ReceiptKind(kind), _split(ids)) for row_id, kind, ids in rows]


def delete_many(db: Connection, row_ids: Iterable[int]) -> None:
    """Owe these no longer."""
    db.executemany("DELETE FROM receipts WHERE row_id = ?", [(row_id,) for row_id in row_ids])


def _split(ids: bytes) -> list[MessageId]:
    return [MessageId(ids[i : i + _ID_BYTES]) for i in range(0, len(ids), _ID_BYTES)]
