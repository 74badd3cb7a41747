"""The bytes of moving a profile to another machine (docs/PROTOCOL.md 8.2).

pledge     0x01 || end u8 (0 old, 1 new) || share (32) || zeros, 325 bytes
message 1  u16 length || e (32) || sealed encapsulation key (1,200) || tag (16)
message 2  u16 length || e (32) || sealed ciphertext (1,104) || tag (16)
record     u16 length || sealed: type u8 || body
"""

from enum import IntEnum
from typing import Final

import msgspec

from loom.errors import MalformedMessage, ProtocolViolation
from loom.wire.encoding import u8, u64
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    BACKUP_HEADER_BYTES,
    MOVE_DATA_MAX_BYTES,
    MOVE_SHARE_BYTES,
    PAIR_RECORD_BYTES,
)

RECORD_MAX_BYTES: Final = 1 + MOVE_DATA_MAX_BYTES + AEAD_TAG_BYTES
RECORD_MIN_BYTES: Final = 1 + AEAD_TAG_BYTES
_VERSION: Final = 1
_PLEDGE_BYTES: Final = PAIR_RECORD_BYTES - 1
_SHARE_AT: Final = 2
_SHARE_END: Final = _SHARE_AT + MOVE_SHARE_BYTES


class End(IntEnum):
    """Which machine this is."""

    OLD = 0
    NEW = 1


class Pledge(msgspec.Struct, frozen=True):
    """Which end somebody is, and their half of the key. `share`: 32 random bytes."""

    end: End
    share: bytes

    def __repr__(self) -> str:
        return f"Pledge({self.end.name}, redacted)"


class MoveKind(IntEnum):
    """What a record says."""

    BUSY = 0
    OFFER = 1
    HAVE = 2
    DATA = 3
    READY = 4
    CLOSED = 5
    OPENED = 6
    END = 7
    REFUSAL = 8


class Reason(IntEnum):
    """Why the new machine does not go on now."""

    NO_ROOM = 1
    DAMAGED = 2
    FAILED = 3


_BODY_BYTES: Final = {
    MoveKind.BUSY: 0,
    MoveKind.OFFER: 8 + BACKUP_HEADER_BYTES,
    MoveKind.HAVE: 8,
    MoveKind.READY: 0,
    MoveKind.CLOSED: 0,
    MoveKind.OPENED: 0,
    MoveKind.END: 0,
    MoveKind.REFUSAL: 1,
}


def encode_pledge(pledge: Pledge) -> bytes:
    """325 bytes."""
    return (u8(_VERSION) + u8(pledge.end) + pledge.share).ljust(_PLEDGE_BYTES, b"\0")


def decode_pledge(body: bytes) -> Pledge:
    """Undo `encode_pledge`, strictly.

    Args:
        body: 325 bytes of the other side.

    Raises:
        MalformedMessage: another version, no end, padding that is not zero.
    """
    if body[0] != _VERSION or body[1] not in (End.OLD, End.NEW) or any(body[_SHARE_END:]):
        raise MalformedMessage(what="pledge")
    return Pledge(End(body[1]), body[_SHARE_AT:_SHARE_END])


def encode_move_record(kind: MoveKind, body: bytes = b"") -> bytes:
    """The plaintext of a record."""
    return u8(kind) + body


def decode_move_record(plaintext: bytes) -> tuple[MoveKind, bytes]:
    """Type and body.

    Raises:
        ProtocolViolation: an unknown type.
        MalformedMessage: another length than its type has.
    """
    try:
        kind = MoveKind(plaintext[0])
    except (ValueError, IndexError) as error:
        raise ProtocolViolation(what="unknown record of a move") from error
    body = plaintext[1:]
    expected = _BODY_BYTES.get(kind)
    if len(body) != expected if expected is not None else not body:
        raise MalformedMessage(what="record of a move")
    return kind, body


def encode_offer(size: int, header: bytes) -> bytes:
    """How long the backup is, and its first 80 bytes, which no other one has."""
    return u64(size) + header


def decode_offer(body: bytes) -> tuple[int, bytes]:
    """Size and header."""
    return int.from_bytes(body[:8], "big"), body[8:]


def decode_reason(body: bytes) -> Reason:
    """Raises MalformedMessage: there is no such reason."""
    try:
        return Reason(body[0])
    except ValueError as error:
        raise MalformedMessage(what="refusal of a move") from error
