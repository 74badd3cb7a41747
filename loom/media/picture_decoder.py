"""Inside the decoder: the pixels of a picture, by Pillow."""

import copy
import io
from collections.abc import Callable
from typing import Final

from PIL import (
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from loom.media.job import PIXELS_MAX, Answer, Refused, Status
from loom.media.kinds import GIF, HEAD_BYTES, JPEG, PNG, WEBP, content_type_of

# The classes themselves: Image.open would look for more plugins, and import them.
_FORMATS: Final[dict[str, Callable[[io.BytesIO], Image.Image]]] = {
    PNG: PngImagePlugin.PngImageFile,
    JPEG: JpegImagePlugin.JpegImageFile,
    WEBP: WebPImagePlugin.WebPImageFile,
    GIF: GifImagePlugin.GifImageFile,
}

_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
_ON_ITS_SIDE: Final = (5, 6, 7, 8)

# What Pillow imports only when a picture asks for it, by when no file can be opened any more.
_LATER: Final = (copy, ImageOps, TiffImagePlugin)

Image.MAX_IMAGE_PIXELS = PIXELS_MAX


def pixels(data: bytes, width: int, height: int, most: int = 0) -> Answer:
    """The first frame as RGB inside `width` x `height`, upright, white where it is transparent.

    `most`: no more pixels than this, 0 for no such bound. A picture is never enlarged.

    Raises:
        Refused: UNKNOWN or TOO_LARGE. Anything else that is raised: it is damaged.
    """
    media_type = content_type_of(data[:HEAD_BYTES])
    if media_type not in _FORMATS:
        raise Refused(Status.UNKNOWN)
    if media_type == WEBP and _area(*_webp_size(data)) > PIXELS_MAX:
        raise Refused(Status.TOO_LARGE)  # its decoder takes memory for it before it tells the size
    with _FORMATS[media_type](io.BytesIO(data)) as image:
        if _area(*image.size) > PIXELS_MAX:
            raise Refused(Status.TOO_LARGE)
        frames = int(getattr(image, "n_frames", 1))
        image.seek(0)
        orientation = _orientation(image)
        is_on_its_side = orientation in _ON_ITS_SIDE
        full = image.size[::-1] if is_on_its_side else image.size
        box = _fit(full, (width, height), most)
        upright = _turned(_scaled(image, box[::-1] if is_on_its_side else box), orientation)
        return Answer(Status.DONE, (*upright.size, *full, frames), upright.tobytes())


def _area(width: int, height: int) -> int:
    if width < 1 or height < 1:
        raise Refused(Status.DAMAGED)
    return width * height


def _webp_size(data: bytes) -> tuple[int, int]:
    """Of the canvas: the first chunk says it (WebP Container Specification; RFC 6386, 9.1)."""
    name, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise Refused(Status.DAMAGED)
    if name == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    sizes = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
    return sizes[0] & 0x3FFF, sizes[1] & 0x3FFF


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a picture with broken metadata is still a picture
        return 1


def _fit(size: tuple[int, int], box: tuple[int, int], most: int) -> tuple[int, int]:
    """The largest size of this shape inside the box, of at most so many pixels, not enlarged."""
    width, height = size
    scale = min(1.0, box[0] / width, box[1] / height)
    if most:
        scale = min(scale, (most / (width * height)) ** 0.5)
    fitted = min(box[0], max(1, round(width * scale))), min(box[1], max(1, round(height * scale)))
    if most and fitted[0] * fitted[1] > most:  # rounded up, or a line
        if fitted[0] > fitted[1]:
            return most // fitted[1], fitted[1]
        return fitted[0], most // fitted[0]
    return fitted


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """RGB of this size."""
    image.draft("RGB", size)  # a JPEG is decoded at a fraction of its size where that is enough
    image.load()
    plain = _plain(image)
    gap = 2.0 if plain.width > 2 * size[0] and plain.height > 2 * size[1] else None
    small = plain.resize(size, Image.Resampling.BICUBIC, reducing_gap=gap)
    if small.mode == "RGB":
        return small
    white = Image.new("RGBA", small.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, small).convert("RGB")


def _plain(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent."""
    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    has_alpha = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
    return image.convert("RGBA" if has_alpha else "RGB")


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    for turn in _TURNS.get(orientation, ()):
        image = image.transpose(turn)
    return image
