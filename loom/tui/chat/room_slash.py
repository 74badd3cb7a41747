"""What each slash command about rooms does.

A panel is imported where it is opened, as in `slash.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from loom.api.room_commands import (
    AppointMember,
    ListMembers,
    ListRooms,
    MakeRoom,
    ProposeChange,
    RenameRoom,
    RoomChange,
    SetRoomChannel,
    ShowRoom,
)
from loom.api.room_views import MemberView, RoomView
from loom.errors import InvalidInput
from loom.front.room_decisions import PROPOSED, can, decide
from loom.front.room_members import ROLES, has_room_called
from loom.printable import printable
from loom.tui.channels import Channel
from loom.tui.owner import Owner

WORDS: Final = ("new ", "invite ", "leave ")
"""What can stand behind /room, before a name."""


class RoomSlash:
    """Opens the screens about rooms, and acts on the open one.

    Args:
        open_: goes to a channel.
    """

    def __init__(self, owner: Owner, open_: Callable[[int], None]) -> None:
        self._owner = owner
        self._open = open_
        self.does: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "room": self._room,
            "rooms": self._rooms,
            "members": self._members,
            "channel": self._channel,
            "appoint": self._appoint,
            "ban": self._ban,
            "poll": self._poll,
        }
        self.here: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "rename": self._rename,
            "remove": self._remove,
        }
        """What commands about contacts do while a room is open."""

    def is_possible(self, name: str) -> bool:
        """Whether one may do this in the open room."""
        channel = self._owner.model.channel
        if channel is None:
            return False
        room = channel.room
        possible = {
            "rename": can(room, "name"),
            "appoint": can(room, "roles"),
            "ban": can(room, "remove"),
            "remove": can(room, "remove"),
            "poll": channel.view.may_post,
            "mute": not channel.muted,
            "unmute": channel.muted,
        }
        return possible.get(name, True)

    def values(self, kind: str) -> list[str]:
        """What can stand for an argument of this kind."""
        rooms, channel = self._owner.model.rooms, self._owner.model.channel
        names = [one.view.room for one in rooms.rooms.values()]
        match kind:
            case "room":
                behind = [f"{word}{name}" for word in WORDS[1:] for name in names]
                return [WORDS[0], *names, *behind]
            case "room_name":
                return names
            case "channel" if channel is not None:
                new = ["new "] if can(channel.room, "channels") else []
                return [*(one.channel for one in channel.room.channels), *new]
            case "member" if channel is not None:
                room = rooms.rooms[channel.room.room_id]
                return [one.name for one in room.members if not one.own]
        return []

    def show(self, room_id: str, focus: str = "") -> None:
        """What holds in a room, and what one may change."""
        from loom.tui.rooms.details import RoomPanel

        self._owner.open_panel(RoomPanel(self._owner, room_id, focus))

    def show_here(self) -> None:
        """The open room."""
        self.show(self._here.room.room_id)

    # --- any room ---

    async def _rooms(self, argument: str) -> None:
        from loom.tui.rooms.listing import RoomsPanel

        self._owner.open_panel(RoomsPanel(self._owner, self._made))

    async def _room(self, argument: str) -> None:
        word, _, rest = argument.partition(" ")
        rest = rest.strip()
        match word:
            case "" if self._owner.model.channel is None:
                await self._rooms("")
            case "":
                self.show_here()
            case "new" if rest and not has_room_called(
                rest, (await self._owner.send(ListRooms())).rooms
            ):
                self._made(await self._owner.send(MakeRoom(name=rest)))
            case "new":
                from loom.tui.rooms.making import NewRoomPanel

                self._owner.open_panel(NewRoomPanel(self._owner, self._made, rest))
            case "invite":
                from loom.tui.rooms.members import show_invite

                await show_invite(self._owner, await self._named(rest))
            case "leave":
                from loom.tui.rooms.details import LEAVE

                self.show(await self._named(rest), LEAVE)
            case _:
                self.show(await self._named(argument))

    async def _members(self, argument: str) -> None:
        self._show_members(await self._named(argument))

    def _show_members(self, room_id: str) -> None:
        from loom.tui.rooms.members import MembersPanel

        self._owner.open_panel(MembersPanel(self._owner, room_id))

    async def _named(self, name: str) -> str:
        """The id of a room; without a name that of the open one."""
        if not name:
            return self._here.room.room_id
        return (await self._owner.send(ShowRoom(room=name))).room_id

    def _made(self, view: RoomView) -> None:
        """The new room is open, below where others are invited."""
        from loom.tui.rooms.members import INVITE

        rooms = self._owner.model.rooms
        self._owner.model.put_room(view)
        self._owner.close_panels()
        self._open(rooms.rooms[view.room_id].last)
        self.show(view.room_id, INVITE)

    # --- the open room ---

    @property
    def _here(self) -> Channel:
        channel = self._owner.model.channel
        if channel is None:
            raise InvalidInput(what="No room is open; /rooms lists them")
        return channel

    async def _decide(self, change: RoomChange, *, may: bool | None = None) -> bool:
        """Change the open room, or propose it; whether it was changed."""
        command = decide(self._here.room, change, may=may)
        if isinstance(command, ProposeChange):
            await self._owner.send(command)
            self._owner.say(PROPOSED)
            return False
        answer = await self._owner.send(command)
        if isinstance(answer, RoomView):
            self._owner.model.put_room(answer)
        return True

    async def _channel(self, argument: str) -> None:
        here = self._here
        name = argument.strip().removeprefix("#")
        word, _, rest = name.partition(" ")
        if not name:
            from loom.tui.rooms.channels import ChannelPanel

            panel = ChannelPanel(self._owner, here.room.room_id, here.view.channel)
            self._owner.open_panel(panel)
            return
        if word == "new" and rest.strip():
            new = rest.strip().removeprefix("#")
            command = SetRoomChannel(room=here.room.room_id, channel=new)
            is_new = new.lower() not in [one.channel for one in here.room.channels]
            if is_new and not await self._decide(command):
                return
            name = new
        if name.lower() not in [one.channel for one in here.room.channels] and word != "new":
            raise InvalidInput(what=f"There is no #{name[:32]} here: /channel new NAME opens one")
        self._open(self._owner.model.rooms.number_of(here.room.room_id, name.lower()))

    async def _appoint(self, argument: str) -> None:
        name, _, role = argument.rpartition(" ")
        if role not in ROLES:
            await self._show_member(argument, "")
            return
        room_id = self._here.room.room_id
        member = await self._member(name.strip())
        command = AppointMember(room=room_id, member=member.author_id, role=role)
        if not await self._decide(command, may="appoint" in member.may):
            return
        found = (await self._owner.send(ListMembers(room=room_id))).members
        counts = any(one.author_id == member.author_id and one.role == role for one in found)
        who = printable(member.name)
        why = f"{who} has another role: somebody above you decided it."
        self._owner.say(f"{who} is {role} now." if counts else why, bad=not counts)

    async def _remove(self, argument: str) -> None:
        from loom.tui.rooms.members import REMOVE

        await self._show_member(argument, REMOVE)

    async def _ban(self, argument: str) -> None:
        from loom.tui.rooms.members import BAN

        await self._show_member(argument, BAN)

    async def _show_member(self, name: str, focus: str) -> None:
        """Where something is decided about a member; without a name, all of them."""
        from loom.tui.rooms.members import MemberPanel

        room_id = self._here.room.room_id
        if not name:
            self._show_members(room_id)
            return
        member = await self._member(name)
        say = self._owner.say
        self._owner.open_panel(MemberPanel(self._owner, room_id, member.author_id, say, focus))

    async def _member(self, name: str) -> MemberView:
        """The one member of that name, or with an id that begins so."""
        found = (await self._owner.send(ListMembers(room=self._here.room.room_id))).members
        wanted = name.casefold()
        named = [one for one in found if one.name.casefold() == wanted]
        named = named or [one for one in found if one.author_id.startswith(wanted)]
        if len(named) == 1 and wanted:
            return named[0]
        many = "Several members are" if named and wanted else "No member is"
        raise InvalidInput(what=f"{many} called {name[:64] or 'so'}; /members shows them")

    async def _poll(self, argument: str) -> None:
        from loom.tui.rooms.polls import NewPollPanel

        here = self._here
        if not here.view.may_post:
            raise InvalidInput(what=f"You may not post in {here.tag}")
        panel = NewPollPanel(self._owner, here.room.room_id, here.view.channel, argument)
        self._owner.open_panel(panel)

    async def _rename(self, argument: str) -> None:
        if not argument:
            from loom.tui.rooms.details import NAME

            self.show(self._here.room.room_id, NAME)
            return
        room_id = self._here.room.room_id
        if not await self._decide(RenameRoom(room=room_id, name=argument)):
            return
        if self._owner.model.rooms.rooms[room_id].view.room != argument.strip():
            self._owner.say("It keeps its name: somebody above you gave it.", bad=True)
