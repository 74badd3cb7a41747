"""Commands about what was and is to be said."""

import uuid
from typing import Final

from loom.api import commands as api
from loom.api import views
from loom.api.events import MessageQueued, MessagesDeleted
from loom.errors import InvalidInput, MessageNotFound
from loom.model import OWNER, Message, MessageId, MessageState
from loom.node.archive import bring_back
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import message_fields, message_view, shown_id
from loom.node.names import check_text
from loom.node.parts import Parts
from loom.node.reach import anchor_of
from loom.node.roster import Roster
from loom.printable import printable
from loom.storage import messages, outbox, preferences, unread
from loom.storage import search as text_search
from loom.storage.connection import Db
from loom.wire.content import Text, tag_of

PAGE_MAX = 10_000
_WHERE: Final = {
    MessageState.QUEUED: "here",
    MessageState.SENT: "link",
    MessageState.DELIVERED: "there",
    MessageState.READ: "there",
    MessageState.FAILED: "nowhere",
}
"""Where a message is that lies in no mailbox."""


class MessageCommands:
    """Send, show, search, delete."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self.handlers: Handlers = {
            api.SendText: self._send_text,
            api.History: self._history,
            api.Search: self._search,
            api.ShowDelivery: self._show_delivery,
            api.RetryMessage: self._retry_message,
            api.DeleteMessages: self._delete_messages,
            api.SetTyping: self._set_typing,
        }

    async def _send_text(self, command: api.SendText) -> views.MessageView:
        device = self._roster.addressable(command.contact)
        check_text(command.body)
        return await self._queue(device, command.body)

    async def _show_delivery(self, command: api.ShowDelivery) -> views.DeliveryView:
        device, message_id = self._roster.named(command.contact), _id(command.message_id)
        device_id = device.device_id
        message, put = await self._parts.database.read(
            lambda db: (
                messages.by_id(db, device.conversation_id, message_id, OWNER),
                outbox.in_mailboxes(db, device_id, message_id),
            )
        )
        if message is None:
            raise MessageNotFound(message_id=command.message_id)
        lies = put.get(device_id)
        return views.DeliveryView(
            message_id=command.message_id,
            contact=device.person.name,
            contact_id=device.number,
            state=message.state.value,
            where=_WHERE[message.state] if lies is None else "mailbox",
            anchor="" if lies is None else anchor_of(device, lies.queue_id),
            since_ms=None if lies is None else lies.since_s * 1000,
        )

    async def _retry_message(self, command: api.RetryMessage) -> views.MessageView:
        device, message_id = self._roster.addressable(command.contact), _id(command.message_id)
        failed = await self._parts.database.read(
            lambda db: messages.by_id(db, device.conversation_id, message_id, OWNER)
        )
        if failed is None or failed.state is not MessageState.FAILED:
            raise MessageNotFound(message_id=command.message_id)
        return await self._queue(device, failed.body, instead_of=message_id)

    async def _queue(
        self, device: Device, body: str, *, instead_of: MessageId | None = None
    ) -> views.MessageView:
        message_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()

        def store(db: Db, happened: Happened) -> Message:
            if instead_of is not None:
                if not messages.delete(db, device.conversation_id, [instead_of]):
                    raise MessageNotFound(message_id=shown_id(instead_of))
                happened.add(_deleted(device, [instead_of]), device.conversation_id)
            message = messages.insert(
                db,
                conversation_id=device.conversation_id,
                message_id=message_id,
                author=OWNER,
                kind=tag_of(Text),
                body=body,
                sent_at_ms=now_ms,
                stored_at_ms=now_ms,
                state=MessageState.QUEUED,
            )
            event = MessageQueued(**message_fields(device.person, message))
            happened.add(event, device.conversation_id, message.row_id)
            bring_back(db, happened, device.context, now_ms)
            return message

        text = Text(message_id, now_ms, body)
        message = await device.delivery.outbox.add(message_id, text, store)
        return message_view(device.person, message)

    async def _history(self, command: api.History) -> views.Messages:
        device = self._roster.named(command.contact)

        def page(db: Db) -> list[Message]:
            after_row = command.after_row
            if command.unread:
                if (first := unread.first(db, device.conversation_id)) is None:
                    return []
                after_row = max(after_row or 0, first - 1)
            return messages.page(
                db,
                device.conversation_id,
                _page_size(command.limit),
                before_ms=command.before_ms,
                since_ms=command.since_ms,
                before_row=command.before_row,
                after_row=after_row,
                oldest=command.oldest,
            )

        found = await self._parts.database.long_read(page)
        return views.Messages(messages=[message_view(device.person, one) for one in found])

    async def _search(self, command: api.Search) -> views.Messages:
        device = None if command.contact is None else self._roster.named(command.contact)
        conversation_id = None if device is None else device.conversation_id
        found = await self._parts.database.search(
            lambda db: text_search.search(
                db,
                command.text,
                conversation_id,
                _page_size(command.limit),
                before_ms=command.before_ms,
                before_row=command.before_row,
            )
        )
        known = {one.conversation_id: one.person for one in self._roster.values()}
        return views.Messages(
            messages=[
                message_view(known[one.conversation_id], one)
                for one in found
                if one.conversation_id in known
            ]
        )

    async def _delete_messages(self, command: api.DeleteMessages) -> views.Done:
        device = self._roster.named(command.contact)
        ids = None if command.message_ids is None else [_id(one) for one in command.message_ids]

        def delete(db: Db, happened: Happened) -> None:
            if ids is None:
                outbox.delete_all(db, device.device_id)
                messages.delete_all(db, device.conversation_id)
            else:
                found = set(messages.delete(db, device.conversation_id, ids))
                missing = [one for one in ids if one not in found]
                if missing:
                    raise MessageNotFound(message_id=str(uuid.UUID(bytes=missing[0])))
                outbox.delete(db, device.device_id, ids)
            happened.add(_deleted(device, ids), device.conversation_id)

        await self._parts.journal.write(delete)
        if ids is None:
            device.delivery.outbox.withdraw_all()
        else:
            device.delivery.outbox.withdraw(ids)
        await self._parts.database.checkpoint()
        return views.Done()

    async def _set_typing(self, command: api.SetTyping) -> views.Done:
        device = self._roster.named(command.contact)
        allowed = await self._parts.database.read(
            lambda db: preferences.allows_typing(db, device.conversation_id)
        )
        if allowed and not device.person.blocked and not device.person.identity_changed:
            await device.delivery.tell_typing(command.on)
        return views.Done()


def _page_size(limit: int) -> int:
    if limit < 1:
        raise InvalidInput(what="The number of messages must be at least 1")
    return min(limit, PAGE_MAX)


def _id(text: str) -> MessageId:
    try:
        return MessageId(uuid.UUID(text).bytes)
    except ValueError as error:
        raise MessageNotFound(message_id=printable(text)[:64]) from error


def _deleted(device: Device, ids: list[MessageId] | None) -> MessagesDeleted:
    return MessagesDeleted(
        contact=device.person.name,
        contact_id=device.number,
        message_ids=None if ids is None else [shown_id(one) for one in ids],
    )
