"""Outbox rows that were sealed and await their receipt (docs/PROTOCOL.md 9.1, 9.3)."""

from collections.abc import Iterable
from typing import NamedTuple

from loom.core.session import Awaited
from loom.model import MessageId


class SealedAt(NamedTuple):
    """Where a row was sealed: session, sending chain, ordinal among all sealed."""

    session_id: bytes
    chain: int
    ordinal: int


class InFlight:
    """The rows in the order they were sealed, and when each was last written to this link.

    Changed in place, like the skipped keys: thousands may be in flight.
    """

    def __init__(self) -> None:
        self._rows: dict[MessageId, SealedAt] = {}
        self._written_s: dict[MessageId, float] = {}

    def load(self, rows: Iterable[tuple[MessageId, SealedAt]]) -> None:
        """Take the rows from the disk; those written to this link before still wait on it."""
        self._rows = dict(rows)
        self._written_s = {one: at for one, at in self._written_s.items() if one in self._rows}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, message_id: MessageId) -> bool:
        return message_id in self._rows

    def sealed(self, message_id: MessageId, at: SealedAt) -> None:
        """A row was sealed, perhaps for the second time: it is the last one now."""
        self._rows.pop(message_id, None)
        self._rows[message_id] = at

    def remove(self, message_id: MessageId) -> SealedAt | None:
        """A receipt came, or the row is withdrawn; where it was sealed."""
        self._written_s.pop(message_id, None)
        return self._rows.pop(message_id, None)

    def oldest_on(self, session_id: bytes) -> Awaited | None:
        """The oldest row sealed on this session."""
        for at in self._rows.values():
            if at.session_id == session_id:
                return Awaited(at.chain, at.ordinal)
        return None

    def written(self, message_ids: Iterable[MessageId], now_s: float) -> None:
        """These were written to the link."""
        for message_id in message_ids:
            if message_id in self._rows:
                self._written_s[message_id] = now_s

    def forget_writes(self) -> None:
        """There is a new link, or all of them are written again."""
        self._written_s.clear()

    def oldest_write_s(self) -> float | None:
        """When the row was written that has waited longest for its receipt."""
        return min(self._written_s.values(), default=None)
