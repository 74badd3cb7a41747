"""The serialized sessions with a device: one value, with the version that was read."""

from collections.abc import Callable, Iterable

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.errors import StateConflict
from loom.model import DeviceId


def load(db: Connection, device_id: DeviceId) -> tuple[int, bytes] | None:
    """(version, state), or None before the first `save`."""
    row: tuple[int, bytes] | None = db.execute(
        "SELECT version, state FROM sessions WHERE device_id = ?", (device_id,)
    ).fetchone()
    return row


class Save(msgspec.Struct, frozen=True):
    """What an item leaves the sessions as: the state after the one it read (version 0: none)."""

    device_id: DeviceId
    read_version: int
    encode: Callable[[], bytes]


def save_last(db: Connection, saves: Iterable[Save]) -> None:
    """Store only the last state of each device; all that led to it are one step apart.

    Raises:
        StateConflict: somebody else wrote meanwhile, or a step is missing.
    """
    runs: dict[DeviceId, tuple[int, Save]] = {}
    for one in saves:
        first, before = runs.get(one.device_id, (one.read_version, None))
        if before is not None and one.read_version != before.read_version + 1:
            raise StateConflict
        runs[one.device_id] = first, one
    for device_id, (first, last) in runs.items():
        save(db, device_id, first, last.encode(), steps=last.read_version + 1 - first)


def save(
    db: Connection, device_id: DeviceId, read_version: int, state: bytes, *, steps: int = 1
) -> int:
    """Replace the state that was read (0: there was none) by one `steps` later; its version.

    Raises:
        StateConflict: somebody else wrote meanwhile.
    """
    version = read_version + steps
    if read_version == 0:
        sql = "INSERT INTO sessions VALUES (?4, ?3, ?2) ON CONFLICT DO NOTHING"
    else:
        sql = "UPDATE sessions SET version = ?3, state = ?2 WHERE device_id = ?4 AND version = ?1"
    if db.execute(sql, (read_version, state, version, device_id)).rowcount != 1:
        raise StateConflict
    return version
