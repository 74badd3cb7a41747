"""One transaction's work about rooms."""

from dataclasses import dataclass, field

from loom.model import DeviceId, RoomNumber
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.room_states import RoomNow
from loom.storage import rooms
from loom.storage.connection import Db


@dataclass
class RoomWork:
    """What reading, storing and telling needs."""

    db: Db
    happened: Happened
    parts: Parts
    now_ms: int
    reached: frozenset[DeviceId] = frozenset()
    """The devices that have soon what is queued for them: by a link or a mailbox."""
    queued_for: set[DeviceId] = field(default_factory=set)
    """The devices for which rows were added."""
    changed: set[RoomNumber] = field(default_factory=set)
    """The rooms whose members changed, or where one of them is reached."""

    def now(self, room: RoomNumber) -> RoomNow | None:
        """A room as this work has left it, or None."""
        row = rooms.by_number(self.db, room)
        return None if row is None else self.parts.room_states.of(self.db, row)
