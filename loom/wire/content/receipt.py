"""Receipt: which messages were stored, and which were read."""

from typing import ClassVar

from loom.wire.content.payload import MESSAGE_ID_BYTES, KnownPayload
from loom.wire.limits import RECEIPT_MAX_IDS


class Receipt(KnownPayload, frozen=True, tag=2):
    """Ids that were stored and ids that were read: at most 1,000 together, maybe none."""

    delivered: tuple[bytes, ...]
    read: tuple[bytes, ...]

    is_receipted: ClassVar[bool] = False
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = False

    def is_in_bounds(self) -> bool:
        """At most 1,000 ids, each of 16 bytes."""
        return len(self.delivered) + len(self.read) <= RECEIPT_MAX_IDS and all(
            len(one) == MESSAGE_ID_BYTES for one in self.delivered + self.read
        )
