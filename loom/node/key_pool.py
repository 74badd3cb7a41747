"""Ratchet keys made ahead of need, so that no message waits for key generation."""

import asyncio
import secrets
from typing import Final

from loom.core.chains import RatchetKey

SPARE_KEYS: Final = 4


class KeyPool:
    """Gives each key once; refills when the loop comes round."""

    def __init__(self) -> None:
        self._spare: list[RatchetKey] = []
        self._refill_is_due = False

    def __repr__(self) -> str:
        return f"KeyPool({len(self._spare)} redacted)"

    def take(self) -> RatchetKey:
        """A key that nobody had before."""
        if not self._refill_is_due:
            self._refill_is_due = True
            asyncio.get_running_loop().call_later(0.001, self._refill)
        return self._spare.pop() if self._spare else generate()

    def _refill(self) -> None:
        self._refill_is_due = len(self._spare) + 1 < SPARE_KEYS
        self._spare.append(generate())
        if self._refill_is_due:
            asyncio.get_running_loop().call_soon(self._refill)


def generate() -> RatchetKey:
    """A fresh hybrid pair (about 0.1 ms)."""
    return RatchetKey.from_seeds(secrets.token_bytes(32), secrets.token_bytes(64))
