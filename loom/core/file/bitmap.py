"""Which chunks of a file are here, as bytes that are stored."""

from collections.abc import Iterable


def no_chunks(count: int) -> bytes:
    """The bitmap of a file of `count` chunks of which none is here."""
    return bytes(-(-count // 8))


def with_chunks(bitmap: bytes, indexes: Iterable[int]) -> bytes:
    """The same, with these chunks, too."""
    changed = bytearray(bitmap)
    for index in indexes:
        changed[index >> 3] |= 1 << (index & 7)
    return bytes(changed)


def has_chunk(bitmap: bytes | bytearray, index: int) -> bool:
    """Whether one is here."""
    return bool(bitmap[index >> 3] >> (index & 7) & 1)


def chunks_here(bitmap: bytes) -> int:
    """How many are here."""
    return int.from_bytes(bitmap, "big").bit_count()
