"""Text: what a person wrote."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.content.target import Target
from loom.wire.content.timer import is_timer
from loom.wire.limits import TEXT_MAX_BYTES


class Text(KnownPayload, frozen=True, tag=1):
    """What a person wrote: 1 byte to 16 KiB of UTF-8.

    Args:
        reply: the message that it answers.
        expires_s: the timer it was written under, in seconds; 0 for none.
    """

    body: str
    reply: Target | None = None
    expires_s: int = 0

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = True
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """Not empty, not longer than 16 KiB of UTF-8; a timer of 5 s to a year, or none."""
        return (
            0 < len(self.body.encode()) <= TEXT_MAX_BYTES
            and (self.reply is None or self.reply.is_in_bounds())
            and is_timer(self.expires_s)
        )
