"""Timer: how long its author wants the messages of the conversation to last."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import NUMBER_END, TIMER_MAX_S, TIMER_MIN_S


def is_timer(expires_s: int) -> bool:
    """0 for none, else 5 seconds to 365 days."""
    return expires_s == 0 or TIMER_MIN_S <= expires_s <= TIMER_MAX_S


class Timer(KnownPayload, frozen=True, tag=12):
    """The conversation's timer is the shorter one of both sides' that is not 0.

    Args:
        number: Unix milliseconds, larger than in every earlier Timer of its author.
        expires_s: 0 for none, else 5 to 31,536,000.
    """

    number: int
    expires_s: int

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """A number below 2^53, a timer."""
        return 0 <= self.number < NUMBER_END and is_timer(self.expires_s)
