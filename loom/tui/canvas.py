"""What the terminal shows, and the fewest bytes that make it show something else.

Textual writes whole regions again. Over a slow line every cell costs, so its output is kept as
cells here, compared with what stands on the terminal, and only the difference is written:
unchanged cells are skipped, blank ends erased, moved rows moved by the terminal itself.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from zlib import crc32

from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from loom.tui.cells import clusters, width_of


class Cell(NamedTuple):
    """One cell: its text ("" behind a wide character), SGR parameters, link."""

    text: str
    sgr: str = ""
    link: str = ""


class Scroll(NamedTuple):
    """Rows `top` to `bottom` (exclusive) moved up by `by`; negative: down."""

    top: int
    bottom: int
    by: int


BLANK: Final = Cell(" ")
Row = list[Cell]

GAP_MAX: Final = 4
"""So many unchanged cells are written again rather than jumped over."""
ERASE_MIN: Final = 9
"""From so many blanks on, erasing costs fewer bytes than writing them."""
SYNC_MIN: Final = 512
"""A smaller update is not worth the bytes that make the terminal show it at once."""
_SYNC_START: Final = "\x1b[?2026h"
_SYNC_END: Final = "\x1b[?2026l"
_ATTRIBUTES: Final = (
    ("bold", "1"),
    ("dim", "2"),
    ("italic", "3"),
    ("underline", "4"),
    ("reverse", "7"),
    ("strike", "9"),
)
_ON_BLANKS: Final = ("4", "7", "9")
"""What shows on a blank too; its colours matter only with one of these, or as a background."""


class Canvas:
    """The terminal's cells, as they are and as they should be."""

    def __init__(self, color_system: ColorSystem = ColorSystem.TRUECOLOR) -> None:
        self._color_system = color_system
        self._wanted: list[Row] = []
        self._shown: list[Row] | None = None
        self._scroll: Scroll | None = None
        self._caret: tuple[int, int] | None = None

    def resize(self, width: int, height: int) -> None:
        """A terminal of another size, or unknown content: everything is written again."""
        self._wanted = [[BLANK] * width for _ in range(height)]
        self.forget()

    def forget(self) -> None:
        """Somebody else wrote on the terminal."""
        self._shown = None
        self._scroll = None

    @property
    def is_new(self) -> bool:
        """Whether everything is written again."""
        return self._shown is None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return (len(self._wanted[0]) if self._wanted else 0), len(self._wanted)

    def put(self, x: int, y: int, segments: Iterable[Segment], end: int) -> int:
        """Want the segments on row `y` from `x` on, not beyond `end`; where they ended."""
        row = self._wanted[y]
        for text, style, control in segments:
            if control:
                continue
            look = _attributes(style, self._color_system) if style else _PLAIN
            cells = _cells(text, look)
            room = max(end - x, 0)
            if len(cells) > room:
                # Half of a wide character is nothing.
                cells = cells[: room - 1 if cells[room].text == "" and room else room]
            row[x : x + len(cells)] = cells
            x += len(cells)
        return x

    def scroll(self, scroll: Scroll) -> None:
        """A hint: those rows moved. It is used when that saves bytes."""
        top, bottom, _ = scroll
        # A screen that has not heard of a smaller size yet speaks of rows that are not there.
        fits = 0 <= top < bottom <= len(self._wanted)
        self._scroll = scroll if fits and self._scroll is None else None

    def update(self, caret: tuple[int, int] | None, *, synchronized: bool = False) -> str:
        """What to write so that the terminal shows the wanted cells and the caret (x, y)."""
        first = self._shown is None
        width, height = self.size
        shown = self._shown or [[BLANK] * width for _ in range(height)]
        writer = _Writer(None if first else self._caret, width)
        if first:
            writer.text("\x1b[m\x1b[2J")
        self._write(writer, shown)
        if self._scroll is not None and not first and len(writer.out) > 1:
            other = _Writer(self._caret, width)
            self._write(other, other.scrolled(shown, self._scroll))
            if other.size < writer.size:
                writer = other
        self._scroll = None
        self._shown = [row.copy() for row in self._wanted]
        body = writer.finished(caret, self._caret, first=first)
        self._caret = caret
        if synchronized and len(body) >= SYNC_MIN:
            return _SYNC_START + body + _SYNC_END
        return body

    def _write(self, writer: "_Writer", shown: list[Row]) -> None:
        for y, (row, old) in enumerate(zip(self._wanted, shown, strict=True)):
            if row != old:
                writer.row(y, old, row)


