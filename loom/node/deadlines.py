"""When the next message ends."""

from loom.node.alarm import Alarm


class Deadlines:
    """One per node. Unix milliseconds, by the wall clock, which may jump."""

    def __init__(self) -> None:
        self.alarm = Alarm()
        """Rings when something may be due earlier than before."""
        self.next_ms: int | None = None
        """None: nothing ends, as far as is known."""

    def note(self, until_ms: int | None) -> None:
        """Something ends then; None: nothing does."""
        if until_ms is not None and (self.next_ms is None or until_ms < self.next_ms):
            self.next_ms = until_ms
            self.alarm.ring()
