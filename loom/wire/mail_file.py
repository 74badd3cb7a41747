"""A file of mail, to be carried by hand (docs/PROTOCOL.md 13).

"LOOMMAIL" || version u8 || salt (16) || mark (16) || for each blob: length u32 || blob
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from loom.errors import MalformedMessage
from loom.wire.encoding import u32
from loom.wire.limits import BLOB_SIZES, MAIL_FILE_MAX_BYTES, SEALED_BUNDLE_BYTES

MAGIC: Final = b"LOOMMAIL"
VERSION: Final = b"\x01"
SALT_BYTES: Final = 16
MARK_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_HEAD_BYTES: Final = len(MAGIC) + 1 + SALT_BYTES + MARK_BYTES
_SIZES: Final = frozenset((*BLOB_SIZES, SEALED_BUNDLE_BYTES))


class MailFile(msgspec.Struct, frozen=True):
    """Salt (16 bytes), the mark by which its reader finds the writer (16), and sealed blobs."""

    salt: bytes
    mark: bytes
    blobs: tuple[bytes, ...]

    def __repr__(self) -> str:
        return f"MailFile({len(self.blobs)} blobs)"


def encode_mail_file(salt: bytes, mark: bytes, blobs: Sequence[bytes]) -> bytes:
    """The whole file."""
    framed = b"".join(u32(len(one)) + one for one in blobs)
    return MAGIC + VERSION + salt + mark + framed


def framed_bytes(blob: bytes) -> int:
    """How much longer a blob makes the file."""
    return _LENGTH_BYTES + len(blob)


def decode_mail_file(data: bytes) -> MailFile:
    """Read a file, up to its last byte.

    Raises:
        MalformedMessage: no such file, of another version, too long, or cut short.
    """
    if len(data) > MAIL_FILE_MAX_BYTES or data[: len(MAGIC)] != MAGIC:
        raise MalformedMessage(what="file of mail")
    if data[len(MAGIC) : len(MAGIC) + 1] != VERSION or len(data) < _HEAD_BYTES:
        raise MalformedMessage(what="version of a file of mail")
    salt_at = len(MAGIC) + 1
    mark_at = salt_at + SALT_BYTES
    blobs, position = [], _HEAD_BYTES
    while position < len(data):
        size = int.from_bytes(data[position : position + _LENGTH_BYTES], "big")
        position += _LENGTH_BYTES
        if size not in _SIZES or position + size > len(data):
            raise MalformedMessage(what="file of mail, cut short")
        blobs.append(data[position : position + size])
        position += size
    return MailFile(data[salt_at:mark_at], data[mark_at:_HEAD_BYTES], tuple(blobs))
