"""RoomKey: which keys are its author's in a room (docs/PROTOCOL.md 14.1)."""

from typing import ClassVar, Final

from loom.wire.content.payload import KnownPayload
from loom.wire.limits import (
    ED25519_KEY_BYTES,
    ED25519_SIGNATURE_BYTES,
    MLDSA_KEY_BYTES,
    MLDSA_SIGNATURE_BYTES,
    ROOM_ID_BYTES,
)

_PROOF_BYTES: Final = ED25519_SIGNATURE_BYTES + MLDSA_SIGNATURE_BYTES


class RoomKey(KnownPayload, frozen=True, tag=18):
    """Said by a member in the own session with each other one.

    Args:
        proof: 3,373 bytes, by these keys over the room and the author's token.
        claim: empty, or 32 bytes that show which invite into the room was used.
    """

    room_id: bytes
    ed25519_public: bytes
    mldsa_public: bytes
    proof: bytes
    claim: bytes

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = False
    is_durable: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"RoomKey({self.room_id.hex()[:8]})"

    def is_in_bounds(self) -> bool:
        """The five sizes."""
        return (
            len(self.room_id) == ROOM_ID_BYTES
            and len(self.ed25519_public) == ED25519_KEY_BYTES
            and len(self.mldsa_public) == MLDSA_KEY_BYTES
            and len(self.proof) == _PROOF_BYTES
            and len(self.claim) in (0, 32)
        )
