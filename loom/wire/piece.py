"""Pieces of files, as they lie at an anchor (PROTOCOL.md 10.7).

piece = file_id (16) || what u8 || index u32 || part u8 || length u16 || bytes || zeros
"""

import struct
from enum import IntEnum
from typing import Final

import msgspec

from loom.errors import InvalidInput, MalformedMessage
from loom.wire.limits import PIECE_BYTES, PIECE_HEAD_BYTES

PIECE_CONTENT_BYTES: Final = PIECE_BYTES - PIECE_HEAD_BYTES
"""How much of a sealed chunk one piece carries; the last one of a chunk less."""
PIECE_PARTS_MAX: Final = 5
_HEAD: Final = struct.Struct(">16sBIBH")
_INDEX_MAX: Final = (8, 65_536)
"""How many pieces a list has, and a file chunks."""


class PieceOf(IntEnum):
    """What of a file a piece belongs to."""

    LIST = 0
    DATA = 1


class Piece(msgspec.Struct, frozen=True):
    """A part of a sealed chunk, or of a sealed piece of the list of chunks."""

    file_id: bytes
    what: PieceOf
    index: int
    part: int
    data: bytes

    def __repr__(self) -> str:
        return f"Piece({self.what.name}, {self.index}, {self.part}, {len(self.data)} bytes)"


def cut(file_id: bytes, what: PieceOf, index: int, sealed: bytes) -> list[Piece]:
    """All pieces of a sealed chunk, in order."""
    starts = range(0, len(sealed), PIECE_CONTENT_BYTES)
    return [
        Piece(file_id, what, index, part, sealed[at : at + PIECE_CONTENT_BYTES])
        for part, at in enumerate(starts)
    ]


def encode_piece(piece: Piece) -> bytes:
    """Its 61,440 bytes.

    Raises:
        InvalidInput: nothing in it, or too much.
    """
    if not 0 < len(piece.data) <= PIECE_CONTENT_BYTES:
        raise InvalidInput(what=f"A piece of a file does not hold {len(piece.data)} bytes")
    head = _HEAD.pack(piece.file_id, piece.what, piece.index, piece.part, len(piece.data))
    return (head + piece.data).ljust(PIECE_BYTES, b"\0")


def decode_piece(data: bytes) -> Piece:
    """Undo `encode_piece`.

    Raises:
        MalformedMessage: another length, a field out of its bounds, padding that is not zero.
    """
    if len(data) != PIECE_BYTES:
        raise MalformedMessage(what="piece length")
    file_id, what, index, part, length = _HEAD.unpack_from(data)
    end = PIECE_HEAD_BYTES + length
    if (
        what >= len(_INDEX_MAX)
        or index >= _INDEX_MAX[what]
        or part >= PIECE_PARTS_MAX
        or not 0 < length <= PIECE_CONTENT_BYTES
        or any(data[end:])
    ):
        raise MalformedMessage(what="piece")
    return Piece(file_id, PieceOf(what), index, part, data[PIECE_HEAD_BYTES:end])
