"""Who may speak: the check of a link's first 40 bytes, before anything costly (PROTOCOL.md 3)."""

from collections.abc import Callable

import msgspec

from loom.core.pair_keys import DirectionKeys
from loom.crypto.kdf import MacKey, equal, mac
from loom.model import PersonId
from loom.wire.encoding import enc, u64
from loom.wire.framing import decode_clear, encode_clear
from loom.wire.limits import LINK_DAY_SKEW_DAYS, LINK_TAG_BYTES


class GateEntry:
    """A contact who may dial us, and the keys of that direction."""

    __slots__ = ("keys", "person_id", "tag_key")

    def __init__(self, person_id: PersonId, keys: DirectionKeys) -> None:
        self.person_id = person_id
        self.keys = keys
        self.tag_key = MacKey(keys.tag)

    def __repr__(self) -> str:
        return f"GateEntry({self.person_id})"


class Gate(msgspec.Struct, frozen=True):
    """All who may dial us today.

    Args:
        today: Unix time in days.
        is_used: whether this contact used this `rand` before: those of today and one day around
            it are remembered, on disk.
    """

    entries: tuple[GateEntry, ...]
    today: int
    is_used: Callable[[PersonId, bytes], bool]

    def admit(self, clear: bytes) -> GateEntry | None:
        """Whose opening these 40 bytes are; None for a stranger, a replay or a wrong day."""
        rand, day, tag = decode_clear(clear)
        message = _tag_message(day, rand)
        admitted: GateEntry | None = None
        # No early exit: how long a refusal takes must not say who is a contact.
        for entry in self.entries:
            if equal(entry.tag_key.mac(message)[:LINK_TAG_BYTES], tag):
                admitted = entry
        if admitted is None or abs(day - self.today) > LINK_DAY_SKEW_DAYS:
            return None
        return None if self.is_used(admitted.person_id, rand) else admitted


def make_clear(keys: DirectionKeys, rand: bytes, day: int) -> bytes:
    """The 40 bytes that let an initiator through the gate; `rand` is 16 random bytes."""
    tag = mac(keys.tag, _tag_message(day, rand))[:LINK_TAG_BYTES]
    return encode_clear(rand, day, tag)


def _tag_message(day: int, rand: bytes) -> bytes:
    return enc(b"LOOM/1 tag", u64(day), rand)
