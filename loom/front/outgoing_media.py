"""What an offer says of a file, and a picture without what it tells besides."""

from typing import BinaryIO, NamedTuple

from loom.errors import DecodingUnconfined, MediaUnreadable, MetadataStays
from loom.media import pictures
from loom.media.job import PICTURE_MAX
from loom.media.kinds import HEAD_BYTES, TELLING, is_picture, media_type_of


class OutgoingMedia(NamedTuple):
    """How a file goes out."""

    media_type: str
    thumbnail: tuple[int, int, bytes] | None = None
    """Width, height and RGB, at most 9,216 bytes."""
    content: bytes | None = None
    """What is sent in place of the file; None: the file as it is."""


def prepare(
    file: BinaryIO, name: str, *, keep_metadata: bool = False, is_unconfined: bool = False
) -> OutgoingMedia:
    """What is done with a file before it is offered; it is read from its beginning. Blocks.

    Raises:
        MetadataStays: it may say where and when it was made, and that cannot be cut out.
    """
    head = file.read(HEAD_BYTES)
    media_type = media_type_of(head, name)
    if not is_picture(media_type):
        if media_type in TELLING and not keep_metadata:
            raise MetadataStays(name=name)
        return OutgoingMedia(media_type)
    data = head + file.read(PICTURE_MAX + 1)
    bare = data if keep_metadata else _stripped(data, name)
    small = _thumbnail(bare, is_unconfined=is_unconfined)
    return OutgoingMedia(media_type, small, None if bare == data else bare)


def _stripped(data: bytes, name: str) -> bytes:
    try:
        return pictures.strip(data)
    except MediaUnreadable as error:
        raise MetadataStays(name=name) from error


def _thumbnail(data: bytes, *, is_unconfined: bool) -> tuple[int, int, bytes] | None:
    """None where it cannot be made: the file is sent all the same."""
    try:
        small = pictures.thumbnail(data, is_unconfined=is_unconfined)
    except (MediaUnreadable, DecodingUnconfined):
        return None
    return small.width, small.height, small.rgb
