"""Commands about what was and is to be said."""

import uuid
from typing import TYPE_CHECKING

from loom.api import commands as api
from loom.api import views
from loom.api.events import AnyEvent, ConversationRead, MessageQueued, MessagesDeleted
from loom.errors import ContactBlocked, IdentityChanged, InvalidInput, MessageNotFound
from loom.model import Direction, Message, MessageId, MessageState
from loom.node.bus import Draft, store_events
from loom.node.commands.handlers import Handlers
from loom.node.names import check_text
from loom.node.peer import Peer
from loom.printable import printable
from loom.storage import messages, outbox, preferences, receipts
from loom.storage import search as text_search
from loom.storage.connection import Db
from loom.storage.receipts import ReceiptKind
from loom.wire.content import Text
from loom.wire.limits import RECEIPT_MAX_IDS

if TYPE_CHECKING:
    from loom.node.node import Node

PAGE_MAX = 10_000


class MessageCommands:
    """Send, read, search, delete."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._parts = node.parts
        self.handlers: Handlers = {
            api.SendText: self._send_text,
            api.History: self._history,
            api.Search: self._search,
            api.RetryMessage: self._retry_message,
            api.DeleteMessages: self._delete_messages,
            api.MarkRead: self._mark_read,
            api.SetTyping: self._set_typing,
        }

    async def _send_text(self, command: api.SendText) -> views.MessageView:
        peer = self._node.peers.named(command.contact)
        check_text(command.body)
        return await self._queue(peer, command.body)

    async def _retry_message(self, command: api.RetryMessage) -> views.MessageView:
        peer, message_id = self._node.peers.named(command.contact), _id(command.message_id)
        failed = await self._parts.database.read(
            lambda db: messages.by_id(db, peer.number, message_id, Direction.OUT)
        )
        if failed is None or failed.state is not MessageState.FAILED:
            raise MessageNotFound(message_id=command.message_id)
        return await self._queue(peer, failed.body, instead_of=message_id)

    async def _queue(
        self, peer: Peer, body: str, *, instead_of: MessageId | None = None
    ) -> views.MessageView:
        if peer.contact.blocked:
            raise ContactBlocked(name=peer.contact.name)
        if peer.contact.identity_changed:
            raise IdentityChanged(name=peer.contact.name)
        message_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()

        def store(db: Db) -> tuple[Message, list[AnyEvent]]:
            drafts = []
            if instead_of is not None:
                if not messages.delete(db, peer.number, [instead_of]):
                    raise MessageNotFound(message_id=peer.shown_id(instead_of))
                drafts.append(Draft(_deleted(peer, [instead_of]), peer.number))
            message = messages.insert(
                db,
                contact_id=peer.number,
                message_id=message_id,
                direction=Direction.OUT,
                body=body,
                sent_at_ms=now_ms,
                stored_at_ms=now_ms,
                state=MessageState.QUEUED,
            )
            event = MessageQueued(**peer.message_fields(message))
            drafts.append(Draft(event, peer.number, message.row_id))
            return message, store_events(db, drafts, now_ms)

        text = Text(message_id, now_ms, body)
        message, events = await peer.outbox.add(message_id, text, store)
        self._parts.bus.publish(events)
        return _message_view(peer, message)

    async def _history(self, command: api.History) -> views.Messages:
        peer = self._node.peers.named(command.contact)

        def page(db: Db) -> list[Message]:
            after_row = command.after_row
            if command.unread:
                if (first := messages.first_unread(db, peer.number)) is None:
                    return []
                after_row = max(after_row or 0, first - 1)
            return messages.page(
                db,
                peer.number,
                _page_size(command.limit),
                before_ms=command.before_ms,
                since_ms=command.since_ms,
                before_row=command.before_row,
                after_row=after_row,
                oldest=command.oldest,
            )

        found = await self._parts.database.long_read(page)
        return views.Messages(messages=[_message_view(peer, one) for one in found])

    async def _search(self, command: api.Search) -> views.Messages:
        peer = None if command.contact is None else self._node.peers.named(command.contact)
        contact_id = None if peer is None else peer.number
        found = await self._parts.database.long_read(
            lambda db: text_search.search(
                db,
                command.text,
                contact_id,
                _page_size(command.limit),
                before_ms=command.before_ms,
                before_row=command.before_row,
            )
        )
        known = self._node.peers
        return views.Messages(
            messages=[
                _message_view(known[one.contact_id], one)
                for one in found
                if one.contact_id in known
            ]
        )

    async def _delete_messages(self, command: api.DeleteMessages) -> views.Done:
        peer = self._node.peers.named(command.contact)
        ids = None if command.message_ids is None else [_id(one) for one in command.message_ids]
        now_ms = self._parts.clock.now_ms()

        def delete(db: Db) -> list[AnyEvent]:
            if ids is None:
                outbox.delete_all(db, peer.number)
                messages.delete_all(db, peer.number)
            else:
                found = set(messages.delete(db, peer.number, ids))
                missing = [one for one in ids if one not in found]
                if missing:
                    raise MessageNotFound(message_id=str(uuid.UUID(bytes=missing[0])))
                outbox.delete(db, peer.number, ids)
            return store_events(db, [Draft(_deleted(peer, ids), peer.number)], now_ms)

        self._parts.bus.publish(await self._parts.database.write(delete))
        peer.outbox.withdrawn(ids)
        await self._parts.database.checkpoint()
        return views.Done()

    async def _mark_read(self, command: api.MarkRead) -> views.Done:
        peer = self._node.peers.named(command.contact)

        def mark(db: Db) -> tuple[list[AnyEvent], bool]:
            ids = messages.mark_read(db, peer.number, command.row_id)
            if not ids:
                return [], False
            unread = messages.unread_count(db, peer.number)
            owes = command.receipt and preferences.allows_read_receipts(db, peer.number)
            for start in range(0, len(ids) if owes else 0, RECEIPT_MAX_IDS):
                page = ids[start : start + RECEIPT_MAX_IDS]
                receipts.add(db, peer.number, ReceiptKind.READ, page)
            return [_read(peer, command.row_id, unread)], owes

        happened, owes = await self._parts.database.write(mark)
        self._parts.bus.publish(happened)
        if owes:
            peer.owe()
        return views.Done()

    async def _set_typing(self, command: api.SetTyping) -> views.Done:
        peer = self._node.peers.named(command.contact)
        allowed = await self._parts.database.read(
            lambda db: preferences.allows_typing(db, peer.number)
        )
        if allowed and not peer.contact.blocked and not peer.contact.identity_changed:
            await peer.outbox.tell_typing(command.on)
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


def _read(peer: Peer, row_id: int, unread: int) -> ConversationRead:
    return ConversationRead(
        contact=peer.contact.name, contact_id=peer.number, row_id=row_id, unread=unread
    )


def _deleted(peer: Peer, ids: list[MessageId] | None) -> MessagesDeleted:
    return MessagesDeleted(
        contact=peer.contact.name,
        contact_id=peer.number,
        message_ids=None if ids is None else [peer.shown_id(one) for one in ids],
    )


def _message_view(peer: Peer, message: Message) -> views.MessageView:
    return views.MessageView(stored_at_ms=message.stored_at_ms, **peer.message_fields(message))
