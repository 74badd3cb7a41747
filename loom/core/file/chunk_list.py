"""Chunks of a file, the list of their hashes, and the root over it (PROTOCOL 15.3)."""

from collections.abc import Iterator
from typing import Final

from loom.core.file.bitmap import chunks_here, has_chunk
from loom.crypto.blake3 import blake3_of
from loom.wire.encoding import enc, u64
from loom.wire.file_records import HASHES_OF_PIECE
from loom.wire.limits import FILE_CHUNK_BYTES, FILE_HASH_BYTES

_LABEL: Final = b"LOOM/1 file"


def chunk_count(size: int) -> int:
    """How many chunks a file of `size` bytes has."""
    return -(-size // FILE_CHUNK_BYTES)


def chunk_bytes(size: int, index: int) -> int:
    """How long a chunk is."""
    return min(FILE_CHUNK_BYTES, size - index * FILE_CHUNK_BYTES)


def bytes_here(size: int, bitmap: bytes) -> int:
    """How many bytes of content the chunks of a bitmap hold."""
    count, last = chunks_here(bitmap), chunk_count(size) - 1
    if last < 0 or not has_chunk(bitmap, last):
        return count * FILE_CHUNK_BYTES
    return (count - 1) * FILE_CHUNK_BYTES + chunk_bytes(size, last)


def list_pieces(size: int) -> int:
    """In how many pieces the list is sent."""
    return -(-chunk_count(size) // HASHES_OF_PIECE)


def list_piece(hashes: bytes, index: int) -> bytes:
    """At most 8,192 hashes of the list."""
    start = index * FILE_CHUNK_BYTES
    return hashes[start : start + FILE_CHUNK_BYTES]


def list_piece_bytes(size: int, index: int) -> int:
    """How long a piece of the list is."""
    left = chunk_count(size) - index * HASHES_OF_PIECE
    return min(HASHES_OF_PIECE, left) * FILE_HASH_BYTES


def hash_at(hashes: bytes, index: int) -> bytes:
    """Of one chunk."""
    start = index * FILE_HASH_BYTES
    return hashes[start : start + FILE_HASH_BYTES]


def root_of(size: int, media_type: str, hashes: bytes) -> bytes:
    """32 bytes over all that an offer says of the content.

    Args:
        hashes: of every chunk in its order, 32 bytes each.
    """
    return blake3_of(_rooted(size, media_type, hashes))


def _rooted(size: int, media_type: str, hashes: bytes) -> Iterator[bytes]:
    yield enc(_LABEL, u64(size), media_type.encode())
    for start in range(0, len(hashes), FILE_HASH_BYTES):
        yield enc(hashes[start : start + FILE_HASH_BYTES])
