"""What a photograph tells besides the photograph does not go out, and nothing else is lost."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, PngImagePlugin

from loom.errors import MediaUnreadable
from loom.media import metadata, pictures
from loom.media.job import Refused
from tests.media.conftest import picture

SECRET = b"SECRET"
ORIENTATION = 0x0112


def exif_of(orientation: int = 6) -> Image.Exif:
    """As a telephone writes it: maker, time, place, and which way is up."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET maker"
    exif[0x0132] = "2026:11:27 SECRET"
    exif[ORIENTATION] = orientation
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (52.0, 31.0, 12.0)
    place[3], place[4] = "E", (13.0, 24.0, 18.0)
    place[0x1C] = b"SECRET place"
    return exif


def jpeg() -> bytes:
    data = picture("JPEG", exif=exif_of(), comment=b"SECRET", icc_profile=b"a profile" * 20)
    xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta SECRET/>"
    photoshop = b"Photoshop 3.0\0SECRET"
    more = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        for marker, body in ((0xE1, xmp), (0xED, photoshop), (0xE5, SECRET), (0xEF, SECRET))
    )
    return data[:2] + more + data[2:] + b"SECRET, a film behind the picture"


def png() -> bytes:
    said = PngImagePlugin.PngInfo()
    said.add_text("Comment", "SECRET")
    said.add_itxt("XML:com.adobe.xmp", "SECRET " * 9, zip=False)
    said.add(b"tIME", bytes(7))
    said.add(b"prVt", SECRET)
    return picture("PNG", pnginfo=said, exif=exif_of()) + SECRET


def webp() -> bytes:
    return picture("WEBP", exif=exif_of(), xmp=b"<SECRET/>", icc_profile=b"a profile!") + SECRET


def gif() -> bytes:
    data = picture("GIF", comment=b"SECRET")
    place = data.index(b"\x2c", 13)
    xmp = b"\x21\xff\x0bXMP DataXMP\x06SECRET\0"
    return data[:place] + xmp + data[place:] + SECRET


MAKERS: dict[str, Callable[[], bytes]] = {"JPEG": jpeg, "PNG": png, "WEBP": webp, "GIF": gif}


def shown(data: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGB").tobytes()


@pytest.mark.parametrize("format_", MAKERS)
def test_no_place_time_maker_or_comment_is_left_and_every_pixel_is(format_: str) -> None:
    before = MAKERS[format_]()
    assert SECRET in before
    after = pictures.strip(before)
    assert SECRET not in after
    assert shown(after) == shown(before)
    with Image.open(io.BytesIO(after)) as image:
        exif = image.getexif()
        assert dict(exif) == ({} if format_ == "GIF" else {ORIENTATION: 6})
        assert dict(exif.get_ifd(0x8825)) == {}
        if format_ in ("JPEG", "WEBP"):
            assert image.info["icc_profile"].startswith(b"a profile")
    assert pictures.strip(after) == after
    upright = pictures.pixels(after, 100, 100)
    assert upright[:2] == ((40, 30) if format_ == "GIF" else (30, 40))
    assert upright == pictures.pixels(before, 100, 100)


@pytest.mark.parametrize("format_", MAKERS)
def test_a_picture_that_tells_nothing_stays_as_it_is(format_: str) -> None:
    data = picture(format_)
    assert metadata.strip(data).data == data


def test_a_progressive_picture_keeps_all_its_scans() -> None:
    data = picture("JPEG", (300, 200), progressive=True, exif=exif_of(1))
    after = metadata.strip(data).data
    assert b"Exif" not in after
    assert shown(after) == shown(data)


def test_the_small_picture_inside_a_picture_goes_too() -> None:
    data = picture("JPEG")
    assert data[2:4] == b"\xff\xe0"
    small = b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x01" + b"SECRET"
    (size,) = struct.unpack_from(">H", data, 4)
    whole = data[:2] + struct.pack(">BBH", 0xFF, 0xE0, len(small) + 2) + small + data[4 + size :]
    after = metadata.strip(whole).data
    assert SECRET not in after
    assert shown(after) == shown(data)


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "GIF"])
def test_a_picture_that_moves_goes_on_moving(format_: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    file = io.BytesIO()
    frames[0].save(file, format_, save_all=True, append_images=frames[1:], duration=50, loop=0)
    data = file.getvalue()
    if format_ == "WEBP":  # a part that nobody knows, inside a frame
        data = hidden_in_a_frame(data)
        assert SECRET in data
    after = metadata.strip(data).data
    assert SECRET not in after
    with Image.open(io.BytesIO(after)) as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]
        image.seek(2)
        assert image.convert("RGB").getpixel((9, 9))[2] > 240  # type: ignore[index]


def hidden_in_a_frame(data: bytes) -> bytes:
    place = data.index(b"ANMF")
    (size,) = struct.unpack_from("<I", data, place + 4)
    extra = b"SECR" + struct.pack("<I", 6) + SECRET
    frame = data[place + 8 : place + 8 + size] + extra
    whole = data[:place] + b"ANMF" + struct.pack("<I", len(frame)) + frame
    whole += data[place + 8 + size :]
    return b"RIFF" + struct.pack("<I", len(whole) - 8) + whole[8:]


@pytest.mark.parametrize("order", ["<", ">"])
def test_which_way_is_up_is_read_from_either_order_of_bytes(order: str) -> None:
    start = b"II*\0" if order == "<" else b"MM\0*"
    body = struct.pack(order + "IHHHIHH", 8, 1, ORIENTATION, 3, 1, 5, 0)
    assert metadata._orientation(start + body) == 5
    for broken in (b"", start, start + b"\xff\xff\xff\xff", start + body[:9], b"??*\0" + body):
        assert metadata._orientation(broken) == 1


@pytest.mark.parametrize("format_", MAKERS)
def test_what_cannot_be_taken_apart_is_refused_and_not_sent_by_half(format_: str) -> None:
    data = MAKERS[format_]()
    whole = metadata.strip(data).data
    for size in range(1, len(data)):
        try:
            cut = metadata.strip(data[:size]).data
        except Refused:
            continue
        # Only what comes after the end is missing; a GIF may lack its last byte.
        assert cut == whole or format_ == "GIF"


def test_a_picture_cut_in_its_table_of_colours_is_refused() -> None:
    """Found by fuzzing: it went out shorter than it said it was."""
    for size in (14, 20, 30):
        with pytest.raises(Refused):
            metadata.strip(picture("GIF")[:size])


def test_a_known_block_of_a_gif_carries_nothing_else() -> None:
    data = picture("GIF")
    place = data.index(b"\x2c", 13)
    for block in (
        b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\x06SECRET\0",
        b"\x21\xf9\x04\0\0\0\0\x06SECRET\0",
    ):
        assert metadata.strip(data[:place] + block + data[place:]).data == data


def test_a_part_of_the_picture_that_nobody_knows_is_refused() -> None:
    body = b"CgBI" + bytes(4)
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    data = picture("PNG")
    with pytest.raises(MediaUnreadable):
        pictures.strip(data[:8] + chunk + data[8:])
    with pytest.raises(MediaUnreadable):
        pictures.strip(b"hello")
