"""Pin: whether its author wants a message kept in sight."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.content.target import Target
from loom.wire.limits import NUMBER_END


class Pin(KnownPayload, frozen=True, tag=11):
    """A message is pinned while either side pins it; of one author the largest number counts.

    Args:
        number: Unix milliseconds, larger than in every earlier Pin of its author for that message.
    """

    target: Target
    number: int
    on: bool

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """A target, a number below 2^53."""
        return self.target.is_in_bounds() and 0 <= self.number < NUMBER_END
