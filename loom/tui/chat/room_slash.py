"""What each slash command about rooms does.

A panel is imported where it is opened, as in `slash.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from loom.api.room_commands import MakeRoom, ShowRoom
from loom.api.room_views import RoomView
from loom.errors import InvalidInput
from loom.tui.owner import Owner

WORDS: Final = ("new ", "invite ", "leave ")
"""What can stand behind /room, before a name."""


class RoomSlash:
    """Opens the screens about rooms."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.does: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "room": self._room,
            "rooms": self._rooms,
            "members": self._members,
        }

    def show(self, room_id: str, focus: str = "") -> None:
        """What holds in a room, and what one may change."""
        from loom.tui.rooms.details import RoomPanel

        self._owner.open_panel(RoomPanel(self._owner, room_id, focus))

    async def _rooms(self, argument: str) -> None:
        from loom.tui.rooms.listing import RoomsPanel

        self._owner.open_panel(RoomsPanel(self._owner, self._made))

    async def _room(self, argument: str) -> None:
        word, _, rest = argument.partition(" ")
        rest = rest.strip()
        match word:
            case "":
                await self._rooms("")
            case "new" if rest:
                self._made(await self._owner.send(MakeRoom(name=rest)))
            case "new":
                from loom.tui.rooms.making import NewRoomPanel

                self._owner.open_panel(NewRoomPanel(self._owner, self._made))
            case "invite":
                from loom.tui.rooms.members import show_invite

                await show_invite(self._owner, await self._named(rest))
            case "leave":
                from loom.tui.rooms.details import LEAVE

                self.show(await self._named(rest), LEAVE)
            case _:
                self.show(await self._named(argument))

    async def _members(self, argument: str) -> None:
        from loom.tui.rooms.members import MembersPanel

        self._owner.open_panel(MembersPanel(self._owner, await self._named(argument)))

    async def _named(self, name: str) -> str:
        """The id of a room."""
        if not name:
            raise InvalidInput(what="Write the name of a room; /rooms lists them")
        return (await self._owner.send(ShowRoom(room=name))).room_id

    def _made(self, view: RoomView) -> None:
        from loom.tui.rooms.members import INVITE

        self.show(view.room_id, INVITE)
