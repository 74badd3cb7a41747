"""Delete: texts that their author takes back on both sides."""

from typing import ClassVar

from loom.wire.content.payload import MESSAGE_ID_BYTES, KnownPayload
from loom.wire.limits import DELETE_MAX_IDS


class Delete(KnownPayload, frozen=True, tag=9):
    """Final: nothing brings them back.

    Args:
        target_ids: 1 to 100 ids of 16 bytes, of messages of the same author.
    """

    target_ids: tuple[bytes, ...]

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """1 to 100 ids."""
        return 1 <= len(self.target_ids) <= DELETE_MAX_IDS and all(
            len(one) == MESSAGE_ID_BYTES for one in self.target_ids
        )
