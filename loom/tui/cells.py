"""Text as terminal cells: clusters, widths, wrapping."""

from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes

ELLIPSIS_WIDTH = 1


class Cluster(NamedTuple):
    """What a reader takes for one character: where it stands in the text, and its cells."""

    start: int
    end: int
    width: int


def clusters(text: str) -> list[Cluster]:
    """Every index of `text` in some cluster, in order. A zero-width one joins the one before."""
    if text.isascii():
        return [Cluster(index, index + 1, 1) for index in range(len(text))]
    found: list[Cluster] = []
    for start, end, width in split_graphemes(text)[0]:
        if width == 0 and found:
            found[-1] = Cluster(found[-1].start, end, found[-1].width)
        else:
            found.append(Cluster(start, end, width))
    return found


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


def wrap(text: str, width: int) -> list[tuple[int, int]]:
    """The text's rows as index ranges: at spaces where possible, at newlines always.

    The newline, or the space that a row ends at, belongs to no row.
    """
    width = max(width, 2)
    rows: list[tuple[int, int]] = []
    start = 0
    for line in text.split("\n"):
        _wrap_line(text, start, start + len(line), width, rows)
        start += len(line) + 1
    return rows


def _wrap_line(text: str, start: int, end: int, width: int, rows: list[tuple[int, int]]) -> None:
    if width_of(text[start:end]) <= width:
        rows.append((start, end))
        return
    row_start = start
    used = 0
    space: int | None = None
    used_at_space = 0
    for offset_start, offset_end, cells in clusters(text[start:end]):
        at, after = start + offset_start, start + offset_end
        is_space = text[at:after] == " "
        if used + cells > width:
            if is_space:
                rows.append((row_start, at))
                row_start, used, space = after, 0, None
                continue
            if space is not None and space > row_start:
                rows.append((row_start, space))
                row_start, used = space + 1, used - used_at_space - 1
            else:
                rows.append((row_start, at))
                row_start, used = at, 0
            space = None
        if is_space:
            space, used_at_space = at, used
        used += cells
    rows.append((row_start, end))
