"""Who may speak: the check of a link's first 40 bytes, before anything costly (PROTOCOL.md 3)."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from loom.core.link_kinds import CONTACT_LINK, INVITE_LINK, Credentials, LinkKind
from loom.core.pair_keys import DirectionKeys
from loom.crypto.kdf import MacKey, equal, mac
from loom.model import InviteId, PersonId
from loom.wire.encoding import enc, u64
from loom.wire.framing import decode_clear, encode_clear
from loom.wire.limits import LINK_DAY_SKEW_DAYS, LINK_TAG_BYTES


class GateEntry:
    """Somebody who may dial us: the key of the handshake, and what the link is for."""

    __slots__ = ("kind", "link_key")

    def __init__(self, link_key: bytes, kind: LinkKind) -> None:
        self.link_key = link_key
        self.kind = kind


class TaggedEntry(GateEntry):
    """Somebody whose tag is computed for each connection."""

    __slots__ = ("tag_key",)

    def __init__(self, tag_key: bytes, link_key: bytes, kind: LinkKind) -> None:
        super().__init__(link_key, kind)
        self.tag_key = MacKey(tag_key)


class ContactEntry(TaggedEntry):
    """A contact who may dial us."""

    __slots__ = ("person_id",)

    def __init__(self, person_id: PersonId, keys: DirectionKeys) -> None:
        super().__init__(keys.tag, keys.link, CONTACT_LINK)
        self.person_id = person_id

    def __repr__(self) -> str:
        return f"ContactEntry({self.person_id})"


class EarlierEntry(TaggedEntry):
    """Who dials knows an identity that is valid no longer: of the owner, or of itself (1.5).

    They are answered with the statements that say so, and with nothing else.
    """

    __slots__ = ("person_id",)

    def __init__(self, person_id: PersonId, keys: DirectionKeys) -> None:
        super().__init__(keys.tag, keys.link, CONTACT_LINK)
        self.person_id = person_id

    def __repr__(self) -> str:
        return f"EarlierEntry({self.person_id})"


class InviteEntry(TaggedEntry):
    """An invite, which anybody who has its text may dial with."""

    __slots__ = ("invite_id",)

    def __init__(self, invite_id: InviteId, tag_key: bytes, link_key: bytes) -> None:
        super().__init__(tag_key, link_key, INVITE_LINK)
        self.invite_id = invite_id

    def __repr__(self) -> str:
        return f"InviteEntry({self.invite_id})"


class Admission(msgspec.Struct, frozen=True):
    """Whose opening 40 bytes are, and what makes it this one."""

    entry: GateEntry
    rand: bytes
    day: int


class Admits(Protocol):
    """Tests the first 40 bytes of a connection."""

    def admit(self, clear: bytes) -> Admission | None:
        """Whose opening these 40 bytes are; None for a stranger, a replay or a wrong day."""
        ...


class Gate(msgspec.Struct, frozen=True):
    """All who may dial us today.

    Args:
        today: Unix time in days.
        is_used: whether this entry used this `rand` before: those of today and one day around
            it are remembered, on disk.
    """

    entries: tuple[TaggedEntry, ...]
    today: int
    is_used: Callable[[GateEntry, bytes], bool]

    def admit(self, clear: bytes) -> Admission | None:
        """See `Admits`."""
        rand, day, tag = decode_clear(clear)
        message = _tag_message(day, rand)
        admitted: GateEntry | None = None
        # No early exit: how long a refusal takes must not say who is a contact.
        for entry in self.entries:
            if equal(entry.tag_key.mac(message)[:LINK_TAG_BYTES], tag):
                admitted = entry
        if admitted is None or abs(day - self.today) > LINK_DAY_SKEW_DAYS:
            return None
        return None if self.is_used(admitted, rand) else Admission(admitted, rand, day)


def pair_credentials(keys: DirectionKeys, rand: bytes, day: int) -> Credentials:
    """What lets an initiator through the gate; `rand` is 16 random bytes.

    Args:
        keys: the contact's `PairKeys.sending`.
        day: Unix time in days.
    """
    return Credentials(CONTACT_LINK, make_clear(keys.tag, rand, day), keys.link)


def make_clear(tag_key: bytes, rand: bytes, day: int) -> bytes:
    """The 40 bytes that a gate lets through."""
    return encode_clear(rand, day, mac(tag_key, _tag_message(day, rand))[:LINK_TAG_BYTES])


def _tag_message(day: int, rand: bytes) -> bytes:
    return enc(b"LOOM/1 tag", u64(day), rand)
