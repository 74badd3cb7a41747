"""Reading: from conversation to conversation, and within one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from loom.api.room_commands import FindPost
from loom.printable import printable
from loom.tui.chat.reader import Reader
from loom.tui.chat.timeline import Timeline
from loom.tui.owner import Owner
from loom.tui.posts import Post, post_of


class Navigation:
    """Moves about; what is loaded is the reader's business.

    Args:
        leave: what is done before another place is shown.
        arrive: what is done when it is; the row is that of a message which a search found.
        moved: one looks at other lines.
    """

    def __init__(
        self,
        owner: Owner,
        reader: Reader,
        timeline: Timeline,
        *,
        leave: Callable[[int], Awaitable[None]],
        arrive: Callable[[int | None], None],
        moved: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._reader = reader
        self._timeline = timeline
        self._leave = leave
        self._arrive = arrive
        self._moved = moved
        self.actions: Mapping[str, Callable[[], None]] = {
            "next": lambda: self._open_neighbour(1),
            "previous": lambda: self._open_neighbour(-1),
            "next_unread": self.next_unread,
            "page_up": lambda: self.scroll(1 - timeline.size.height),
            "page_down": lambda: self.scroll(timeline.size.height - 1),
            "line_up": lambda: self.scroll(-1),
            "line_down": lambda: self.scroll(1),
            "oldest": self.to_oldest,
            "newest": self.to_newest,
            "first_unread": self.first_unread,
            "mark_unread": self.mark_unread,
        }

    def open_(
        self, number: int, row_id: int | None = None, words: Sequence[str] | None = None
    ) -> None:
        """Show another conversation, or a place in one, perhaps found by `words`."""
        self._owner.work(self._open(number, row_id, words), "reading")

    def open_place(self, place: int) -> None:
        """Show the conversation at a place of the list."""
        found = self._owner.model.at(place)
        if found is not None:
            self.open_(found.number)

    def next_unread(self) -> None:
        """Show the next conversation with something unread."""
        found = self._owner.model.next_unread()
        if found is None:
            self._owner.say("Nothing is unread.")
        else:
            self.open_(found.number)

    def scroll(self, by: int) -> None:
        """Look further down; negative: up."""
        if self._reader.window is not None:
            self._reader.window.scroll(by, self._timeline.size.height)
            self._moved()

    def to_oldest(self) -> None:
        """Show the first message."""
        self._owner.work(self._reader.to_oldest(self._timeline.size.height), "reading")

    def to_newest(self) -> None:
        """Show the last message."""
        self._owner.work(self._reader.to_newest(), "reading")

    def first_unread(self) -> None:
        """Show the message where what is new begins."""
        self._owner.work(self._to_first_unread(), "reading")

    def mark_unread(self, row_id: int | None = None) -> None:
        """From this message on, or only the newest one, it is unread again."""
        self._owner.work(self._mark_unread(row_id), "unread")

    async def _mark_unread(self, row_id: int | None) -> None:
        if self._owner.model.here is None:
            self._owner.say("Open a conversation first.", bad=True)
            return
        await self._reader.mark_unread(row_id)
        self._owner.say("Marked unread. Nobody is told.")

    async def _to_first_unread(self) -> None:
        row_id, current = await self._reader.first_unread(), self._owner.model.current
        window = self._reader.window
        if row_id is None or current is None or window is None:
            self._owner.say("Nothing is unread here.")
        elif window.show(row_id, *self._timeline.size):
            self._moved()
        else:
            await self._open(current, row_id, None)

    def go_to(self, number: int, row_id: int) -> None:
        """Show a message and select it."""
        window = self._reader.window
        is_here = number == self._owner.model.current and window is not None
        if is_here and window is not None and window.show(row_id, *self._timeline.size):
            self._arrive(row_id)
        else:
            self.open_(number, row_id, ())

    async def show_post(self, room: str, row_id: int, words: Sequence[str] | None = ()) -> None:
        """Show a post of a room and select it, in its channel or its thread."""
        model = self._owner.model
        post = await self._owner.send(FindPost(room=room, name=f"#{row_id}"))
        number = model.rooms.number_of(post.room_id, post.channel)
        channel = model.rooms.channels.get(number)
        if channel is None:
            self._owner.say(f"The channel #{printable(post.channel)} is closed.")
            return
        if post.thread is not None:
            root = await self._owner.send(FindPost(room=room, name=post.thread))
            number = model.rooms.thread_of(channel, post_of(root, number)).number
        await self._open(number, row_id, words)

    async def show_thread(self, root: Post) -> None:
        """Show the thread of a post in place of its channel."""
        channel = self._owner.model.channel
        if channel is not None:
            await self._open(self._owner.model.rooms.thread_of(channel, root).number, None, None)

    def leave_thread(self) -> bool:
        """Back from a thread to its channel; False: none is open."""
        model = self._owner.model
        if model.channel is None or model.channel.root is None or model.place is None:
            return False
        self.open_(model.place, model.channel.root.row_id)
        return True

    async def _open(self, number: int, row_id: int | None, words: Sequence[str] | None) -> None:
        await self._leave(number)
        await self._reader.open_(number, row_id, words=words)
        if row_id is not None and self._reader.window is not None:
            self._reader.window.show(row_id, *self._timeline.size)
        self._arrive(row_id if words is not None else None)

    def _open_neighbour(self, by: int) -> None:
        model = self._owner.model
        if model.order:
            at = model.order.index(model.place) if model.place in model.order else -1
            self.open_place(max(0, min(at + by, len(model.order) - 1)))
