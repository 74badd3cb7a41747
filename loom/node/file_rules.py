"""What is accepted without asking, and how much may lie on the disk."""

from typing import Final, Self

import msgspec

from loom.errors import DiskFull, FilesFull
from loom.model import Person
from loom.storage import files, settings
from loom.storage.connection import Db
from loom.storage.file_store import FileStore

_KEY: Final = "file_rules"
MIB: Final = 1 << 20
UNASKED_TIMES: Final = 64
"""So many times the largest file that is accepted without asking may lie here of one contact."""

UNASKED_FULL: Final = "unasked_full"
"""Why a file is not accepted without asking: so much of them lies here."""


class Rules(msgspec.Struct, frozen=True):
    """The owner's; `accept_from`: nobody, verified or contacts."""

    accept_from: str = "verified"
    accept_max_bytes: int = MIB
    quota_bytes: int = 10 << 30
    accept_in_rooms: bool = False

    @classmethod
    def read(cls, db: Db) -> Self:
        """What is stored, or what holds from the beginning."""
        stored = settings.get(db, _KEY)
        return cls() if stored is None else msgspec.json.decode(stored, type=cls)

    def store(self, db: Db) -> None:
        """From now on these hold."""
        settings.put(db, _KEY, msgspec.json.encode(self))

    def takes(self, person: Person, size: int) -> bool:
        """Whether a file of so many bytes is accepted without asking, if there is room for it."""
        if not person.is_contact or person.identity_changed or size > self.accept_max_bytes:
            return False
        return self.accept_from == "contacts" or (
            self.accept_from == "verified" and person.verified
        )

    def takes_in_room(self, size: int) -> bool:
        """The same of a member of a room."""
        return self.accept_in_rooms and size <= self.accept_max_bytes


def not_taken(db: Db, store: FileStore, rules: Rules, size: int, kept_bytes: int) -> str:
    """Why a file that the rules take is offered all the same; empty: it is not.

    Args:
        kept_bytes: what lies here of that contact or room: offers cost their author nothing.
    """
    if kept_bytes + size > UNASKED_TIMES * rules.accept_max_bytes:
        return UNASKED_FULL
    try:
        check_room(db, store, size)
    except (DiskFull, FilesFull) as error:
        return error.code
    return ""


def check_room(db: Db, store: FileStore, size: int) -> None:
    """There is room for so many bytes more.

    Raises:
        FilesFull: not within what the owner allows.
        DiskFull: not on the disk.
    """
    quota = Rules.read(db).quota_bytes
    if files.kept_bytes(db) + size > quota:
        raise FilesFull(quota_mib=quota // MIB)
    if not store.has_room(size):
        raise DiskFull
