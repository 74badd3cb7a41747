"""A panel about one room: its facts and members, as they are now."""

from loom.api.command import Command
from loom.api.events import AnyEvent, RoomJoined, RoomKeyDiffers, RoomLeft, RoomStateChanged
from loom.api.room_commands import ListMembers, ShowRoom
from loom.api.room_views import BannedView, MemberView, RoomView
from loom.errors import RoomNotFound
from loom.front.room_members import differ_words
from loom.tui.kit.items import Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner

NOT_COUNTING = "It does not count: somebody above you decided otherwise."


class RoomLivePanel(LivePanel):
    """`room_id`: in hexadecimal, as commands take it."""

    def __init__(self, loom: Owner, room_id: str, focus: str = "") -> None:
        super().__init__(loom, focus)
        self.loom = loom
        self.room_id = room_id
        self.room: RoomView | None = None
        self.members: list[MemberView] = []
        self.banned: list[BannedView] = []

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
            case RoomStateChanged() | RoomJoined() | RoomLeft() | RoomKeyDiffers():
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

    def who_may(self) -> str:
        """Whom one asks for what one may not do."""
        officers = [one.name for one in self.members if one.role in ("owner", "moderator")]
        return ", ".join(officers[:3]) or "nobody any more"

    def differing(self) -> list[Item]:
        """The members whose keys are not those they say."""
        return [Text(differ_words(one.name), "bad") for one in self.members if one.keys == "other"]

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
