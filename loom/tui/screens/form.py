"""A form: text, fields and buttons in one column, by keyboard and by mouse."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer

from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.tui.cells import width_of, wrap
from loom.tui.drawing import DrawnApp
from loom.tui.editor import EDITING, MOVING, Editor
from loom.tui.keys import is_text
from loom.tui.themes import Line, Piece
from loom.tui.widgets.composer import shown
from loom.tui.widgets.lines import Lines, Look

WIDTH_MAX: Final = 76
FIELD_MAX: Final = 1_024
"""Characters; the longest thing asked for is a token in a pasted mail."""
TICK_S: Final = 0.25


class Text(NamedTuple):
    """Something to read; wrapped, an empty one is an empty row."""

    text: str
    role: str = "text"


class Field:
    """Something to fill in."""

    def __init__(self, label: str, *, secret: bool = False) -> None:
        self.label = label
        self.secret = secret
        self.editor = Editor()

    @property
    def text(self) -> str:
        """What was typed."""
        return self.editor.text

    def clear(self) -> None:
        """Forget it, and what was cut from it."""
        self.editor = Editor()

    def put(self, text: str) -> None:
        """Typed or pasted; a field is one line."""
        room = FIELD_MAX - len(self.text)
        self.editor.insert(text.replace("\r", " ").replace("\n", " ")[: max(room, 0)])


class Button(NamedTuple):
    """Something to do."""

    label: str
    does: Callable[[], None]
    hint: str = ""


Item = Text | Field | Button


class _Row(NamedTuple):
    line: Line
    stop: int | None = None
    caret: int | None = None


class FormBox(Lines):
    """The rows of a form, as many as fit around the one in use; at the right what fits beside."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.items: Sequence[Item] = ()
        self.aside: list[str] = []
        self.foot = ""
        self.at = 0
        self._rows: list[_Row] = []
        self._first = 0

    @property
    def stops(self) -> list[Field | Button]:
        """What one can go to."""
        return [item for item in self.items if not isinstance(item, Text)]

    @property
    def has_room_beside(self) -> bool:
        """Whether `aside` is shown."""
        width, height = self.size
        return bool(self.aside) and (
            height >= len(self.aside)
            and width >= len(self.aside[0]) + 1 + len(self.aside[0]) * 3 // 4
        )

    def lay_out(self) -> None:
        """Items or size changed."""
        self.at = max(0, min(self.at, len(self.stops) - 1))
        width = self._column
        self._rows = []
        stop = 0
        for item in self.items:
            if isinstance(item, Text):
                for start, end in wrap(item.text, max(width - 2, 4)):
                    self._rows.append(_Row([Piece(f" {item.text[start:end]}", item.role)]))
                continue
            is_here = stop == self.at
            if isinstance(item, Field):
                self._field(item, stop, width, is_here=is_here)
            else:
                self._button(item, stop, is_here=is_here)
            stop += 1
        height = self.size.height
        used = next(
            (n for n in reversed(range(len(self._rows))) if self._rows[n].stop == self.at), 0
        )
        last = max(len(self._rows) - height, 0)
        self._first = max(0, min(max(self._first, used - height + 1), used, last))
        if used < height and len(self._rows) <= height:
            self._first = 0
        self.refresh()

    def stop_at(self, y: int) -> int | None:
        """What stands on a row of the widget."""
        at = y - self._top + self._first
        return self._rows[at].stop if 0 <= at < len(self._rows) else None

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        at = y - self._top + self._first
        row = self._rows[at].line if 0 <= at < len(self._rows) else []
        left = self._left
        if y == self.size.height - 1 and at > len(self._rows) and not self.has_room_beside:
            return [Piece(" " * left), Piece(f" {self.foot}", "hint")]
        if not self.has_room_beside:
            return [Piece(" " * left), *row]
        used = sum(width_of(one.text) for one in row)
        gap = " " * max(self._column - used, 0)
        code = self.aside[y] if y < len(self.aside) else ""
        return [*row, Piece(gap), Piece(code, "qr")]

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        for number, row in enumerate(self._rows):
            y = number - self._first + self._top
            if row.caret is not None and 0 <= y < self.size.height:
                x = min(self._left + row.caret, self.size.width - 1)
                return self.region.x + x, self.region.y + y
        return None

    @property
    def _column(self) -> int:
        width = self.size.width
        return width - len(self.aside[0]) - 1 if self.has_room_beside else min(width, WIDTH_MAX)

    @property
    def _left(self) -> int:
        return 0 if self.has_room_beside else (self.size.width - self._column) // 2

    @property
    def _top(self) -> int:
        room = self.size.height - len(self._rows)
        return 0 if self.has_room_beside else max(room // 3, 0)

    def _field(self, item: Field, stop: int, width: int, *, is_here: bool) -> None:
        room = max(width - 5, 1)
        drawn, cursor = item.text, item.editor.cursor
        drawn = self.look.signs["secret"] * len(drawn) if item.secret else shown(drawn)
        before, after = drawn[:cursor][-room:], drawn[cursor : cursor + room]
        while width_of(before) > room:
            before = before[1:]
        role = "key" if is_here else "hint"
        self._rows.append(_Row([Piece(f" {item.label}", "name" if is_here else "text")], stop))
        line = [Piece(f" {self.look.signs['prompt']} ", role), Piece(before + after)]
        room += 3
        while len(after) and width_of(before + after) + 3 > room:
            after = after[:-1]
        line[1] = Piece(before + after)
        self._rows.append(_Row(line, stop, 3 + width_of(before) if is_here else None))

    def _button(self, item: Button, stop: int, *, is_here: bool) -> None:
        mark = self.look.signs["here"] if is_here else " "
        line = [Piece(f" {mark} ", "key"), Piece(f"[ {item.label} ]", "current" if is_here else "")]
        if item.hint:
            line.append(Piece(f"  {item.hint}", "hint"))
        self._rows.append(_Row(line, stop))


class Form(Screen[Any]):
    """`items` says what it shows now; it is asked again after everything that happens."""

    AUTO_FOCUS = ""
    BINDINGS = []  # noqa: RUF012 - all keys are handled here

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self.box = FormBox(look)
        self.said: Text | None = None
        self._working = ""
        self._next: Field | Button | None = None
        """Where the cursor goes when the work is done."""
        self._ticks = 0
        self._timer: Timer | None = None

    def items(self) -> list[Item]:
        """What stands here now."""
        raise NotImplementedError

    @property
    def can_go_back(self) -> bool:
        """Whether Esc leads anywhere."""
        return False

    def back(self) -> None:
        """Esc, where `can_go_back`."""

    def compose(self) -> ComposeResult:
        """The column alone."""
        yield self.box

    def on_mount(self) -> None:
        """It can be drawn."""
        self.show()

    def on_screen_resume(self) -> None:
        """It is on top again."""
        self.show()

    def on_resize(self, event: events.Resize) -> None:
        """Other rows fit."""
        self.call_after_refresh(self.show)

    def show(self) -> None:
        """Draw what is there now."""
        if self._working:
            elapsed = int(self._ticks * TICK_S)
            dots = "." * (1 + self._ticks % 3)
            self.box.items = [Text(self._working), Text(f"{elapsed} s {dots}", "hint")]
        else:
            said = [Text(""), self.said] if self.said else []
            self.box.items = [*self.items(), *said]
        back = ["Esc back"] if self.can_go_back else []
        dot = f" {self.look.signs['dot']} "
        self.box.foot = dot.join(("Tab next", "Enter do", *back, "Ctrl-Q quit"))
        self.box.lay_out()

    def say(self, text: str, *, bad: bool = False) -> None:
        """One sentence below everything."""
        self.said = Text(text, "bad" if bad else "notice") if text else None
        self.show()

    def go_to(self, item: Field | Button) -> None:
        """Put the cursor there; while something is under way, as soon as it is done."""
        self._next = item
        if self._working:
            return
        self.show()
        if item in self.box.stops:
            self.box.at = self.box.stops.index(item)
        self.box.lay_out()

    def work(self, work: Coroutine[Any, Any, None], words: str = "") -> None:
        """Do something beside the screen, which says `words` and how long it takes already."""
        self._begin(words)
        self.run_worker(self._done(work), name="form")

    def caret(self) -> tuple[int, int] | None:
        """Where one writes."""
        return self.box.caret()

    def on_key(self, event: events.Key) -> None:
        """Every key is ours."""
        event.stop()
        event.prevent_default()
        if self._working:
            return
        key, stops = event.key, self.box.stops
        here = stops[self.box.at] if stops else None
        if key == "escape":
            if self.can_go_back:
                self.back()
        elif key in ("ctrl+q", "ctrl+c"):
            self.leave()
        elif key in MOVING:
            self.box.at = (self.box.at + MOVING[key]) % max(len(stops), 1)
        elif key == "enter":
            self._enter(here)
        elif isinstance(here, Field) and key in EDITING:
            EDITING[key](here.editor)
            self.said = None
        elif isinstance(here, Field) and event.character and is_text(event):
            here.put(event.character)
            self.said = None
        if self.is_attached:
            self.show()

    def on_paste(self, event: events.Paste) -> None:
        """Into the field one is in."""
        event.stop()
        stops = self.box.stops
        if not self._working and stops and isinstance(here := stops[self.box.at], Field):
            here.put(event.text)
            self.show()

    def on_click(self, event: events.Click) -> None:
        """Go to a field, press a button."""
        region = self.box.region
        stop = self.box.stop_at(event.screen_y - region.y)
        if self._working or stop is None or stop >= len(self.box.stops):
            return
        self.box.at = stop
        pressed = self.box.stops[stop]
        if isinstance(pressed, Button):
            self._press(pressed)
        self.show()

    def leave(self) -> None:
        """Ctrl-Q."""
        if isinstance(self.app, DrawnApp):
            self.app.leave()

    def _enter(self, here: Field | Button | None) -> None:
        stops = self.box.stops
        if isinstance(here, Button):
            self._press(here)
        elif here is not None and self.box.at + 1 < len(stops):
            after = stops[self.box.at + 1]
            if isinstance(after, Field):
                self.box.at += 1
            else:
                self._press(after)

    def _press(self, button: Button) -> None:
        self.said = None
        button.does()

    def _begin(self, words: str) -> None:
        if not self._working:
            stops = self.box.stops
            self._next = stops[self.box.at] if self.box.at < len(stops) else None
        self._working, self._ticks = words, 0
        if words and self._timer is None:
            self._timer = self.set_interval(TICK_S, self._tick)
        self.show()

    def _tick(self) -> None:
        self._ticks += 1
        self.show()

    async def _done(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except LoomError as error:
            self.said = Text(in_app(error), "bad")
        finally:
            was_away, self._working = bool(self._working), ""
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
        if self.is_attached and was_away and self._next is not None:
            self.go_to(self._next)
        elif self.is_attached:
            self.show()
