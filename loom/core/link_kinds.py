"""What differs between links to a contact, by an invite and to an anchor; the rest is shared."""

from typing import Final

import msgspec

from loom.wire.framing import RecordKind


class LinkKind(msgspec.Struct, frozen=True):
    """The name that the handshake is bound to, and the records that may come."""

    prologue: bytes
    record_kinds: frozenset[RecordKind]


_DEVICES: Final = frozenset(
    (RecordKind.KEEPALIVE, RecordKind.BUNDLE_REQUEST, RecordKind.BUNDLE, RecordKind.ENVELOPE)
)
_FILES: Final = frozenset((RecordKind.FILE_REQUEST, RecordKind.FILE_PART, RecordKind.FILE_REFUSAL))
CONTACT_LINK: Final = LinkKind(b"LOOM/1 link", _DEVICES | _FILES | {RecordKind.REPLACED})
INVITE_LINK: Final = LinkKind(CONTACT_LINK.prologue, _DEVICES | {RecordKind.REFUSAL})
ANCHOR_LINK: Final = LinkKind(
    b"LOOM/1 anchor",
    frozenset((RecordKind.KEEPALIVE, RecordKind.REQUEST, RecordKind.ANSWER, RecordKind.PUSH)),
)


class Credentials(msgspec.Struct, frozen=True):
    """What an initiator shows in its first 40 bytes, and the key that it proves.

    Args:
        clear: 40 bytes, made for one connection.
        link_key: 32 bytes, the psk of the handshake.
    """

    kind: LinkKind
    clear: bytes
    link_key: bytes

    def __repr__(self) -> str:
        return "Credentials(redacted)"


class OpeningTimes(msgspec.Struct, frozen=True):
    """How long an end waits, from the connection on: for the clear part, and for all of it."""

    clear_s: float
    handshake_s: float
