"""A panel about one room, its facts and members, or about one post of it, as they are now."""

from abc import abstractmethod
from functools import partial

from loom.api.command import Command
from loom.api.events import (
    AnyEvent,
    RoomForked,
    RoomJoined,
    RoomKeyDiffers,
    RoomLeft,
    RoomOffered,
    RoomPostChanged,
    RoomStateChanged,
)
from loom.api.room_commands import (
    FindPost,
    ListMembers,
    ProposeChange,
    RoomChange,
    SetRoomPreferences,
    ShowRoom,
)
from loom.api.room_views import BannedView, ChannelView, MemberView, PostView, RoomView
from loom.errors import PostNotFound, RoomNotFound
from loom.front.room_decisions import PROPOSED, can, decide, proposes
from loom.front.room_lines import trouble_words
from loom.tui.kit.items import Field, Item, Option, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.person import LEVELS
from loom.tui.times import since_words

NOT_COUNTING = "It does not count: somebody above you decided otherwise."
BECAUSE = "Because"


class RoomLivePanel(LivePanel):
    """`room_id`: in hexadecimal, as commands take it."""

    def __init__(self, loom: Owner, room_id: str, focus: str = "") -> None:
        super().__init__(loom, focus)
        self.loom = loom
        self.room_id = room_id
        self.room: RoomView | None = None
        self.members: list[MemberView] = []
        self.banned: list[BannedView] = []
        self._because = Field(BECAUSE, form="for the council; may stay empty")

    async def load(self) -> None:
        """See `LivePanel.load`."""
        try:
            self.room = await self.loom.send(ShowRoom(room=self.room_id))
            found = await self.loom.send(ListMembers(room=self.room_id))
        except RoomNotFound:
            self.leave()
            return
        self.members, self.banned = found.members, found.banned

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        match event:
            case RoomStateChanged() | RoomJoined() | RoomLeft():
                return event.room_id == self.room_id
            case RoomKeyDiffers() | RoomForked() | RoomOffered():
                return event.room_id == self.room_id
        return False

    def on_screen_resume(self) -> None:
        """What lay over it may have changed the room, or left it."""
        super().on_screen_resume()
        if self.room is not None:
            self.work(self.load(), name="load")

    def may(self, what: str) -> bool:
        """Whether one may do this in the room."""
        return self.room is not None and what in self.room.may

    def can(self, what: str) -> bool:
        """Whether one may do this in the room, or propose it."""
        return self.room is not None and can(self.room, what)

    def proposing(self, what: str) -> list[Item]:
        """What to know, and the reason to give, where one may only propose this; else nothing."""
        return self.because() if self.room is not None and proposes(self.room, what) else []

    def because(self) -> list[Item]:
        """What to know, and the reason to give, where something is only proposed."""
        words = "The council decides this: what you choose is proposed to it, with your yes."
        return [Text(words, "warn"), self._because]

    def who_may(self) -> str:
        """Whom one asks for what one may not do."""
        officers = [one.name for one in self.members if one.role in ("owner", "moderator")]
        return ", ".join(officers[:3]) or "nobody any more"

    def troubles(self, author_id: str | None = None) -> list[Item]:
        """What every member should know: of everybody, or of one of them."""
        found = [] if self.room is None else self.room.troubles
        return [
            Text(f"WARNING: {trouble_words(one)}", "bad")
            for one in found
            if author_id in (None, one.whom_id)
        ]

    def habits(self, of: RoomView | ChannelView, channel: str | None = None) -> list[Item]:
        """Switches for what the room, or a channel of it, notifies of."""

        def prefer(muted: bool | None = None, level: str | None = None) -> None:
            room_id = self.room_id
            self.change(SetRoomPreferences(room=room_id, channel=channel, muted=muted, level=level))

        levels = LEVELS if channel is None else {"": "Notify as the room does", **LEVELS}
        return [
            Toggle("Muted", of.muted, lambda on: prefer(muted=on), _mute_words(of)),
            *(
                Option("level", words, of.level == level, partial(prefer, level=level))
                for level, words in levels.items()
            ),
        ]

    async def state(self, change: RoomChange, *, may: bool | None = None) -> bool:
        """Change the room, or propose it (see `decide`); whether it was changed."""
        room = self.room
        if room is None:
            room = await self.loom.send(ShowRoom(room=self.room_id))
        command = decide(room, change, may=may, reason=self._because.text)
        await self.loom.send(command)
        await self.load()
        if not isinstance(command, ProposeChange):
            return True
        self._because.clear()
        self.say(PROPOSED)
        return False

    def state_soon(self, change: RoomChange, said: str = "", field: Field | None = None) -> None:
        """The same, with what is said once it was changed."""

        async def state() -> None:
            is_done = await self.state(change)
            if field is not None:
                field.clear()
            if is_done and said:
                self.say(said)

        self.work(state(), field=field, name="change")

    def change(
        self, command: Command[RoomView], said: str = "", field: Field | None = None
    ) -> None:
        """State something in the room."""

        async def change() -> None:
            await self.loom.send(command)
            if field is not None:
                field.clear()
            await self.load()
            if said:
                self.say(said)

        self.work(change(), field=field, name="change")


class PostLivePanel(LivePanel):
    """`post`: None before it was found; where it no longer holds what is shown, one leaves."""

    def __init__(self, loom: Owner, room_id: str, post_id: str) -> None:
        super().__init__(loom)
        self.loom = loom
        self.room_id = room_id
        self.post_id = post_id
        self.post: PostView | None = None

    @abstractmethod
    def holds(self, post: PostView) -> bool:
        """Whether the post still has what is shown here."""

    async def load(self) -> None:
        """See `LivePanel.load`."""
        try:
            self.post = await self.loom.send(FindPost(room=self.room_id, name=self.post_id))
        except PostNotFound:
            self.post = None
        if self.post is None or not self.holds(self.post):
            self.leave()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, RoomPostChanged) and event.post_id == self.post_id


def _mute_words(of: RoomView | ChannelView) -> str:
    if of.muted and of.mute_until_ms is not None:
        return f"until {since_words(of.mute_until_ms)}"
    return "not notified, not counted"
