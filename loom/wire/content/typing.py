"""Typing: a live sign that is never stored."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload


class Typing(KnownPayload, frozen=True, tag=3):
    """The author is typing, or stopped."""

    on: bool

    is_receipted: ClassVar[bool] = False
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = False

    def is_in_bounds(self) -> bool:
        """Both values are."""
        return True
