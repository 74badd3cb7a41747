"""Which message a statement is about (PROTOCOL 6.1)."""

import msgspec

from loom.wire.content.payload import MESSAGE_ID_BYTES


class Target(msgspec.Struct, frozen=True, array_like=True):
    """A message as the author of a statement names it.

    Args:
        own: whether that author wrote the message, too.
        message_id: 16 bytes.
    """

    own: bool
    message_id: bytes

    def is_in_bounds(self) -> bool:
        """Whether the id has its length."""
        return len(self.message_id) == MESSAGE_ID_BYTES
