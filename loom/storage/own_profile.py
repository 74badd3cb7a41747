"""What the owner tells contacts of themselves."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import OwnProfile
from loom.storage import settings

_NAME: Final = "name"
_REST: Final = "own_profile"


class _Rest(msgspec.Struct, frozen=True):
    number: int = 0
    told: int = 0
    status: str = ""
    away: bool = False
    invisible: bool = False


def load(db: Connection) -> OwnProfile | None:
    """As it was stored last; None: no profile was made in this database."""
    name, stored = settings.get(db, _NAME), settings.get(db, _REST)
    if name is None:
        return None
    rest = _Rest() if stored is None else msgspec.msgpack.decode(stored, type=_Rest)
    return OwnProfile(
        name=name.decode(),
        number=rest.number,
        told=rest.told,
        status=rest.status,
        away=rest.away,
        invisible=rest.invisible,
    )


def put(db: Connection, profile: OwnProfile) -> None:
    """Keep it."""
    rest = _Rest(profile.number, profile.told, profile.status, profile.away, profile.invisible)
    settings.put(db, _NAME, profile.name.encode())
    settings.put(db, _REST, msgspec.msgpack.encode(rest))
