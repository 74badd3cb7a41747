"""FileState: what becomes of a file that was offered (PROTOCOL 15.2)."""

from enum import IntEnum
from typing import ClassVar

import msgspec

from loom.wire.content.payload import MESSAGE_ID_BYTES, KnownPayload
from loom.wire.hints import is_canonical_host
from loom.wire.limits import (
    ANCHOR_MASK_KEY_BYTES,
    FILE_CHUNKS_MAX,
    MAILBOX_ADDRESSES_MAX,
    NUMBER_END,
    QUEUE_SECRET_BYTES,
)


class State(IntEnum):
    """Every one but ACCEPT is final."""

    ACCEPT = 1
    DECLINE = 2
    CANCEL = 3
    DONE = 4
    """The receiver has it whole."""
    CHANGED = 5
    """What the sender has is no longer what was offered."""


class Place(msgspec.Struct, frozen=True, array_like=True):
    """The bulk queue that the receiver holds for this sender.

    Args:
        addresses: host and port of its anchor, 1 to 4.
        mask_key: 16 bytes, `D` of the anchor (PROTOCOL 10.2).
        secret: 32 bytes, `Q`.
        have: the chunks that are here, chunk i the bit of value 2^(i mod 8) of byte i / 8;
            at most 8,192 bytes, the last one not zero.
    """

    addresses: tuple[tuple[str, int], ...]
    mask_key: bytes
    secret: bytes
    have: bytes = b""

    def __repr__(self) -> str:
        return f"Place({self.addresses!r}, redacted)"

    def is_in_bounds(self) -> bool:
        """Whether every field has a value that section 15.2 allows."""
        return (
            1 <= len(self.addresses) <= MAILBOX_ADDRESSES_MAX
            and all(
                is_canonical_host(host) and 1 <= port <= 65_535 for host, port in self.addresses
            )
            and len(self.mask_key) == ANCHOR_MASK_KEY_BYTES
            and len(self.secret) == QUEUE_SECRET_BYTES
            and len(self.have) <= FILE_CHUNKS_MAX // 8
            and not self.have.endswith(b"\0")
        )


class FileState(KnownPayload, frozen=True, tag=15):
    """Of one author about one file the largest number counts, but a final state is never left.

    Args:
        file_id: 16 bytes, message_id of the File.
        number: Unix milliseconds, larger than in every earlier one of its author about the file.
        state: a `State`.
        place: only with ACCEPT.
    """

    file_id: bytes
    number: int
    state: int
    place: Place | None = None

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def is_in_bounds(self) -> bool:
        """An id, a number below 2^53, a known state, a place only where it belongs."""
        return (
            len(self.file_id) == MESSAGE_ID_BYTES
            and 0 <= self.number < NUMBER_END
            and self.state in tuple(State)
            and (self.place is None or self.state == State.ACCEPT)
            and (self.place is None or self.place.is_in_bounds())
        )
