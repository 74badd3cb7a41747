"""What every way to a contact has in common."""

from typing import Protocol


class Route(Protocol):
    """Brings envelopes to a contact. Only a receipt says that one arrived."""

    @property
    def is_up(self) -> bool:
        """Envelopes may be sent now."""
        ...

    @property
    def is_writable(self) -> bool:
        """More may be sent without waiting for the buffer to drain."""
        ...

    def send(self, envelope: bytes) -> bool:
        """Queue a committed envelope; False: dropped, because the route is not up."""
        ...
