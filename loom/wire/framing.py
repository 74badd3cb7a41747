"""The bytes of a link: its clear opening, its handshake frames, its records (docs/PROTOCOL.md 3).

clear      rand (16) || day u64 || tag (16)
message 1  u16 length || e (32) || sealed encapsulation key (1,200) || tag (16)
message 2  u16 length || e (32) || sealed ciphertext (1,104) || tag (16)
record     u16 length || ciphertext of: kind u8 || u16 length || body || zeros to a bucket
"""

from enum import IntEnum
from struct import Struct
from typing import Final

from loom.errors import InvalidInput, MalformedMessage, ProtocolViolation
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_KEY_BYTES,
    LINK_RAND_BYTES,
    RECORD_BUCKETS,
    RECORD_HEADER_BYTES,
    X25519_KEY_BYTES,
)

FRAME_HEADER_BYTES: Final = 2
MESSAGE_1_BYTES: Final = X25519_KEY_BYTES + KEM_KEY_BYTES + 2 * AEAD_TAG_BYTES
MESSAGE_2_BYTES: Final = X25519_KEY_BYTES + KEM_CIPHERTEXT_BYTES + 2 * AEAD_TAG_BYTES
RECORD_FRAME_SIZES: Final = frozenset(size + AEAD_TAG_BYTES for size in RECORD_BUCKETS)
RECORD_BODY_MAX_BYTES: Final = RECORD_BUCKETS[-1] - RECORD_HEADER_BYTES

_LAYOUTS: Final = tuple(
    (size - RECORD_HEADER_BYTES, Struct(f">BH{size - RECORD_HEADER_BYTES}s"))
    for size in RECORD_BUCKETS
)
_SMALLER: Final = dict(zip(RECORD_BUCKETS, (0, *RECORD_BUCKETS), strict=False))
"""Of each bucket the next smaller one."""
_ZEROS: Final = bytes(RECORD_BUCKETS[-1])


class RecordKind(IntEnum):
    """What a record carries."""

    KEEPALIVE = 0
    BUNDLE_REQUEST = 1
    BUNDLE = 2
    ENVELOPE = 3
    FILE_REQUEST = 4
    FILE_PART = 5
    FILE_REFUSAL = 6
    REPLACED = 7
    REQUEST = 16
    ANSWER = 17
    PUSH = 18
    REFUSAL = 19


_KINDS: Final = {int(kind): kind for kind in RecordKind}


def encode_clear(rand: bytes, day: int, tag: bytes) -> bytes:
    """The 40 bytes before message 1."""
    return rand + day.to_bytes(8, "big") + tag


def decode_clear(clear: bytes) -> tuple[bytes, int, bytes]:
    """rand (16), day, tag (16) of exactly 40 bytes."""
    day_end = LINK_RAND_BYTES + 8
    day = int.from_bytes(clear[LINK_RAND_BYTES:day_end], "big")
    return clear[:LINK_RAND_BYTES], day, clear[day_end:]


def encode_frame(data: bytes) -> bytes:
    """u16 length || data."""
    return len(data).to_bytes(FRAME_HEADER_BYTES, "big") + data


def frame_size(buffer: bytes | bytearray, position: int) -> int:
    """The length a frame's first two bytes announce."""
    return buffer[position] << 8 | buffer[position + 1]


def pad_record(kind: int, body: bytes) -> bytes:
    """A record's plaintext, as long as the smallest bucket that fits.

    Raises:
        InvalidInput: a body above 61,501 bytes.
    """
    size = len(body)
    for capacity, layout in _LAYOUTS:
        if size <= capacity:
            return layout.pack(kind, size, body)
    raise InvalidInput(what=f"A record of {size} bytes is too long")


def unpad_record(plaintext: bytes) -> tuple[RecordKind, bytes]:
    """Kind and body of a record's plaintext, which is at least 64 bytes long.

    Raises:
        MalformedMessage: not the smallest bucket that fits, or padding that is not zero.
        ProtocolViolation: an unknown kind, or a keepalive that carries something.
    """
    end = RECORD_HEADER_BYTES + (plaintext[1] << 8 | plaintext[2])
    size = len(plaintext)
    is_smallest = _SMALLER.get(size, size) < end <= size
    if not is_smallest or plaintext[end:] != _ZEROS[: size - end]:
        raise MalformedMessage(what="record padding")
    kind = _KINDS.get(plaintext[0])
    if kind is None:
        raise ProtocolViolation(what="unknown record kind")
    if kind is RecordKind.KEEPALIVE and end != RECORD_HEADER_BYTES:
        raise ProtocolViolation(what="keepalive with a body")
    return kind, plaintext[RECORD_HEADER_BYTES:end]
