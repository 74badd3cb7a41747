"""A file as it was offered: what is enough to ask for its content, and to check it."""

from typing import Self

import msgspec

from loom.core.file.chunk_list import chunk_bytes, chunk_count, list_piece_bytes, list_pieces
from loom.wire.content.file import File
from loom.wire.file_records import Piece, What
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    FILE_SERVED_EXTRA,
    FILE_SERVED_TIMES,
)


class Offer(msgspec.Struct, frozen=True):
    """One offer.

    Args:
        file_id: 16 bytes; of one contact there is one offer of this id.
        size: bytes of content.
        root: 32 bytes.
        secret: 32 bytes, `F`.
    """

    file_id: bytes
    size: int
    media_type: str
    root: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"Offer({self.file_id.hex()[:8]}, {self.size} bytes, redacted)"

    @classmethod
    def of(cls, payload: File) -> Self:
        """The offer that a payload makes."""
        return cls(
            payload.message_id, payload.size, payload.media_type, payload.root, payload.secret
        )

    @property
    def chunks(self) -> int:
        """How many there are, perhaps none."""
        return chunk_count(self.size)

    @property
    def list_pieces(self) -> int:
        """How many pieces the list has."""
        return list_pieces(self.size)

    @property
    def served_max(self) -> int:
        """How many pieces are sealed for it: each may be lost on the way, but not for ever."""
        return FILE_SERVED_TIMES * (self.chunks + self.list_pieces) + FILE_SERVED_EXTRA

    def has(self, piece: Piece) -> bool:
        """Whether there is such a piece."""
        return piece.index < (self.list_pieces if piece.what is What.LIST else self.chunks)

    def sealed_bytes(self, piece: Piece) -> int:
        """How long a piece is when it is sealed."""
        of = list_piece_bytes if piece.what is What.LIST else chunk_bytes
        return of(self.size, piece.index) + AEAD_TAG_BYTES
