"""Commands that state what holds in a room: roles, bans, name, policy, channels, pins."""

from collections.abc import Callable
from typing import Final

from loom.api import room_commands, room_views
from loom.core.room.keys import Council
from loom.core.room.statement import (
    ROLES,
    Appoint,
    Ban,
    Body,
    Capability,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
)
from loom.errors import InvalidInput
from loom.node.commands.handlers import Handlers
from loom.node.commands.rooms import (
    RoomCommands,
    check_policy,
    require,
    room_view,
)
from loom.node.names import check_name
from loom.node.room_states import RoomNow
from loom.node.rooms import changes
from loom.node.rooms.naming import find_member, find_post
from loom.node.rooms.work import RoomWork
from loom.printable import printable

CHANNEL_MAX_CHARACTERS: Final = 32


StateBody = Callable[[RoomWork, RoomNow], Body]


class RoomRuleCommands:
    """Each signs one statement, if one may."""

    def __init__(self, room: RoomCommands) -> None:
        self._room = room
        self.handlers: Handlers = {
            room_commands.LiftBan: self._lift_ban,
            room_commands.AppointMember: self._appoint,
            room_commands.RenameRoom: self._rename,
            room_commands.SetRoomPolicy: self._set_policy,
            room_commands.SetRoomChannel: self._set_channel,
            room_commands.PinPost: self._pin,
        }

    async def _lift_ban(self, command: room_commands.LiftBan) -> room_views.RoomView:
        def lift(work: RoomWork, now: RoomNow) -> Body:
            require(now, Capability.REMOVE, "lift bans")
            beginning = command.fingerprint.lower()
            found = [one for one in now.state.banned if one.hex().startswith(beginning)]
            if len(found) != 1 or not beginning:
                raise InvalidInput(what="Write the beginning of the fingerprint that is banned")
            return Ban(found[0], False)

        return await self._state(command.room, lift)

    async def _appoint(self, command: room_commands.AppointMember) -> room_views.RoomView:
        capabilities = ROLES.get(command.role)
        if capabilities is None:
            known = ", ".join(ROLES)
            raise InvalidInput(what=f"There is no role {printable(command.role)}: write {known}")

        def appoint(work: RoomWork, now: RoomNow) -> Body:
            require(now, Capability.ROLES, "give roles")
            author = find_member(now, command.member)
            keys = now.state.keys[author]
            if author == now.own or isinstance(keys, Council):
                raise InvalidInput(what="Nobody gives a role to themselves")
            ledger = now.held.ledger
            return Appoint(
                keys=keys,
                council=None,
                capabilities=int(capabilities),
                keep=ledger.keep_of(author),
                since=ledger.next_number(author),
            )

        return await self._state(command.room, appoint)

    async def _rename(self, command: room_commands.RenameRoom) -> room_views.RoomView:
        name = check_name(command.name)

        def rename(work: RoomWork, now: RoomNow) -> Body:
            require(now, Capability.NAME, "rename it")
            return SetName(name)

        return await self._state(command.room, rename)

    async def _set_policy(self, command: room_commands.SetRoomPolicy) -> room_views.RoomView:
        def set_policy(work: RoomWork, now: RoomNow) -> Body:
            require(now, Capability.NAME, "change how long posts last")
            state = now.state
            history = state.history if command.history is None else command.history
            kept_s = state.retention_s if command.retention_s is None else command.retention_s
            check_policy(history, kept_s)
            return SetPolicy(history, kept_s)

        return await self._state(command.room, set_policy)

    async def _set_channel(self, command: room_commands.SetRoomChannel) -> room_views.RoomView:
        channel = check_name(command.channel).lower()
        if len(channel) > CHANNEL_MAX_CHARACTERS or any(one.isspace() for one in channel):
            raise InvalidInput(what="A channel's name has at most 32 characters and no spaces")

        def set_channel(work: RoomWork, now: RoomNow) -> Body:
            require(now, Capability.CHANNELS, "change channels")
            return SetChannel(channel, command.topic, command.restricted, command.on)

        return await self._state(command.room, set_channel)

    async def _pin(self, command: room_commands.PinPost) -> room_views.PostView:
        def pin(work: RoomWork) -> room_views.PostView:
            now = self._room.now(work.db, command.room)
            require(now, Capability.PIN, "pin posts")
            post = find_post(work.db, now, command.post_id)
            now = changes.state(work, now, SetPin(post.id, command.on))
            return self._room.post_view(work, now, post.id)

        return await self._room.do(pin)

    async def _state(self, room: str, body: StateBody) -> room_views.RoomView:
        def state(work: RoomWork) -> room_views.RoomView:
            now = self._room.now(work.db, room)
            now = changes.state(work, now, body(work, now))
            return room_view(work.db, now, work.now_ms)

        return await self._room.do(state)
