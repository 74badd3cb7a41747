"""Raw pixels as half blocks: two of them in each cell, one above the other. No decoder."""

from functools import lru_cache
from typing import Final

from loom.tui.themes import ICON, Line, Piece

UPPER: Final = "▀"
COLOR_BITS: Final = 0xF8
"""Of each channel: neighbours that look alike are written together."""

Pixels = tuple[bytes, int, int]
"""RGB, 3 bytes a pixel, row by row; width; height."""


def fitted(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """The largest size within so many cells that keeps the shape and is no larger than it was."""
    if min(width, height, columns, rows) < 1:
        return 0, 0
    part = min(columns / width, 2 * rows / height, 1.0)
    return max(int(width * part), 1), max(int(height * part), 1)


@lru_cache(maxsize=128)
def half_blocks(rgb: bytes, width: int, height: int, columns: int, rows: int) -> tuple[Line, ...]:
    """A picture in at most so many cells; nothing where the pixels are not what they say."""
    if width < 1 or height < 1 or len(rgb) != 3 * width * height:
        return ()
    return tuple(block_lines(*scaled(rgb, width, height, *fitted(width, height, columns, rows))))


def block_lines(rgb: bytes, width: int, height: int) -> list[Line]:
    """A picture in as many columns as it has pixels, and half as many rows."""
    return [_line(rgb, width, height, y) for y in range(0, height, 2)]


def scaled(rgb: bytes, width: int, height: int, wide: int, high: int) -> Pixels:
    """The picture made smaller: each new pixel is the mean of those it stands for."""
    if (wide, high) == (width, height):
        return rgb, width, height
    found = bytearray()
    for y in range(high):
        top, bottom = y * height // high, max((y + 1) * height // high, y * height // high + 1)
        for x in range(wide):
            left, right = x * width // wide, max((x + 1) * width // wide, x * width // wide + 1)
            spans = [
                rgb[3 * (row * width + left) : 3 * (row * width + right)]
                for row in range(top, bottom)
            ]
            many = (right - left) * (bottom - top)
            found += bytes(sum(sum(one[part::3]) for one in spans) // many for part in range(3))
    return bytes(found), wide, high


def _line(rgb: bytes, width: int, height: int, y: int) -> Line:
    """Two rows of pixels; equal neighbours are one piece."""
    line: Line = []
    for x in range(width):
        role = f"{ICON}{_color(rgb, width, x, y)}"
        if y + 1 < height:
            role += f" on {_color(rgb, width, x, y + 1)}"
        if line and line[-1].role == role:
            line[-1] = Piece(line[-1].text + UPPER, role)
        else:
            line.append(Piece(UPPER, role))
    return line


def _color(rgb: bytes, width: int, x: int, y: int) -> str:
    at = 3 * (y * width + x)
    return "#" + "".join(f"{one & COLOR_BITS:02x}" for one in rgb[at : at + 3])
