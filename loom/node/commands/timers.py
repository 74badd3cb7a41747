"""The command that lets the messages of a conversation disappear."""

from loom.api import contact_views as views
from loom.api import conversation_commands as api
from loom.core.timers import next_number
from loom.model import OWNER
from loom.node.commands.contacts import ContactCommands
from loom.node.commands.handlers import Handlers
from loom.node.content.timer import take_up
from loom.node.context import Writing
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.names import check_timer
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import timers
from loom.storage.connection import Db
from loom.wire.content import Timer


class TimerCommands:
    """One's own side of the conversation's timer."""

    def __init__(self, parts: Parts, roster: Roster, contacts: ContactCommands) -> None:
        self._parts = parts
        self._roster = roster
        self._contacts = contacts
        self.handlers: Handlers = {api.SetTimer: self._set_timer}

    async def _set_timer(self, command: api.SetTimer) -> views.ContactView:
        device = self._roster.addressable(command.contact)
        check_timer(command.expires_s)
        await self._set(device, command.expires_s)
        return await self._contacts.view(device)

    async def _set(self, device: Device, expires_s: int) -> None:
        parts, conversation_id = self._parts, device.conversation_id
        before_s, last = await parts.database.read(
            lambda db: (
                timers.of(db, conversation_id).own_s,
                timers.last_number(db, conversation_id, OWNER),
            )
        )
        if before_s == expires_s:
            return
        statement_id, now_ms = parts.new_id(), parts.clock.now_ms()
        payload = Timer(statement_id, now_ms, next_number(now_ms, last), expires_s)

        def store(db: Db, happened: Happened) -> Writing:
            take_up(db, happened, device.person, conversation_id, OWNER, payload, now_ms)
            return Writing.read(db, conversation_id)

        device.context.writing = await device.delivery.outbox.add(statement_id, payload, store)
