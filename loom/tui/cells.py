"""Text as terminal cells: clusters, widths, wrapping."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

from rich.cells import cell_len, split_graphemes


class Cluster(NamedTuple):
    """What a reader takes for one character: where it stands in the text, and its cells."""

    start: int
    end: int
    width: int


def clusters(text: str) -> list[Cluster]:
    """Every index of `text` in some cluster, in order. A zero-width one joins the one before."""
    if _ALONE.fullmatch(text):
        return [Cluster(at, at + 1, width) for at, width in enumerate(_widths(text))]
    found: list[Cluster] = []
    for start, end, width in split_graphemes(text)[0]:
        if width == 0 and found:
            found[-1] = Cluster(found[-1].start, end, found[-1].width)
        else:
            found.append(Cluster(start, end, width))
    return found


_ALONE: Final = re.compile(
    r"[\x00-\x7f\u00c0-\u02ff\u0370-\u0377\u0384-\u0482\u048a-\u052f"
    r"\u3001\u3002\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60]*"
)
"""Letters that join nothing, where each is a cluster: most of what people write, found fast."""
_WIDE_FROM: Final = "\u3000"
"""Of those letters, the ones from here on take two cells."""


def _widths(text: str) -> list[int]:
    return [2 if one >= _WIDE_FROM else 1 for one in text]


@lru_cache(maxsize=4096)
def width_of(text: str) -> int:
    """How many cells the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int, ellipsis: str = "…") -> str:
    """The text's beginning in at most `width` cells; an ellipsis stands for the rest."""
    if width_of(text) <= width:
        return text
    room = width - width_of(ellipsis)
    if room < 0:
        return ""
    end = used = 0
    for cluster in clusters(text):
        if used + cluster.width > room:
            break
        used, end = used + cluster.width, cluster.end
    return text[:end] + ellipsis


def pad(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in exactly `width` cells."""
    text = cut(text, width, ellipsis)
    return text + " " * (width - width_of(text))


Row = tuple[int, int]
"""Where a row begins and ends in the text."""


def wrap(text: str, width: int) -> list[Row]:
    """The text's rows as index ranges: at spaces where possible, at newlines always.

    The newline, or the space that a row ends at, belongs to no row.
    """
    return list(rows_from(text, 0, width))


def rows_from(text: str, start: int, width: int) -> Iterator[Row]:
    """The rows from the one that begins at `start` on."""
    width = max(width, 2)
    while True:
        line_end = text.find("\n", start)
        end = len(text) if line_end < 0 else line_end
        while (row := _full_row(text, start, end, width)) is not None:
            yield start, row[0]
            start = row[1]
        yield start, end
        if line_end < 0:
            return
        start = line_end + 1


def _full_row(text: str, start: int, end: int, width: int) -> tuple[int, int] | None:
    """Where the row ends and the next one begins; None: the rest of the line fits in one."""
    over = _first_beyond(text, start, end, width)
    if over is None:
        return None
    if text[over] == " ":
        return over, over + 1
    space = text.rfind(" ", start + 1, over)
    return (over, over) if space < 0 else (space, space + 1)


def _first_beyond(text: str, start: int, end: int, width: int) -> int | None:
    """The first cluster that has no room in the row."""
    size = width + 1
    while True:
        part = text[start : min(start + size, end)]
        is_whole = start + size >= end
        if part.isascii():
            return start + width if len(part) > width else None
        if _ALONE.fullmatch(part):
            used = list(accumulate(_widths(part)))
            return None if used[-1] <= width else start + bisect_right(used, width)
        found = clusters(part)
        total = 0
        # The last cluster may go on beyond the part.
        for cluster in found if is_whole else found[:-1]:
            total += cluster.width
            if total > width:
                return start + cluster.start
        if is_whole:
            return None
        size *= 2


class Rows:
    """The rows of a text that changes little by little: only what changed is wrapped again."""

    def __init__(self) -> None:
        self._text = ""
        self._width = 0
        self._rows: list[Row] = []

    def of(self, text: str, width: int) -> list[Row]:
        """The same as `wrap`."""
        if width != self._width:
            self._rows = wrap(text, width)
        elif text != self._text:
            self._rows = self._changed(text, width)
        self._text, self._width = text, width
        return self._rows

    def _changed(self, text: str, width: int) -> list[Row]:
        rows, grown = self._rows, len(text) - len(self._text)
        same = _same_at_start(self._text, text)
        same_end = _same_at_end(self._text, text)
        # A row ends where it does because of what follows: at most two rows before the change.
        first = max(bisect_right(rows, same, key=_start) - 3, 0)
        changed: list[Row] = []
        for row in rows_from(text, rows[first][0], width):
            if row[0] >= len(text) - same_end:
                at = bisect_left(rows, row[0] - grown, key=_start)
                if at < len(rows) and rows[at][0] == row[0] - grown:
                    kept = [(start + grown, end + grown) for start, end in rows[at:]]
                    return rows[:first] + changed + kept
            changed.append(row)
        return rows[:first] + changed


def _start(row: Row) -> int:
    return row[0]


def _same_at_start(one: str, other: str) -> int:
    """How many characters both begin with."""
    at, most = 0, min(len(one), len(other))
    for size in _STEPS:
        while at < most and one[at : at + size] == other[at : at + size]:
            at += size
    return min(at, most)


def _same_at_end(one: str, other: str) -> int:
    """How many characters both end with."""
    at, most = 0, min(len(one), len(other))
    for size in _STEPS:
        while at + size <= most and one.endswith(
            other[len(other) - at - size : len(other) - at], 0, len(one) - at
        ):
            at += size
    return at


_STEPS: Final = (4096, 64, 1)
"""Characters compared at once, for as long as they are equal."""
