"""Where one writes: the text and its drawing, what completes it, and handing it over."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from textual import events
from textual.message import Message

from loom.tui.cells import cut, width_of
from loom.tui.commands import Completion
from loom.tui.editor import EDITS, Editor, shown
from loom.tui.lines import Lines, Look
from loom.tui.themes import Line, Piece

ROWS_MAX: Final = 8
INSET: Final = 3
COMPLETIONS_MAX: Final = 6


class Completions(Lines):
    """Ways to go on, the last row with how many more there are; no rows when there are none."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.completions: list[Completion] = []
        self.chosen: int | None = None

    def show(self, completions: list[Completion], chosen: int | None = None) -> None:
        """Offer these."""
        if (completions, chosen) == (self.completions, self.chosen):
            return
        self.completions, self.chosen = completions, chosen
        height = min(len(completions), COMPLETIONS_MAX)
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        first = max(0, (self.chosen or 0) - COMPLETIONS_MAX + 1)
        at = first + y
        if at >= len(self.completions):
            return []
        one = self.completions[at]
        left = len(self.completions) - first - COMPLETIONS_MAX
        has_more = left > 0 and y == COMPLETIONS_MAX - 1
        more = f"{left} more {self.look.signs['down']} " if has_more else ""
        room = max(width - 4 - width_of(more), 1)
        label = cut(one.label, room, self.look.signs["ellipsis"])
        hint = cut(f"  {one.hint}", room - width_of(label), self.look.signs["ellipsis"])
        role = "current" if at == self.chosen else "text"
        gap = " " * max(room + 1 - width_of(label) - width_of(hint), 0) if more else ""
        return [Piece("   "), Piece(label, role), Piece(f"{hint}{gap}{more}", "hint")]


class Composer(Lines):
    """Draws an editor's rows around its cursor; its `actions` change the text.

    Args:
        ways_on: what can complete a text with the cursor at an index.
        submit: takes what was written and says what stands here then; None: it stays.
        edit_last: what Up does where nothing is written.
        changed: the text may be another one.
        refuse: why something was not inserted.
        limit: how many bytes fit here.
    """

    class Clicked(Message):
        """Somebody wants to write."""

    def __init__(
        self,
        look: Look,
        completions: Completions,
        *,
        ways_on: Callable[[str, int], list[Completion]],
        submit: Callable[[str], str | None],
        edit_last: Callable[[], None],
        changed: Callable[[], None],
        refuse: Callable[[str], None],
        limit: Callable[[], int],
    ) -> None:
        super().__init__(look)
        self.editor = Editor()
        self.placeholder = ""
        self.is_active = True
        self._completions = completions
        self._ways_on = ways_on
        self._submit = submit
        self._edit_last = edit_last
        self._changed = changed
        self._refuse = refuse
        self._limit = limit
        self._cycle: list[Completion] = []
        self._first = 0
        self.actions: Mapping[str, Callable[[], None]] = {
            **{name: partial(self._edit, does) for name, does in EDITS.items()},
            "send": self.send,
            "newline": lambda: self.insert("\n"),
            "complete": self.complete,
            "up": lambda: self._go(-1),
            "down": lambda: self._go(1),
            "older_text": lambda: self._edit(lambda editor: editor.recall(-1)),
            "newer_text": lambda: self._edit(lambda editor: editor.recall(1)),
        }

    # --- the text ---

    def set(self, text: str) -> None:
        """Replace everything, as where another conversation is opened."""
        self.editor.set(text)
        self.edited(offer=False)

    def rewrite(self, text: str) -> None:
        """Replace everything; it can be taken back."""
        self.editor.rewrite(text)
        self.edited(offer=False)

    def insert(self, text: str) -> None:
        """Typed or pasted."""
        limit = self._limit()
        if self.editor.size_bytes + len(text.encode(errors="replace")) > limit:
            self._refuse(f"Not inserted: more than {limit // 1024:,} KiB do not fit here.")
            return
        self.editor.insert(text)
        self.edited()

    def send(self) -> None:
        """Hand over what was written."""
        text = self.editor.text
        if not text.strip() or (then := self._submit(text)) is None:
            return
        self.editor.take()
        self.editor.set(then)
        self.edited()

    def complete(self) -> None:
        """Complete what stands before the cursor; again: in the next way."""
        offered = self._cycle or self._ways_on(self.editor.text, self.editor.cursor)
        if not offered:
            return
        again = bool(self._cycle) and self._completions.chosen is not None
        chosen = ((self._completions.chosen or 0) + 1) % len(offered) if again else 0
        one = offered[chosen]
        self.editor.replace(one.start, one.text)
        self.edited(offer=False)
        self._cycle = offered if len(offered) > 1 else []
        self._completions.show(self._cycle, chosen if self._cycle else None)

    def end_cycle(self) -> None:
        """Another key than the completing one was pressed."""
        self._cycle = []

    def edited(self, *, offer: bool = True) -> None:
        """The text changed: grow, and offer ways on."""
        text, cursor = self.editor.text, self.editor.cursor
        self._completions.show(self._ways_on(text, cursor) if offer else [])
        self.fit()
        self._changed()

    def _edit(self, does: Callable[[Editor], None]) -> None:
        does(self.editor)
        self.edited()

    def _go(self, by: int) -> None:
        if by < 0 and not self.editor.text:
            self._edit_last()
            return
        self.editor.vertical(by, self.text_width)
        self.edited(offer=False)

    # --- drawing ---

    @property
    def text_width(self) -> int:
        """Cells of one row of text."""
        return max(self.size.width - INSET - 1, 2)

    def fit(self) -> None:
        """As many rows as the text needs, from one to eight."""
        if not self.size:
            return  # it fits itself once it has a width
        rows = len(self.editor.rows(self.text_width))
        height = max(1, min(rows, ROWS_MAX, self.screen.size.height // 3))
        row = self.editor.row(self.text_width)
        self._first = max(0, min(max(self._first, row - height + 1), row, rows - height))
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        prompt = self.look.signs["prompt"] if y + self._first == 0 else " "
        head = Piece(f" {prompt} ", "prompt" if self.is_active else "hint")
        text = self.editor.text
        if not text:
            words = cut(self.placeholder, max(width - INSET, 0), self.look.signs["ellipsis"])
            return [head, Piece(words, "hint")]
        rows = self.editor.rows(self.text_width)
        at = y + self._first
        if at >= len(rows):
            return [head]
        start, end = rows[at]
        return [head, Piece(shown(text[start:end]))]

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there, and say so."""
        self.editor.point_at(event.y + self._first, event.x - INSET, self.text_width)
        self.refresh()
        self.post_message(self.Clicked())

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        if not self.is_active or not self.region:
            return None
        row = self.editor.row(self.text_width)
        start = self.editor.rows(self.text_width)[row][0]
        x = INSET + width_of(shown(self.editor.text[start : self.editor.cursor]))
        region = self.region
        return (
            min(region.x + x, region.right - 1),
            min(region.y + max(row - self._first, 0), region.bottom - 1),
        )
