"""Inside the decoder: a picture without what tells more than the picture.

Only the parts that are known to belong to the picture are copied, as they are: nothing is decoded
and nothing gets worse. Places, cameras, times, names, comments, previews, edits and whatever hangs
behind the end stay out. Which way is up is kept, as the one field of an EXIF block made here.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Final

from loom.media.job import Answer, Refused, Status
from loom.media.kinds import GIF, HEAD_BYTES, JPEG, PNG, WEBP, content_type_of

_EXIF: Final = b"Exif\0\0"


def strip(data: bytes) -> Answer:
    """The picture alone; the same bytes where there was nothing else.

    Raises:
        Refused: UNKNOWN, or DAMAGED: its parts cannot be told apart.
    """
    cut = _CUTS.get(content_type_of(data[:HEAD_BYTES]) or "")
    if cut is None:
        raise Refused(Status.UNKNOWN)
    try:
        return Answer(Status.DONE, (), cut(data))
    except (IndexError, struct.error) as error:  # it ends in the middle of a part
        raise Refused(Status.DAMAGED) from error


# --- which way is up (TIFF 6.0; EXIF 2.32, 4.6.4) -----------------------------------------------


def _orientation(tiff: bytes) -> int:
    """1 to 8; 1 also where the block is broken or says nothing."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for index in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * index)
            if (tag, kind) == (0x0112, 3):
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def _upright(orientation: int) -> bytes:
    """A TIFF block that says this and nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# --- JPEG (ITU-T T.81, annex B) -----------------------------------------------------------------

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
# Frames, tables, scans and their lines; beside the blocks of applications below.
_OF_JPEG: Final = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xE0)))
_MARKER: Final = re.compile(rb"\xff(?=[^\x00\xff\xd0-\xd7])")


def _jpeg(data: bytes) -> bytes:
    parts = [data[:2]]
    orientation = 1
    place = 2
    while True:
        if data[place] != 0xFF:
            raise Refused(Status.DAMAGED)
        while data[place] == 0xFF:  # a marker may be preceded by any number of these
            place += 1
        marker = data[place]
        place += 1
        if marker == _EOI:
            break
        if marker in _ALONE:
            parts.append(bytes((0xFF, marker)))
            continue
        if marker in (0x00, _SOI):
            raise Refused(Status.DAMAGED)
        (size,) = struct.unpack_from(">H", data, place)
        body = data[place + 2 : place + size]
        if size < 2 or len(body) != size - 2:
            raise Refused(Status.DAMAGED)
        place += size
        if marker == _APP1 and body.startswith(_EXIF) and orientation == 1:
            orientation = _orientation(body[len(_EXIF) :])
        kept = _of_jpeg(marker, body)
        if kept is not None:
            parts.append(struct.pack(">BBH", 0xFF, marker, len(kept) + 2) + kept)
        if marker == _SOS:
            end = _end_of_scan(data, place)
            parts.append(data[place:end])
            place = end
    if orientation != 1:
        exif = _EXIF + _upright(orientation)
        # EXIF asks to be first, JFIF too; readers take JFIF first.
        at = 2 if len(parts) > 1 and parts[1][:2] == b"\xff\xe0" else 1
        parts.insert(at, struct.pack(">BBH", 0xFF, _APP1, len(exif) + 2) + exif)
    return b"".join((*parts, b"\xff\xd9"))


def _of_jpeg(marker: int, body: bytes) -> bytes | None:
    """What of a segment belongs to the picture; None: nothing."""
    if marker == _APP0:
        # Without the small picture that may follow it.
        return body[:12] + b"\0\0" if body.startswith(b"JFIF\0") and len(body) >= 14 else None
    if marker == _APP2:
        return body if body.startswith(b"ICC_PROFILE\0") else None
    if marker == _APP14:
        return body[:12] if body.startswith(b"Adobe") else None
    return body if marker in _OF_JPEG else None


def _end_of_scan(data: bytes, place: int) -> int:
    """Where the next marker begins that is neither a stuffed byte nor a restart."""
    found = _MARKER.search(data, place)
    if found is None:
        raise Refused(Status.DAMAGED)
    return found.start()


# --- PNG (third edition, 11) --------------------------------------------------------------------

_OF_PNG: Final = frozenset(
    {
        *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB"),
        *(b"cICP", b"mDCV", b"cLLI", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT"),
    }
)


def _png(data: bytes) -> bytes:
    parts = [data[:8]]
    place = 8
    while True:
        size, name = struct.unpack_from(">I4s", data, place)
        whole = data[place : place + 12 + size]
        if len(whole) != 12 + size:
            raise Refused(Status.DAMAGED)
        place += len(whole)
        if name in _OF_PNG:
            parts.append(whole)
        elif name == b"eXIf" and (orientation := _orientation(whole[8:-4])) != 1:
            body = name + _upright(orientation)
            checksum = struct.pack(">I", zlib.crc32(body))
            parts.append(struct.pack(">I", len(body) - 4) + body + checksum)
        elif name[0] & 0x20 == 0:  # a capital: without it the picture cannot be shown
            raise Refused(Status.DAMAGED)
        if name == b"IEND":
            return b"".join(parts)


# --- WebP (WebP Container Specification) --------------------------------------------------------

_OF_WEBP: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"})
_HAS_EXIF, _HAS_XMP = 0x08, 0x04
_FRAME_HEAD: Final = 16


def _webp(data: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", data, 4)
    body = data[12 : 8 + size]
    if len(body) != size - 4:
        raise Refused(Status.DAMAGED)
    parts = []
    orientation = 1
    for name, content in _chunks(body):
        if name == b"EXIF" and orientation == 1:
            orientation = _orientation(content.removeprefix(_EXIF))
        elif name == b"ANMF":
            frame = [_chunk(*one) for one in _chunks(content[_FRAME_HEAD:]) if one[0] in _OF_WEBP]
            parts.append((name, content[:_FRAME_HEAD] + b"".join(frame)))
        elif name in _OF_WEBP:
            parts.append((name, content))
    if not parts:
        raise Refused(Status.DAMAGED)
    name, content = parts[0]
    if name == b"VP8X":
        flags = content[0] & ~(_HAS_EXIF | _HAS_XMP)
        parts[0] = (name, bytes((flags | (_HAS_EXIF if orientation != 1 else 0),)) + content[1:])
        if orientation != 1:
            parts.append((b"EXIF", _upright(orientation)))
    whole = b"WEBP" + b"".join(_chunk(*one) for one in parts)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place < len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        content = data[place + 8 : place + 8 + size]
        if len(content) != size:
            raise Refused(Status.DAMAGED)
        yield name, content
        place += 8 + size + size % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


# --- GIF (89a, appendix A) ----------------------------------------------------------------------

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
_CONTROL_BYTES, _LOOP_BYTES = 8, 19
_LOOPS: Final = (b"NETSCAPE2.0", b"ANIMEXTS1.0")


def _gif(data: bytes) -> bytes:
    place = 13 + _palette(data[10])
    if place > len(data):
        raise Refused(Status.DAMAGED)
    parts = [data[:place]]
    while place < len(data) and (kind := data[place]) != _TRAILER:
        if kind == _EXTENSION:
            end = _end_of_blocks(data, place + 2)
            label = data[place + 1]
            whole = data[place:end]
            # Each has one length; a longer one would carry something else.
            if (label == _CONTROL and len(whole) == _CONTROL_BYTES) or (
                label == _APPLICATION and whole[3:14] in _LOOPS and len(whole) == _LOOP_BYTES
            ):
                parts.append(whole)
        elif kind == _IMAGE:
            end = _end_of_blocks(data, place + 11 + _palette(data[place + 9]))
            parts.append(data[place:end])
        else:
            raise Refused(Status.DAMAGED)
        place = end
    return b"".join((*parts, bytes((_TRAILER,))))


def _palette(flags: int) -> int:
    """Bytes of the table of colours that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end_of_blocks(data: bytes, place: int) -> int:
    while size := data[place]:
        place += 1 + size
    return place + 1


_CUTS: Final = {JPEG: _jpeg, PNG: _png, WEBP: _webp, GIF: _gif}
