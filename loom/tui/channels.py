"""The rooms and their channels, as plain values; the list shows them among the conversations."""

from collections.abc import Iterable
from typing import Final

import msgspec

from loom.api.events import MessageReceived, RoomPosted
from loom.api.room_views import ChannelView, LastPost, MemberView, RoomView
from loom.front.room_lines import line_words
from loom.model import Level
from loom.printable import printable
from loom.tui import content
from loom.tui.begun import Begun
from loom.tui.posts import Post
from loom.tui.times import now_ms

GENERAL: Final = "general"
EVERYTHING: Final = Level.EVERYTHING.value
MENTIONS: Final = Level.MENTIONS.value


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A channel of a room, or a thread in it: a conversation of several people."""

    number: int
    """Of this run of the app, below 0: conversations with contacts have numbers above 0."""
    room: RoomView
    view: ChannelView
    begun: Begun = Begun()
    root: Post | None = None
    """The post that began the thread; None: it is the channel."""

    @property
    def thread(self) -> str | None:
        """The id of that post."""
        return None if self.root is None else self.root.message_id

    @property
    def draft(self) -> str:
        """What was begun as a post."""
        return self.begun.body

    @property
    def name(self) -> str:
        """The room's name and the channel's, as they can be shown."""
        return f"{printable(self.room.room)} {self.tag}"

    @property
    def tag(self) -> str:
        """The channel's name alone."""
        return f"#{printable(self.view.channel)}"

    @property
    def reference(self) -> str:
        """What commands call the room."""
        return f"#{self.room.number}"

    @property
    def unread(self) -> int:
        """How many posts of others wait to be read, those in threads too."""
        return self.view.unread + self.view.unread_in_threads

    @property
    def muted(self) -> bool:
        """Whether the room or the channel is muted at this moment: that ends by itself."""
        return any(
            one.muted and (one.mute_until_ms is None or now_ms() < one.mute_until_ms)
            for one in (self.room, self.view)
        )

    @property
    def counts(self) -> bool:
        """Whether what is unread there is counted."""
        return not self.muted

    def tells_of(self, post: MessageReceived | RoomPosted) -> bool:
        """Whether one is notified of it; a mute holds for mentions too."""
        level = self.view.level or self.room.level
        return not self.muted and (level == EVERYTHING or (level == MENTIONS and post.mention))


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows of a room, and where one arrives in it."""

    view: RoomView
    numbers: list[int]
    """Of its channels, in their order."""
    last: int
    """The channel that was open last."""
    members: list[MemberView] = []
    """Asked for when it is opened."""

    @property
    def name(self) -> str:
        """Its name as it can be shown."""
        return printable(self.view.room)

    @property
    def preview(self) -> str:
        """Who wrote the last post and how it begins, or what was changed; on one line."""
        last = self.view.last
        if last is None:
            return ""
        who = "you" if last.own else last.author
        if last.line is not None:
            return printable(line_words(who, last.line))
        of_kinds = {"proposal": "a proposal", "file": "a file"}
        nothing = of_kinds.get(last.kind, content.deleted.WORDS)
        return printable(f"{who}: {' '.join(last.body.split()) or nothing}")

    @property
    def preview_at_ms(self) -> int:
        """When it was sent; 0: there is none."""
        return 0 if self.view.last is None else self.view.last.sent_at_ms


class Rooms:
    """All rooms, by their ids, and all channels, by their numbers."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self.channels: dict[int, Channel] = {}
        self._numbers: dict[tuple[str, str, str | None], int] = {}
        self._begun: dict[int, Begun] = {}
        """Of threads that were not shown yet."""

    @property
    def listed(self) -> list[Channel]:
        """The channels, without threads."""
        return [one for one in self.channels.values() if one.root is None]

    def number_of(self, room_id: str, channel: str, thread: str | None = None) -> int:
        """The number of a channel or a thread that was shown; 0: of any other.

        It stays the same as long as the app runs.
        """
        return self._numbers.get((room_id, channel, thread), 0)

    def _numbered(self, room_id: str, channel: str, thread: str | None = None) -> int:
        return self._numbers.setdefault((room_id, channel, thread), -len(self._numbers) - 1)

    def channel_of(self, number: int) -> int:
        """The number of the channel that a thread is in; any other is its own."""
        one = self.channels.get(number)
        if one is None or one.root is None:
            return number
        return self.number_of(one.room.room_id, one.view.channel)

    def thread_of(self, channel: Channel, root: Post) -> Channel:
        """The thread that a post of a channel began, or begins now."""
        number = self._numbered(channel.room.room_id, channel.view.channel, root.message_id)
        known = self.channels.get(number)
        begun = self._begun.pop(number, Begun()) if known is None else known.begun
        found = Channel(number=number, room=channel.room, view=channel.view, begun=begun, root=root)
        self.channels[number] = found
        return found

    def begin(self, where: tuple[str, str, str | None], begun: Begun) -> None:
        """This was begun in a channel or a thread: see `number_of`."""
        number = self._numbered(*where)
        known = self.channels.get(number)
        if known is None:
            self._begun[number] = begun
        else:
            self.channels[number] = msgspec.structs.replace(known, begun=begun)

    def room_of(self, number: int | None) -> Room | None:
        """The room that a channel is of."""
        channel = self.channels.get(number or 0)
        return None if channel is None else self.rooms.get(channel.room.room_id)

    def load(self, views: Iterable[RoomView]) -> None:
        """Exactly these rooms are there."""
        wanted = {one.room_id: one for one in views}
        for room_id in [*self.rooms]:
            if room_id not in wanted:
                self.forget(room_id)
        for view in wanted.values():
            self.put(view)

    def put(self, view: RoomView) -> None:
        """A room as the node sees it now; one without channels has one, as before one is let in."""
        channels = view.channels or [ChannelView(channel=GENERAL)]
        before = self.rooms.get(view.room_id)
        numbers = [self._numbered(view.room_id, one.channel) for one in channels]
        for gone in set(before.numbers if before else ()) - {*numbers}:
            self.channels.pop(gone, None)
        for number, channel in zip(numbers, channels, strict=True):
            known = self.channels.get(number)
            begun = Begun() if known is None else known.begun
            self.channels[number] = Channel(number=number, room=view, view=channel, begun=begun)
        named = dict(zip((one.channel for one in channels), channels, strict=True))
        for number, one in [*self.channels.items()]:
            if one.root is None or one.room.room_id != view.room_id:
                continue
            if one.view.channel in named:
                now = {"room": view, "view": named[one.view.channel]}
                self.channels[number] = msgspec.structs.replace(one, **now)
            else:
                del self.channels[number]
        last = before.last if before is not None and before.last in numbers else numbers[0]
        if before is None:
            self.rooms[view.room_id] = Room(view=view, numbers=numbers, last=last)
        else:
            self.rooms[view.room_id] = msgspec.structs.replace(
                before, view=view, numbers=numbers, last=last
            )

    def forget(self, room_id: str) -> list[int]:
        """A room is not there any more; returns the numbers that were its."""
        self.rooms.pop(room_id, None)
        gone = [one.number for one in self.channels.values() if one.room.room_id == room_id]
        for number in gone:
            del self.channels[number]
        return gone

    def change(self, room_id: str, **fields: object) -> None:
        """Replace fields of one room."""
        known = self.rooms.get(room_id)
        if known is not None:
            self.rooms[room_id] = msgspec.structs.replace(known, **fields)

    def posted(self, number: int, event: RoomPosted) -> None:
        """A post or a line came to a channel."""
        channel = self.channels[number]
        view, room = channel.view, channel.room
        if event.unread:
            which = "unread" if event.thread is None else "unread_in_threads"
            counted = {which: getattr(view, which) + 1}
            view = msgspec.structs.replace(view, mentions=view.mentions + event.mention, **counted)
        last = room.last
        if last is None or event.sent_at_ms >= last.sent_at_ms:
            facts = msgspec.structs.asdict(event)
            last = LastPost(**{name: facts[name] for name in LastPost.__struct_fields__})
        self._put_channel(channel, view, last)

    def _put_channel(self, channel: Channel, view: ChannelView, last: LastPost | None) -> None:
        room = channel.room
        channels = [view if one.channel == view.channel else one for one in room.channels]
        self.put(
            msgspec.structs.replace(
                room,
                channels=channels,
                unread=sum(one.unread + one.unread_in_threads for one in channels),
                mentions=sum(one.mentions for one in channels),
                last=last,
            )
        )
