"""Farewell: its author deletes a conversation and asks the reader to do the same."""

from enum import IntEnum
from typing import ClassVar

from loom.wire.content.payload import KnownPayload


class Scope(IntEnum):
    """What is deleted on both sides."""

    CONVERSATION = 1
    """What was said; they stay contacts."""
    CONTACT = 2
    """The contact too."""


class Farewell(KnownPayload, frozen=True, tag=13):
    """Covers the messages of both sides that were sent at `before_ms` or earlier.

    Args:
        before_ms: Unix milliseconds, at most `sent_at_ms`.
        scope: a `Scope`.
    """

    before_ms: int
    scope: int

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """Not later than its own time; one of the two scopes."""
        return 0 <= self.before_ms <= self.sent_at_ms and self.scope in tuple(Scope)
