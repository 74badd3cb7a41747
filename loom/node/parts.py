"""What the rooms of a node share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from loom.core.identity import Identity
from loom.model import MessageId, new_message_id
from loom.node.alarm import Alarm
from loom.node.deadlines import Deadlines
from loom.node.erasing import Eraser
from loom.node.file_removal import Removal
from loom.node.journal import Journal
from loom.node.key_pool import KeyPool
from loom.node.machine import Machine
from loom.node.nonce_pool import NoncePool
from loom.node.own_profile import OwnProfileNow
from loom.node.room_states import RoomStates
from loom.node.turns import Turns
from loom.ports import Clock
from loom.storage.database import Database
from loom.storage.file_store import FileStore

SEALED_PER_TURN: Final = 8
"""So many devices have what is for them sealed in one turn of the loop: what was sealed for the
first of them is written while it goes on for the others."""


@dataclass
class Parts:
    """One per node."""

    database: Database
    identity: Identity
    """Another one once the owner has rotated it."""
    clock: Clock
    journal: Journal
    profile: OwnProfileNow
    keys: KeyPool
    files: FileStore
    """The sealed contents of files."""
    random: Callable[[int], bytes]
    """Cryptographic random bytes."""

    @cached_property
    def nonces(self) -> NoncePool:
        """What becomes public."""
        return NoncePool(self.random)

    @cached_property
    def sealing(self) -> Turns:
        """Who seals what waited."""
        return Turns(SEALED_PER_TURN)

    @cached_property
    def machine(self) -> Machine:
        """Whether it is this one that uses the identity."""
        return Machine()

    @cached_property
    def deadlines(self) -> Deadlines:
        """When messages end."""
        return Deadlines()

    @property
    def room_states(self) -> RoomStates:
        """What holds in each room."""
        return self.journal.room_states

    @cached_property
    def eraser(self) -> Eraser:
        """What makes deletions of contacts final."""
        return Eraser(self.database, self.clock, self.removal)

    @cached_property
    def room_fetch(self) -> Alarm:
        """Rings when a file of a room may be fetched, or from another member."""
        return Alarm()

    @cached_property
    def removal(self) -> Removal:
        """What takes the contents of deleted files from the disk."""
        return Removal(self.database, self.files)

    def now_s(self) -> int:
        """Unix time in seconds."""
        return self.clock.now_ms() // 1000

    def new_id(self) -> MessageId:
        """A message id of now."""
        return new_message_id(self.clock.now_ms(), self.nonces.take(10))
