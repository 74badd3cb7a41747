"""Ratchet keys made ahead of need, so that no message waits for key generation."""

import asyncio
import secrets
from typing import Final

from loom.core.chains import RatchetKey

SPARE_KEYS: Final = 4
SPARE_KEYS_MAX: Final = 32
REFILL_AFTER_S: Final = 0.05
"""What the keys were taken for is on its way by then."""


class KeyPool:
    """Gives each key once; refills a little later, a key each time the loop comes round.

    If it was found empty it keeps twice as many from then on: a post in a room takes a key for
    each member at once.
    """

    def __init__(self) -> None:
        self._spare: list[RatchetKey] = []
        self._wanted = SPARE_KEYS
        self._was_empty = False
        self._refill_is_due = False

    def __repr__(self) -> str:
        return f"KeyPool({len(self._spare)} redacted)"

    def take(self) -> RatchetKey:
        """A key that nobody had before."""
        if not self._refill_is_due:
            self._refill_is_due = True
            asyncio.get_running_loop().call_later(REFILL_AFTER_S, self._begin_refill)
        if self._spare:
            return self._spare.pop()
        self._was_empty = True
        return generate()

    def _begin_refill(self) -> None:
        if self._was_empty:
            self._was_empty = False
            self._wanted = min(2 * self._wanted, SPARE_KEYS_MAX)
        self._refill()

    def _refill(self) -> None:
        if len(self._spare) < self._wanted:
            self._spare.append(generate())
        self._refill_is_due = len(self._spare) < self._wanted
        if self._refill_is_due:
            asyncio.get_running_loop().call_soon(self._refill)


def generate() -> RatchetKey:
    """A fresh hybrid pair (about 0.1 ms)."""
    return RatchetKey.from_seeds(secrets.token_bytes(32), secrets.token_bytes(64))
