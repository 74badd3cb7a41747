"""Random bytes for what everybody may see, drawn many at a time."""

from collections.abc import Callable
from typing import Final

DRAW_BYTES: Final = 4_096


class NoncePool:
    """Nonces, salts and ids: gives each byte once. Never for keys: it holds bytes ahead of use.

    Each draw from the system lets another thread have the interpreter, and waits to get it back.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._drawn = b""
        self._used = 0

    def __repr__(self) -> str:
        return "NoncePool(redacted)"

    def take(self, size: int) -> bytes:
        """Bytes that nobody had before; at most 4,096."""
        if self._used + size > len(self._drawn):
            self._drawn, self._used = self._random(DRAW_BYTES), 0
        start = self._used
        self._used = start + size
        return self._drawn[start : self._used]
