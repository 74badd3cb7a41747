"""Draws a panel: a framed box in the middle, as high as its content.

It is at most 90 columns wide, or as wide as a picture needs.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from textual import events

from loom.printable import printable
from loom.tui.cells import pad, width_of, wrap
from loom.tui.editor import shown
from loom.tui.kit import frame
from loom.tui.kit.items import Fact, Field, Grid, Item, Option, Row, Stop, Text, Toggle, is_stop
from loom.tui.lines import Lines, Look
from loom.tui.themes import Line, Piece

WIDTH_MAX: Final = 90
LABEL_WIDTH: Final = 16
FIELD_BESIDE_MIN: Final = 44
"""In a narrower column a label stands above its field, not beside it."""
COLUMN_MIN: Final = 30
"""A picture stands beside the column where so much is left for it."""
EDGE: Final = 6
"""Walls, the cursor's mark and the margins."""


class _Row(NamedTuple):
    line: Line
    stop: int | None = None
    caret: int | None = None


class _Box(NamedTuple):
    """Where the frame stands in the widget, and how many empty rows are within it at both ends."""

    left: int
    top: int
    width: int
    height: int
    margin: int


class PanelBody(Lines):
    """Shows `items` around the cursor, what was `said` below them, a picture beside them."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.title = ""
        self.foot = ""
        self.items: Sequence[Item] = ()
        self.picture: Sequence[str] = ()
        self.said = Text("")
        self.at = ""
        """The name of the stop where the cursor is."""
        self._box = _Box(0, 0, 0, 0, 0)
        self._column = 1
        self._rows: list[_Row] = []
        self._said_rows: list[str] = []
        self._first = 0
        self._place = 0
        self._shown_at: tuple[str, int] | None = None
        """Where the cursor was when it was last scrolled to, and how many rows that takes."""

    @property
    def stops(self) -> list[Stop]:
        """Where the cursor can go."""
        return [item for item in self.items if is_stop(item)]

    @property
    def here(self) -> Stop | None:
        """Where it is."""
        stops = self.stops
        return stops[self._place] if self._place < len(stops) else None

    @property
    def stops_in_view(self) -> list[Stop]:
        """Those that one sees."""
        shown = {row.stop for row in self._rows[self._first : self._first + self.view]}
        return [one for number, one in enumerate(self.stops) if number in shown]

    def fits_picture(self, picture: Sequence[str]) -> bool:
        """Whether there is room for the picture."""
        beside = width_of(picture[0]) + 2 if picture else 0
        room = self.size.width - EDGE - beside
        return bool(picture) and room >= COLUMN_MIN and len(picture) <= self.size.height - 2

    def go(self, by: int) -> None:
        """Move the cursor on, around the ends; where it can go nowhere, scroll."""
        if not self.stops:
            self.scroll_by(by)
            return
        self._shown_at = None
        self._place = (self._place + by) % len(self.stops)
        self.at = self.stops[self._place].name
        self.lay_out()

    def scroll_by(self, by: int) -> None:
        """Show other rows."""
        self._first = max(0, min(self._first + by, len(self._rows) - self.view))
        self.refresh()

    @property
    def view(self) -> int:
        """How many rows of items are visible."""
        return max(self._box.height - 2 - 2 * self._box.margin - self._said_height, 1)

    def lay_out(self) -> None:
        """Items, size or cursor changed: the cursor stays at its stop, or near where it was."""
        names = [stop.name for stop in self.stops]
        if self.at in names:
            self._place = names.index(self.at)
        else:
            self._place = max(0, min(self._place, len(names) - 1))
            self.at = names[self._place] if names else self.at
        width, height = self._box_width, self.size.height
        beside = width_of(self.picture[0]) + 2 if self.picture else 0
        self._column = max(width - EDGE - beside, 1)
        self._rows = []
        stop = 0
        for item in self.items:
            self._rows += self._rows_of(item, stop)
            stop += is_stop(item)
        said = printable(self.said.text)
        spans = wrap(said, max(width - EDGE, 2))[: max(height - 3, 0)] if said else []
        self._said_rows = [said[a:b] for a, b in spans]
        self._place_box()
        self._show_cursor()
        self.refresh()

    def stop_at(self, y: int) -> Stop | None:
        """What stands on a row of the widget."""
        at = self._row_at(y)
        stop = None if at is None else self._rows[at].stop
        return None if stop is None else self.stops[stop]

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        signs, box = self.look.signs, self._box
        inner = y - box.top
        if not 0 <= inner < box.height:
            return []
        if inner == 0:
            line = frame.top(signs, self.title, box.width)
        elif inner == box.height - 1:
            line = frame.bottom(signs, self.foot, box.width)
        else:
            line = frame.inside(signs, self._inside(y, inner - 1), box.width)
        return [Piece(" " * box.left), *line]

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        if not self.region:
            return None
        box = self._box
        for number, row in enumerate(self._rows[self._first : self._first + self.view]):
            if row.caret is not None:
                x = box.left + 3 + row.caret
                y = box.top + 1 + box.margin + number
                return min(self.region.x + x, self.region.right - 1), self.region.y + y
        return None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further down."""
        self.scroll_by(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Further up."""
        self.scroll_by(-1)

    # --- where things are ---

    @property
    def _box_width(self) -> int:
        beside = width_of(self.picture[0]) + 2 + EDGE + FIELD_BESIDE_MIN if self.picture else 0
        return min(self.size.width, max(WIDTH_MAX, beside))

    @property
    def _said_height(self) -> int:
        return len(self._said_rows) + 1 if self._said_rows else 0

    def _place_box(self) -> None:
        """In the middle; what is said below does not move what stands above it."""
        width, height = self.size
        content = max(len(self._rows), len(self.picture)) + self._said_height
        margin = 1 if content + 4 <= height else 0
        high = min(content + 2 + 2 * margin, height)
        room = height - high
        top = min((room + self._said_height) // 2, room)
        self._box = _Box((width - self._box_width) // 2, top, self._box_width, high, margin)

    def _row_at(self, y: int) -> int | None:
        at = y - self._box.top - 1 - self._box.margin
        found = self._first + at
        return found if 0 <= at < self.view and found < len(self._rows) else None

    def _show_cursor(self) -> None:
        """Scroll as little as shows the cursor; at the first stop also what stands above it."""
        mine = [n for n, row in enumerate(self._rows) if row.stop == self._place]
        shown_at = (self.at, len(mine))  # what is wrong with a field stands below it
        if self._shown_at == shown_at and self.here is not None:
            self._first = max(0, min(self._first, len(self._rows) - self.view))
            return
        self._shown_at = shown_at
        view = self.view
        last = max(len(self._rows) - view, 0)
        if not mine:
            self._first = max(0, min(self._first, last))
            return
        first = 0 if self._place == 0 and mine[-1] < view else mine[0]
        self._first = max(mine[-1] - view + 1, min(self._first, first), 0)
        self._first = min(self._first, last)

    # --- rows ---

    def _inside(self, y: int, inner: int) -> Line:
        """What stands between the walls."""
        signs, box = self.look.signs, self._box
        said_at = inner - (box.height - 2 - box.margin - len(self._said_rows))
        if 0 <= said_at < len(self._said_rows):
            return [Piece("  "), Piece(self._said_rows[said_at], self.said.role)]
        at = self._row_at(y)
        row = self._rows[at] if at is not None else _Row([])
        here = row.stop is not None and row.stop == self._place
        is_head = here and at is not None and (not at or self._rows[at - 1].stop != row.stop)
        mark = Piece(f"{signs['here']} " if is_head else "  ", "key")
        more = Piece(f"{self._more(at):>2}", "hint")
        line = [mark, *frame.fit(row.line, self._column, signs), more]
        code = inner - box.margin
        if 0 <= code < len(self.picture):
            line.append(Piece(self.picture[code], "qr"))
        return line

    def _more(self, at: int | None) -> str:
        """A sign where rows are hidden above or below."""
        if at == self._first and at:
            return self.look.signs["up"]
        is_last = at is not None and at == self._first + self.view - 1 < len(self._rows) - 1
        return self.look.signs["down"] if is_last else ""

    def _rows_of(self, item: Item, stop: int) -> list[_Row]:
        match item:
            case Text():
                text = printable(item.text)
                spans = wrap(text, self._column)
                return [_Row([Piece(text[a:b], item.role)]) for a, b in spans]
            case Fact():
                return self._fact(item)
            case Grid():
                return [_Row(line) for line in self._grid(item)]
            case Field():
                return self._field(item, stop)
            case Row():
                here = stop == self._place
                head = Piece(item.line[0].text, "current") if here else item.line[0]
                return [_Row([head, *item.line[1:]], stop)]
            case _:
                return [_Row(self._pressed(item, stop), stop)]

    def _pressed(self, item: Stop, stop: int) -> Line:
        label = printable(item.label) if not isinstance(item, Row) else ""
        gap = ""
        if isinstance(item, Toggle):
            words = f"[{'x' if item.is_on else ' '}] {label}"
            gap = " " * max(LABEL_WIDTH + 4 - width_of(words), 0)
        elif isinstance(item, Option):
            words = f"({self.look.signs['secret'] if item.is_on else ' '}) {label}"
        else:
            words = f"[ {label} ]"
        role = "current" if stop == self._place else "text"
        hint = "" if isinstance(item, Field | Row) else printable(item.hint)
        return [Piece(words, role), *([Piece(f"{gap}  {hint}", "hint")] if hint else [])]

    def _fact(self, item: Fact) -> list[_Row]:
        value = printable(item.value)
        label = Piece(pad(item.label, LABEL_WIDTH), "hint")
        room = self._column - LABEL_WIDTH
        if room < COLUMN_MIN // 2:
            return [_Row([label, Piece(value, item.role)])]
        rows = []
        for number, (a, b) in enumerate(wrap(value, room)):
            head = label if number == 0 else Piece(" " * LABEL_WIDTH)
            rows.append(_Row([head, Piece(value[a:b], item.role)]))
        return rows

    def _grid(self, item: Grid) -> list[Line]:
        parts = [printable(part) for part in item.parts]
        widest = max(map(width_of, parts), default=1)
        room = self._column - (4 if item.framed else 0)
        fitting = max((room + len(item.gap)) // (widest + len(item.gap)), 1)
        across = next((n for n in (6, 4, 3, 2) if n <= fitting and len(parts) % n == 0), 1)
        rows = [
            item.gap.join(pad(part, widest) for part in parts[start : start + across])
            for start in range(0, len(parts), across)
        ]
        if not item.framed:
            return [[Piece(row, item.role)] for row in rows]
        signs = self.look.signs
        width = width_of(rows[0]) + 4 if rows else 4
        return [
            frame.top(signs, "", width),
            *(frame.inside(signs, [Piece(" "), Piece(row, item.role)], width) for row in rows),
            frame.bottom(signs, "", width),
        ]

    def _field(self, item: Field, stop: int) -> list[_Row]:
        here = stop == self._place
        label = Piece(pad(item.label, LABEL_WIDTH), "name" if here else "text")
        prompt = Piece(f"{self.look.signs['prompt']} ", "prompt" if here else "hint")
        stands_above = self._column < FIELD_BESIDE_MIN
        indent = 0 if stands_above else LABEL_WIDTH
        room = max(self._column - indent - 3, 1)
        drawn = self.look.signs["secret"] * len(item.text) if item.secret else shown(item.text)
        cursor = item.editor.cursor if here else 0
        before = drawn[:cursor][-room:]
        while width_of(before) > room:
            before = before[1:]
        rest = drawn[cursor : cursor + room + 1]
        while here and width_of(before + rest) > room + 1:
            rest = rest[:-1]
        text = Piece(before + rest) if drawn else Piece(item.form, "hint")
        line = [prompt, *frame.fit([text], room + 1, self.look.signs)]
        caret = indent + 2 + width_of(before) if here else None
        if stands_above:
            rows = [_Row([label], stop), _Row(line, stop, caret)]
        else:
            rows = [_Row([label, *line], stop, caret)]
        error = printable(item.error)
        spans = wrap(error, max(room, 8)) if error else []
        margin = Piece(" " * (indent + 2))
        return [*rows, *(_Row([margin, Piece(error[a:b], "bad")], stop) for a, b in spans)]
