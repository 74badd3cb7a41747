"""Texts that waited when a backup was made: sent or dropped when the owner says so."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId, MessageId

_TEXTS: Final = "substr(payload, 2, 1) IN (x'01', x'0e')"
"""By the tag of the payload: Text and File (PROTOCOL 6). Everything else says what is so anyhow."""


def hold(db: Connection) -> int:
    """Take the texts out of the outbox of a profile that was just restored; how many they were."""
    db.execute(
        "INSERT INTO unsent (row_id, device_id, message_id, payload, about_row)"  # noqa: S608
        f" SELECT row_id, device_id, message_id, payload, about_row FROM outbox WHERE {_TEXTS}"
    )
    return db.execute(f"DELETE FROM outbox WHERE {_TEXTS}").rowcount  # noqa: S608


def counts(db: Connection) -> dict[DeviceId, int]:
    """How many there are, of each device that has some."""
    return dict(db.execute("SELECT device_id, count(*) FROM unsent GROUP BY device_id"))


def release(db: Connection, device_id: DeviceId) -> int:
    """Put those of a device back into its outbox, in their order; how many they were."""
    db.execute(
        "INSERT INTO outbox (device_id, message_id, payload, about_row)"
        " SELECT device_id, message_id, payload, about_row FROM unsent WHERE device_id = ?"
        " ORDER BY row_id",
        (device_id,),
    )
    return db.execute("DELETE FROM unsent WHERE device_id = ?", (device_id,)).rowcount


def drop(db: Connection, device_id: DeviceId) -> list[MessageId]:
    """Give up those of a device; their ids, oldest first."""
    rows = db.execute(
        "DELETE FROM unsent WHERE device_id = ? RETURNING row_id, message_id", (device_id,)
    ).fetchall()
    return [MessageId(message_id) for _, message_id in sorted(rows)]
