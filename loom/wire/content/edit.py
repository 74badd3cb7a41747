"""Edit: another wording of a text of its author."""

from typing import ClassVar

from loom.wire.content.payload import MESSAGE_ID_BYTES, KnownPayload
from loom.wire.limits import NUMBER_END, TEXT_MAX_BYTES


class Edit(KnownPayload, frozen=True, tag=8):
    """The wording with the largest number is the one to show.

    Args:
        target_id: 16 bytes, the id of a Text of the same author.
        number: Unix milliseconds, larger than in every earlier Edit of that text.
        body: 1 byte to 16 KiB of UTF-8.
    """

    target_id: bytes
    number: int
    body: str

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """An id, a number below 2^53, a body as of a Text."""
        return (
            len(self.target_id) == MESSAGE_ID_BYTES
            and 0 <= self.number < NUMBER_END
            and 0 < len(self.body.encode()) <= TEXT_MAX_BYTES
        )
