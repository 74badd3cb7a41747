"""A text: wrapped, formatted, links underlined, the words of a search marked."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from loom.api.message_views import MessageView
from loom.mentions import mentions
from loom.printable import printable
from loom.search_words import hits as hits_of
from loom.tui.cells import wrap
from loom.tui.content.manner import Manner, Said
from loom.tui.content.markdown import spans
from loom.tui.links import Link, find_links
from loom.tui.themes import Line, Piece

_LINE_END_SPACES: Final = re.compile(r" +$", re.MULTILINE)
PREVIEW_MAX: Final = 200


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    body = _body(message)
    looks = [(one.start, one.end, one.role) for one in spans(body)] if manner.is_formatted else []
    called = mentions(body, manner.own_name) if message.mention else []
    painted = _painted(body, looks, called, find_links(body), hits_of(body, words), "text")
    starts = [one.start for one in painted]
    return [_row(body, painted, starts, start, end) for start, end in wrap(body, width)]


def marked(text: str, words: Sequence[str], role: str = "text") -> Line:
    """A line in which the words of a search are marked."""
    painted = _painted(text, [], [], [], hits_of(text, words), role)
    return [Piece(text[one.start : one.end], one.role) for one in painted]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return [one.address for one in find_links(_body(message))]


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return beginning(message.body)


def beginning(body: str) -> str:
    """The beginning of a text on one line."""
    return printable(" ".join(body[:PREVIEW_MAX].split()))


def _body(message: MessageView) -> str:
    return _LINE_END_SPACES.sub("", printable(message.body, multiline=True))


class _Part(NamedTuple):
    """From `start` to `end` a text looks the same."""

    start: int
    end: int
    role: str
    link: str


def _painted(
    body: str,
    looks: Sequence[tuple[int, int, str]],
    called: Sequence[tuple[int, int]],
    found: Sequence[Link],
    hits: Sequence[tuple[int, int]],
    role: str,
) -> list[_Part]:
    """The whole text in parts; the later of these layers lies over those before it."""
    hits = _merged(hits)
    layers: list[Sequence[tuple[int, int, str]]] = [
        looks,
        [(start, end, "mention") for start, end in called],
        [(one.start, one.end, one.address) for one in found],
        [(start, end, "match") for start, end in hits],
    ]
    edges = {0, len(body), *(at for layer in layers for one in layer for at in one[:2])}
    plain = {one.address for one in found if one.is_plain}
    places = [0] * len(layers)
    parts: list[_Part] = []
    for start, end in pairwise(sorted(edges)):
        at = [""] * len(layers)
        for number, layer in enumerate(layers):
            while places[number] < len(layer) and layer[places[number]][1] <= start:
                places[number] += 1
            if places[number] < len(layer) and layer[places[number]][0] <= start:
                at[number] = layer[places[number]][2]
        look, mention, address, match = at
        # A mixed host is only opened after a question, which names it.
        link = address if address in plain else ""
        parts.append(
            _Part(start, end, match or (address and "link") or mention or look or role, link)
        )
    return parts


def _merged(hits: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(hits):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def _row(body: str, painted: Sequence[_Part], starts: Sequence[int], start: int, end: int) -> Line:
    """What stands in one row."""
    line: Line = []
    for one in painted[max(bisect_right(starts, start) - 1, 0) :]:
        first, last = max(one.start, start), min(one.end, end)
        if one.start >= end:
            break
        if first < last:
            line.append(Piece(body[first:last], one.role, one.link))
    return line
