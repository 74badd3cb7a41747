"""Commands about what was and is to be said."""

from typing import Final

from loom.api import conversation_commands, message_commands
from loom.api import message_views as views
from loom.api.events import MessageQueued
from loom.api.view import Done
from loom.core import farewells, timers
from loom.errors import FileNotHere, InvalidInput, MessageNotFound
from loom.model import OWNER, Message, MessageId, MessageName, MessageState
from loom.node.archive import bring_back
from loom.node.commands import file_offers
from loom.node.commands.deletion import deleted_here
from loom.node.commands.finding import find_message, find_named, message_id, page_size
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.file_view import caption_of, of_page
from loom.node.files.uploads import Uploads
from loom.node.journal import Happened
from loom.node.message_view import message_fields, message_views, shown_id
from loom.node.names import check_text, check_timer
from loom.node.parts import Parts
from loom.node.reach import anchor_of
from loom.node.roster import Roster
from loom.storage import messages, outbox, preferences, unread
from loom.storage import search as text_search
from loom.storage.connection import Db
from loom.storage.files import StoredFile
from loom.wire.content import MESSAGES, Target, Text, tag_of

ME: Final = "me"
"""The author of one's own messages, as one asks for them."""
_WHERE: Final = {
    MessageState.QUEUED: "here",
    MessageState.SENT: "link",
    MessageState.DELIVERED: "there",
    MessageState.READ: "there",
    MessageState.FAILED: "nowhere",
    MessageState.WITHDRAWN: "nowhere",
}
"""Where a message is that lies in no mailbox."""


