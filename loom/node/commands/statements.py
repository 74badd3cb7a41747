"""Commands about messages that were said: another wording, reactions, pins, bookmarks."""

from collections.abc import Callable
from typing import Final

from loom.api import message_commands as api
from loom.api import message_views as views
from loom.api.events import MessageBookmarked
from loom.errors import InvalidInput
from loom.model import OWNER, Message, MessageId, MessageState
from loom.node.commands.finding import find_message, message_id, page_size
from loom.node.commands.handlers import Handlers
from loom.node.content import edit, pin, react
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import message_fields, message_views
from loom.node.names import check_emoji, check_text
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import edits, messages, registers
from loom.storage.connection import Db
from loom.wire.content import MESSAGES, Edit, KnownPayload, Pin, React, Target, Text, tag_of
from loom.wire.limits import PINS_SHOWN_MAX

Apply = Callable[[Db, Happened, Message], Message]
"""Takes a statement up; the message as it is then."""
_PIN: Final = tag_of(Pin)
_REACT: Final = tag_of(React)


class StatementCommands:
    """Edit, react, pin, bookmark, and what became of it."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self._last_number = 0
        self.handlers: Handlers = {
            api.EditMessage: self._edit_message,
            api.ShowEdits: self._show_edits,
            api.React: self._react,
            api.Pin: self._pin,
            api.ListPins: self._list_pins,
            api.Bookmark: self._bookmark,
            api.ListBookmarks: self._list_bookmarks,
        }

    async def _edit_message(self, command: api.EditMessage) -> views.MessageView:
        device = self._roster.addressable(command.contact)
        check_text(command.body)
        message, last = await self._read(device, command.message_id, edits.last_number)
        if message.author != OWNER or message.kind != tag_of(Text):
            raise InvalidInput(what="Only a text of your own can be edited")
        _require_sendable(message)
        statement_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        statement = Edit(statement_id, now_ms, message.message_id, self._number(last), command.body)

        def apply(db: Db, happened: Happened, stated: Message) -> Message:
            addresses = self._parts.profile.is_addressed
            return edit.apply(db, happened, device.person, stated, statement, addresses)

        return await self._state(device, message, statement, apply)

    async def _react(self, command: api.React) -> views.MessageView:
        device = self._roster.addressable(command.contact)
        check_emoji(command.emoji)
        message, last = await self._read(
            device,
            command.message_id,
            lambda db, row: registers.last_number(db, row, _REACT, OWNER),
        )
        _require_sendable(message)
        statement_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        statement = React(statement_id, now_ms, _target(message), self._number(last), command.emoji)

        def apply(db: Db, happened: Happened, stated: Message) -> Message:
            react.apply(db, happened, device.person, stated, OWNER, statement)
            return stated

        return await self._state(device, message, statement, apply)

    async def _pin(self, command: api.Pin) -> views.MessageView:
        device = self._roster.addressable(command.contact)
        message, last = await self._read(
            device, command.message_id, lambda db, row: registers.last_number(db, row, _PIN, OWNER)
        )
        _require_sendable(message)
        statement_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        statement = Pin(statement_id, now_ms, _target(message), self._number(last), command.on)

        def apply(db: Db, happened: Happened, stated: Message) -> Message:
            pin.apply(db, happened, device.person, stated, OWNER, statement)
            return stated

        return await self._state(device, message, statement, apply)

    async def _bookmark(self, command: api.Bookmark) -> views.MessageView:
        device = self._roster.named(command.contact)

        named = message_id(command.message_id)

        def keep(db: Db, happened: Happened) -> views.MessageView:
            message = find_message(db, device, named)
            _require_not_deleted(message)
            messages.set_bookmarked(db, message.row_id, on=command.on)
            [stored] = messages.by_rows(db, [message.row_id])
            fields = message_fields(db, device.person, stored)
            if stored != message:
                happened.add_live(MessageBookmarked(**fields))
            return views.MessageView(**fields)

        return await self._parts.journal.submit(keep)

    async def _show_edits(self, command: api.ShowEdits) -> views.Wordings:
        device = self._roster.named(command.contact)

        named = message_id(command.message_id)

        def read(db: Db) -> list[edits.Wording]:
            message = find_message(db, device, named)
            _require_not_deleted(message)
            return edits.of(db, message)

        return views.Wordings(
            message_id=command.message_id,
            contact=device.person.name,
            contact_id=device.number,
            wordings=[
                views.Wording(body=one.body, sent_at_ms=one.sent_at_ms)
                for one in await self._parts.database.long_read(read)
            ],
        )

    async def _list_pins(self, command: api.ListPins) -> views.Messages:
        device = self._roster.named(command.contact)

        def read(db: Db) -> list[views.MessageView]:
            conversation_id = device.conversation_id
            page = registers.pinned(db, conversation_id, device.number, PINS_SHOWN_MAX)
            return message_views(db, {conversation_id: device.person}, page)

        return views.Messages(messages=await self._parts.database.long_read(read))

    async def _list_bookmarks(self, command: api.ListBookmarks) -> views.Messages:
        device = None if command.contact is None else self._roster.named(command.contact)
        persons = {one.conversation_id: one.person for one in self._roster.values()}

        def read(db: Db) -> list[views.MessageView]:
            page = messages.bookmarked(
                db,
                None if device is None else device.conversation_id,
                page_size(command.limit),
                messages.LAST_ROW if command.before_row is None else command.before_row,
            )
            return message_views(db, persons, page)

        return views.Messages(messages=await self._parts.database.long_read(read))

    # --- inside ---

    async def _read(
        self, device: Device, text: str, last_number: Callable[[Db, int], int]
    ) -> tuple[Message, int]:
        """The message that was named, and the number of one's last such statement about it."""
        named = message_id(text)

        def read(db: Db) -> tuple[Message, int]:
            message = find_message(db, device, named)
            return message, last_number(db, message.row_id)

        return await self._parts.database.glance(read)

    def _number(self, last: int) -> int:
        """Of a new statement; also larger than those that are on their way to the disk."""
        self._last_number = max(self._parts.clock.now_ms(), last + 1, self._last_number + 1)
        return self._last_number

    async def _state(
        self, device: Device, message: Message, statement: KnownPayload, apply: Apply
    ) -> views.MessageView:
        """Queue a statement and take it up here, in one transaction."""

        def store(db: Db, happened: Happened) -> views.MessageView:
            before = find_message(db, device, message.message_id, message.author)
            _require_not_deleted(before)
            stated = apply(db, happened, before)
            return views.MessageView(**message_fields(db, device.person, stated))

        return await device.delivery.outbox.add(
            MessageId(statement.message_id), statement, store, about_row=message.row_id
        )


def _target(message: Message) -> Target:
    return Target(own=message.author == OWNER, message_id=message.message_id)


def _require_sendable(message: Message) -> None:
    if message.kind not in MESSAGES:
        raise InvalidInput(what="That is no message")
    _require_not_deleted(message)
    if message.state is MessageState.FAILED:
        raise InvalidInput(what="This message was never sent: send it again first")


def _require_not_deleted(message: Message) -> None:
    if message.deleted_at_ms is not None:
        raise InvalidInput(what="This message was deleted")
