"""The loaded part of one conversation and where in it one looks; any size costs the same."""

from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from loom.api.file_views import FileView
from loom.api.message_views import MessageView, Quote
from loom.tui.chat.layout import Block, can_fold, lay_out, left_s_of
from loom.tui.content.file import said
from loom.tui.lines import Look
from loom.tui.posts import place_of, quote_now
from loom.tui.themes import Line
from loom.tui.times import now_ms

PAGE: Final = 100
LOADED_MAX: Final = 400
RATE_S: Final = 3.0
"""So long the last rate of a file is shown."""
QUOTED_MAX: Final = 200
"""Characters of a message that are kept where it is quoted."""
NEAR: Final = 40
"""With fewer messages beyond the visible ones, the next page is asked for."""


def is_unread(message: MessageView) -> bool:
    """Whether somebody else wrote it and nobody has read it here."""
    return message.direction == "in" and message.state == "delivered"


def _read(message: MessageView) -> MessageView:
    """The message once it was read now: its timer counts from here on."""
    until_ms = message.expires_at_ms
    if until_ms is not None:
        until_ms = min(until_ms, now_ms() + message.expires_s * 1_000)
    return msgspec.structs.replace(message, state="read", expires_at_ms=until_ms)


class Place(NamedTuple):
    """A line of a message."""

    row_id: int
    line: int


class Rate(NamedTuple):
    """How many bytes a second of a file moved, and when that was told."""

    bytes_per_s: int
    at_ms: int


class Shown(NamedTuple):
    """One line on the screen and the message it belongs to."""

    line: Line
    row_id: int


