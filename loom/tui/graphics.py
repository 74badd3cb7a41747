"""Pictures as pixels, where the terminal draws them: the graphics protocol of Kitty, and Sixel.

Both are written over cells that are blank, after the cells (ADR 0057). Only raw pixels come here.
"""

import fcntl
import re
import struct
import termios
from base64 import b64encode
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from zlib import compress

from textual.message import Message

QUERY: Final = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
"""Asks for both; every terminal answers the second."""
ANSWER: Final = re.compile(r"\x1b_G[^\x1b]{0,64}\x1b\\|\x1b\[\?[\d;]{0,64}c")
BEGUN: Final = re.compile(r"\x1b(_(G[^\x1b]{0,64}\x1b?)?|\[\?[\d;]{0,64})\Z")
"""An answer that has not come to its end."""
KITTY_ID: Final = 31
CHUNK: Final = 4_096
"""Characters of base64 in one sequence of Kitty's protocol."""
CELL: Final = (10, 20)
"""Pixels of a cell where the terminal does not say."""
ANSWERS_MAX: Final = 1_024
PIXELS_MAX: Final = 2_000
"""In each direction."""
_SIXEL: Final = "4"
"""Among the attributes that a terminal answers."""


class Way(StrEnum):
    """How a terminal draws a picture."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "blocks"


class Answered(Message):
    """The terminal answered `QUERY`, or something like it."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer


def way_of(answers: str) -> Way | None:
    """What a terminal can, from its answers so far; None: it has not said all."""
    if re.search(rf"\x1b_Gi={KITTY_ID};OK", answers):
        return Way.KITTY
    found = re.search(r"\x1b\[\?([\d;]*)c", answers)
    if found is None:
        return None
    return Way.SIXEL if _SIXEL in found[1].split(";")[1:] else Way.BLOCKS


def can_draw_pixels(pictures: str, environ: Mapping[str, str]) -> bool:
    """Whether the terminal is asked: the setting wants it, or no network lies before it."""
    is_far = any(environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "MOSH_CONNECTION"))
    return pictures == "sharp" or (pictures == "auto" and not is_far)


def cell_size(descriptor: int) -> tuple[int, int]:
    """Width and height of a cell in pixels."""
    try:
        answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return CELL
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width >= columns and height >= rows):
        return CELL
    return width // columns, height // rows


def drawn(way: Way, rgb: bytes, width: int, height: int, x: int, y: int) -> str:
    """What draws a picture with its upper left corner in a cell; the cursor stays where it was."""
    body = _kitty(rgb, width, height) if way is Way.KITTY else _sixel(rgb, width, height)
    return f"\x1b7\x1b[{y + 1};{x + 1}H{body}\x1b8"


def resized(
    pixels: tuple[bytes, int, int], box: tuple[float, float, float, float], wide: int, high: int
) -> bytes:
    """A part of a picture in another size: RGB, width and height in, RGB out."""
    from PIL import Image  # only what takes raw pixels: no format is read here

    rgb, width, height = pixels
    image = Image.frombytes("RGB", (width, height), rgb)
    return image.resize((wide, high), Image.Resampling.BILINEAR, box=box).tobytes()


def gone(way: Way) -> str:
    """What takes it away again; a Sixel goes with the cells that are erased under it."""
    return f"\x1b_Ga=d,d=I,i={KITTY_ID},q=2\x1b\\" if way is Way.KITTY else ""


def _kitty(rgb: bytes, width: int, height: int) -> str:
    payload = b64encode(compress(rgb, 6)).decode()
    parts = [payload[start : start + CHUNK] for start in range(0, len(payload), CHUNK)]
    head = f"a=T,q=2,C=1,i={KITTY_ID},f=24,o=z,s={width},v={height},"
    written = []
    for number, part in enumerate(parts):
        more = int(number < len(parts) - 1)
        written.append(f"\x1b_G{head if number == 0 else ''}m={more};{part}\x1b\\")
    return "".join(written)


def _sixel(rgb: bytes, width: int, height: int) -> str:
    # The package's public modules ask the terminal when they are imported, and wait for an answer
    # that the app's own input thread would take.
    from PIL import Image
    from textual_image._sixel import image_to_sixels

    return image_to_sixels(Image.frombytes("RGB", (width, height), rgb))
