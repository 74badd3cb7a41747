"""When the next message or post of a room ends."""

from loom.node.alarm import Alarm


class Deadlines:
    """One per node. Unix milliseconds, by the wall clock, which may jump."""

    def __init__(self) -> None:
        self.alarm = Alarm()
        """Rings when something may be due earlier than before."""
        self.next_ms: int | None = None
        """None: nothing ends, as far as is known."""
        self.has_deleted = False
        """Something was deleted in a room: the log of the database still holds it."""

    def note(self, until_ms: int | None) -> None:
        """Something ends then; None: nothing does."""
        if until_ms is not None and (self.next_ms is None or until_ms < self.next_ms):
            self.next_ms = until_ms
            self.alarm.ring()

    def note_deleted(self) -> None:
        """Something was deleted that is to be nowhere soon."""
        self.has_deleted = True
        self.alarm.ring()
