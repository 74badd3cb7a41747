"""Profile: what its author tells of themselves."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import NAME_MAX_BYTES, NUMBER_END, STATUS_MAX_BYTES


class Profile(KnownPayload, frozen=True, tag=4):
    """The newest one of its author counts.

    Args:
        number: Unix milliseconds, larger than before the last change of its author's profile.
        display_name: at most 256 bytes of UTF-8, maybe empty.
        status: the same.
        away: its author said so.
    """

    number: int
    display_name: str
    status: str
    away: bool

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """A number below 2^53, texts that are not too long."""
        return (
            0 <= self.number < NUMBER_END
            and len(self.display_name.encode()) <= NAME_MAX_BYTES
            and len(self.status.encode()) <= STATUS_MAX_BYTES
        )
