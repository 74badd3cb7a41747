"""Commands about what was read and what was not."""

from typing import Final

from loom.api import commands as api
from loom.api import views
from loom.api.events import ConversationRead, ConversationUnread
from loom.errors import InvalidInput
from loom.node.commands.handlers import Handlers
from loom.node.journal import Happened
from loom.node.message_view import message_views
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import arrivals, expiry, mentions, preferences, receipts, unread
from loom.storage.connection import TOO_LARGE, Db
from loom.storage.messages import LAST_ROW
from loom.storage.receipts import ReceiptKind
from loom.wire.limits import RECEIPT_MAX_IDS

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

    async def _mark_read(self, command: api.MarkRead) -> views.Done:
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
        return views.Done()

    async def _mark_unread(self, command: api.MarkUnread) -> views.Done:
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
        return views.Done()

    async def _list_mentions(self, command: api.ListMentions) -> views.Messages:
        if command.limit < 1:
            raise InvalidInput(what="The number of messages must be at least 1")
        limit = min(command.limit, PAGE_MAX)
        known = {one.conversation_id: one.person for one in self._roster.values()}
        found = await self._parts.database.long_read(
            lambda db: message_views(db, known, mentions.page(db, limit, command.before_row))
        )
        return views.Messages(messages=found)

    async def _note_leaving(self, command: api.NoteLeaving) -> views.Done:
        device = None if command.contact is None else self._roster.named(command.contact)
        open_ = None if device is None else device.conversation_id
        await self._parts.database.write(lambda db: arrivals.note_leaving(db, open_))
        return views.Done()

    async def _list_arrivals(self, command: api.ListArrivals) -> views.Arrivals:
        found, decided, open_ = await self._parts.database.long_read(
            lambda db: (arrivals.since_left(db), preferences.all_(db), arrivals.left_open(db))
        )
        last_open = None if open_ is None else self._roster.of(open_)
        now_ms = self._parts.clock.now_ms()
        came = [
            views.Arrival(
                contact=device.person.name,
                contact_id=device.number,
                messages=found[device.conversation_id][0],
                mentions=found[device.conversation_id][1],
            )
            for device in self._roster.values()
            if device.conversation_id in found
            and not decided.get(device.conversation_id, preferences.DEFAULT).is_muted(now_ms)
        ]
        return views.Arrivals(
            arrivals=sorted(came, key=lambda one: (-one.messages, one.contact)),
            last_open_id=None if last_open is None else last_open.number,
        )
