"""Whether this profile is being moved to another machine, or was (docs/PROTOCOL.md 8.2)."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.storage import original, settings

STREAM: Final = "move.loom"
"""The file that goes over, in a folder at either end."""
KEY: Final = "move"
"""The setting that has it; no backup holds it."""


class Move(msgspec.Struct, frozen=True):
    """A move to another machine.

    Args:
        secret: 32 bytes that only the two machines have.
        is_closed: this profile never runs again.
        is_opened: the other machine said that it runs there.
    """

    secret: bytes
    is_closed: bool = False
    is_opened: bool = False

    def __repr__(self) -> str:
        return f"Move(is_closed={self.is_closed}, redacted)"


def load(db: Connection) -> Move | None:
    """The move that was begun here, or None."""
    raw = settings.get(db, KEY)
    return None if raw is None else msgspec.msgpack.decode(raw, type=Move)


def put(db: Connection, move: Move) -> None:
    """As it stands from now on."""
    settings.put(db, KEY, msgspec.msgpack.encode(move))


def forget(db: Connection) -> None:
    """There is none."""
    settings.delete(db, KEY)


def arrive(db: Connection) -> None:
    """On the new machine: it is the one that was open last, and is not being moved."""
    settings.delete(db, KEY)
    original.forget(db)
