"""Deleting messages: here, or for both."""

from collections.abc import Sequence
from typing import Final

from loom.api import message_commands as api
from loom.api.events import MessageDeleted, MessagesDeleted
from loom.api.view import Done
from loom.errors import InvalidInput
from loom.model import OWNER, Direction, Message, MessageId, MessageState
from loom.node.commands.finding import find_message, message_id
from loom.node.commands.handlers import Handlers
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import drafts, messages, outbox
from loom.storage.connection import Db
from loom.wire.content import MESSAGES, Delete, Edit, File, FileState, Pin, React, Text, tag_of
from loom.wire.limits import DELETE_MAX_IDS

SAYING: Final = [tag_of(kind) for kind in (Text, Edit, React, Pin, File, FileState)]
"""What of the outbox goes with a conversation; what else was promised to the contact waits."""
IN_LOOP_MAX: Final = 8
"""To delete more is done in a thread."""


class DeletionCommands:
    """Nothing of what was deleted is on this disk once a command has returned."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self._parts = parts
        self._roster = roster
        self.handlers: Handlers = {api.DeleteMessages: self._delete_messages}

    async def _delete_messages(self, command: api.DeleteMessages) -> Done:
        if command.message_ids is None:
            if command.for_both:
                raise InvalidInput(what="Name the messages that are to be deleted for both")
            await self._delete_all(self._roster.named(command.contact))
        else:
            named = list(dict.fromkeys(map(message_id, command.message_ids)))
            if command.for_both:
                await self._delete_for_both(self._roster.addressable(command.contact), named)
            else:
                await self._delete_here(self._roster.named(command.contact), named)
        await self._parts.eraser.erase_now()
        return Done()

    async def _delete_all(self, device: Device) -> None:
        def delete(db: Db, happened: Happened) -> list[MessageId]:
            withdrawn = outbox.delete_kinds(db, device.device_id, SAYING)
            messages.delete_all(db, device.conversation_id)
            drafts.forget_wording(db, device.conversation_id)
            happened.add(deleted_here(device, None), device.conversation_id)
            return withdrawn

        device.delivery.outbox.withdraw(await self._parts.journal.write(delete))

    async def _delete_here(self, device: Device, ids: list[MessageId]) -> None:
        withdrawn = await self._parts.journal.write(
            lambda db, happened: _delete(db, happened, device, ids)
        )
        device.delivery.outbox.withdraw(withdrawn)

    async def _delete_for_both(self, device: Device, ids: list[MessageId]) -> None:
        """What never left goes here and nobody hears of it; of the rest the contact is told."""

        def sort(db: Db) -> tuple[list[MessageId], list[MessageId]]:
            here: list[MessageId] = []
            left: list[MessageId] = []
            for one in ids:
                message = find_message(db, device, one)
                if message.author != OWNER or message.kind not in MESSAGES:
                    raise InvalidInput(what="Only your own messages can be deleted for both")
                if message.deleted_at_ms is None:
                    (left if _may_have_left(db, device, message) else here).append(one)
            return here, left

        def withdraw(db: Db, happened: Happened) -> tuple[list[MessageId], list[MessageId]]:
            here, left = sort(db)
            return _delete(db, happened, device, here) if here else [], left

        look = self._parts.database.glance if len(ids) <= IN_LOOP_MAX else self._parts.database.read
        here, left = await look(sort)
        if here:
            # What is sealed meanwhile has left.
            withdrawn, left = await self._parts.journal.write(withdraw)
            device.delivery.outbox.withdraw(withdrawn)
        for start in range(0, len(left), DELETE_MAX_IDS):
            await self._state(device, left[start : start + DELETE_MAX_IDS])

    async def _state(self, device: Device, ids: Sequence[MessageId]) -> None:
        statement_id, now_ms = self._parts.new_id(), self._parts.clock.now_ms()

        def store(db: Db, happened: Happened) -> list[MessageId]:
            withdrawn = list(ids)
            for one in ids:
                message = messages.by_id(db, device.conversation_id, one, OWNER)
                if message is not None:
                    messages.entomb(db, message.row_id, now_ms)
                    withdrawn += outbox.delete_about(db, message.row_id)
            drafts.forget_wording(db, device.conversation_id)
            outbox.delete(db, device.device_id, ids)
            event = MessageDeleted(
                contact=device.person.name,
                contact_id=device.number,
                direction=Direction.OUT.value,
                message_ids=[shown_id(one) for one in ids],
            )
            happened.add(event, device.conversation_id)
            return withdrawn

        statement = Delete(statement_id, now_ms, tuple(ids))
        withdrawn = await device.delivery.outbox.add(
            statement_id, statement, store, is_long=len(ids) > IN_LOOP_MAX
        )
        device.delivery.outbox.withdraw(withdrawn)


def deleted_here(device: Device, ids: list[MessageId] | None) -> MessagesDeleted:
    """Nothing is left of these; None: of the whole conversation."""
    return MessagesDeleted(
        contact=device.person.name,
        contact_id=device.number,
        message_ids=None if ids is None else [shown_id(one) for one in ids],
    )


def _delete(db: Db, happened: Happened, device: Device, ids: list[MessageId]) -> list[MessageId]:
    """Delete messages here; the ids of what was queued of them or about them, and is no longer."""
    withdrawn: list[MessageId] = []
    for one in ids:
        message = find_message(db, device, one)
        withdrawn += outbox.delete_about(db, message.row_id)
        # Only the line of a Timer goes: the Timer holds, and the contact hears of it.
        if message.author == OWNER and message.kind in MESSAGES:
            withdrawn.append(one)
        messages.delete_row(db, message.row_id)
    drafts.forget_wording(db, device.conversation_id)
    outbox.delete(db, device.device_id, withdrawn)
    happened.add(deleted_here(device, ids), device.conversation_id)
    return withdrawn


def _may_have_left(db: Db, device: Device, message: Message) -> bool:
    """Whether a copy may be with the contact or on its way: a row is sealed before it leaves."""
    if message.state is MessageState.FAILED:
        return False
    row = outbox.by_id(db, device.device_id, message.message_id)
    return row is None or row.session_id is not None
