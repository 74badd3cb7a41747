"""The list: contacts and rooms with two rows each, below the open room its channels."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from textual import events
from textual.message import Message

from loom.front.invite_words import joining_words
from loom.tui.cells import cut, pad, width_of
from loom.tui.channels import Channel, Room
from loom.tui.editor import Editor, shown
from loom.tui.identicon import identicon
from loom.tui.lines import Lines, Look
from loom.tui.model import CHANNELS_SHOWN, Conversation, Listed, Model
from loom.tui.themes import ICON, Line, Piece
from loom.tui.times import when_words

FILTER_INSET = 3
TIMES_MIN = 28
"""In a list that wide, times stand beside the names."""


class Row(NamedTuple):
    """A row of the list, and what a click on it opens: `part` 0 and 1 of two rows, 2: a channel."""

    number: int
    part: int


class ConversationList(Lines):
    """Draws what is visible of any number of conversations."""

    class Chosen(Message):
        """Somebody clicked on a conversation."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class RequestsChosen(Message):
        """Somebody clicked on the line that counts requests."""

    class ArchiveChosen(Message):
        """Somebody clicked on the line that leads to the archive, or back."""

    def __init__(self, look: Look, model: Model) -> None:
        super().__init__(look)
        self._model = model
        self._first = 0
        self.filter: Editor | None = None
        """What narrows the list, while somebody types it."""
        self._at = 0
        """Which row is chosen meanwhile."""

    def on_screen(self) -> list[int]:
        """What is on the screen of what one opens; the open one is always among them."""
        return list(dict.fromkeys(one.number for one in self._rows(self.size.height)))

    @property
    def chosen(self) -> int | None:
        """The conversation that Enter opens while one filters."""
        return self._model.order[self._at] if self._at < len(self._model.order) else None

    def begin_filter(self, text: str) -> None:
        """From now on a row at the top shows what is typed."""
        self.filter = Editor(text)
        self.refresh()

    def end_filter(self) -> None:
        """Show the whole list again."""
        self.filter = None
        self.refresh()

    def choose(self, by: int) -> None:
        """Choose another row; 0: the first."""
        self._at = max(0, min(self._at + by, len(self._model.order) - 1)) if by else 0
        self.refresh()

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        if self.filter is None:
            return None
        x = FILTER_INSET + width_of(shown(self.filter.text[: self.filter.cursor]))
        return min(self.region.x + x, self.region.right - 2), self.region.y

    @property
    def _foot(self) -> list[tuple[str, Message]]:
        """Rows at the bottom: what they say, and what a click on them means."""
        model = self._model
        rows: list[tuple[str, Message]] = []
        if model.shows_archive:
            rows.append((" back to the list", self.ArchiveChosen()))
        elif model.archived:
            rows.append((f" archived ({model.archived})", self.ArchiveChosen()))
        if model.requests:
            rows.append((f" requests ({model.requests})", self.RequestsChosen()))
        return rows

    @property
    def _head(self) -> int:
        """How many rows stand above the conversations."""
        return int(self.filter is not None or self._model.shows_archive)

    def _rows(self, height: int) -> list[Row]:
        """The visible rows, as many as have room; of what one opens all or none."""
        room = max(height - self._head - len(self._foot), 1)
        order = self._model.order
        wanted = self._model.place if self.filter is None else self.chosen
        if wanted in order:
            at = order.index(wanted)
            self._first = min(max(self._first, self._first_before(at, room)), at)
        self._first = max(0, min(self._first, self._first_before(len(order) - 1, room)))
        rows: list[Row] = []
        for at in range(self._first, len(order)):
            new = list(self._rows_of(at))
            if rows and len(rows) + len(new) > room:
                break
            rows += new
        return rows[:room] if len(rows) <= room else rows[-room:]

    def _first_before(self, at: int, room: int) -> int:
        """The first place from which all rows are visible up to those of this one."""
        while at >= 0 and (room := room - len(list(self._rows_of(at)))) >= 0:
            at -= 1
        return at + 1

    def _rows_of(self, at: int) -> Iterator[Row]:
        """The rows at a place of the list; the name of an open room stands above its first."""
        number, rooms = self._model.order[at], self._model.rooms
        room = rooms.room_of(number)
        is_open = room is not None and room is rooms.room_of(self._model.current)
        is_next = at > 0 and room is not None and room is rooms.room_of(self._model.order[at - 1])
        if not is_next:
            yield from (Row(number, 0), Row(number, 1))
        if is_open or is_next:
            yield Row(number, 2)

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        wall = Piece(self.look.signs["wall"], "wall")
        height = self._height or self.size.height
        foot = self._foot
        if y >= height - len(foot):
            words, _ = foot[y - (height - len(foot))]
            return [Piece(pad(words, width - 1, self.look.signs["ellipsis"]), "warn"), wall]
        if y < self._head:
            return [*self._head_row(width - 1), wall]
        y -= self._head
        rows = self._rows(height)
        if y >= len(rows):
            words = " nothing found" if self.filter is not None and not rows and not y else ""
            return [Piece(pad(words, width - 1), "hint"), wall]
        row = rows[y]
        line = self._row(row, width - 1)
        if self._is_bar(row):
            used = sum(width_of(piece.text) for piece in line)
            line = [
                piece if piece.role.startswith(ICON) else Piece(piece.text, "open")
                for piece in (*line, Piece(" " * (width - 1 - used)))
            ]
        return [*line, wall]

    def _is_bar(self, row: Row) -> bool:
        """Whether a row is of what is open, or chosen: of an open room that is a channel."""
        wanted = self._model.place if self.filter is None else self.chosen
        if row.number != wanted:
            return False
        rooms = self._model.rooms
        room = rooms.room_of(row.number)
        return (row.part == 2) == (room is not None and room is rooms.room_of(self._model.current))

    def _row(self, row: Row, width: int) -> Line:
        one = self._model.listed(row.number)
        room = self._model.rooms.room_of(row.number)
        if isinstance(one, Conversation):
            return self._name_row(one, width) if row.part == 0 else self._preview_row(one, width)
        if one is None or room is None:
            return [Piece(" " * width)]
        if row.part == 2:
            return self._channel_row(one, width)
        return self._room_row(room, width) if row.part == 0 else self._post_row(room, width)

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        foot, rows = self._foot, self._rows(self.size.height)
        at = event.y - (self.size.height - len(foot))
        if at >= 0:
            self.post_message(foot[at][1])
            return
        y = event.y - self._head
        if 0 <= y < len(rows):
            self.post_message(self.Chosen(rows[y].number))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look further down."""
        self._first += 1
        self.refresh()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look further up."""
        self._first = max(0, self._first - 1)
        self.refresh()

    def _head_row(self, width: int) -> Line:
        signs = self.look.signs
        if self.filter is None:
            return [Piece(pad(" Archive", width, signs["ellipsis"]), "title")]
        text = shown(self.filter.text)
        while width_of(text) > max(width - FILTER_INSET - 1, 1):
            text = text[1:]
        return [Piece(f" {signs['prompt']} ", "prompt"), Piece(pad(text, width - FILTER_INSET))]

    def _name_row(self, one: Conversation, width: int) -> Line:
        signs, contact = self.look.signs, one.contact
        is_open = one.number == self._model.current
        marks = ""
        if contact.favourite:
            marks += signs["favourite"]
        if one.muted:
            marks += signs["muted"]
        if contact.looks_like:
            marks += signs["alike"]
        if contact.verified:
            marks += signs["verified"]
        if contact.identity_changed or contact.revoked or contact.blocked:
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
            Piece(name, "name" if (unread and one.counts) or is_open else "text"),
            Piece(f" {when}" if when else "", "preview"),
            Piece(tail, "bad" if contact.identity_changed or contact.looks_like else "status"),
            Piece(f" {unread}" if unread else "", "unread" if one.counts else "status"),
            Piece(f" {signs['here']}" if is_open else "  ", "key"),
        ]

    def _preview_row(self, one: Conversation, width: int) -> Line:
        signs = self.look.signs
        if one.typing:
            words, role = f"typing{signs['queued']}", "them"
        elif one.contact.farewell:
            words, role = "asks you to delete", "warn"
        elif one.draft and one.number != self._model.current:
            words, role = f"draft: {' '.join(one.draft[:80].split())}", "warn"
        elif one.contact.joining is not None:
            words, role = joining_words(one.contact.joining, time.time_ns() // 1_000_000), "warn"
        else:
            words, role = one.preview or "", "preview"
        return [
            Piece(" "),
            *identicon(one.contact.fingerprint, self.look),
            Piece(" "),
            Piece(pad(cut(words, width - 5, signs["ellipsis"]), width - 4), role),
        ]

    def _room_row(self, room: Room, width: int) -> Line:
        view, signs = room.view, self.look.signs
        is_open = room is self._model.rooms.room_of(self._model.current)
        marks = signs["muted"] if view.muted else ""
        if view.standing != "member":
            marks += f" {view.standing}"
        if is_open and len(room.numbers) > CHANNELS_SHOWN:
            marks += f" {CHANNELS_SHOWN} of {len(room.numbers)}"
        unread = "" if is_open or not view.unread else f"{'@ ' * bool(view.mentions)}{view.unread}"
        tail = f" {marks.strip()}" if marks else ""
        when = when_words(room.preview_at_ms) if width >= TIMES_MIN and room.preview_at_ms else ""
        used = width_of(tail) + (len(unread) + 1 if unread else 0) + 2
        used += width_of(when) + 1 if when else 0
        name = pad(room.name, max(width - 3 - used, 1), signs["ellipsis"])
        counts = not view.muted
        return [
            Piece(f" {signs['room']} ", "status"),
            Piece(name, "name" if (unread and counts) or is_open else "text"),
            Piece(f" {when}" if when else "", "preview"),
            Piece(tail, "status"),
            Piece(f" {unread}" if unread else "", "unread" if counts else "status"),
            Piece("  "),
        ]

    def _post_row(self, room: Room, width: int) -> Line:
        signs, view = self.look.signs, room.view
        words, role = room.preview or "", "preview"
        if view.standing == "joining":
            words, role = "not let in yet", "warn"
        elif view.standing == "offered":
            words, role = "F2 joins it", "warn"
        elif (channel := self._model.rooms.channels.get(room.last)) and self._is_draft(channel):
            words, role = f"draft: {' '.join(channel.draft[:80].split())}", "warn"
        return [
            Piece(" "),
            *identicon(view.room_id, self.look),
            Piece(" "),
            Piece(pad(cut(words, width - 5, signs["ellipsis"]), width - 4), role),
        ]

    def _channel_row(self, one: Channel, width: int) -> Line:
        signs, is_open = self.look.signs, one.number == self._model.place
        draft = "draft" if self._is_draft(one) else ""
        unread = str(one.unread) if one.unread and not is_open else ""
        tail = " ".join(filter(None, (draft, unread)))
        tail_width = len(tail) + 1 if tail else 0
        name = pad(one.tag, max(width - 6 - tail_width, 1), signs["ellipsis"])
        return [
            Piece("    "),
            Piece(name, "name" if (unread and one.counts) or is_open else "text"),
            Piece(f" {draft}" if draft else "", "warn"),
            Piece(f" {unread}" if unread else "", "unread" if one.counts else "status"),
            Piece(f" {signs['here']}" if is_open else "  ", "key"),
        ]

    def _is_draft(self, one: Listed) -> bool:
        return bool(one.draft) and one.number != self._model.current
