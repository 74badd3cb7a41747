"""File: what a person offers; its content is fetched when it is accepted (PROTOCOL 15)."""

from typing import ClassVar, Protocol

import msgspec

from loom.wire.content.payload import KnownPayload
from loom.wire.content.target import Target
from loom.wire.content.timer import is_timer
from loom.wire.limits import (
    FILE_HASH_BYTES,
    FILE_MAX_BYTES,
    FILE_NAME_MAX_BYTES,
    FILE_SECRET_BYTES,
    FILE_THUMBNAIL_MAX_BYTES,
    FILE_TYPE_MAX_BYTES,
    TEXT_MAX_BYTES,
)


class Thumbnail(msgspec.Struct, frozen=True, array_like=True):
    """A small picture that needs no decoder.

    Args:
        rgb: width * height * 3 bytes, row by row, at most 9,216.
    """

    width: int
    height: int
    rgb: bytes

    def __repr__(self) -> str:
        return f"Thumbnail({self.width}x{self.height})"

    def is_in_bounds(self) -> bool:
        """As many bytes as its sides say."""
        return (
            self.width > 0
            and self.height > 0
            and self.width * self.height * 3 == len(self.rgb) <= FILE_THUMBNAIL_MAX_BYTES
        )


class File(KnownPayload, frozen=True, tag=14):
    """An offer. Its message_id is the file_id.

    Args:
        name: 1 to 255 bytes of UTF-8; of a peer it is data, and no path.
        size: in bytes.
        media_type: at most 127 characters of printable ASCII, perhaps none.
        root: 32 bytes, over size, media_type and every chunk.
        secret: 32 bytes, `F`, drawn for this offer.
        caption: at most 16 KiB of UTF-8.
        reply: the message that it answers.
        expires_s: the timer it was offered under, in seconds; 0 for none.
    """

    name: str
    size: int
    media_type: str
    root: bytes
    secret: bytes
    thumbnail: Thumbnail | None = None
    caption: str = ""
    reply: Target | None = None
    expires_s: int = 0

    is_receipted: ClassVar[bool] = True
    is_message: ClassVar[bool] = True
    is_durable: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"File({self.message_id.hex()[:8]}, {self.size} bytes, redacted)"

    def is_in_bounds(self) -> bool:
        """Whether every field has a value that section 15.1 allows."""
        return (
            is_offer(self)
            and (self.reply is None or self.reply.is_in_bounds())
            and is_timer(self.expires_s)
        )


class Offered(Protocol):
    """What an offer says of a file, to a contact or to a room."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def media_type(self) -> str: ...
    @property
    def root(self) -> bytes: ...
    @property
    def secret(self) -> bytes: ...
    @property
    def thumbnail(self) -> Thumbnail | None: ...
    @property
    def caption(self) -> str: ...


def is_offer(offered: Offered) -> bool:
    """Whether what is said of the file itself has values that section 15.1 allows."""
    thumbnail = offered.thumbnail
    return (
        0 < len(offered.name.encode()) <= FILE_NAME_MAX_BYTES
        and 0 <= offered.size <= FILE_MAX_BYTES
        and is_media_type(offered.media_type)
        and len(offered.root) == FILE_HASH_BYTES
        and len(offered.secret) == FILE_SECRET_BYTES
        and (thumbnail is None or thumbnail.is_in_bounds())
        and len(offered.caption.encode()) <= TEXT_MAX_BYTES
    )


def is_media_type(text: str) -> bool:
    """At most 127 characters of printable ASCII."""
    return len(text) <= FILE_TYPE_MAX_BYTES and text.isascii() and (not text or text.isprintable())
