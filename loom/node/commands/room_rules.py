"""Commands that state what holds in a room: members, roles, bans, name, policy, channels, pins."""

from loom.api import room_commands, room_views
from loom.api.room_commands import RoomChange
from loom.node.commands.handlers import Handlers
from loom.node.commands.rooms import RoomCommands, room_view
from loom.node.rooms import stating
from loom.node.rooms.naming import find_post
from loom.node.rooms.work import RoomWork


class RoomRuleCommands:
    """Each signs what it states, if one may."""

    def __init__(self, room: RoomCommands) -> None:
        self._room = room
        self.handlers: Handlers = {
            room_commands.RemoveMember: self._state,
            room_commands.LiftBan: self._state,
            room_commands.AppointMember: self._state,
            room_commands.AppointCouncil: self._state,
            room_commands.RenameRoom: self._state,
            room_commands.SetRoomPolicy: self._state,
            room_commands.SetRoomChannel: self._state,
            room_commands.PinPost: self._pin,
        }

    async def _state(self, command: RoomChange) -> room_views.RoomView:
        def state(work: RoomWork) -> room_views.RoomView:
            now = stating.state(work, self._room.now(work.db, command.room), command)
            return room_view(work.db, now, work.now_ms)

        return await self._room.do(state)

    async def _pin(self, command: room_commands.PinPost) -> room_views.PostView:
        def pin(work: RoomWork) -> room_views.PostView:
            now = stating.state(work, self._room.now(work.db, command.room), command)
            return self._room.post_view(work, now, find_post(work.db, now, command.post_id).id)

        return await self._room.do(pin)
