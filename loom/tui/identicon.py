"""Two cells drawn by a fingerprint: four coloured halves, or two letters without colours.

It helps to tell contacts apart at a glance. It proves nothing: there are only 20,736 of them.
"""

from typing import Final

from loom.tui.lines import Look
from loom.tui.themes import ICON, Line, Piece

COLORS: Final = tuple(
    f"{kind}{color}"
    for kind in ("", "bright_")
    for color in ("red", "green", "yellow", "blue", "magenta", "cyan")
)
"""What every terminal with 16 colours has, without black and white."""
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""None that is mistaken for another."""
UPPER_HALF: Final = "▀"
WIDTH: Final = 2


def identicon(fingerprint: str, look: Look) -> Line:
    """Two cells for a fingerprint in hexadecimal digits; blank for what is none."""
    try:
        number = int(fingerprint[:16], 16)
    except ValueError:
        return [Piece(" " * WIDTH)]
    if not (look.signs.unicode and look.has_colors):
        first, second = number % len(LETTERS), number // len(LETTERS) % len(LETTERS)
        return [Piece(LETTERS[first] + LETTERS[second], "status")]
    halves = [COLORS[number // len(COLORS) ** place % len(COLORS)] for place in range(4)]
    return [
        Piece(UPPER_HALF, f"{ICON}{above} on {below}") for above, below in (halves[:2], halves[2:])
    ]
