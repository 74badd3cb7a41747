"""Which machine uses the identity, as its owner decided: this one, or that it is closed."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId
from loom.storage import settings

_EPOCH: Final = "machine_epoch"
_CLOSED: Final = "machine_closed"
_FOUND: Final = "machine_found"


def epoch(db: Connection) -> int:
    """How often `begin_epoch` was called."""
    return int.from_bytes(settings.get(db, _EPOCH) or b"")


def begin_epoch(db: Connection) -> None:
    """Others may have begun sessions with the identity that are not counted here."""
    settings.put(db, _EPOCH, (epoch(db) + 1).to_bytes(8))


def stay(db: Connection) -> None:
    """This machine stays, and is open again if it was closed."""
    if found(db):
        begin_epoch(db)
    settings.delete(db, _CLOSED)
    put_found(db, frozenset())


def is_closed(db: Connection) -> bool:
    """Whether the profile only reads what is there, and sends nothing."""
    return settings.get(db, _CLOSED) is not None


def close(db: Connection) -> None:
    """The identity is used on another machine."""
    settings.put(db, _CLOSED, b"1")


def found(db: Connection) -> frozenset[DeviceId]:
    """The devices of contacts who have a session with another machine."""
    raw = settings.get(db, _FOUND)
    return frozenset() if raw is None else msgspec.msgpack.decode(raw, type=frozenset[DeviceId])


def put_found(db: Connection, devices: frozenset[DeviceId]) -> None:
    """These are they."""
    settings.put(db, _FOUND, msgspec.msgpack.encode(sorted(devices)))


def forget(db: Connection) -> None:
    """What was found on the machine where a backup was made, and whether it is closed."""
    for key in (_CLOSED, _FOUND):
        settings.delete(db, key)
