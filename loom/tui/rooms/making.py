"""Making a room: its name, how much joiners are sent, how long posts last."""

from collections.abc import Callable
from typing import Final

from loom.api.room_commands import ListRooms, MakeRoom
from loom.api.room_views import RoomView
from loom.errors import InvalidName, LoomError
from loom.front.durations import OFF, parse_timer
from loom.front.room_lines import parse_history
from loom.front.room_members import has_room_called
from loom.front.sentences import in_app
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner

NAME: Final = "Name"
_WHAT_IT_IS: Final = (
    "A room is kept by its members, without a server, and is for people who know each other: up to "
    "128. What is posted there is signed: each member can prove to others who wrote it."
)


class NewRoomPanel(LivePanel):
    """`made` goes on with the room."""

    heading = "Make a room"

    def __init__(self, loom: Owner, made: Callable[[RoomView], None], name: str = "") -> None:
        super().__init__(loom)
        self.loom = loom
        self._made = made
        self._called = Field(NAME, form="what all members see")
        self._history = Field("For joiners", form="all, none, or how many posts; else all")
        self._called.put(name)
        self._asked_for = ""
        """The name about which one was asked."""
        self._lasting = Field("Posts last", form="1h to 30d; else for ever")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        return [
            Text(_WHAT_IT_IS, "hint"),
            GAP,
            self._called,
            self._history,
            self._lasting,
            GAP,
            Button("Make it", self._do_make, "then invite others"),
        ]

    def _do_make(self) -> None:
        self.work(self._make(), name="make")

    async def _make(self) -> None:
        try:
            history = parse_history(self._history.text or "all")
        except LoomError as error:
            self.refuse(self._history, in_app(error))
            return
        try:
            retention_s = parse_timer(self._lasting.text or OFF)
        except LoomError as error:
            self.refuse(self._lasting, in_app(error))
            return
        rooms = (await self.loom.send(ListRooms())).rooms
        if self._asked_for != self._called.text and has_room_called(self._called.text, rooms):
            self._asked_for = self._called.text
            self.refuse(
                self._called,
                "You are in a room of this name already: make it again, and there are two.",
            )
            return
        try:
            view = await self.loom.send(
                MakeRoom(name=self._called.text, history=history, retention_s=retention_s)
            )
        except InvalidName as error:
            self.refuse(self._called, in_app(error))
            return
        self.leave()
        self._made(view)
