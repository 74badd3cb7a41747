"""The channel beside its thread: shown live where both have room, while the thread has the keys."""

from collections.abc import Callable, Iterable
from typing import Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from loom.api.events import AnyEvent
from loom.tui.channels import Channel
from loom.tui.chat.bars import TitleLine
from loom.tui.chat.pages import Send
from loom.tui.chat.reader import Reader
from loom.tui.chat.timeline import Timeline
from loom.tui.lines import Lines, Look
from loom.tui.model import Model
from loom.tui.owner import Owner
from loom.tui.posts import Post
from loom.tui.themes import Line, Piece

WIDTH_MIN: Final = 120
"""On a screen that wide both have room."""
_OPEN_THREAD: Final = ("thread", "unread")
"""Roles of the words that count the answers to a post."""


class BesideReader(Reader):
    """Reads a channel without opening it."""

    _number: int | None = None

    @property
    def number(self) -> int | None:
        """See `Reader.number`."""
        return self._number

    @number.setter
    def number(self, number: int | None) -> None:
        self._number = number


class Wall(Lines):
    """A line from top to bottom."""

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        return [Piece(self.look.signs["wall"], "wall")]


class Beside(Horizontal):
    """The channel of the open thread; the post that began the thread is marked."""

    class Chosen(Message):
        """A post was clicked; `opens_thread`: on the number of its answers."""

        def __init__(self, post: Post, *, opens_thread: bool) -> None:
            super().__init__()
            self.post = post
            self.opens_thread = opens_thread

    def __init__(
        self, owner: Owner, look: Look, model: Model, send: Send, arranged: Callable[[], None]
    ) -> None:
        """`arranged`: called when what stands next to it has another width."""
        super().__init__()
        self.display = False
        self._arranged = arranged
        self._owner = owner
        self.reader = BesideReader(send, model, look, self._show)
        self.timeline = Timeline(look)
        self._title = TitleLine(look, model, lambda: self.reader.number)
        self._wall = Wall(look)
        self._root: int | None = None

    def compose(self) -> ComposeResult:
        """The channel's title above it, a wall to the right."""
        with Vertical():
            yield self._title
            yield self.timeline
        yield self._wall

    async def follow(self, here: Channel | None, number: int | None) -> None:
        """Show the channel `number` of the thread `here`; None: nothing."""
        root = None if here is None or here.root is None else here.root.row_id
        if number is None or root is None:
            if self.reader.number is not None:
                self._root, self.display = None, False
                self.reader.close()
                self.call_after_refresh(self._arranged)
            return
        if (number, root) == (self.reader.number, self._root):
            return
        self._root, self.display = root, True
        if number != self.reader.number:
            await self.reader.open_(number)
        window = self.reader.window
        if window is not None and window.message(root) is None:
            await self.reader.open_(number, root)
        self.call_after_refresh(self._mark)  # it has a size then
        self.call_after_refresh(self._arranged)

    def _mark(self) -> None:
        window = self.reader.window
        if window is not None and self._root is not None:
            window.point_at(self._root)
            window.show(self._root, *self.timeline.size)
            self._show()

    def apply(self, happened: Iterable[AnyEvent]) -> None:
        """Let events change what is shown."""
        if self.reader.apply(happened):
            self._show()
        if self.reader.stale_roots:
            self._owner.work(self.reader.count_answers(), "answers beside")

    def redraw(self) -> None:
        """Theme, names or size changed."""
        if self.reader.window is not None:
            self.reader.window.redraw()
        self._show()

    def _show(self) -> None:
        self.timeline.window = self.reader.window
        self.timeline.look_again()
        self._title.refresh()
        if self.reader.wants_pages(self.timeline.size.height):
            self._owner.work(self.reader.fill(self.timeline.size.height), "pages")

    def on_timeline_scrolled(self, event: Timeline.Scrolled) -> None:
        """The wheel."""
        event.stop()
        if self.reader.window is not None:
            self.reader.window.scroll(event.by, self.timeline.size.height)
            self._show()

    def on_timeline_clicked(self, event: Timeline.Clicked) -> None:
        """A click on a post."""
        event.stop()
        window = self.reader.window
        post = None if window is None else window.message(event.row_id)
        if window is not None and event.role == "fold":
            window.fold(event.row_id, self.timeline.size.height)
            self._show()
        elif isinstance(post, Post):
            is_root = post.row_id == self._root
            opens = event.role in _OPEN_THREAD and not is_root
            self.post_message(self.Chosen(post, opens_thread=opens))