class Window:
    """A block of neighbouring messages, oldest first, seen from its lowest visible line.

    Many methods, because loading, events, scrolling and selecting change one list and its lines.
    """

    def __init__(self, look: Look, hidden: Container[str] = ()) -> None:
        """`hidden` are the ids of messages that are left out as if they were not there."""
        self._look = look
        self._hidden = hidden
        self.messages: list[MessageView] = []
        self.at_oldest = self.at_newest = False
        self.new_from: int | None = None
        """The first message that was unread when the conversation was opened."""
        self.selected: int | None = None
        self.marked: set[int] = set()
        """The messages that are selected together."""
        self._rates: dict[str, Rate] = {}
        """How fast files move, by their ids."""
        self._unfolded: set[int] = set()
        """Long messages that are shown whole."""
        self.words: tuple[str, ...] = ()
        """What was searched for, until the search is left."""
        self.arrived_below = 0
        self._place: Place | None = None
        """The lowest visible line; None: the newest, whatever comes."""
        self._blocks: dict[int, Block] = {}
        self._width = 0
        self._at: dict[int, int] = {}

    # --- what is loaded ---

    def replace(self, messages: Sequence[MessageView], *, at_oldest: bool, at_newest: bool) -> None:
        """Load another part."""
        self.messages = self._visible(messages)
        self.at_oldest, self.at_newest = at_oldest, at_newest
        self._place = None
        self.arrived_below = 0
        self._blocks.clear()
        self._index()

    def prepend(self, older: Sequence[MessageView]) -> None:
        """The page before; nothing on the screen moves."""
        self.at_oldest = len(older) < PAGE
        if self.messages:
            self._blocks.pop(self.messages[0].row_id, None)  # it begins a day or a run no more
        self.messages = [*self._visible(older), *self.messages]
        if len(self.messages) > LOADED_MAX and self._place is not None:
            self.messages = self.messages[:LOADED_MAX]
            self.at_newest = False
        self._index()

    def append(self, newer: Sequence[MessageView]) -> None:
        """The page after."""
        self.at_newest = len(newer) < PAGE
        if self._place is None:
            self._place = self._last_place()
        self.messages = [*self.messages, *self._visible(newer)]
        self._trim_oldest()
        self._index()

    def arrive(self, message: MessageView) -> None:
        """A new message; followed when one looks at the newest, else only counted."""
        if message.row_id in self._at:
            return
        if self.messages and place_of(message) < place_of(self.messages[-1]):
            self._insert(message)
            return
        if not self.at_newest:
            self.arrived_below += 1
            return
        if self._place is not None:
            self.arrived_below += 1
        self._at[message.row_id] = len(self.messages)
        self.messages.append(message)
        if self._trim_oldest():
            self._index()

    def set_state(self, message_id: str, state: str) -> bool:
        """A message got further; False: it is not loaded."""
        for position in range(len(self.messages) - 1, -1, -1):
            message = self.messages[position]
            if message.message_id == message_id:
                self.messages[position] = msgspec.structs.replace(message, state=state)
                self._blocks.pop(message.row_id, None)
                return True
        return False

    def set_read(self, rows: Container[int]) -> bool:
        """Messages of these rows were read; whether that is shown: timers run from now on."""
        is_shown = False
        for position, one in enumerate(self.messages):
            if one.row_id in rows and is_unread(one):
                self.messages[position] = _read(one)
                if one.expires_s:
                    self._blocks.pop(one.row_id, None)
                    is_shown = True
        return is_shown

    def set_unread(self, from_row: int) -> None:
        """The others' messages from this row on are unread again: they are what is new."""
        self.messages = [
            msgspec.structs.replace(one, state="delivered")
            if one.direction == "in" and one.row_id >= from_row
            else one
            for one in self.messages
        ]
        self._blocks.pop(self.new_from or 0, None)
        self._blocks.pop(from_row, None)
        self.new_from = from_row

    def age(self, row_ids: Container[int]) -> float | None:
        """Lay out again what is counted down of these, and rates; when that changes, in seconds."""
        soonest: float | None = None
        for one in self.messages:
            if one.row_id in row_ids and self._rate_of(one):
                self._blocks.pop(one.row_id, None)
                soonest = RATE_S if soonest is None else min(soonest, RATE_S)
            if one.row_id in row_ids and (left_s := left_s_of(one)) is not None:
                self._blocks.pop(one.row_id, None)
                # It was drawn a moment ago, perhaps before the minute that is just over.
                is_just_over = left_s % 60 > 59.5
                step_s = 1.0 if left_s < 61 or is_just_over else left_s % 60 + 0.5
                soonest = step_s if soonest is None else min(soonest, step_s)
        return soonest

    def withdraw(self, message_ids: Iterable[str]) -> bool:
        """Of these it is left that they were there, and that they did not arrive."""
        gone = set(message_ids)

        def now(one: MessageView) -> MessageView | None:
            if one.message_id not in gone or one.direction != "out":
                return None
            return msgspec.structs.replace(
                one,
                state="withdrawn",
                deleted=True,
                body="",
                file=None,
                reply_to=None,
                expires_at_ms=None,
            )

        self._quote_no_longer(gone, "out")
        return self._change(now)

    def put(self, message: MessageView) -> bool:
        """A message as it is shown now, in itself and where it is quoted; False: it is not."""
        body = said(message)[:QUOTED_MAX]

        def now(one: MessageView) -> MessageView | None:
            if one.row_id == message.row_id:
                return message
            if one.quote is not None and one.reply_to == message.message_id:
                return msgspec.structs.replace(one, quote=quote_now(one.quote, message, body))
            return None

        return self._change(now)

    def put_file(self, file: FileView) -> bool:
        """A file got further, or is in another state; False: it is not shown here."""
        if file.state != "receiving":
            self._rates.pop(file.file_id, None)

        def now(one: MessageView) -> MessageView | None:
            is_it = one.file is not None and one.file.file_id == file.file_id
            return msgspec.structs.replace(one, file=file) if is_it and one.file != file else None

        return self._change(now)

    def move(self, file_id: str, received_bytes: int, rate_bytes_per_s: int) -> bool:
        """So much of a file came by now, this fast; False: it is not shown here."""

        def now(one: MessageView) -> MessageView | None:
            if one.file is None or one.file.file_id != file_id:
                return None
            state = "receiving" if one.file.state == "accepted" else one.file.state
            file = msgspec.structs.replace(one.file, received_bytes=received_bytes, state=state)
            is_same = file == one.file and not is_other
            return None if is_same else msgspec.structs.replace(one, file=file)

        before = self._rates.get(file_id)
        is_other = before is None or before.bytes_per_s != rate_bytes_per_s
        self._rates[file_id] = Rate(rate_bytes_per_s, now_ms())
        return self._change(now)

    def delete_for_both(self, message_ids: Iterable[str]) -> bool:
        """Of these only that they were there is left; False: none is loaded or quoted."""
        gone = set(message_ids)

        def now(one: MessageView) -> MessageView | None:
            if one.message_id in gone:
                return msgspec.structs.replace(
                    one, deleted=True, body="", file=None, reactions=[], reply_to=None, quote=None
                )
            if one.quote is not None and one.reply_to in gone:
                quote = Quote(direction=one.quote.direction, gone=True)
                return msgspec.structs.replace(one, quote=quote)
            return None

        return self._change(now)

    def remove(self, message_ids: Iterable[str], direction: str | None = None) -> None:
        """Messages of one side, or of either, were deleted: answers quote them no longer."""
        gone = set(message_ids)
        row_ids = {
            one.row_id
            for one in self.messages
            if one.message_id in gone and direction in (None, one.direction)
        }
        self._quote_no_longer(gone, direction)
        if self._place is not None and self._place.row_id in row_ids:
            at = self._at[self._place.row_id]
            kept = [one for one in self.messages[:at] if one.row_id not in row_ids]
            self._place = Place(kept[-1].row_id, 10**9) if kept else None
        self.marked -= row_ids
        if self.selected in row_ids:
            at = self._at[self.selected]
            kept = [one for one in self.messages if one.row_id not in row_ids]
            newer = [one for one in self.messages[at:] if one.row_id not in row_ids]
            near = newer[:1] or kept[-1:]
            self.selected = near[0].row_id if near else None
        self.messages = [one for one in self.messages if one.row_id not in row_ids]
        self._blocks.clear()
        self._index()

    def restore(self, messages: Iterable[MessageView]) -> None:
        """Messages were not deleted after all; those beyond what is loaded come with their page."""
        first = place_of(self.messages[0]) if self.messages else (0, "")
        last = place_of(self.messages[-1]) if self.messages else (0, "")
        back = [
            one
            for one in messages
            if one.row_id not in self._at
            and (first < place_of(one) or self.at_oldest)
            and (place_of(one) < last or self.at_newest)
        ]
        self.messages = sorted([*self.messages, *back], key=place_of)
        self._blocks.clear()
        self._index()

    def rename(self, name: str) -> bool:
        """The contact has another name here; False: it is the one shown."""
        if all(one.contact == name for one in self.messages):
            return False
        self.messages = [msgspec.structs.replace(one, contact=name) for one in self.messages]
        self._blocks.clear()
        return True

    def redraw(self) -> None:
        """Names or the theme changed: lay everything out again."""
        self._blocks.clear()

    def message(self, row_id: int | None) -> MessageView | None:
        """A loaded message."""
        at = self._at.get(row_id) if row_id is not None else None
        return None if at is None else self.messages[at]

    # --- where one looks ---

    @property
    def follows(self) -> bool:
        """Whether the newest message is what one looks at."""
        return self._place is None and self.at_newest

    def lines(self, width: int, height: int) -> list[Shown]:
        """The visible lines, at most `height`, the newest last."""
        if width != self._width:
            self._width = width
            self._blocks.clear()
        found: list[Shown] = []
        place = self._lowest()
        if place is None:
            return found
        at, line = self._at[place.row_id], place.line
        while at >= 0 and len(found) < height:
            block = self._block(at)
            stop = min(line, len(block) - 1)
            row_id = self.messages[at].row_id
            found.extend(
                Shown(block[one], row_id)
                for one in range(stop, max(stop - (height - len(found)), -1), -1)
            )
            at, line = at - 1, 10**9
        found.reverse()
        return found

    def scroll(self, by: int, height: int) -> None:
        """Look `by` lines further down; negative: up. It stops at both ends."""
        place = self._lowest()
        if place is None:
            return
        at = self._at[place.row_id]
        line = min(place.line, len(self._block(at)) - 1) + by
        while line < 0 and at > 0:
            at -= 1
            line += len(self._block(at))
        while line >= len(self._block(at)):
            if at == len(self.messages) - 1:
                break
            line -= len(self._block(at))
            at += 1
        line = max(0, min(line, len(self._block(at)) - 1))
        self._settle(Place(self.messages[at].row_id, line), height)

    def to_newest(self) -> None:
        """Follow again; what is loaded must reach the newest."""
        self._place = None
        self.arrived_below = 0

    def to_oldest(self, height: int) -> None:
        """Look at the first loaded lines."""
        if self.messages:
            self._settle(Place(self.messages[0].row_id, 0), height)

    def show(self, row_id: int, width: int, height: int) -> bool:
        """Have a message on the screen, in the middle unless it is visible; False: not loaded."""
        if row_id not in self._at:
            return False
        if row_id not in self._readable(width, height):
            self._look_below(row_id, height // 2, height)
        return True

    def select(self, by: int, height: int) -> None:
        """Select the next message (1) or the one before (-1); the first is the lowest visible."""
        if not self.messages:
            return
        at = self._at.get(self.selected) if self.selected is not None else None
        if at is None:
            place = self._lowest()
            at = len(self.messages) - 1 if place is None else self._at[place.row_id]
        else:
            at = max(0, min(at + by, len(self.messages) - 1))
        row_id = self.messages[at].row_id
        self.point_at(row_id)
        if row_id not in self._readable(self._width or 80, height):
            if by > 0:
                self._settle(Place(row_id, len(self._block(at)) - 1), height)
            else:
                self._look_below(row_id, max(height - 2, 0), height)

    def _readable(self, width: int, height: int) -> set[int]:
        """The messages on the screen; a date covers the highest line while one looks further up."""
        return {one.row_id for one in self.lines(width, height)[0 if self.follows else 1 :]}

    def unselect(self) -> None:
        """No message is selected, marked or searched for."""
        for row_id in (self.selected or 0, *self.marked):
            self._blocks.pop(row_id, None)
        self.selected = None
        self.marked.clear()
        if self.words:
            self.words = ()
            self._blocks.clear()

    def mark(self) -> None:
        """Mark the selected message, or no longer."""
        if self.selected is not None:
            self.marked ^= {self.selected}
            self._blocks.pop(self.selected, None)

    def point_at(self, row_id: int) -> None:
        """Select a message that is loaded."""
        for one in (self.selected or 0, row_id):
            self._blocks.pop(one, None)
        self.selected = row_id

    def chosen(self) -> list[MessageView]:
        """The marked messages, oldest first; without marks the selected one."""
        selected = self.message(self.selected)
        if not self.marked:
            return [selected] if selected is not None else []
        return [one for one in self.messages if one.row_id in self.marked]

    def can_fold(self, row_id: int) -> bool:
        """Whether a loaded message is so long that it is not shown whole at first."""
        return row_id in self._at and can_fold(self._block(self._at[row_id]))

    def fold(self, row_id: int, height: int) -> None:
        """Show a long message whole, or its beginning again; what stands above stays there."""
        if not self.can_fold(row_id):
            return
        shown = self.lines(self._width or 80, height)
        above = next((n for n, one in enumerate(shown) if one.row_id == row_id), 0)
        first = self._block(self._at[row_id])
        visible = [one.line for one in shown if one.row_id == row_id]
        at = next((n for n, line in enumerate(first) if visible and line is visible[0]), 0)
        self._unfolded ^= {row_id}
        self._blocks.pop(row_id, None)
        if row_id not in self._unfolded:  # its end is gone: its beginning comes back
            at, above = 0, min(above, height - 1)
        self._place = Place(row_id, at)
        self._advance(max(height - 1 - above, 0))
        self._settle(self._place, height)

    def answered(self) -> None:
        """What was new was answered."""
        self._blocks.pop(self.new_from or 0, None)
        self.new_from = None

    def wants_older(self, height: int) -> MessageView | None:
        """The message before which the next page should be loaded."""
        if self.at_oldest or not self.messages:
            return None
        shown = self.lines(self._width or 80, height)
        near = not shown or self._at[shown[0].row_id] < NEAR
        return self.messages[0] if near else None

    def wants_newer(self) -> MessageView | None:
        """The message after which the next page should be loaded."""
        place = self._lowest()
        if self.at_newest or place is None:
            return None
        near = self._at[place.row_id] >= len(self.messages) - NEAR
        return self.messages[-1] if near else None

    # --- inside ---

    def _rate_of(self, message: MessageView) -> int:
        """How fast its file moves; 0 where nothing came for a while."""
        known = None if message.file is None else self._rates.get(message.file.file_id)
        if known is None or now_ms() - known.at_ms > RATE_S * 1_000:
            return 0
        return known.bytes_per_s

    def _insert(self, message: MessageView) -> None:
        """A post that came late goes where it belongs, unless that is before what is loaded."""
        at = bisect_left(self.messages, place_of(message), key=place_of)
        if at == 0 and not self.at_oldest:
            return
        if self._place is not None and at > self._at[self._place.row_id]:
            self.arrived_below += 1
        self._blocks.pop(self.messages[at].row_id, None)  # what is before it is another now
        self.messages.insert(at, message)
        self._trim_oldest()
        self._index()

    def _change(self, now: Callable[[MessageView], MessageView | None]) -> bool:
        """Put in place of messages what they are now; whether one is another."""
        touched = False
        for position, one in enumerate(self.messages):
            if (changed := now(one)) is not None:
                self.messages[position] = changed
                self._blocks.pop(one.row_id, None)
                touched = True
        return touched

    def _quote_no_longer(self, gone: Container[str], direction: str | None) -> None:
        def now(one: MessageView) -> MessageView | None:
            quote = one.quote
            if (
                quote is None
                or one.reply_to not in gone
                or direction not in (None, quote.direction)
            ):
                return None
            return msgspec.structs.replace(one, quote=Quote(direction=quote.direction, gone=True))

        self._change(now)

    def _lowest(self) -> Place | None:
        if not self.messages:
            return None
        if self._place is not None and self._place.row_id in self._at:
            return self._place
        return self._last_place()

    def _last_place(self) -> Place | None:
        return Place(self.messages[-1].row_id, 10**9) if self.messages else None

    def _settle(self, place: Place, height: int) -> None:
        """Look there, but leave no empty lines above the oldest or below the newest message."""
        self._place = place
        missing = height - len(self.lines(self._width or 80, height))
        if missing > 0 and self.at_oldest:
            self._advance(missing)
        at = self._at[self._place.row_id]
        last = at == len(self.messages) - 1
        if last and self._place.line >= len(self._block(at)) - 1 and self.at_newest:
            self.to_newest()

    def _look_below(self, row_id: int, by: int, height: int) -> None:
        """Have so many lines on the screen below the first one of a message."""
        self._place = Place(row_id, 0)
        self._advance(by)
        self._settle(self._place, height)

    def _advance(self, by: int) -> None:
        place = self._place
        if place is None:
            return
        at, line = self._at[place.row_id], place.line + by
        while line >= len(self._block(at)) and at < len(self.messages) - 1:
            line -= len(self._block(at))
            at += 1
        self._place = Place(self.messages[at].row_id, min(line, len(self._block(at)) - 1))

    def _visible(self, messages: Sequence[MessageView]) -> list[MessageView]:
        return [one for one in messages if one.message_id not in self._hidden]

    def _trim_oldest(self) -> bool:
        extra = len(self.messages) - LOADED_MAX
        # Trimmed by pages, so that a busy conversation does not pay at every message.
        if extra < PAGE and not (extra > 0 and not self.at_newest):
            return False
        if self._place is not None and self._at.get(self._place.row_id, extra) < extra + NEAR:
            return False
        self.messages = self.messages[extra:]
        self.at_oldest = False
        return True

    def _index(self) -> None:
        self._at = {one.row_id: position for position, one in enumerate(self.messages)}
        if len(self._blocks) > 2 * LOADED_MAX:
            self._blocks.clear()

    def _block(self, at: int) -> Block:
        message = self.messages[at]
        block = self._blocks.get(message.row_id)
        if block is None:
            before = self.messages[at - 1] if at else None
            block = self._blocks[message.row_id] = lay_out(
                message,
                before,
                width=self._width or 80,
                look=self._look,
                is_first=at == 0 and self.at_oldest,
                is_new=message.row_id == self.new_from,
                is_selected=message.row_id == self.selected,
                is_marked=message.row_id in self.marked,
                is_unfolded=message.row_id in self._unfolded,
                words=self.words,
                rate_bytes_per_s=self._rate_of(message),
            )
        return block
