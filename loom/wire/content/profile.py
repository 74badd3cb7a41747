"""Profile: how its author would like to be called."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import NAME_MAX_BYTES


class Profile(KnownPayload, frozen=True, tag=4):
    """The display name of its author: at most 256 bytes of UTF-8, maybe empty."""

    display_name: str

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """Not longer than 256 bytes of UTF-8."""
        return len(self.display_name.encode()) <= NAME_MAX_BYTES
