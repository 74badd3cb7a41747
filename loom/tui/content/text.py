"""A text: wrapped, links underlined, the words of a search marked."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from loom.api.views import MessageView
from loom.printable import printable
from loom.search_words import hits as hits_of
from loom.tui.cells import wrap
from loom.tui.links import Link, find_links, is_pasted
from loom.tui.themes import Line, Piece

_LINE_END_SPACES: Final = re.compile(r" +$", re.MULTILINE)
PREVIEW_MAX: Final = 200


def lines(message: MessageView, width: int, words: Sequence[str]) -> list[Line]:
    """See `Kind.lines`."""
    body = _body(message)
    found, hits = find_links(body), hits_of(body, words)
    return [_pieces(body, start, end, found, hits, "text") for start, end in wrap(body, width)]


def marked(text: str, words: Sequence[str], role: str = "text") -> Line:
    """A line in which the words of a search are marked."""
    return _pieces(text, 0, len(text), [], hits_of(text, words), role)


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return [one.address for one in find_links(_body(message))]


def preview(body: str) -> str:
    """See `Kind.preview`."""
    return printable(" ".join(body[:PREVIEW_MAX].split()))


def _body(message: MessageView) -> str:
    return _LINE_END_SPACES.sub("", printable(message.body, multiline=True))


def _pieces(
    body: str, start: int, end: int, found: list[Link], hits: list[tuple[int, int]], role: str
) -> Line:
    """One row, cut where a link or a hit begins or ends."""
    edges = {start, end}
    for one in (*((link.start, link.end) for link in found), *hits):
        edges.update(at for at in one if start < at < end)
    line: Line = []
    for first, last in pairwise(sorted(edges)):
        link = next((one.address for one in found if one.start <= first < one.end), "")
        is_hit = any(a <= first < b for a, b in hits)
        looks = "match" if is_hit else "link" if link else role
        line.append(Piece(body[first:last], looks, "" if is_pasted(link) else link))
    return line
