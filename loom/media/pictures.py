"""Pictures as front ends use them. Everything here blocks while a decoder works."""

from typing import Final, NamedTuple

from loom.errors import MediaUnreadable
from loom.media.decoder import run
from loom.media.job import PICTURE_MAX, PIXELS_MAX, Job

BOX_MAX: Final = 4_096
"""The longest side of what is decoded for a screen."""
THUMBNAIL_MAX_BYTES: Final = 9_216
"""PROTOCOL 13.1: width times height times 3."""
_ADDED_MAX: Final = 64
"""The block that keeps which way is up, where its place was smaller."""


class Picture(NamedTuple):
    """Raw pixels: `rgb` has 3 bytes for each, from the top left."""

    width: int
    height: int
    rgb: bytes
    full_width: int
    full_height: int
    frames: int
    """More than 1: it moves, and `rgb` is the first."""


def pixels(data: bytes, width: int, height: int, *, is_unconfined: bool = False) -> Picture:
    """A PNG, JPEG, WebP or GIF fitted into a box, upright, never enlarged, over white.

    Raises:
        MediaUnreadable: it cannot be shown.
        DecodingUnconfined: nothing is decoded on this system.
    """
    box = min(max(width, 1), BOX_MAX), min(max(height, 1), BOX_MAX)
    return _picture(data, *box, 0, is_unconfined=is_unconfined)


def thumbnail(data: bytes, *, is_unconfined: bool = False) -> Picture:
    """The same in at most 9,216 bytes, for an offer.

    Raises:
        MediaUnreadable: it cannot be shown.
        DecodingUnconfined: nothing is decoded on this system.
    """
    most = THUMBNAIL_MAX_BYTES // 3
    return _picture(data, most, most, most, is_unconfined=is_unconfined)


def strip(data: bytes) -> bytes:
    """A picture without what tells more than the picture; the same bytes if there was nothing.

    Raises:
        MediaUnreadable: its parts cannot be told apart.
    """
    _check_size(data)
    return run(Job.STRIP, data, answer_max=len(data) + _ADDED_MAX).data


def _picture(data: bytes, width: int, height: int, most: int, *, is_unconfined: bool) -> Picture:
    _check_size(data)
    answer = run(
        Job.PIXELS,
        data,
        width,
        height,
        most,
        answer_max=3 * (most or width * height),
        is_unconfined=is_unconfined,
    )
    found = Picture(answer.numbers[0], answer.numbers[1], answer.data, *answer.numbers[2:5])
    is_right = (
        0 < found.width <= width
        and 0 < found.height <= height
        and len(found.rgb) == 3 * found.width * found.height
        and found.full_width * found.full_height <= PIXELS_MAX
    )
    if not is_right:
        raise MediaUnreadable(reason="the decoder gave no answer that makes sense")
    return found


def _check_size(data: bytes) -> None:
    if len(data) > PICTURE_MAX:
        raise MediaUnreadable(reason=f"it has more than {PICTURE_MAX >> 20} MiB")
