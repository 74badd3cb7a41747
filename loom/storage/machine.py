"""Which machine uses the identity, as its owner decided: this one, or that it is closed."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import DeviceId
from loom.storage import settings

_STAYS: Final = "machine_stays_ms"
_CLOSED: Final = "machine_closed"
_FOUND: Final = "machine_found"


def stays_ms(db: Connection) -> int:
    """When the owner last said that this machine stays, Unix milliseconds; 0: never."""
    return int.from_bytes(settings.get(db, _STAYS) or b"")


def stay(db: Connection, now_ms: int) -> None:
    """This machine stays, and is open again if it was closed."""
    settings.put(db, _STAYS, now_ms.to_bytes(8))
    settings.delete(db, _CLOSED)


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
    """What was decided on the machine where a backup was made."""
    for key in (_STAYS, _CLOSED, _FOUND):
        settings.delete(db, key)