class _Writer:
    """Bytes for a terminal whose cursor and attributes are known."""

    def __init__(self, cursor: tuple[int, int] | None, width: int) -> None:
        self.out: list[str] = []
        self._cursor = cursor
        self._width = width
        self._sgr = ""
        self._link = ""
        self._reached = 0
        """How far into the row what was written may have drawn."""

    @property
    def size(self) -> int:
        """Bytes so far."""
        return sum(len(part.encode()) for part in self.out)

    def text(self, text: str) -> None:
        self.out.append(text)

    def scrolled(self, shown: list[Row], scroll: Scroll) -> list[Row]:
        """Let the terminal move rows; what it shows then."""
        top, bottom, by = scroll
        count = min(abs(by), bottom - top)
        blank = [[BLANK] * self._width for _ in range(count)]
        rows = shown[top:bottom]
        # Line feeds in a scrolling region work everywhere; the linux console has no SU or SD.
        self.text(f"\x1b[{top + 1};{bottom}r")
        if by > 0:
            self.text(f"\x1b[{bottom}H" + "\n" * count)
            rows = rows[count:] + blank
        else:
            self.text(f"\x1b[{top + 1}H" + "\x1bM" * count)
            rows = blank + rows[: len(rows) - count]
        self.text("\x1b[r")
        self._cursor = None
        return shown[:top] + rows + shown[bottom:]

    def row(self, y: int, old: Row, new: Row) -> None:
        """Write where two rows differ."""
        end = len(new)
        while end and new[end - 1] == BLANK:
            end -= 1
        x = self._reached = 0
        while x < end:
            if new[x] == old[x]:
                x += 1
                continue
            x = self._run(y, self._first(x, new), end, old, new)
        if self._reached > end and x >= end:
            self._move(end, y)
            self._style(BLANK)
            self.text("\x1b[K")
        elif old[max(x, end) :] != new[max(x, end) :]:
            self._blank_end(y, end, old)

    def _first(self, x: int, new: Row) -> int:
        return x - 1 if new[x].text == "" and x else x

    def _run(self, y: int, x: int, end: int, old: Row, new: Row) -> int:
        """Write from `x` until `GAP_MAX` cells are right already."""
        self._move(x, y)
        same = 0
        stop = x
        while stop < end and same <= GAP_MAX:
            if new[stop] != old[stop]:
                self._reached = max(self._reached, stop + _reach(new[stop].text))
            same = same + 1 if new[stop] == old[stop] and stop >= self._reached else 0
            stop += 1
        stop -= same
        if stop < end and new[stop].text == "":
            stop += 1
        while x < stop:
            blanks = self._blanks(x, stop, new)
            if blanks >= ERASE_MIN:
                self._style(BLANK)
                self.text(f"\x1b[{blanks}X")
                x += blanks
                if x < stop:
                    self._move(x, y)
                continue
            self._cell(new[x])
            x += 1
        return x

    @staticmethod
    def _blanks(x: int, stop: int, new: Row) -> int:
        end = x
        while end < stop and new[end] == BLANK:
            end += 1
        return end - x

    def _blank_end(self, y: int, end: int, old: Row) -> None:
        wrong = [x for x in range(end, len(old)) if old[x] != BLANK]
        first, last = wrong[0], wrong[-1]
        self._move(first, y)
        self._style(BLANK)
        if last - first < 3:
            for _ in range(first, last + 1):
                self._cell(BLANK)
        else:
            self.text("\x1b[K")

    def _cell(self, cell: Cell) -> None:
        if cell.text == "":
            return
        self._style(cell)
        is_known = len(cell.text) == 1
        width = 1 if cell.text.isascii() else clusters(cell.text)[0].width
        if not is_known and width == 2:
            self.text("\x1b[2X")  # where the terminal takes one cell for it, nothing old stays
        self.text(cell.text)
        if self._cursor is None:
            return
        x, y = self._cursor
        x += width
        # Terminals disagree on the width of joined characters, and on what lies beyond the edge.
        self._cursor = (x, y) if is_known and x < self._width else None
        if self._cursor is None and x < self._width:
            self._move(x, y)

    def _style(self, cell: Cell) -> None:
        if cell.link != self._link:
            self.text(f"\x1b]8;{_link_id(cell.link)};{cell.link}\x1b\\")
            self._link = cell.link
        if cell.sgr != self._sgr:
            if not cell.sgr:
                self.text("\x1b[m")
            else:
                self.text(f"\x1b[0;{cell.sgr}m" if self._sgr else f"\x1b[{cell.sgr}m")
            self._sgr = cell.sgr

    def _move(self, x: int, y: int) -> None:
        if self._cursor == (x, y):
            return
        if self._cursor is not None and self._cursor[1] == y:
            by = x - self._cursor[0]
            move = f"\x1b[{by}C" if by > 0 else ("\b" * -by if by >= -4 else f"\x1b[{-by}D")
            self.text(move.replace("[1C", "[C"))
        else:
            self.text(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        self._cursor = (x, y)

    def finished(
        self, caret: tuple[int, int] | None, before: tuple[int, int] | None, *, first: bool
    ) -> str:
        """All of it, attributes reset, the cursor where it belongs or hidden."""
        self._style(BLANK)
        if caret is not None:
            self._move(*caret)
            if before is None or first:
                self.text("\x1b[?25h")
        elif before is not None or first:
            self.text("\x1b[?25l")
        return "".join(self.out)


@lru_cache(maxsize=1024)
def _link_id(link: str) -> str:
    """The same for all rows of a link, so that a terminal takes them for one."""
    return f"id={crc32(link.encode()) & 0xFFFFF:x}" if link else ""


@lru_cache(maxsize=1024)
def _reach(text: str) -> int:
    """How many cells a cluster may take where a terminal does not join what it is made of."""
    return 1 if text.isascii() else sum(width_of(one) for one in text)


class _Look(NamedTuple):
    """SGR parameters from the terminal's default on, those that show on a blank, and the link."""

    sgr: str
    blank_sgr: str
    link: str


_PLAIN: Final = _Look("", "", "")

_cell = lru_cache(maxsize=8192)(Cell)
"""Equal cells are one: a screen of new ones at each update would keep the collector busy."""


@lru_cache(maxsize=2048)
def _cells(text: str, look: _Look) -> tuple[Cell, ...]:
    sgr, blank_sgr, link = look
    if text.isascii():
        return tuple(_cell(one, blank_sgr if one == " " else sgr, link) for one in text)
    found: list[Cell] = []
    for start, stop, width in clusters(text):
        if width:
            found.append(_cell(text[start:stop], sgr, link))
        if width == 2:
            found.append(_cell("", sgr, link))
    return tuple(found)


@lru_cache(maxsize=4096)
def _attributes(style: Style, system: ColorSystem) -> _Look:
    codes = [code for name, code in _ATTRIBUTES if getattr(style, name)]
    on_blanks = [code for code in codes if code in _ON_BLANKS]
    for color, foreground in ((style.color, True), (style.bgcolor, False)):
        if color is not None and not color.is_default:
            found = color.downgrade(system).get_ansi_codes(foreground)
            codes.extend(found)
            if not foreground or on_blanks:
                on_blanks.extend(found)
    return _Look(";".join(codes), ";".join(on_blanks), style.link or "")
