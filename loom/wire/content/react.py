"""React: what its author answers to a message with one sign."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.content.target import Target
from loom.wire.limits import NUMBER_END, REACTION_MAX_BYTES


class React(KnownPayload, frozen=True, tag=10):
    """One reaction of each person to each message: the one with the largest number.

    Args:
        number: Unix milliseconds, larger than in every earlier React of its author to that message.
        emoji: at most 64 bytes of UTF-8; empty takes the reaction back.
    """

    target: Target
    number: int
    emoji: str

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """A target, a number below 2^53, at most 64 bytes."""
        return (
            self.target.is_in_bounds()
            and 0 <= self.number < NUMBER_END
            and len(self.emoji.encode()) <= REACTION_MAX_BYTES
        )
