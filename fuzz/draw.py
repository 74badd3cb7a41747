"""Decisions read from a fuzzer's bytes, so that every byte string is a valid test."""

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

EDITS_MAX: Final = 6
_EDGES: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


class Draw:
    """Reads a byte string from its start; past its end everything is zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def is_over(self) -> bool:
        """Nothing is left to decide with."""
        return self._position >= len(self._data)

    def take(self, size: int) -> bytes:
        """So many bytes, zeros after the end."""
        start = self._position
        self._position += size
        return self._data[start : self._position].ljust(size, b"\0")

    def rest(self) -> bytes:
        """All that is left."""
        left = self._data[self._position :]
        self._position = len(self._data)
        return left

    def some(self) -> bytes:
        """A few bytes, as many as the first says; never more than there are."""
        size = self.number(256)
        start = self._position
        self._position = min(start + size, len(self._data))
        return self._data[start : self._position]

    def number(self, below: int) -> int:
        """0 <= n < below, from as many bytes as that needs."""
        size = max(1, ((below - 1).bit_length() + 7) // 8)
        return int.from_bytes(self.take(size), "big") % below

    def flag(self) -> bool:
        """Yes or no; no at the end."""
        return bool(self.number(2))

    def choice(self, among: Sequence[T]) -> T:
        """One of these; the first at the end."""
        return among[self.number(len(among))]

    def integer(self, bits: int) -> int:
        """An unsigned integer of so many bits, often at an edge."""
        if self.flag():
            return self.number(1 << bits)
        edge = self.choice(_EDGES) if self.flag() else (1 << bits) - 1 - self.number(3)
        return edge % (1 << bits)

    def edited(self, valid: bytes) -> bytes:
        """`valid` with a few changes anywhere, or none."""
        data = bytearray(valid)
        for _ in range(self.number(EDITS_MAX)):
            place = self.number(len(data) + 1)
            match self.number(7):
                case 0 if data:
                    data[place % len(data)] ^= 1 << self.number(8)
                case 1 if data:
                    data[place % len(data)] = self.number(256)
                case 2:
                    data[place:place] = self.some()
                case 3:
                    del data[place : place + 1 + self.number(64)]
                case 4:
                    del data[place:]
                case 5:
                    field = self.integer(32).to_bytes(4, "big")
                    data[place : place + 4] = field
                case _:
                    other = self.number(len(data) + 1)
                    data[place:place] = data[other : other + self.number(256)]
        return bytes(data)
