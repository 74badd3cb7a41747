"""What a reader asks of the node: pages of a conversation or a channel, and what was read."""

from typing import Any, Protocol, TypeVar

from loom.api.command import Command
from loom.api.conversation_commands import MarkRead, MarkUnread
from loom.api.message_commands import History
from loom.api.message_views import MessageView
from loom.api.room_commands import FindPost, MarkRoomRead, MarkRoomUnread, RoomHistory
from loom.tui.channels import Channel
from loom.tui.chat.window import PAGE
from loom.tui.model import Model, preview_of
from loom.tui.posts import post_of

R = TypeVar("R")


class Send(Protocol):
    """`Client.send`."""

    async def __call__(self, command: Command[R]) -> R:
        """See `Client.send`."""
        ...


class Pages(Protocol):
    """A conversation as the node has it, at most `PAGE` messages at once, in their order."""

    async def newest(self) -> list[MessageView]:
        """The last ones."""
        ...

    async def oldest(self) -> list[MessageView]:
        """The first ones."""
        ...

    async def before(self, message: MessageView) -> list[MessageView]:
        """Those right before a message."""
        ...

    async def after(self, message: MessageView) -> list[MessageView]:
        """Those right after a message."""
        ...

    async def around(self, row_id: int) -> tuple[list[MessageView], list[MessageView]]:
        """Those up to a message with itself, and those after it; a page with fewer is the end."""
        ...

    async def first_unread(self) -> MessageView | None:
        """The first message that is unread."""
        ...

    async def mark_read(self, rows: range) -> None:
        """These rows were seen."""
        ...

    async def mark_unread(self, row_id: int | None) -> None:
        """From this row on, None: the newest message, it is unread."""
        ...

    def noted(self, last: MessageView) -> None:
        """This is the newest message: the list shows how it begins."""
        ...


class ContactPages:
    """The conversation with a contact."""

    def __init__(self, send: Send, model: Model, number: int) -> None:
        self._send = send
        self._model = model
        self._number = number
        self._contact = f"#{number}"

    async def newest(self) -> list[MessageView]:
        """See `Pages.newest`."""
        return await self._page()

    async def oldest(self) -> list[MessageView]:
        """See `Pages.oldest`."""
        return await self._page(oldest=True)

    async def before(self, message: MessageView) -> list[MessageView]:
        """See `Pages.before`."""
        return await self._page(before_row=message.row_id)

    async def after(self, message: MessageView) -> list[MessageView]:
        """See `Pages.after`."""
        return await self._page(after_row=message.row_id, oldest=True)

    async def around(self, row_id: int) -> tuple[list[MessageView], list[MessageView]]:
        """See `Pages.around`."""
        before = await self._page(before_row=row_id + 1)
        return before, await self._page(after_row=row_id, oldest=True)

    async def first_unread(self) -> MessageView | None:
        """See `Pages.first_unread`."""
        found = await self._page(limit=1, oldest=True, unread=True)
        return found[0] if found else None

    async def mark_read(self, rows: range) -> None:
        """See `Pages.mark_read`."""
        await self._send(MarkRead(contact=self._contact, row_id=rows[-1], from_row=rows[0]))

    async def mark_unread(self, row_id: int | None) -> None:
        """See `Pages.mark_unread`."""
        await self._send(MarkUnread(contact=self._contact, row_id=row_id))

    def noted(self, last: MessageView) -> None:
        """See `Pages.noted`."""
        self._model.change(self._number, preview=preview_of(last), preview_at_ms=last.sent_at_ms)

    async def _page(self, *, limit: int = PAGE, **bounds: object) -> list[MessageView]:
        command = History(contact=self._contact, limit=limit, **bounds)  # type: ignore[arg-type]
        return (await self._send(command)).messages


class ChannelPages:
    """A channel of a room, without what is in its threads; or one thread of it."""

    def __init__(self, send: Send, channel: Channel) -> None:
        self._send = send
        self._number = channel.number
        self._room = channel.reference
        self._channel = channel.view.channel
        self._thread = channel.thread

    async def newest(self) -> list[MessageView]:
        """See `Pages.newest`."""
        return await self._page()

    async def oldest(self) -> list[MessageView]:
        """See `Pages.oldest`."""
        return await self._page(oldest=True)

    async def before(self, message: MessageView) -> list[MessageView]:
        """See `Pages.before`."""
        return await self._page(before=message.message_id)

    async def after(self, message: MessageView) -> list[MessageView]:
        """See `Pages.after`."""
        return await self._page(after=message.message_id)

    async def around(self, row_id: int) -> tuple[list[MessageView], list[MessageView]]:
        """See `Pages.around`."""
        post = await self._send(FindPost(room=self._room, name=f"#{row_id}"))
        before = await self._page(before=post.post_id)
        after = await self._page(after=post.post_id)
        return [*before, post_of(post, self._number)], after

    async def first_unread(self) -> MessageView | None:
        """See `Pages.first_unread`."""
        found = await self._page(limit=1, unread=True)
        return found[0] if found else None

    async def mark_read(self, rows: range) -> None:
        """See `Pages.mark_read`."""
        command = MarkRoomRead(row_id=rows[-1], from_row=rows[0], **self._where)
        await self._send(command)

    async def mark_unread(self, row_id: int | None) -> None:
        """See `Pages.mark_unread`."""
        await self._send(MarkRoomUnread(row_id=row_id, **self._where))

    def noted(self, last: MessageView) -> None:
        """See `Pages.noted`: of a room, its newest post may be in another channel."""

    @property
    def _where(self) -> dict[str, Any]:
        if self._thread is not None:
            return {"room": self._room, "thread": self._thread}
        return {"room": self._room, "channel": self._channel}

    async def _page(self, *, limit: int = PAGE, **bounds: Any) -> list[MessageView]:
        command = RoomHistory(limit=limit, roots_only=self._thread is None, **self._where, **bounds)
        posts = (await self._send(command)).posts
        return [post_of(one, self._number, self._thread) for one in posts]
