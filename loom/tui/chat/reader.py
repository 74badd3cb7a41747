"""Keeps the open conversation's window filled, and tells the node what was seen."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ConversationRead,
    ConversationUnread,
    FarewellDone,
    FileChanged,
    FileProgress,
    IdentityNoted,
    MessageBookmarked,
    MessageDeleted,
    MessageDelivered,
    MessageEdited,
    MessageExpired,
    MessageFailed,
    MessagePinned,
    MessageQueued,
    MessageReacted,
    MessageRead,
    MessageReceived,
    MessagesDeleted,
    MessageSent,
    RoomPostChanged,
    RoomPosted,
    RoomRead,
    RoomUnread,
    TimerChanged,
    WholeMessage,
)
from loom.api.file_views import FileView
from loom.api.message_views import MessageView
from loom.api.room_commands import FindPost
from loom.tui.channels import Channel
from loom.tui.chat.pages import ChannelPages, ContactPages, Pages, Send
from loom.tui.chat.window import PAGE, Window, is_unread
from loom.tui.lines import Look
from loom.tui.model import Model
from loom.tui.posts import Post, post_of


class Reader:
    """Reads one conversation or channel at a time; errors go to the caller.

    Many methods, because loading, events and read marks change one window.
    """

    def __init__(self, send: Send, model: Model, look: Look, changed: Callable[[], None]) -> None:
        self._send = send
        self._model = model
        self._look = look
        self._changed = changed
        self._loading = asyncio.Lock()
        self._telling: set[int] = set()
        """Rows of which the node is being told that they were seen."""
        self._arrived: list[AnyEvent] | None = None
        """What happens while a page is on its way, to be applied after it."""
        self._hidden: dict[str, MessageView] = {}
        """The messages that will be deleted unless somebody wants them back."""
        self.keeps_unread = False
        """What was marked unread stays so until the conversation is opened again or answered."""
        self.window: Window | None = None
        self._pages: Pages | None = None
        """Of the open conversation."""
        self.stale_roots: set[str] = set()
        """Posts with a thread in which something happened."""

    @property
    def number(self) -> int | None:
        """Of what it reads: of the open conversation or channel."""
        return self._model.current

    @number.setter
    def number(self, number: int | None) -> None:
        self._model.current = number

    @property
    def _channel(self) -> Channel | None:
        return self._model.rooms.channels.get(self.number or 0)

    async def open_(
        self, number: int, row_id: int | None = None, *, words: Sequence[str] | None = None
    ) -> None:
        """Show a conversation at its newest message, or around one, perhaps found by `words`."""
        pages = self._pages_of(number)
        window = Window(self._look, self._hidden)
        async with self._loading:
            self._arrived = []
            try:
                if row_id is None:
                    page = await pages.newest()
                    window.replace(page, at_oldest=len(page) < PAGE, at_newest=True)
                    window.new_from = await self._first_unread(number, pages, page)
                else:
                    before, after = await pages.around(row_id)
                    window.replace(
                        [*before, *after],
                        at_oldest=len(before) < PAGE,
                        at_newest=len(after) < PAGE,
                    )
                    window.words = tuple(words or ())
                    if self.window is not None and number == self.number:
                        window.new_from = self.window.new_from
            finally:
                arrived, self._arrived = self._arrived or [], None
            self.window, self._pages = window, pages
            self.number = number
            self._telling.clear()
            self.keeps_unread = False
            self.apply(arrived)
            if row_id is None and window.messages:
                pages.noted(window.messages[-1])
        self._changed()

    def _pages_of(self, number: int) -> Pages:
        channel = self._model.rooms.channels.get(number)
        if channel is None:
            return ContactPages(self._send, self._model, number)
        return ChannelPages(self._send, channel)

    def own_bodies(self, message_ids: Sequence[str]) -> list[str] | None:
        """What these of one's own messages say; None: not all are known here."""
        window = self.window
        loaded = [] if window is None else window.messages
        known = self._hidden | {one.message_id: one for one in loaded}
        if not all(one in known for one in message_ids):
            return None
        return [known[one].body for one in message_ids if known[one].direction == "out"]

    def hide(self, messages: Sequence[MessageView]) -> None:
        """Leave messages out as if they were deleted already."""
        self._hidden.clear()
        self._hidden.update((one.message_id, one) for one in messages)
        if self.window is not None:
            self.window.remove(self._hidden)
        self._changed()

    def empty(self, messages: Sequence[MessageView]) -> None:
        """Show messages as if they were deleted for both already."""
        if self.window is not None:
            self.window.delete_for_both(one.message_id for one in messages)
        self._changed()

    def bring_back(self, messages: Sequence[MessageView]) -> None:
        """Show what was hidden or emptied as it was, where it was."""
        for one in messages:
            self._hidden.pop(one.message_id, None)
        if self.window is not None:
            self.window.restore(messages)
            for one in messages:
                self.window.put(one)
        self._changed()

    def close(self) -> None:
        """Show no conversation."""
        self.window = self._pages = None
        self.number = None
        self._changed()

    def wants_pages(self, height: int) -> bool:
        """Whether one is about to scroll out of what is loaded."""
        window = self.window
        if window is None or self._loading.locked():
            return False
        return window.wants_older(height) is not None or window.wants_newer() is not None

    async def fill(self, height: int) -> None:
        """Load the pages that one is about to scroll into."""
        if self._loading.locked():
            return
        async with self._loading:
            window, pages = self.window, self._pages
            if window is None or pages is None:
                return
            if (first := window.wants_older(height)) is not None:
                older = await pages.before(first)
                if window is self.window:
                    window.prepend(older)
                    self._changed()
            if (last := window.wants_newer()) is not None:
                newer = await pages.after(last)
                if window is self.window:
                    window.append(newer)
                    self._changed()

    async def to_newest(self) -> None:
        """Go to the end, wherever one is."""
        if self.window is not None and self.number is not None:
            if self.window.at_newest:
                self.window.to_newest()
                self._changed()
            else:
                await self.open_(self.number)

    async def to_oldest(self, height: int) -> None:
        """Go to the beginning, however far it is."""
        window, pages = self.window, self._pages
        if window is None or pages is None:
            return
        if not window.at_oldest:
            async with self._loading:
                page = await pages.oldest()
                window.replace(page, at_oldest=True, at_newest=len(page) < PAGE)
        window.to_oldest(height)
        self._changed()

    def apply(self, events: Iterable[AnyEvent]) -> bool:
        """Let events change the open conversation; whether one did."""
        if self._arrived is not None:
            self._arrived.extend(events)
            return False
        window, touched = self.window, False
        if window is None:
            return False
        for event in events:
            self._note_root(event)
            if not self.is_here(event):
                continue
            match event:
                case MessageReceived() | MessageQueued():
                    window.arrive(_view(event))
                    if isinstance(event, MessageQueued):
                        self._answered(window)
                    touched = True
                case RoomPostChanged():
                    touched |= window.put(self._post(event))
                case RoomPosted():
                    window.arrive(self._post(event))
                    if event.own:
                        self._answered(window)
                    touched = True
                case MessageSent() | MessageDelivered() | MessageRead() | MessageFailed():
                    touched |= window.set_state(event.message_id, event.state)
                case FileChanged(file=FileView() as file):
                    touched |= window.put_file(file)
                case FileProgress():
                    rate = event.rate_bytes_per_s
                    touched |= window.move(event.file_id, event.received_bytes, rate)
                case ConversationRead() | RoomRead():
                    touched |= window.set_read(range(event.from_row, event.row_id + 1))
                    self._telling.clear()
                case ConversationUnread() | RoomUnread():
                    window.set_unread(event.row_id)
                    touched = True
                case MessageEdited() | MessageReacted() | MessagePinned() | MessageBookmarked():
                    touched |= window.put(_view(event))
                case TimerChanged():
                    if event.replaces is not None:
                        window.remove([event.replaces])
                    window.arrive(_view(event))
                    touched = True
                case IdentityNoted():
                    window.arrive(_view(event))
                    touched = True
                case MessageExpired():
                    left = set(event.message_ids) - set(event.withdrawn)
                    window.remove(left, event.direction)
                    window.withdraw(event.withdrawn)
                    touched = True
                case FarewellDone(scope="conversation"):
                    self._take_leave(window, event)
                    touched = True
                case MessageDeleted():
                    touched |= window.delete_for_both(event.message_ids)
                case ContactChanged():
                    touched |= window.rename(event.contact)
                case MessagesDeleted(message_ids=None):
                    window.replace([], at_oldest=True, at_newest=True)
                    touched = True
                case MessagesDeleted(message_ids=list(ids)):
                    for one in ids:
                        self._hidden.pop(one, None)
                    window.remove(ids)
                    touched = True
        return touched

    def _note_root(self, event: AnyEvent) -> None:
        """Nobody tells how many answers a post has now: it has to be asked for."""
        channel = self._channel
        if channel is None or channel.root is not None:
            return
        if isinstance(event, RoomPosted | RoomRead | RoomUnread) and event.thread is not None:
            self.stale_roots.add(event.thread)

    async def count_answers(self) -> None:
        """Ask for posts whose threads changed, of those that are loaded."""
        stale, self.stale_roots = self.stale_roots, set()
        channel, window = self._channel, self.window
        if channel is None or window is None or not stale:
            return
        for name in [one.message_id for one in window.messages if one.message_id in stale]:
            post = await self._send(FindPost(room=channel.reference, name=name))
            window.put(post_of(post, channel.number))
        self._changed()

    def _answered(self, window: Window) -> None:
        """One wrote oneself: nothing there is new any more."""
        window.answered()
        self.keeps_unread = False
        if window.at_newest:
            window.to_newest()

    def is_here(self, event: AnyEvent) -> bool:
        """Whether an event is about the open conversation, channel or thread."""
        channel = self._channel
        if channel is not None and isinstance(event, FileChanged | FileProgress):
            return not event.contact_id  # of some room: whether it is shown says its id
        if channel is None or not isinstance(event, RoomPosted | RoomRead | RoomUnread):
            return getattr(event, "contact_id", None) == self.number
        if event.room_id != channel.room.room_id:
            return False
        if isinstance(event, RoomPosted) and event.post_id == channel.thread:
            return True
        if event.thread is not None or channel.thread is not None:
            return event.thread == channel.thread
        return event.channel in (None, channel.view.channel)

    def _post(self, event: RoomPosted) -> Post:
        channel = self._channel
        thread = None if channel is None else channel.thread
        return post_of(event, self.number or 0, thread)

    @staticmethod
    def _take_leave(window: Window, event: FarewellDone) -> None:
        """What was written since stays, though it may have come before this was told."""
        before_ms, kept = event.before_ms, {*event.withdrawn}
        window.remove(
            one.message_id
            for one in window.messages
            if one.message_id not in kept and (before_ms is None or one.sent_at_ms <= before_ms)
        )
        window.withdraw(kept)
        if not window.messages:
            window.replace([], at_oldest=True, at_newest=True)

    def unseen(self, on_screen: Iterable[int]) -> range | None:
        """The rows from the first to the last of these messages that are unread."""
        if self.window is None or self.keeps_unread:
            return None
        found = (self.window.message(row_id) for row_id in on_screen)
        rows = {one.row_id for one in found if one is not None and is_unread(one)} - self._telling
        return range(min(rows), max(rows) + 1) if rows else None

    async def mark_seen(self, number: int, rows: range) -> None:
        """These rows were read; called only when somebody looked at all of them."""
        if number != self.number or self._pages is None:
            return
        self._telling.update(rows)
        try:
            await self._pages.mark_read(rows)
        except BaseException:
            self._telling.clear()
            raise

    async def mark_unread(self, row_id: int | None) -> None:
        """From this message on, or the newest one, it is unread until one comes back to it."""
        if self._pages is None:
            return
        self.keeps_unread = True
        try:
            await self._pages.mark_unread(row_id)
        except BaseException:
            self.keeps_unread = False
            raise

    async def first_unread(self) -> int | None:
        """The row where what is new begins, or of the first message that is still unread."""
        window, pages = self.window, self._pages
        if window is None or pages is None or window.new_from is not None:
            return None if window is None else window.new_from
        found = await pages.first_unread()
        return None if found is None else found.row_id

    async def _first_unread(self, number: int, pages: Pages, page: list[MessageView]) -> int | None:
        """The row where what is new begins, perhaps long before the newest page."""
        first = next(filter(is_unread, page), None)
        known = self._model.listed(number)
        if known is not None and known.unread > sum(map(is_unread, page)):
            first = await pages.first_unread() or first
        return None if first is None else first.row_id


def _view(event: WholeMessage) -> MessageView:
    facts = msgspec.structs.asdict(event)
    return MessageView(**{name: facts[name] for name in _FIELDS})


_FIELDS: Final = [name for name in MessageView.__struct_fields__ if name != "v"]
