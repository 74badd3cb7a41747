"""Parcels of files, as they lie at an anchor (PROTOCOL.md 10.1).

parcel = file_id (16) || what u8 || index u32 || part u8 || length u16 || bytes || zeros
"""

import struct
from typing import Final

import msgspec

from loom.errors import InvalidInput, MalformedMessage
from loom.wire.file_records import Piece, decode_request, encode_request
from loom.wire.limits import PARCEL_BYTES, PARCEL_HEAD_BYTES

PARCEL_CONTENT_BYTES: Final = PARCEL_BYTES - PARCEL_HEAD_BYTES
"""How much of a sealed piece one parcel carries; its last one less."""
PARCEL_PARTS_MAX: Final = 5
_PIECE_BYTES: Final = 21
_PART: Final = struct.Struct(">BH")


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """A part of a sealed piece."""

    piece: Piece
    part: int
    content: bytes

    def __repr__(self) -> str:
        return f"Parcel({self.piece!r}, {self.part}, {len(self.content)} bytes)"


def parcels_of(piece: Piece, sealed: bytes) -> list[Parcel]:
    """All parcels of a sealed piece, in order."""
    starts = range(0, len(sealed), PARCEL_CONTENT_BYTES)
    return [
        Parcel(piece, part, sealed[at : at + PARCEL_CONTENT_BYTES])
        for part, at in enumerate(starts)
    ]


def encode_parcel(parcel: Parcel) -> bytes:
    """Its 61,440 bytes.

    Raises:
        InvalidInput: nothing in it, or too much.
    """
    if not 0 < len(parcel.content) <= PARCEL_CONTENT_BYTES:
        raise InvalidInput(what=f"A parcel of a file does not hold {len(parcel.content)} bytes")
    head = encode_request(parcel.piece) + _PART.pack(parcel.part, len(parcel.content))
    return (head + parcel.content).ljust(PARCEL_BYTES, b"\0")


def decode_parcel(data: bytes) -> Parcel:
    """Undo `encode_parcel`.

    Raises:
        MalformedMessage: another length, a field out of its bounds, padding that is not zero.
    """
    if len(data) != PARCEL_BYTES:
        raise MalformedMessage(what="parcel length")
    piece = decode_request(data[:_PIECE_BYTES])
    part, length = _PART.unpack_from(data, _PIECE_BYTES)
    end = PARCEL_HEAD_BYTES + length
    if (
        part >= PARCEL_PARTS_MAX
        or not 0 < length <= PARCEL_CONTENT_BYTES
        or data.count(0, end) != PARCEL_BYTES - end
    ):
        raise MalformedMessage(what="parcel")
    return Parcel(piece, part, data[PARCEL_HEAD_BYTES:end])
