"""A text that is too long for one message, as several in order."""

import re
from bisect import bisect_right
from typing import Final, NamedTuple

from loom.tui.cells import clusters

FENCE: Final = re.compile(r"(?m)^( {0,3})(`{3,64}|~{3,64})([^\n]{0,64})$")
"""A line that begins or ends a block of code; its indent, its marks, what is said of it."""
NEAR: Final = 256
"""Characters; clusters are looked for in so many before where a part must end."""


class Part(NamedTuple):
    """From `start` to `end` of the text; inside code, `before` opens it and `after` closes it."""

    start: int
    end: int
    before: str
    after: str

    def of(self, text: str) -> str:
        """What is sent."""
        return self.before + text[self.start : self.end] + self.after


class _Block(NamedTuple):
    """Code: from the end of the line that opens it to the start of the one that closes it."""

    line: int
    """Where the line that opens it begins."""
    first: int
    last: int
    opens: str
    closes: str


def split(text: str, limit_bytes: int) -> list[Part]:
    """The parts, each at most `limit_bytes` of UTF-8; between two, at most a newline or a space.

    They end at a line where one is near, else at a word, else between two characters.
    """
    blocks = _blocks(text)
    parts: list[Part] = []
    start = 0
    while start < len(text):
        opened = _around(blocks, start)
        before = f"{opened.opens}\n" if opened is not None and start > opened.first else ""
        room = limit_bytes - len(before.encode())
        end, after = _fitting(text, start, room), ""
        if end < len(text):
            end = _good_end(text, start, end)
            opened = _around(blocks, end)
            if opened is not None and opened.first == end and opened.line - 1 > start:
                end = opened.line - 1  # the line goes with its code
            if (cut := _around(blocks, end)) is not None:
                closes = f"\n{cut.closes}"
                end = _good_end(text, start, _fitting(text, start, room - len(closes.encode())))
                after = closes if _around(blocks, end) is cut else ""
        parts.append(Part(start, end, before, after))
        start = end + 1 if text[end : end + 1] in ("\n", " ") else end
    return parts


def _around(blocks: list[_Block], at: int) -> _Block | None:
    """The block of code in which a text is torn apart at `at`."""
    place = bisect_right(blocks, at, key=lambda one: one.first) - 1
    return blocks[place] if place >= 0 and at <= blocks[place].last else None


def _fitting(text: str, start: int, room: int) -> int:
    """The largest index up to which the text has at most `room` bytes."""
    piece = text[start : start + room]
    encoded = piece.encode()
    if len(encoded) <= room:
        return start + len(piece)
    return start + len(encoded[:room].decode(errors="ignore"))


def _good_end(text: str, start: int, end: int) -> int:
    """A better place to end, not far before `end`; a newline or a space may stand there."""
    if end >= len(text):
        return end
    half = start + (end - start) // 2
    for separator in ("\n", " "):
        at = text.rfind(separator, half, end + 1)
        if at > start:
            return at
    first = max(start, end - NEAR)
    ends = [first + one.end for one in clusters(text[first : end + NEAR])]
    fitting = [one for one in ends if start < one <= end]
    return fitting[-1] if fitting else end


def _blocks(text: str) -> list[_Block]:
    found: list[_Block] = []
    opened: re.Match[str] | None = None
    for line in FENCE.finditer(text):
        _, marks, info = line.groups()
        if opened is None:
            if "`" not in info or marks[0] == "~":
                opened = line
        elif marks.startswith(opened[2]) and not info.strip():
            found.append(
                _Block(opened.start(), opened.end(), line.start(), opened[0], opened[1] + opened[2])
            )
            opened = None
    if opened is not None:
        found.append(
            _Block(opened.start(), opened.end(), len(text), opened[0], opened[1] + opened[2])
        )
    return found
