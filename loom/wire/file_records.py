"""Records 4 to 6 of a link: pieces of files, asked for, sent, refused (docs/PROTOCOL.md 15.4).

request  file_id (16) || what u8 || index u32
part     file_id (16) || what u8 || index u32 || part u8 || bytes
refusal  file_id (16) || what u8 || index u32 || reason u8
"""

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from loom.errors import MalformedMessage
from loom.wire.encoding import u8
from loom.wire.limits import (
    FILE_CHUNK_BYTES,
    FILE_CHUNKS_MAX,
    FILE_HASH_BYTES,
    FILE_PART_MAX_BYTES,
)

FILE_ID_BYTES: Final = 16
HASHES_OF_PIECE: Final = FILE_CHUNK_BYTES // FILE_HASH_BYTES
_PIECE: Final = Struct(">16sBI")
_PART: Final = Struct(">16sBIB")


class What(IntEnum):
    """Of what a piece is."""

    LIST = 0
    """The hashes of the chunks, 8,192 of them."""
    DATA = 1
    """One chunk."""


_WHATS: Final = {int(what): what for what in What}
_ENDS: Final = {What.LIST: FILE_CHUNKS_MAX // HASHES_OF_PIECE, What.DATA: FILE_CHUNKS_MAX}


class Reason(IntEnum):
    """Why a piece is not sent."""

    LATER = 1
    """Not now: ask again."""
    GONE = 2
    """Not any more: ask no more on this link."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """What is asked for at once: at most 256 KiB of a file or of its list, sealed."""

    file_id: bytes
    what: What
    index: int


class Part(NamedTuple):
    """Some of a sealed piece."""

    piece: Piece
    number: int
    content: bytes | memoryview

    def __repr__(self) -> str:
        return f"Part({self.piece}, {self.number}, {len(self.content)} bytes)"


class Refusal(NamedTuple):
    """A piece that does not come."""

    piece: Piece
    reason: Reason


def encode_request(piece: Piece) -> bytes:
    """21 bytes."""
    return _PIECE.pack(piece.file_id, piece.what, piece.index)


def decode_request(body: bytes) -> Piece:
    """Undo `encode_request`.

    Raises:
        MalformedMessage: other lengths or numbers.
    """
    if len(body) != _PIECE.size:
        raise MalformedMessage(what="request for a file")
    return _piece(*_PIECE.unpack(body))


def encode_parts(piece: Piece, sealed: bytes) -> list[bytes]:
    """The bodies that carry a sealed piece, as few as hold it."""
    head = _PIECE.pack(piece.file_id, piece.what, piece.index)
    starts, content = range(0, len(sealed), FILE_PART_MAX_BYTES), memoryview(sealed)
    return [
        b"".join((head, u8(number), content[start : start + FILE_PART_MAX_BYTES]))
        for number, start in enumerate(starts)
    ]


def decode_part(body: bytes) -> Part:
    """Read one body of `encode_parts`.

    Raises:
        MalformedMessage: other lengths or numbers.
    """
    if len(body) <= _PART.size:
        raise MalformedMessage(what="part of a file")
    *piece, number = _PART.unpack_from(body)
    return Part(_piece(*piece), number, memoryview(body)[_PART.size :])


def encode_refusal(refusal: Refusal) -> bytes:
    """22 bytes."""
    piece = refusal.piece
    return _PART.pack(piece.file_id, piece.what, piece.index, refusal.reason)


def decode_refusal(body: bytes) -> Refusal:
    """Undo `encode_refusal`.

    Raises:
        MalformedMessage: another length, other numbers, an unknown reason.
    """
    if len(body) != _PART.size or body[-1] not in tuple(Reason):
        raise MalformedMessage(what="refusal of a file")
    *piece, reason = _PART.unpack(body)
    return Refusal(_piece(*piece), Reason(reason))


def _piece(file_id: bytes, what: int, index: int) -> Piece:
    known = _WHATS.get(what)
    if known is None or index >= _ENDS[known]:
        raise MalformedMessage(what="piece of a file")
    return Piece(file_id, known, index)
