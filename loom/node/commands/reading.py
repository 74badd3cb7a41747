"""Commands about what was read and what was not."""

from typing import Final, NamedTuple

from loom.api import conversation_commands as api
from loom.api.conversation_views import Arrival, Arrivals, RoomArrival
from loom.api.events import ConversationRead, ConversationUnread
from loom.api.message_views import Messages
from loom.api.view import Done
from loom.errors import InvalidInput
from loom.model import ConversationId, RoomNumber
from loom.node.commands.handlers import Handlers
from loom.node.journal import Happened
from loom.node.message_view import message_views
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import (
    arrivals,
    expiry,
    mentions,
    preferences,
    receipts,
    room_places,
    rooms,
    unread,
)
from loom.storage.connection import TOO_LARGE, Db
from loom.storage.messages import LAST_ROW
from loom.storage.receipts import ReceiptKind
from loom.wire.limits import RECEIPT_MAX_IDS, ROOM_CHANNEL_MAX_BYTES

PAGE_MAX: Final = 10_000


class ReadingCommands:
    """Read, unread, mentions, what came meanwhile."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self.handlers: Handlers = {
            api.MarkRead: self._mark_read,
            api.MarkUnread: self._mark_unread,
            api.ListMentions: self._list_mentions,
            api.NoteLeaving: self._note_leaving,
            api.ListArrivals: self._list_arrivals,
        }

    async def _mark_read(self, command: api.MarkRead) -> Done:
        device = self._roster.named(command.contact)
        if command.row_id > LAST_ROW:
            raise InvalidInput(what=TOO_LARGE)

        def mark(db: Db, happened: Happened) -> tuple[bool, int | None]:
            conversation_id = device.conversation_id
            marked, first_time = unread.mark_read(
                db,
                conversation_id,
                command.row_id,
                command.from_row,
                now_ms=self._parts.clock.now_ms(),
            )
            if not marked:
                return False, None
            owes = command.receipt and preferences.allows_read_receipts(db, conversation_id)
            for start in range(0, len(first_time) if owes else 0, RECEIPT_MAX_IDS):
                page = first_time[start : start + RECEIPT_MAX_IDS]
                receipts.add(db, device.device_id, ReceiptKind.READ, page)
            happened.add_live(
                ConversationRead(
                    contact=device.person.name,
                    contact_id=device.number,
                    row_id=command.row_id,
                    from_row=command.from_row,
                    unread=unread.count(db, conversation_id),
                )
            )
            return owes and bool(first_time), expiry.next_ms(db)

        is_owed, next_ms = await self._parts.journal.write(mark)
        self._parts.deadlines.note(next_ms)
        if is_owed:
            device.delivery.receipts.owe()
        return Done()

    async def _mark_unread(self, command: api.MarkUnread) -> Done:
        device = self._roster.named(command.contact)

        def mark(db: Db, happened: Happened) -> None:
            row_id = command.row_id
            if row_id is None:
                row_id = unread.newest_incoming(db, device.conversation_id)
            if row_id is None or not unread.mark_unread(db, device.conversation_id, row_id):
                return
            happened.add_live(
                ConversationUnread(
                    contact=device.person.name,
                    contact_id=device.number,
                    row_id=row_id,
                    unread=unread.count(db, device.conversation_id),
                )
            )

        await self._parts.journal.write(mark)
        return Done()

    async def _list_mentions(self, command: api.ListMentions) -> Messages:
        if command.limit < 1:
            raise InvalidInput(what="The number of messages must be at least 1")
        limit = min(command.limit, PAGE_MAX)
        known = {one.conversation_id: one.person for one in self._roster.values()}
        found = await self._parts.database.long_read(
            lambda db: message_views(db, known, mentions.page(db, limit, command.before_row))
        )
        return Messages(messages=found)

    async def _note_leaving(self, command: api.NoteLeaving) -> Done:
        device = None if command.contact is None else self._roster.named(command.contact)
        room_id = None if command.room_id is None else _room_id(command.room_id)

        def note(db: Db) -> None:
            row = None if room_id is None else rooms.by_id(db, room_id)
            open_: ConversationId | arrivals.OpenChannel | None = None
            if row is not None:
                open_ = arrivals.OpenChannel(row.room, command.channel[:ROOM_CHANNEL_MAX_BYTES])
            elif device is not None:
                open_ = device.conversation_id
            arrivals.note_leaving(db, open_)

        await self._parts.database.write(note)
        return Done()

    async def _list_arrivals(self, command: api.ListArrivals) -> Arrivals:
        now_ms = self._parts.clock.now_ms()
        found, decided, open_, rooms_ = await self._parts.database.long_read(
            lambda db: (
                arrivals.since_left(db),
                preferences.all_(db),
                arrivals.left_open(db),
                _rooms(db, now_ms),
            )
        )
        last_open = None if open_ is None else self._roster.of(open_)
        came = [
            Arrival(
                contact=device.person.name,
                contact_id=device.number,
                messages=found[device.conversation_id][0],
                mentions=found[device.conversation_id][1],
            )
            for device in self._roster.values()
            if device.conversation_id in found
            and not decided.get(device.conversation_id, preferences.DEFAULT).is_muted(now_ms)
        ]
        return Arrivals(
            arrivals=sorted(came, key=lambda one: (-one.messages, one.contact)),
            last_open_id=None if last_open is None else last_open.number,
            rooms=rooms_.arrivals,
            last_room_id=rooms_.last_room_id,
            last_channel=rooms_.last_channel,
        )


class _Rooms(NamedTuple):
    """What arrivals say of rooms."""

    arrivals: list[RoomArrival]
    last_room_id: str | None
    last_channel: str


def _rooms(db: Db, now_ms: int) -> _Rooms:
    named = {one.room: one for one in rooms.every(db)}
    counts: dict[RoomNumber, tuple[int, int]] = {}
    for came in arrivals.posts_since_left(db):
        row = named.get(came.room)
        if row is None or now_ms < row.mute_until_ms:
            continue
        habit = room_places.habits(db, came.room).get(came.channel)
        if habit is None or now_ms >= habit.mute_until_ms:
            posts, mentions_ = counts.get(came.room, (0, 0))
            counts[came.room] = posts + came.posts, mentions_ + came.mentions
    found = [
        RoomArrival(
            room=named[room].name,
            room_id=named[room].room_id.hex(),
            number=room,
            posts=posts,
            mentions=mentions_,
        )
        for room, (posts, mentions_) in counts.items()
    ]
    found.sort(key=lambda one: (-one.posts, one.room))
    last = arrivals.left_open_channel(db)
    row = None if last is None else named.get(last.room)
    if last is None or row is None:
        return _Rooms(found, None, "")
    return _Rooms(found, row.room_id.hex(), last.channel)


def _room_id(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise InvalidInput(what="A room_id is hexadecimal") from error
