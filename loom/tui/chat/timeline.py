"""What was said: the visible lines of a window, the newest at the bottom."""

from textual import events
from textual.message import Message
from textual.timer import Timer

from loom.tui.canvas import Scroll
from loom.tui.cells import width_of, wrap
from loom.tui.chat.layout import date_rule
from loom.tui.chat.window import Shown, Window
from loom.tui.lines import Lines, Look
from loom.tui.themes import Line, Piece

WHEEL_LINES = 3


class Timeline(Lines):
    """Asks the window again at each `look_again`, and says how its lines moved."""

    class Scrolled(Message):
        """The wheel was turned."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Clicked(Message):
        """A message was clicked; `role` is that of the text under the mouse."""

        def __init__(self, row_id: int, role: str) -> None:
            super().__init__()
            self.row_id = row_id
            self.role = role

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.window: Window | None = None
        self.welcome = ""
        """Shown while there are no messages."""
        self._shown: list[Shown] = []
        self._painted: list[Line] = []
        self._aging: Timer | None = None
        """Looks again when how long a message still lasts has changed."""
        self._sticky: Line | None = None
        """The date of what is at the top, while one looks further up."""

    def look_again(self) -> None:
        """The window changed."""
        self._find()
        self._age()
        self.refresh()

    def _age(self) -> None:
        """Count down what is visible: while there is nothing of the kind, nothing wakes."""
        if self._aging is not None:
            self._aging.stop()
            self._aging = None
        wait_s = None if self.window is None else self.window.age(self.on_screen)
        if wait_s is not None:
            self._aging = self.set_timer(wait_s, self.look_again)

    def on_resize(self) -> None:
        """Other lines are visible now; those just drawn were found for the old size.

        A selected message that was visible stays so: what asks about it takes rows, too.
        """
        self._painted = []
        window = self.window
        if window is not None and window.selected in {one.row_id for one in self._shown}:
            window.show(window.selected or 0, *self.size)
        self.look_again()

    @property
    def on_screen(self) -> set[int]:
        """The rows of the messages of which something is visible."""
        return {one.row_id for one in self._shown} if self.size.height else set()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        if not self._shown:
            return self._welcome_line(y, width)
        if y == 0 and self._sticky is not None:
            return self._sticky
        at = y - (self._height - len(self._shown))
        return self._shown[at].line if at >= 0 else [Piece(" ")]

    def moved(self) -> Scroll | None:
        """How the lines moved since this was asked the last time."""
        before, after = self._painted, [one.line for one in self._shown]
        self._painted = after
        if not before or not after or before[-1] is after[-1]:
            return None
        bottom = self.region.bottom
        where = {id(line): place for place, line in enumerate(reversed(after))}
        by = where.get(id(before[-1]))
        if by is None:
            old = {id(line): place for place, line in enumerate(reversed(before))}
            back = old.get(id(after[-1]))
            by = None if back is None else -back
        if by is None:
            return None
        top = bottom - max(len(before), len(after))
        return Scroll(top + 1 if self._sticky is not None else top, bottom, by)

    def on_click(self, event: events.Click) -> None:
        """Say which message was clicked."""
        at = event.y - (self.size.height - len(self._shown))
        if 0 <= at < len(self._shown):
            shown = self._shown[at]
            self.post_message(self.Clicked(shown.row_id, role_at(shown.line, event.x)))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Towards the newest."""
        self.post_message(self.Scrolled(WHEEL_LINES))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Towards the oldest."""
        self.post_message(self.Scrolled(-WHEEL_LINES))

    def _welcome_line(self, y: int, width: int) -> Line:
        words = self.welcome
        rows = [words[start:end] for start, end in wrap(words, max(width - 6, 10))]
        at = y - max((self.size.height - len(rows)) // 2, 0)
        return [Piece("   "), Piece(rows[at], "hint")] if 0 <= at < len(rows) else []

    def _find(self) -> None:
        width, height = self.size
        self._shown = self.window.lines(width, height) if self.window and width else []
        self._sticky = None
        if self.window is not None and not self.window.follows and len(self._shown) > 2:
            top = self.window.message(self._shown[0].row_id)
            self._sticky = None if top is None else date_rule(top, width, self.look.signs)


def role_at(line: Line, x: int) -> str:
    """The role of what a line has in a column."""
    for piece in line:
        x -= width_of(piece.text)
        if x < 0:
            return piece.role
    return "text"
