"""Text: what a person wrote."""

from typing import ClassVar

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import TEXT_MAX_BYTES


class Text(KnownPayload, frozen=True, tag=1):
    """What a person wrote: 1 byte to 16 KiB of UTF-8."""

    body: str

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = True
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """Not empty, not longer than 16 KiB of UTF-8."""
        return 0 < len(self.body.encode()) <= TEXT_MAX_BYTES
