"""Commands about drafts in rooms, what one is notified of there, and links with members."""

from typing import Final

from loom.api import room_commands, room_views
from loom.api.events import RoomStateChanged
from loom.api.view import Done
from loom.errors import InvalidInput, InvalidText
from loom.model import Level
from loom.node.commands.handlers import Handlers
from loom.node.commands.preferences import DRAFTS_AT_ONCE_BYTES, level_named
from loom.node.commands.rooms import RoomCommands, room_view
from loom.node.names import check_timer
from loom.node.parts import Parts
from loom.node.room_states import RoomNow
from loom.node.rooms.naming import find_post
from loom.node.rooms.work import RoomWork
from loom.printable import printable
from loom.storage import room_places, rooms
from loom.storage.connection import Db
from loom.storage.preferences import FOR_EVER_MS
from loom.storage.room_places import Begun, Habit, RoomDraft
from loom.wire.limits import DRAFT_MAX_BYTES, ROOM_MEMBERS_MAX, WORDING_MAX_BYTES

AS_ROOM: Final = ""


class RoomPreferenceCommands:
    """Drafts and preferences."""

    def __init__(self, parts: Parts, room: RoomCommands) -> None:
        self._parts = parts
        self._room = room
        self.handlers: Handlers = {
            room_commands.SetRoomPreferences: self._set_preferences,
            room_commands.SetRoomDirect: self._set_direct,
            room_commands.SetRoomDraft: self._set_draft,
            room_commands.ListRoomDrafts: self._list_drafts,
        }

    async def _set_preferences(
        self, command: room_commands.SetRoomPreferences
    ) -> room_views.RoomView:
        until_ms = _mute_until_ms(command)
        if command.level == AS_ROOM and command.channel is None:
            raise InvalidInput(what=f"The level is {', '.join(Level)}")
        level = level_named(command.level) if command.level else None

        def change(work: RoomWork) -> room_views.RoomView:
            now = self._room.now(work.db, command.room)
            row = now.row
            if command.channel is None:
                rooms.put_habit(
                    work.db,
                    row.room,
                    row.mute_until_ms if until_ms is None else until_ms,
                    level or row.level,
                )
            else:
                channel = _channel(now, command.channel)
                habit = room_places.habits(work.db, row.room).get(channel, Habit())
                if until_ms is not None:
                    habit = habit._replace(mute_until_ms=until_ms)
                if command.level is not None:
                    habit = habit._replace(level=level)
                room_places.put_habit(work.db, row.room, channel, habit)
            work.happened.add_live(RoomStateChanged(room=row.name, room_id=row.room_id.hex()))
            return room_view(work.db, self._room.now(work.db, f"#{row.room}"), work.now_ms)

        return await self._room.do(change)

    async def _set_direct(self, command: room_commands.SetRoomDirect) -> room_views.RoomView:
        def change(work: RoomWork) -> room_views.RoomView:
            now = self._room.now(work.db, command.room)
            rooms.put_direct(work.db, now.row.room, command.on)
            work.changed.add(now.row.room)
            return room_view(work.db, self._room.now(work.db, f"#{now.row.room}"), work.now_ms)

        return await self._room.do(change)

    async def _set_draft(self, command: room_commands.SetRoomDraft) -> Done:
        if len(command.body.encode()) > DRAFT_MAX_BYTES:
            raise InvalidText(reason=f"a draft has at most {DRAFT_MAX_BYTES} bytes")
        if len(command.wording.encode()) > WORDING_MAX_BYTES:
            raise InvalidText(reason=f"a wording has at most {WORDING_MAX_BYTES} bytes")
        if command.expires_s:
            check_timer(command.expires_s)

        def put(work: RoomWork) -> None:
            now = self._room.now(work.db, command.room)
            channel, thread = _channel(now, command.channel), b""
            if command.thread is not None:
                began = find_post(work.db, now, command.thread)
                channel, thread = began.channel, began.thread or began.id
            edits = None if command.edits is None else find_post(work.db, now, command.edits)
            is_gone = edits is not None and (edits.is_gone or edits.is_hidden)
            draft = RoomDraft(
                body=command.body,
                reply_to=_id(work.db, now, command.reply_to),
                mentions=[one[:_ID_DIGITS] for one in command.mentions[:ROOM_MEMBERS_MAX]],
                expires_s=command.expires_s,
                edits="" if edits is None else edits.id.hex(),
                wording="" if is_gone else command.wording,
            )
            room_places.put_draft(work.db, now.row.room, channel, thread, draft)

        await self._room.do(put)
        return Done()

    async def _list_drafts(self, command: room_commands.ListRoomDrafts) -> room_views.RoomDrafts:
        def read(db: Db) -> room_views.RoomDrafts:
            ids = {one.room: one.room_id.hex() for one in rooms.every(db)}
            found: list[room_views.RoomDraftView] = []
            size_bytes, room = 0, None
            for one in room_places.drafts(db, command.after):
                # Those of one room come together: the next page begins after its number.
                if size_bytes > DRAFTS_AT_ONCE_BYTES and one.room != room:
                    return room_views.RoomDrafts(drafts=found, more=True)
                room = one.room
                size_bytes += len(one.draft.body.encode()) + len(one.draft.wording.encode())
                found.append(_draft_view(ids[one.room], one))
            return room_views.RoomDrafts(drafts=found)

        return await self._parts.database.read(read)


_ID_DIGITS: Final = 64


def _mute_until_ms(command: room_commands.SetRoomPreferences) -> int | None:
    until_ms = command.mute_until_ms
    if until_ms is None:
        until_ms = FOR_EVER_MS if command.muted else 0
        return None if command.muted is None else until_ms
    if command.muted is False or not 0 <= until_ms < FOR_EVER_MS:
        raise InvalidInput(what="Give the moment until which the room is muted")
    return until_ms


def _channel(now: RoomNow, channel: str) -> str:
    if channel not in now.state.channels:
        raise InvalidInput(what=f"The room has no channel {printable(channel)}")
    return channel


def _id(db: Db, now: RoomNow, post_id: str | None) -> str:
    return "" if post_id is None else find_post(db, now, post_id).id.hex()


def _draft_view(room_id: str, begun: Begun) -> room_views.RoomDraftView:
    draft = begun.draft
    return room_views.RoomDraftView(
        room_id=room_id,
        number=begun.room,
        channel=begun.channel,
        thread=begun.thread.hex() or None,
        body=draft.body,
        reply_to=draft.reply_to or None,
        mentions=draft.mentions,
        expires_s=draft.expires_s,
        edits=draft.edits or None,
        wording=draft.wording,
    )
