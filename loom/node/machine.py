"""Whether this machine uses the identity, as its owner decided (docs/PROTOCOL.md 4.5)."""

from collections.abc import Iterable

from loom.model import DeviceId
from loom.storage import machine
from loom.storage.connection import Db


class Machine:
    """As stored; the sessions of each contact say whether another machine was found."""

    def __init__(self) -> None:
        self.epoch = 0
        """A new one begins with a restore, a rotation, and the word that this machine stays: what
        was begun before, perhaps by others, shows no other machine."""
        self.is_closed = False
        """The profile sends nothing, and opens no link."""
        self.found: frozenset[DeviceId] = frozenset()
        """The devices of contacts who had a session with another machine."""

    def load(self, db: Db) -> None:
        """What was decided."""
        self.epoch, self.is_closed = machine.epoch(db), machine.is_closed(db)
        self.found = machine.found(db)

    def state(self, devices: Iterable[DeviceId]) -> str:
        """See `MachineView.state`; `devices`: of everybody who is known."""
        if self.is_closed:
            return "closed"
        return "alone" if self.found.isdisjoint(devices) else "asks"
