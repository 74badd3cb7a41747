"""How loud a sound is, as a line of bars."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_ASCII_BARS: Final = "_.-=+*%#"


def bars(levels: Sequence[int], width: int, *, unicode: bool) -> str:
    """Levels of 0 to 255 as `width` characters, each the loudest of what it stands for."""
    signs = _BARS if unicode else _ASCII_BARS
    count = len(levels)
    edges = [count * part // width for part in range(width + 1)]
    parts = (levels[start : max(end, start + 1)] for start, end in pairwise(edges))
    return "".join(signs[max(part, default=0) * (len(signs) - 1) // 255] for part in parts)


def level_bar(level: float, width: int) -> str:
    """How loud it is now, 0.0 to 1.0, from the left."""
    full = round(min(1.0, max(0.0, level)) * width)
    return "#" * full + "-" * (width - full)


def clock(seconds: float) -> str:
    """Minutes and seconds: 1:05."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02}"
