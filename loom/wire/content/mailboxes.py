"""Mailboxes: the queues at anchors through which its author and the reader write to each other."""

from enum import IntEnum
from typing import ClassVar

import msgspec

from loom.wire.content.payload import KnownPayload
from loom.wire.hints import is_canonical_host
from loom.wire.limits import (
    ANCHOR_MASK_KEY_BYTES,
    MAILBOX_ADDRESSES_MAX,
    MAILBOXES_MAX,
    QUEUE_SECRET_BYTES,
)


class Direction(IntEnum):
    """Of a queue, as its holder sees it: who has the account at the anchor."""

    INBOUND = 0
    """The guest writes, the holder reads."""
    OUTBOUND = 1
    """The holder writes, the guest reads."""


class Mailbox(msgspec.Struct, frozen=True, array_like=True):
    """One queue, told by its holder to its guest.

    Args:
        addresses: host and port of its anchor, 1 to 4.
        mask_key: 16 bytes, `D` of the anchor (PROTOCOL 10.2).
        secret: 32 bytes, `Q`.
        direction: a `Direction`.
    """

    addresses: tuple[tuple[str, int], ...]
    mask_key: bytes
    secret: bytes
    direction: int

    def __repr__(self) -> str:
        return f"Mailbox({self.addresses!r}, direction={self.direction}, redacted)"

    def is_in_bounds(self) -> bool:
        """Whether every field has a value that section 6 allows."""
        return (
            1 <= len(self.addresses) <= MAILBOX_ADDRESSES_MAX
            and all(
                is_canonical_host(host) and 1 <= port <= 65_535 for host, port in self.addresses
            )
            and len(self.mask_key) == ANCHOR_MASK_KEY_BYTES
            and len(self.secret) == QUEUE_SECRET_BYTES
            and self.direction in (Direction.INBOUND, Direction.OUTBOUND)
        )


class Mailboxes(KnownPayload, frozen=True, tag=5):
    """Every queue that its author holds for the reader: at most 4, maybe none.

    Args:
        number: Unix milliseconds, larger than in every earlier one of this author.
    """

    number: int
    mailboxes: tuple[Mailbox, ...]

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"Mailboxes(number={self.number}, {len(self.mailboxes)} of them)"

    def is_in_bounds(self) -> bool:
        """At most 4 entries, each in its bounds."""
        return (
            0 <= self.number < 2**53
            and len(self.mailboxes) <= MAILBOXES_MAX
            and all(one.is_in_bounds() for one in self.mailboxes)
        )
