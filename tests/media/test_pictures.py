"""Pictures as they are shown: raw pixels of a checked size, or one sentence."""

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from loom.errors import MediaUnreadable
from loom.media.job import PICTURE_MAX
from loom.media.kinds import GIF, JPEG, OPUS, PNG, WEBP, media_type_of
from loom.media.pictures import Picture, pixels, thumbnail
from tests.media.conftest import picture

FORMATS = ["PNG", "JPEG", "WEBP", "GIF"]


def at(shown: Picture, x: int, y: int) -> tuple[int, ...]:
    place = 3 * (y * shown.width + x)
    return tuple(shown.rgb[place : place + 3])


def why(data: bytes) -> str:
    with pytest.raises(MediaUnreadable) as caught:
        pixels(data, 80, 48)
    return str(caught.value.facts["reason"])


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_is_fitted_into_the_box_and_never_enlarged(format_: str) -> None:
    shown = pixels(picture(format_, (400, 200)), 100, 100)
    assert shown[:2] == (100, 50)
    assert shown[3:] == (400, 200, 1)
    red, green = at(shown, 2, 2), at(shown, 97, 2)
    assert red[0] > 200 > 60 > red[1]
    assert green[1] > 200 > 60 > green[0]
    assert pixels(picture(format_, (20, 10)), 100, 100)[:2] == (20, 10)


@pytest.mark.parametrize(
    ("format_", "number"), [(one, n) for one in FORMATS[:3] for n in (3, 6, 8)]
)
def test_a_picture_is_upright(format_: str, number: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = number
    shown = pixels(picture(format_, (40, 20), exif=exif), 100, 100)
    assert shown[:2] == ((40, 20) if number == 3 else (20, 40))
    assert shown[3:5] == shown[:2]
    x, y = {3: (shown.width - 3, shown.height - 3), 6: (17, 2), 8: (2, 37)}[number]
    red = at(shown, x, y)
    assert red[0] > 200 > 90 > red[1]


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF"])
def test_of_a_picture_that_moves_the_first_frame_is_shown(format_: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    data = saved(frames[0], format_, save_all=True, append_images=frames[1:], duration=50)
    shown = pixels(data, 40, 30)
    assert shown.frames == 3
    assert at(shown, 9, 9)[0] > 240 > 20 > at(shown, 9, 9)[1]


def test_every_kind_of_pixel_becomes_rgb_over_white() -> None:
    grey = Image.linear_gradient("L").resize((40, 30))
    clear = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    high = grey.convert("I").point(lambda value: value * 256).convert("I;16")
    for image, format_ in (
        (clear, "PNG"),
        (clear, "WEBP"),
        (Image.merge("LA", (grey, Image.new("L", (40, 30), 0))), "PNG"),
    ):
        assert at(pixels(saved(image, format_), 40, 30), 20, 15) == (255, 255, 255), image.mode
    for image, format_ in (
        (high, "PNG"),
        (grey, "PNG"),
        (grey.convert("1"), "PNG"),
        (grey, "JPEG"),
        (grey.convert("RGB").convert("CMYK"), "JPEG"),
        (grey.quantize(8), "GIF"),
    ):
        shown = pixels(saved(image, format_), 40, 30)
        assert at(shown, 20, 1)[0] < 60, (image.mode, format_)
        assert at(shown, 20, 28)[0] > 200, (image.mode, format_)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (3, 2), (4000, 3), (1, 5000), (97, 89)])
def test_a_thumbnail_fits_an_offer(size: tuple[int, int]) -> None:
    shown = thumbnail(picture("PNG", size))
    assert len(shown.rgb) == 3 * shown.width * shown.height <= 9_216
    assert shown[3:5] == size
    if min(shown.width, shown.height) > 20:
        assert shown.width / shown.height == pytest.approx(size[0] / size[1], rel=0.03)
    if size[0] * size[1] > 9_000 and min(size) > 20:
        assert len(shown.rgb) > 8_500


def png_of(width: int, height: int, pixels_: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        whole = name + body
        return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(pixels_, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


def test_a_picture_that_says_it_is_huge_is_refused_before_it_is_decoded() -> None:
    for width, height in ((1 << 31 - 1, 1 << 31 - 1), (50_000, 50_000), (50_000_001, 1)):
        assert "too large" in why(png_of(width, height, bytes(100))), (width, height)
    jpeg = bytearray(picture("JPEG"))
    place = jpeg.index(b"\xff\xc0") + 5
    jpeg[place : place + 4] = b"\xff\xff\xff\xff"
    assert "too large" in why(bytes(jpeg))
    gif = bytearray(picture("GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    assert "too large" in why(bytes(gif))
    webp = bytearray(picture("WEBP"))
    vp8 = webp.index(b"\x9d\x01\x2a") + 3
    webp[vp8 : vp8 + 4] = b"\xff\x3f\xff\x3f"
    assert "too large" in why(bytes(webp))
    moving = saved(
        Image.new("RGB", (9, 9)),
        "WEBP",
        save_all=True,
        append_images=[Image.new("RGB", (9, 9), "red")],
    )
    large = bytearray(moving)
    assert large[12:16] == b"VP8X"
    large[24:30] = b"\xff\x3f\0\xff\x3f\0"
    assert "too large" in why(bytes(large))


def test_a_bomb_takes_no_more_memory_than_allowed() -> None:
    """40 million pixels from some kilobytes: shown small, in a process of bounded memory."""
    bomb = png_of(8_000, 5_000, bytes(5_000 * (1 + 3 * 8_000)))
    assert len(bomb) < 200_000
    assert pixels(bomb, 80, 48)[:2] == (77, 48)
    frames = saved(Image.new("L", (1, 1)), "GIF") + bytes(1000)
    grown = bytearray(frames)
    image = grown.index(b"\x2c", 13)
    grown[image + 5 : image + 9] = b"\xff\xff\xff\xff"  # a frame beyond its own screen
    assert why(bytes(grown)) in ("it is too large", "it is damaged")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_picture_cut_short_is_one_sentence(format_: str) -> None:
    data = picture(format_, (400, 300))
    for size in (12, 30, len(data) // 2):
        assert why(data[:size]) in ("it is damaged", "it is too large"), size


def test_other_formats_are_not_decoded() -> None:
    """Pillow has many more decoders; none of them is ever reached."""
    for format_ in ("TIFF", "BMP", "ICO", "PPM", "TGA", "PCX", "JPEG2000"):
        assert "its format is none" in why(picture(format_)), format_
    assert "its format is none" in why(b"")
    assert "its format is none" in why(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "MiB" in why(bytes(PICTURE_MAX + 1))


@pytest.mark.parametrize(
    ("head", "name", "found"),
    [
        (picture("PNG")[:64], "a.txt", PNG),
        (picture("JPEG")[:64], "a", JPEG),
        (picture("GIF")[:64], "a", GIF),
        (picture("WEBP")[:64], "a.png", WEBP),
        (b"OggS" + bytes(24) + b"OpusHead", "a.ogg", OPUS),
        (b"\0\0\0\x18ftypheic", "a.jpg", "image/heic"),
        (b"\0\0\0\x18ftypisom", "a", "video/mp4"),
        (b"II*\0", "a.dng", "image/tiff"),
        (b"hello", "a.txt", "text/plain"),
        (b"hello", "a.png", "application/octet-stream"),
        (b"hello", "a.tar.gz", "application/octet-stream"),
        (b"", "a.\u0436", "application/octet-stream"),
    ],
)
def test_the_media_type_is_what_the_bytes_say(head: bytes, name: str, found: str) -> None:
    assert media_type_of(head, name) == found
