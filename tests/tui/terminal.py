"""A terminal that understands just what the canvas writes, for comparing what it shows."""

import re

from loom.tui.cells import clusters, width_of

_SEQUENCE = re.compile(
    r"\x1b\[([?]?)([\d;]*)([A-Za-z])|\x1b\]8;(?:id=[0-9a-f]+)?;([^\x1b]*)\x1b\\|\x1b(M)"
)
Shown = tuple[str, str, str]
BLANK: Shown = (" ", "", "")


class Terminal:
    """Rows of (text, SGR, link); anything unknown fails.

    One that does not join draws each character of a joined one for itself, like many terminals.
    """

    def __init__(self, width: int, height: int, *, joins: bool = True) -> None:
        self._joins = joins
        self.width, self.height = width, height
        self.rows: list[list[Shown]] = [[BLANK] * width for _ in range(height)]
        self.x = self.y = 0
        self.cursor = True
        self._sgr = self._link = ""
        self._top, self._bottom = 0, height

    def feed(self, data: str) -> None:
        position = 0
        while position < len(data):
            if data[position] == "\x1b":
                found = _SEQUENCE.match(data, position)
                assert found, repr(data[position : position + 20])
                self._sequence(found)
                position = found.end()
            elif data[position] == "\b":
                self.x, position = self.x - 1, position + 1
            elif data[position] == "\n":
                self._line_feed()
                position += 1
            else:
                end = re.compile(r"[\x1b\b\n]").search(data, position)
                stop = end.start() if end else len(data)
                self._print(data[position:stop])
                position = stop

    def text(self) -> list[str]:
        return ["".join(cell[0] for cell in row).rstrip() for row in self.rows]

    def _print(self, text: str) -> None:
        if not self._joins:
            self._print_apart(text)
            return
        for start, stop, width in clusters(text):
            assert self.x + width <= self.width
            self._halve(self.x, self.x + width)
            self.rows[self.y][self.x] = (text[start:stop], self._sgr, self._link)
            if width == 2:
                self.rows[self.y][self.x + 1] = ("", self._sgr, self._link)
            self.x += width

    def _print_apart(self, text: str) -> None:
        row = self.rows[self.y]
        for one in text:
            width = width_of(one)
            if width == 0 or self.x + width > self.width:
                continue
            self._halve(self.x, self.x + width)
            row[self.x] = (one, self._sgr, self._link)
            if width == 2:
                row[self.x + 1] = ("", self._sgr, self._link)
            self.x += width

    def _line_feed(self) -> None:
        if self.y == self._bottom - 1:
            self.rows.insert(self._bottom, [BLANK] * self.width)
            del self.rows[self._top]
        else:
            self.y += 1

    def _sequence(self, found: re.Match[str]) -> None:
        private, numbers, kind, link, reverse = found.groups()
        if reverse:
            assert self.y == self._top
            self.rows.insert(self._top, [BLANK] * self.width)
            del self.rows[self._bottom]
            return
        if kind is None:
            self._link = link
            return
        given = [int(one) for one in numbers.split(";") if one]
        n = given[0] if given else 1
        match private + kind:
            case "H":
                self.y, self.x = n - 1, (given[1] - 1 if len(given) > 1 else 0)
            case "C":
                self.x += n
            case "D":
                self.x -= n
            case "K":
                self._erase(self.x, self.width)
            case "X":
                self._erase(self.x, self.x + n)
            case "J":
                self.rows = [[BLANK] * self.width for _ in range(self.height)]
            case "r":
                self._top, self._bottom = (given[0] - 1, given[1]) if given else (0, self.height)
            case "m":
                self._sgr = numbers.removeprefix("0;").removeprefix("0")
            case "?h" | "?l":
                if n == 25:
                    self.cursor = kind == "h"
            case _:
                raise AssertionError(found[0])

    def _erase(self, start: int, end: int) -> None:
        assert self._sgr == "" or end - start == 2
        self._halve(start, end)
        self.rows[self.y][start:end] = [BLANK] * (end - start)

    def _halve(self, *edges: int) -> None:
        """Half of a wide character is nothing."""
        row = self.rows[self.y]
        for x in edges:
            if x < self.width and row[x][0] == "":
                row[x - 1] = row[x] = BLANK
