"""A box to choose from: palette, jump, search, themes, help. Typing narrows it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import ModalScreen

from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.tui.cells import cut, width_of
from loom.tui.content.text import marked
from loom.tui.drawing import DrawnApp
from loom.tui.editor import EDITS, Editor, shown
from loom.tui.keys import EVERYWHERE, FORMS, READING, WRITING, is_text
from loom.tui.kit import frame
from loom.tui.lines import Lines, Look
from loom.tui.themes import Line, Piece


class Choice(NamedTuple):
    """One row. `value` None: it can be read, not chosen. `also` is searched, not shown.

    `words` are marked where the label has them.
    """

    label: str
    hint: str = ""
    value: object = None
    role: str = "text"
    also: str = ""
    words: tuple[str, ...] = ()


Source = Callable[[str, Choice | None], Awaitable[list[Choice]]]
"""What a query finds; with a choice, what comes after it and is not listed yet."""


class ChooserBox(Lines):
    """Title and query, perhaps a note on it, then the rows around the chosen one."""

    HEAD_ROWS = 2
    """Without a note."""

    class Moved(Message):
        """Another row is the chosen one."""

    def __init__(self, look: Look, title: str) -> None:
        super().__init__(look)
        self.title = title
        self.foot = ""
        self.note = ""
        """How a query was understood."""
        self.editor = Editor()
        self.choices: list[Choice] = []
        self.at = 0
        self.said = ""
        self._first = 0

    @property
    def rows(self) -> int:
        """How many choices are visible."""
        return max(self.size.height - self._head_rows - 1, 1)

    @property
    def _head_rows(self) -> int:
        return self.HEAD_ROWS + bool(self.note)

    def move(self, by: int) -> None:
        """Choose another row; at the ends it stays."""
        self.at = max(0, min(self.at + by, len(self.choices) - 1))
        self._first = max(self.at - self.rows + 1, min(self._first, self.at))
        self.refresh()
        self.post_message(self.Moved())

    def turn(self, pages: int) -> None:
        """What is seen moves by so many pages, and the chosen row with it."""
        by = pages * self.rows
        self._first = max(0, min(self._first + by, len(self.choices) - self.rows))
        self.move(by)

    def put(self, choices: list[Choice], said: str = "", value: object = None) -> None:
        """Other choices, with the one of this value chosen."""
        self.choices, self.said = choices, said
        values = [one.value for one in choices]
        self.at = values.index(value) if value is not None and value in values else 0
        self._first = max(self.at - self.rows + 1, 0)
        self.refresh()

    def choice_at(self, y: int) -> int | None:
        """The number of the choice on a row of the box."""
        at = y - self._head_rows + self._first
        return at if y >= self._head_rows and at < len(self.choices) else None

    def extend(self, choices: list[Choice]) -> None:
        """More of them."""
        self.choices = [*self.choices, *choices]
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        signs = self.look.signs
        if y == 0:
            return frame.top(signs, self.title, width)
        if y == self.size.height - 1:
            return frame.bottom(signs, self.foot, width)
        return frame.inside(signs, self._inside(y, max(width - 2, 0)), width)

    def _inside(self, y: int, width: int) -> Line:
        if y == 1:
            text = shown(self.editor.text)
            while width_of(text) > max(width - 4, 1):
                text = text[1:]
            return [Piece(f" {self.look.signs['prompt']} ", "prompt"), Piece(text)]
        if y < self._head_rows:
            return [Piece(" "), Piece(self.note, "warn")]
        at = self._first + y - self._head_rows
        if at >= len(self.choices):
            words = cut(self.said, width - 2) if at == 0 else ""
            return [Piece(" "), Piece(words, "hint")]
        return self._choice(self.choices[at], at == self.at, width)

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        region = self.region
        x = 4 + width_of(shown(self.editor.text[: self.editor.cursor]))
        return min(region.x + x, region.right - 1), region.y + 1

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The next row."""
        self.move(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The row before."""
        self.move(-1)

    def _choice(self, one: Choice, is_chosen: bool, width: int) -> Line:
        dots, inner = self.look.signs["ellipsis"], max(width - 2, 0)
        hint = cut(one.hint, inner // 2, dots)
        label = cut(one.label, inner - width_of(hint) - 2, dots)
        gap = " " * max(inner - width_of(label) - width_of(hint), 0)
        if is_chosen and one.value is not None:
            return [Piece(" "), Piece(label + gap + hint, "current")]
        mark = self.look.signs["here"] if is_chosen else " "
        pieces = marked(label, one.words, one.role)
        return [Piece(mark, "hint"), *pieces, Piece(gap), Piece(hint, "hint")]


class Chooser(ModalScreen[object]):
    """Its result is the value that was chosen, None when nothing was."""

    AUTO_FOCUS = ""
    VERTICAL_BREAKPOINTS = [(0, "low"), (14, "high")]  # noqa: RUF012

    def __init__(
        self,
        owner: DrawnApp[Any],
        title: str,
        source: Source,
        query: str = "",
        now: object = None,
    ) -> None:
        """`now` is the value that is chosen at first."""
        super().__init__()
        self.owner = owner
        self.box = ChooserBox(owner.look, title)
        self.box.foot = self._foot()
        self.box.editor.set(query)
        self._now = now
        self._source = source
        self._query: str | None = None
        """What the choices answer."""
        self._chooses = False
        """Enter came before the answer."""
        self._extended: Choice | None = None
        """The last choice when more were asked for."""

    def compose(self) -> ComposeResult:
        """The box alone."""
        yield self.box

    def on_mount(self) -> None:
        """Begin with what is there."""
        self._ask()

    def on_resize(self, event: events.Resize) -> None:
        """Other rows fit."""
        self.box.move(0)

    def caret(self) -> tuple[int, int] | None:
        """Where one writes."""
        return self.box.caret()

    def on_key(self, event: events.Key) -> None:
        """Every key is ours."""
        event.stop()
        event.prevent_default()
        if not self.is_active:
            # Typed in one go with the key that opened or closed what is above.
            self.app.screen.post_message(events.Key(event.key, event.character))
            return
        editor = self.box.editor
        before = editor.text
        action = self.owner.keys.action(event.key, FORMS, WRITING, READING, EVERYWHERE) or ""
        if event.character and is_text(event):
            editor.insert(event.character)
            self._edited(before)
        elif action in EDITS:
            EDITS[action](editor)
            self._edited(before)
        elif action == "form_do":
            self._choose()
        elif action in ("form_next", "form_previous"):
            self.box.move(1 if action == "form_next" else -1)
        elif action in ("page_up", "page_down"):
            self.box.turn(1 if action == "page_down" else -1)
        elif action == "form_back" or self.owner.keys.action(event.key, EVERYWHERE):
            self.dismiss(None)

    def on_paste(self, event: events.Paste) -> None:
        """Pasted line ends are spaces here."""
        event.stop()
        before = self.box.editor.text
        self.box.editor.insert(" ".join(event.text.split()))
        self._edited(before)

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; beside the box: nothing."""
        region = self.box.region
        if not region.contains(event.screen_x, event.screen_y):
            self.dismiss(None)
            return
        at = self.box.choice_at(event.screen_y - region.y)
        if at is not None:
            self.box.move(at - self.box.at)
            self._choose()

    def drop(self, is_gone: Callable[[Choice], bool]) -> None:
        """Leave out what is gone; the chosen row stays, or the next one is."""
        box = self.box
        left = [one for one in box.choices if not is_gone(one)]
        if len(left) == len(box.choices):
            return
        before = [one for one in box.choices[: box.at] if not is_gone(one)]
        box.choices = left
        if not left:
            box.said = "Nothing is left"
        box.move(len(before) - box.at)

    def _foot(self) -> str:
        keys = self.owner.keys
        known = (("form_next", "next"), ("form_do", "choose"), ("form_back", "back"))
        words = [f"{keys.words(name)} {does}" for name, does in known if keys.words(name)]
        return f" {self.owner.look.signs['dot']} ".join(words)

    def _choose(self) -> None:
        self._chooses = self._query != self.box.editor.text
        if self._chooses:
            return
        if self.box.choices and self.box.choices[self.box.at].value is not None:
            self.dismiss(self.box.choices[self.box.at].value)

    def _edited(self, before: str) -> None:
        self.box.refresh()
        self._chooses = False
        if self.box.editor.text != before:
            self._ask()

    def _ask(self) -> None:
        self.run_worker(self._answer(self.box.editor.text), name="choices")

    def on_chooser_box_moved(self) -> None:
        """Ask for more before the end is in sight."""
        choices = self.box.choices
        if self._query is None or self.box.at < len(choices) - 2 * self.box.rows:
            return
        if choices and choices[-1] is not self._extended:
            self._extended = choices[-1]
            self.run_worker(self._extend(self._query, choices[-1]), name="more choices")

    async def _extend(self, query: str, last: Choice) -> None:
        try:
            more = await self._source(query, last)
        except LoomError:
            self._extended = None  # the next key tries again
            return
        if self.box.choices and self.box.choices[-1] is last:
            self.box.extend(more)

    async def _answer(self, query: str) -> None:
        if query != self.box.editor.text:
            return  # one types faster than one can be answered
        try:
            choices = await self._source(query, None)
        except LoomError as error:
            self.box.put([], in_app(error))
            return
        if query == self.box.editor.text:
            if self._query is None and choices:
                # As high as what there is to choose from; narrowed, it stays so.
                self.box.styles.height = len(choices) + ChooserBox.HEAD_ROWS + 1
            self._query = query
            self.box.put(choices, "Nothing found" if query.strip() else "", self._now)
            self._now = None
            if self._chooses:
                self._choose()


def narrowed(choices: list[Choice]) -> Source:
    """A source that keeps the choices holding every word of the query."""

    async def source(query: str, after: Choice | None) -> list[Choice]:
        await asyncio.sleep(0)
        if after is not None:
            return []
        words = query.casefold().split()
        return [
            one
            for one in choices
            if all(word in f"{one.label} {one.hint} {one.also}".casefold() for word in words)
        ]

    return source
