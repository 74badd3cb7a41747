"""The list of conversations: two rows each, newest first."""

import time

from textual import events
from textual.message import Message

from loom.front.invite_words import joining_words
from loom.tui.cells import cut, pad, width_of
from loom.tui.lines import Lines, Look
from loom.tui.model import Conversation, Model
from loom.tui.themes import Line, Piece
from loom.tui.times import when_words

ROWS = 2
TIMES_MIN = 28
"""In a list that wide, times stand beside the names."""


class ConversationList(Lines):
    """Draws what is visible of any number of conversations."""

    class Chosen(Message):
        """Somebody clicked on a conversation."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class RequestsChosen(Message):
        """Somebody clicked on the line that counts requests."""

    def __init__(self, look: Look, model: Model) -> None:
        super().__init__(look)
        self._model = model
        self._first = 0

    def on_screen(self) -> list[int]:
        """The conversations on the screen; the open one is always among them."""
        return self._fitting(self.size.height)

    def _fitting(self, height: int) -> list[int]:
        room = max((height - bool(self._model.requests)) // ROWS, 1)
        order = self._model.order
        if self._model.current in order:
            at = order.index(self._model.current)
            self._first = min(max(self._first, at - room + 1), at)
        self._first = max(0, min(self._first, len(order) - room))
        return order[self._first : self._first + room]

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        wall = Piece(self.look.signs["wall"], "wall")
        height = self._height or self.size.height
        if self._model.requests and y == height - 1:
            words = f" requests ({self._model.requests})"
            return [Piece(pad(words, width - 1, self.look.signs["ellipsis"]), "warn"), wall]
        shown = self._fitting(height)
        if y // ROWS >= len(shown):
            return [Piece(" " * (width - 1)), wall]
        one = self._model.conversations[shown[y // ROWS]]
        row = self._name_row if y % ROWS == 0 else self._preview_row
        line = row(one, width - 1)
        if one.number == self._model.current:
            words = "".join(piece.text for piece in line)
            line = [Piece(words + " " * (width - 1 - width_of(words)), "open")]
        return [*line, wall]

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        shown = self.on_screen()
        if self._model.requests and event.y == self.size.height - 1:
            self.post_message(self.RequestsChosen())
            return
        if 0 <= event.y // ROWS < len(shown):
            self.post_message(self.Chosen(shown[event.y // ROWS]))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look further down."""
        self._first += 1
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look further up."""
        self._first = max(0, self._first - 1)
        self.refresh()

    def _name_row(self, one: Conversation, width: int) -> Line:
        signs, contact = self.look.signs, one.contact
        is_open = one.number == self._model.current
        marks = ""
        if one.muted:
            marks += signs["muted"]
        if contact.verified:
            marks += signs["verified"]
        if contact.identity_changed or contact.blocked:
            marks += signs["failed"]
        unread = str(contact.unread) if contact.unread and not is_open else ""
        tail = f" {marks}" if marks else ""
        when = when_words(one.preview_at_ms) if width >= TIMES_MIN and one.preview_at_ms else ""
        tail_width = width_of(tail) + (len(unread) + 1 if unread else 0) + 2
        tail_width += width_of(when) + 1 if when else 0
        presence = "online" if contact.reach.is_online else "offline"
        dot = Piece(signs[presence], presence)
        name = pad(one.name, max(width - 3 - tail_width, 1), signs["ellipsis"])
        return [
            Piece(" "),
            dot,
            Piece(" "),
            Piece(name, "name" if unread or is_open else "text"),
            Piece(f" {when}" if when else "", "preview"),
            Piece(tail, "bad" if contact.identity_changed else "status"),
            Piece(f" {unread}" if unread else "", "unread"),
            Piece(f" {signs['here']}" if is_open else "  ", "key"),
        ]

    def _preview_row(self, one: Conversation, width: int) -> Line:
        signs = self.look.signs
        if one.typing:
            words, role = f"typing{signs['queued']}", "them"
        elif one.draft and one.number != self._model.current:
            words, role = f"draft: {' '.join(one.draft[:80].split())}", "warn"
        elif one.contact.joining is not None:
            words, role = joining_words(one.contact.joining, time.time_ns() // 1_000_000), "warn"
        else:
            words, role = one.preview or "", "preview"
        return [
            Piece("   "),
            Piece(pad(cut(words, width - 4, signs["ellipsis"]), width - 3), role),
        ]
