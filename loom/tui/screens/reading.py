"""Reading: from conversation to conversation, and within one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen


class Reading:
    """Moves about; what is loaded is the reader's business."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room

    @property
    def actions(self) -> dict[str, Callable[[], None]]:
        """What its keys do, by the names in `loom/tui/keys.py`."""
        return {
            "next": self.do_next,
            "previous": self.do_previous,
            "next_unread": self.do_next_unread,
            "page_up": self.do_page_up,
            "page_down": self.do_page_down,
            "line_up": self.do_line_up,
            "line_down": self.do_line_down,
            "oldest": self.do_oldest,
            "newest": self.do_newest,
            "first_unread": self.do_first_unread,
        }

    def do_next(self) -> None:
        self._open_neighbour(1)

    def do_previous(self) -> None:
        self._open_neighbour(-1)

    def do_next_unread(self) -> None:
        found = self._room.desk.model.next_unread()
        if found is None:
            self._room.say("Nothing is unread.")
        else:
            self.open_(found.number)

    def do_page_up(self) -> None:
        self.scroll(-(self._room.timeline.size.height - 1))

    def do_page_down(self) -> None:
        self.scroll(self._room.timeline.size.height - 1)

    def do_line_up(self) -> None:
        self.scroll(-1)

    def do_line_down(self) -> None:
        self.scroll(1)

    def do_oldest(self) -> None:
        self._room.desk.work(
            self._room.reader.to_oldest(self._room.timeline.size.height), "reading"
        )

    def do_newest(self) -> None:
        self._room.desk.work(self._room.reader.to_newest(), "reading")

    def do_first_unread(self) -> None:
        window = self._room.reader.window
        new_from = None if window is None else window.new_from
        if window is None or new_from is None:
            self._room.say("Nothing was unread here.")
            return
        if window.show(new_from, *self._room.timeline.size):
            self._room.show_reading()
        elif (current := self._room.desk.model.current) is not None:
            self.open_(current, new_from)

    def open_(
        self, number: int, row_id: int | None = None, words: Sequence[str] | None = None
    ) -> None:
        """Show another conversation, or a place in one, perhaps found by `words`."""
        self._room.desk.work(self._open(number, row_id, words), "reading")

    def open_place(self, place: int) -> None:
        """Show the conversation at a place of the list."""
        found = self._room.desk.model.at(place)
        if found is not None:
            self.open_(found.number)

    async def _open(self, number: int, row_id: int | None, words: Sequence[str] | None) -> None:
        self._room.selecting.stop()
        await self._room.selecting.delete_now()
        if number != self._room.desk.model.current:
            await self._room.writing.store_draft()
            self._room.writing.editor.set(self._room.desk.model.conversations[number].draft)
        await self._room.reader.open_(number, row_id, words=words)
        if row_id is not None and self._room.reader.window is not None:
            self._room.reader.window.show(row_id, *self._room.timeline.size)
            if words is not None:
                self._room.selecting.point_at(row_id)
        self._room.writing.edited(offer=False)
        self._room.show_all()

    def _open_neighbour(self, by: int) -> None:
        model = self._room.desk.model
        if model.order:
            at = model.order.index(model.current) if model.current in model.order else -1
            self.open_place(max(0, min(at + by, len(model.order) - 1)))

    def scroll(self, by: int) -> None:
        """Look further down; negative: up."""
        if self._room.reader.window is not None:
            self._room.reader.window.scroll(by, self._room.timeline.size.height)
            self._room.show_reading()
