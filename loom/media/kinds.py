"""What a file is, by its first bytes; a name only says what the bytes do not."""

from typing import Final

HEAD_BYTES: Final = 64
"""So much of a file is enough to tell what it is."""

PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
WEBP: Final = "image/webp"
GIF: Final = "image/gif"
OPUS: Final = "audio/ogg; codecs=opus"

PICTURES: Final = frozenset({PNG, JPEG, WEBP, GIF})
"""What is decoded and shown."""

TELLING: Final = frozenset(
    {
        *("image/heic", "image/avif", "image/tiff", "image/jxl"),
        *("video/mp4", "video/quicktime", "video/3gpp"),
    }
)
"""What may hold where it was taken, and is not taken apart here."""

_UNKNOWN: Final = "application/octet-stream"
_TYPE_MAX: Final = 127

_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"qt  ": "video/quicktime",
    b"3gp4": "video/3gpp",
    b"3gp5": "video/3gpp",
    b"3gp6": "video/3gpp",
}
"""Of a file of ISO 14496-12; any other brand: video/mp4."""

_STARTS: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"%PDF-", "application/pdf"),
)


def content_type_of(head: bytes) -> str | None:
    """The media type of a file that begins so; None where the beginning does not tell."""
    for start, media_type in _STARTS:
        if head.startswith(start):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:4] == b"OggS" and head[28:36] == b"OpusHead":
        return OPUS
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return None


def media_type_of(head: bytes, name: str) -> str:
    """The media type of a file that begins so; at most 127 characters of ASCII.

    A name is believed only where it claims nothing that the bytes would have shown.
    """
    if (told := content_type_of(head)) is not None:
        return told
    import mimetypes  # it reads lists of the system's, which no decoder may

    guessed, encoding = mimetypes.guess_type(name, strict=False)
    if guessed is None or encoding or not guessed.isascii() or len(guessed) > _TYPE_MAX:
        return _UNKNOWN
    return _UNKNOWN if guessed in PICTURES or guessed in TELLING else guessed


def is_picture(media_type: str) -> bool:
    """Whether it is one that Loom shows."""
    return media_type in PICTURES


def is_voice(media_type: str) -> bool:
    """Whether it is sound that Loom plays."""
    return media_type == OPUS
