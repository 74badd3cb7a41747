"""Message keys of messages that have not arrived yet (docs/PROTOCOL.md 5)."""

from itertools import islice
from typing import NamedTuple

from loom.core.chains import MessageKey
from loom.wire.limits import MAX_SKIPPED_STORED, SKIPPED_LIFETIME_S


class KeyPlace(NamedTuple):
    """Which message a key opens: number `n` of receiving chain `chain`."""

    chain: int
    n: int


class SkippedChange(NamedTuple):
    """What one opened message does to the skipped keys; stored in its transaction."""

    added: tuple[tuple[KeyPlace, MessageKey], ...] = ()
    removed: tuple[KeyPlace, ...] = ()

    def __repr__(self) -> str:
        return f"SkippedChange({len(self.added)} added, {len(self.removed)} removed)"


NO_CHANGE = SkippedChange()


class SkippedMessageKeys:
    """The skipped keys of one session, oldest first; changed only by `apply`."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[KeyPlace, tuple[MessageKey, int]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        return f"SkippedMessageKeys({len(self._keys)} redacted)"

    def find(self, place: KeyPlace, now_s: int) -> MessageKey | None:
        """The 32-byte message key, unless it is not here or older than 35 days."""
        key, stored_at_s = self._keys.get(place, (None, 0))
        return key if now_s - stored_at_s <= SKIPPED_LIFETIME_S else None

    def of_chain(self, chain: int) -> tuple[KeyPlace, ...]:
        """All places of one chain."""
        return tuple(place for place in self._keys if place.chain == chain)

    def oldest_beyond_limit(
        self, adding: int, removed: tuple[KeyPlace, ...]
    ) -> tuple[KeyPlace, ...]:
        """What else must go, once `removed` is gone, so that `adding` more keys fit."""
        beyond = len(self._keys) - len(removed) + adding - MAX_SKIPPED_STORED
        gone = set(removed)
        return tuple(islice((key for key in self._keys if key not in gone), max(0, beyond)))

    def apply(self, change: SkippedChange, now_s: int) -> None:
        """Make a change that is (or is about to be) committed."""
        for place in change.removed:
            self._keys.pop(place, None)
        for place, key in change.added:
            self._keys[place] = (key, now_s)

    def load(self, place: KeyPlace, key: bytes, stored_at_s: int) -> None:
        """Put back a key read from the store, oldest first."""
        self._keys[place] = (MessageKey(key), stored_at_s)
