"""What every payload has, known or not (PROTOCOL 6)."""

from typing import ClassVar, Final

import msgspec

MESSAGE_ID_BYTES: Final = 16


class Payload(msgspec.Struct, frozen=True):
    """The plaintext of one ratchet message."""

    message_id: bytes
    sent_at_ms: int

    is_receipted: ClassVar[bool]
    """Whether taking one in owes a receipt."""
    is_message: ClassVar[bool]
    """Whether it enters the history as a message of its author."""
    is_durable: ClassVar[bool]
    """Whether it has an outbox row, and is sent again until it is receipted."""

    def is_in_bounds(self) -> bool:
        """Whether the fields of its own kind have values that section 6 allows."""
        raise NotImplementedError


class KnownPayload(Payload, frozen=True, array_like=True):
    """A kind that this version writes: `[tag, message_id, sent_at_ms, ...]`."""
