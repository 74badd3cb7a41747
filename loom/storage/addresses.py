"""Where a device was reached or may be."""

from enum import StrEnum
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import Address, DeviceId

PER_DEVICE_MAX: Final = 16

# Which stay: those typed by hand, then those that worked or were announced last.
_SURPLUS: Final = """
DELETE FROM addresses WHERE (device_id, host, port) IN (
    SELECT device_id, host, port FROM addresses WHERE device_id = ?
    ORDER BY source = 'hand' DESC, max(coalesce(last_ok_ms, 0), added_ms) DESC
    LIMIT -1 OFFSET ?
)
"""


class AddressSource(StrEnum):
    """Where the address is from."""

    HAND = "hand"
    MDNS = "mdns"
    INVITE = "invite"
    ROOM = "room"


class KnownAddress(msgspec.Struct, frozen=True):
    """`last_ok_ms`: when a link was last confirmed there, None: never."""

    address: Address
    source: AddressSource
    last_ok_ms: int | None
    added_ms: int


def remember(
    db: Connection, device_id: DeviceId, address: Address, source: AddressSource, now_ms: int
) -> None:
    """Add an address, or note that it was announced again; beyond 16 the least useful goes."""
    db.execute(
        "INSERT INTO addresses (device_id, host, port, source, added_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET added_ms = excluded.added_ms,"
        " source = iif(source = 'hand', source, excluded.source)",
        (device_id, address.host, address.port, source.value, now_ms),
    )
    db.execute(_SURPLUS, (device_id, PER_DEVICE_MAX))


def of_device(db: Connection, device_id: DeviceId) -> list[KnownAddress]:
    """Every address of a device: the one that worked last first, then the newest."""
    rows = db.execute(
        "SELECT host, port, source, last_ok_ms, added_ms FROM addresses WHERE device_id = ?"
        " ORDER BY last_ok_ms DESC NULLS LAST, source = 'hand' DESC, added_ms DESC",
        (device_id,),
    )
    return [
        KnownAddress(Address(host, port), AddressSource(source), last_ok_ms, added_ms)
        for host, port, source, last_ok_ms, added_ms in rows
    ]


def mark_ok(db: Connection, device_id: DeviceId, address: Address, now_ms: int) -> None:
    """Note that a confirmed link was made to this address."""
    db.execute(
        "UPDATE addresses SET last_ok_ms = ? WHERE device_id = ? AND host = ? AND port = ?",
        (now_ms, device_id, address.host, address.port),
    )


def forget(db: Connection, device_id: DeviceId, address: Address) -> bool:
    """Delete an address; False: there was none."""
    cursor = db.execute(
        "DELETE FROM addresses WHERE device_id = ? AND host = ? AND port = ?",
        (device_id, address.host, address.port),
    )
    return cursor.rowcount > 0