class MessageCommands:
    """Send, forward, show, search."""

    def __init__(self, parts: Parts, roster: Roster, uploads: Uploads) -> None:
        self._parts = parts
        self._roster = roster
        self._uploads = uploads
        self.handlers: Handlers = {
            message_commands.SendText: self._send_text,
            message_commands.History: self._history,
            message_commands.FindMessage: self._find_message,
            message_commands.Search: self._search,
            message_commands.ShowDelivery: self._show_delivery,
            message_commands.RetryMessage: self._retry_message,
            message_commands.Forward: self._forward,
            conversation_commands.SetTyping: self._set_typing,
        }

    async def _send_text(self, command: message_commands.SendText) -> views.MessageView:
        device = self._roster.addressable(command.contact)
        check_text(command.body)
        expires_s = command.expires_s
        if expires_s is not None:
            check_timer(expires_s)
        answers = None if command.reply_to is None else message_id(command.reply_to)
        return await self._queue(device, command.body, answers=answers, expires_s=expires_s)

    async def _forward(self, command: message_commands.Forward) -> views.Messages:
        device = self._roster.named(command.contact)
        to = [self._roster.addressable(one) for one in dict.fromkeys(command.to)]
        named = [message_id(one) for one in command.message_ids]
        if not to or not named:
            raise InvalidInput(what="Say what is to be forwarded, and to whom")

        def look(db: Db) -> tuple[list[Message], dict[int, StoredFile]]:
            found = [find_message(db, device, one) for one in named]
            return found, of_page(db, found)

        found, offered = await self._parts.database.read(look)
        for one in found:
            is_text = one.kind == tag_of(Text) and one.deleted_at_ms is None
            if not is_text and one.row_id not in offered:
                raise InvalidInput(what="Only texts and files that are still there are forwarded")
        for file in offered.values():
            if not (file.path or file.is_whole):
                raise FileNotHere(name=file.name)
        queued = [await self._send_on(one, message, offered) for one in to for message in found]
        return views.Messages(messages=queued)

    async def _send_on(
        self, device: Device, message: Message, offered: dict[int, StoredFile]
    ) -> views.MessageView:
        file = offered.get(message.row_id)
        if file is None:
            return await self._queue(device, message.body)
        caption = caption_of(message.body)
        return await file_offers.forward(self._parts, self._uploads, device, file, caption)

    async def _show_delivery(self, command: message_commands.ShowDelivery) -> views.DeliveryView:
        device, named = self._roster.named(command.contact), message_id(command.message_id)
        device_id = device.device_id
        message, put = await self._parts.database.read(
            lambda db: (
                find_message(db, device, named, OWNER),
                outbox.in_mailboxes(db, device_id, named),
            )
        )
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

    async def _retry_message(self, command: message_commands.RetryMessage) -> views.MessageView:
        device, named = self._roster.addressable(command.contact), message_id(command.message_id)

        def look(db: Db) -> tuple[Message, StoredFile | None]:
            found = find_message(db, device, named, OWNER)
            return found, of_page(db, [found]).get(found.row_id)

        failed, file = await self._parts.database.read(look)
        if failed.state is not MessageState.FAILED:
            raise MessageNotFound(message_id=command.message_id)
        if file is not None:
            return await file_offers.offer_again(self._parts, self._uploads, device, failed, file)
        if failed.kind != tag_of(Text):
            raise MessageNotFound(message_id=command.message_id)
        return await self._queue(
            device, failed.body, failed.reply, expires_s=failed.expires_s, instead_of=named
        )

    async def _queue(
        self,
        device: Device,
        body: str,
        reply: MessageName | None = None,
        *,
        answers: MessageId | None = None,
        expires_s: int | None = None,
        instead_of: MessageId | None = None,
    ) -> views.MessageView:
        """Args: answers: the message that a person named; expires_s: None: the conversation's."""
        async with device.context.in_turn:
            writing = await device.context.what_holds()
            if answers is not None:
                reply = await self._answered(device, answers)
        timer_s = writing.timer_s if expires_s is None else expires_s
        new_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()
        sent_at_ms = farewells.sent_at_ms(now_ms, writing.after_ms)
        until_ms = timers.stored_until_ms(timer_s, now_ms, is_own=True)

        def store(db: Db, happened: Happened) -> views.MessageView:
            if instead_of is not None:
                if not messages.delete(db, device.conversation_id, [instead_of]):
                    raise MessageNotFound(message_id=shown_id(instead_of))
                happened.add(deleted_here(device, [instead_of]), device.conversation_id)
            message = messages.insert(
                db,
                conversation_id=device.conversation_id,
                message_id=new_id,
                author=OWNER,
                kind=tag_of(Text),
                body=body,
                sent_at_ms=sent_at_ms,
                stored_at_ms=now_ms,
                state=MessageState.QUEUED,
                reply=reply,
                expires_s=timer_s,
                expires_at_ms=until_ms,
            )
            fields = message_fields(db, device.person, message, is_new=True)
            happened.add(MessageQueued(**fields), device.conversation_id, message.row_id)
            bring_back(db, happened, device.context, now_ms)
            return views.MessageView(**fields)

        target = None if reply is None else Target(reply.author == OWNER, reply.message_id)
        text = Text(new_id, sent_at_ms, body, target, timer_s)
        view = await device.delivery.outbox.add(new_id, text, store)
        self._parts.deadlines.note(until_ms)
        return view

    async def _answered(self, device: Device, named: MessageId) -> MessageName:
        answered = await self._parts.database.read(lambda db: find_message(db, device, named))
        if answered.kind not in MESSAGES:
            raise InvalidInput(what="That is no message")
        return answered.name

    async def _history(self, command: message_commands.History) -> views.Messages:
        device = self._roster.named(command.contact)

        def page(db: Db) -> list[views.MessageView]:
            after_row = command.after_row
            if command.unread:
                if (first := unread.first(db, device.conversation_id)) is None:
                    return []
                after_row = max(after_row or 0, first - 1)
            found = messages.page(
                db,
                device.conversation_id,
                page_size(command.limit),
                before_ms=command.before_ms,
                since_ms=command.since_ms,
                before_row=command.before_row,
                after_row=after_row,
                oldest=command.oldest,
            )
            return message_views(db, {device.conversation_id: device.person}, found)

        return views.Messages(messages=await self._parts.database.long_read(page))

    async def _find_message(self, command: message_commands.FindMessage) -> views.MessageView:
        device = self._roster.named(command.contact)

        def find(db: Db) -> views.MessageView:
            found = find_named(db, device, command.name)
            return views.MessageView(**message_fields(db, device.person, found))

        return await self._parts.database.long_read(find)

    async def _search(self, command: message_commands.Search) -> views.Messages:
        within = None if command.contact is None else self._roster.named(command.contact)
        own = None if command.author is None else command.author.lower() == ME
        if own is False:
            author = self._roster.named(command.author or "")
            if within not in (None, author):
                return views.Messages(messages=[])
            within = author
        conversation_id = None if within is None else within.conversation_id
        persons = {one.conversation_id: one.person for one in self._roster.values()}

        def search(db: Db) -> list[views.MessageView]:
            found = text_search.search(
                db,
                command.text,
                conversation_id,
                page_size(command.limit),
                own=own,
                has_link=command.has_link,
                is_pinned=command.is_pinned,
                since_ms=command.since_ms,
                before_ms=command.before_ms,
                before_row=command.before_row,
            )
            return message_views(db, persons, found)

        return views.Messages(messages=await self._parts.database.search(search))

    async def _set_typing(self, command: conversation_commands.SetTyping) -> Done:
        device = self._roster.named(command.contact)
        if not device.person.blocked and not device.person.identity_changed:
            is_allowed = self._parts.database.read(
                lambda db: preferences.allows_typing(db, device.conversation_id)
            )
            await device.delivery.tell_typing(command.on, is_allowed)
        return Done()
