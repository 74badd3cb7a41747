"""Who may speak to an anchor: one look-up, whatever the number of queues (PROTOCOL.md 10.2).

clear = rand (16) || day u64 || tag (16), and tag = the key's tag of that day XOR a mask of `rand`
"""

from collections.abc import Callable, Iterable
from typing import Final

from loom.core.gate import Admission, GateEntry
from loom.core.link_kinds import ANCHOR_LINK, Credentials
from loom.core.queues import DoorKeys
from loom.crypto.kdf import MacKey, mac
from loom.wire.encoding import enc, u64
from loom.wire.framing import decode_clear, encode_clear
from loom.wire.limits import LINK_DAY_SKEW_DAYS, LINK_TAG_BYTES

_Table = dict[bytes, "AnchorEntry"]
_NOBODY: Final[_Table] = {}


class AnchorEntry(GateEntry):
    """An account, a guest or a pairing that may dial; `number` is its key's, never used again."""

    __slots__ = ("number", "tag_key")

    def __init__(self, number: int, keys: DoorKeys) -> None:
        super().__init__(keys.link, ANCHOR_LINK)
        self.number = number
        self.tag_key = keys.tag

    def __repr__(self) -> str:
        return f"AnchorEntry({self.number})"


class AnchorGate:
    """The tags of three days of all who may dial this anchor.

    Args:
        mask_key: the anchor's, 16 bytes.
        today: Unix time in days.
        is_used: whether this entry used this `rand` before.
    """

    def __init__(
        self, mask_key: bytes, today: int, is_used: Callable[[GateEntry, bytes], bool]
    ) -> None:
        self._mask_key = MacKey(mask_key)
        self._is_used = is_used
        self._entries: dict[int, AnchorEntry] = {}
        self._tables: dict[int, _Table] = {day: {} for day in _days_around(today)}

    def __repr__(self) -> str:
        return f"AnchorGate({len(self._entries)})"

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: AnchorEntry) -> None:
        """Let somebody in from now on."""
        self._entries[entry.number] = entry
        for day, table in self._tables.items():
            table[_day_tag(entry.tag_key, day)] = entry

    def remove(self, number: int) -> None:
        """Let the owner of a key in no more; an unknown number does nothing."""
        entry = self._entries.pop(number, None)
        if entry is not None:
            for day, table in self._tables.items():
                table.pop(_day_tag(entry.tag_key, day), None)

    def turn_to(self, today: int) -> bool:
        """Make the tables of the days that came, and forget those that went; whether any did."""
        days = _days_around(today)
        if self._tables.keys() == set(days):
            return False
        self._tables = {day: self._tables.get(day) or self._table_of(day) for day in days}
        return True

    def admit(self, clear: bytes) -> Admission | None:
        """See `gate.Admits`."""
        rand, day, masked = decode_clear(clear)
        mask = self._mask_key.mac(_mask_message(day, rand))[:LINK_TAG_BYTES]
        # The table finds a tag by a keyed hash (PYTHONHASHSEED), and compares only what has it.
        entry = self._tables.get(day, _NOBODY).get(_xor(masked, mask))
        if entry is None or self._is_used(entry, rand):
            return None
        return Admission(entry, rand, day)

    def _table_of(self, day: int) -> _Table:
        return {_day_tag(entry.tag_key, day): entry for entry in self._entries.values()}


def anchor_credentials(keys: DoorKeys, mask_key: bytes, rand: bytes, day: int) -> Credentials:
    """What lets an initiator through the gate of an anchor.

    Args:
        mask_key: the anchor's, 16 bytes.
        rand: 16 random bytes.
        day: Unix time in days.
    """
    mask = mac(mask_key, _mask_message(day, rand))[:LINK_TAG_BYTES]
    clear = encode_clear(rand, day, _xor(_day_tag(keys.tag, day), mask))
    return Credentials(ANCHOR_LINK, clear, keys.link)


def _day_tag(tag_key: bytes, day: int) -> bytes:
    return mac(tag_key, enc(b"LOOM/1 anchor tag", u64(day)))[:LINK_TAG_BYTES]


def _mask_message(day: int, rand: bytes) -> bytes:
    return enc(b"LOOM/1 anchor mask", u64(day), rand)


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _days_around(today: int) -> Iterable[int]:
    return range(today - LINK_DAY_SKEW_DAYS, today + LINK_DAY_SKEW_DAYS + 1)
