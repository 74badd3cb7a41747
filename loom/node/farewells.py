"""Carries out farewells, one's own and those of contacts (docs/PROTOCOL.md 6.3)."""

import asyncio
import logging
from functools import partial
from typing import Final

from loom.api.events import ContactRemoved, FarewellDone
from loom.core import farewells as rules
from loom.errors import LoomError
from loom.model import Contact, ConversationId, MessageId, PersonId
from loom.node.alarm import Alarm
from loom.node.context import Writing
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import early, events, farewells, messages, outbox, persons, receipts
from loom.storage.connection import Db
from loom.storage.farewells import Covered
from loom.storage.receipts import ReceiptKind
from loom.wire.content import (
    Delete,
    Edit,
    Farewell,
    Mailboxes,
    Pin,
    React,
    Scope,
    Text,
    encode_payload,
    tag_of,
)
from loom.wire.limits import COUNTER_FUTURE_MS

log = logging.getLogger(__name__)

BATCH: Final = 256
RETRY_S: Final = 10.0
WITHDRAWN_MAX: Final = 1_000
"""So many ids of withdrawn messages are told; all of them are shown as withdrawn."""
SAID: Final = tuple(tag_of(kind) for kind in (Text, Edit, Delete, React, Pin))
"""The kinds of payload that are about what was said."""


class Farewells:
    """One per node. What is due is in the database: a crash between two steps repeats one."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._parts = parts
        self._roster = roster
        self._alarm = Alarm()
        roster.on_farewell = self._alarm.ring

    async def start(self) -> None:
        """Finish what was begun before; then go on in the background."""
        self._alarm.ring()
        task = asyncio.create_task(self._run(), name="farewells")
        self.tasks.add(task)

    async def stop(self) -> None:
        """End the task; what it submitted is still committed."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    # --- one's own ---

    async def say(self, device: Device) -> None:
        """Delete a conversation here, and ask the contact to do the same."""
        parts, conversation_id, device_id = self._parts, device.conversation_id, device.device_id
        message_id, now_ms = parts.new_id(), parts.clock.now_ms()
        before_ms = await parts.database.read(partial(_last_ms, conversation_id, now_ms))
        payload = Farewell(message_id, before_ms, before_ms, Scope.CONVERSATION)

        def store(db: Db, happened: Happened) -> list[MessageId]:
            withdrawn = outbox.delete_kinds(db, device_id, SAID)
            outbox.add(db, device_id, message_id, encode_payload(payload))
            messages.delete_all(db, conversation_id)
            farewells.put(db, conversation_id, Covered(before_ms, before_ms, 0, message_id))
            farewells.take_asked(db, conversation_id)
            done = FarewellDone(
                contact=device.person.name,
                contact_id=device.number,
                scope="conversation",
                direction="out",
            )
            happened.add(done, conversation_id)
            return withdrawn

        withdrawn = await device.delivery.outbox.add_long(store)
        device.delivery.outbox.withdraw(withdrawn)
        device.context.writing = None
        await parts.database.checkpoint()

    async def leave(self, device: Device, receipted_id: MessageId | None = None) -> None:
        """Make a stub of a contact; the caller holds `Roster.changing`.

        Args:
            receipted_id: the contact's Farewell, which is receipted; None: this side says it.
        """
        parts, conversation_id, device_id = self._parts, device.conversation_id, device.device_id
        message_id, now_ms = parts.new_id(), parts.clock.now_ms()

        def store(db: Db, happened: Happened) -> Contact | None:
            before_ms = _last_ms(conversation_id, now_ms, db)
            outbox.delete_kinds(db, device_id, [tag_of(Mailboxes)], others=True)
            if receipted_id is None:
                said = Farewell(message_id, before_ms, before_ms, Scope.CONTACT)
                outbox.add(db, device_id, message_id, encode_payload(said))
            else:
                # It went on a link that ends now.
                receipts.add(db, device_id, ReceiptKind.DELIVERED, [receipted_id])
            stub = persons.make_stub(db, device.number, rules.stub_ends_s(parts.now_s()))
            events.forget(db, conversation_id)
            name, number = device.person.name, device.number
            if receipted_id is not None:
                happened.add(
                    FarewellDone(contact=name, contact_id=number, scope="contact", direction="in")
                )
            happened.add(ContactRemoved(contact=name, contact_id=number))
            return stub

        async with self._roster.let_go(device):
            stub = await parts.journal.write(store)
        if stub is not None:
            self._roster.add(stub)
            self._roster.on_changed()
        await parts.database.checkpoint()

    async def answer(self, device: Device, *, accept: bool) -> bool:
        """What the owner decided; False: nothing was asked."""
        conversation_id = device.conversation_id

        def decide(db: Db, happened: Happened) -> tuple[bool, Writing]:
            asked = farewells.take_asked(db, conversation_id)
            if asked is not None and accept:
                farewells.put(db, conversation_id, asked)
            return asked is not None, Writing.read(db, conversation_id)

        was_asked, device.context.writing = await self._parts.journal.write(decide)
        if was_asked and accept:
            await self._carry_out(conversation_id)
        return was_asked

    # --- those of contacts ---

    async def _run(self) -> None:
        while True:
            await self._alarm.heard()
            try:
                for conversation_id in await self._parts.database.read(farewells.due):
                    await self._carry_out(conversation_id)
                await self._end_stubs()
            except LoomError as error:
                log.warning("farewells: %s", error.code)
                self._alarm.ring_within(RETRY_S)

    async def _carry_out(self, conversation_id: ConversationId) -> None:
        async with self._roster.changing:
            device = self._roster.of(conversation_id)
            covered = await self._parts.database.read(lambda db: farewells.of(db, conversation_id))
            if device is None or covered is None:
                return
            if covered.scope == Scope.CONTACT:
                await self.leave(device, covered.statement_id)
            elif covered.scope == Scope.CONVERSATION:
                await self._delete_covered(device, covered.before_ms)

    async def _delete_covered(self, device: Device, before_ms: int) -> None:
        """In steps; the last one tells."""
        after_row, withdrawn, is_over = 0, list[MessageId](), False
        while not is_over:

            def step(db: Db, happened: Happened) -> tuple[int, list[MessageId], bool]:
                return _delete_some(db, happened, device, before_ms, after_row, withdrawn)  # noqa: B023 - awaited here

            after_row, unqueued, is_over = await self._parts.journal.write(step)
            device.delivery.outbox.withdraw(unqueued)
        await self._parts.database.checkpoint()

    async def _end_stubs(self) -> None:
        now_s = self._parts.now_s()
        for person_id in await self._parts.database.read(lambda db: persons.over(db, now_s)):
            async with self._roster.changing:
                await self._end_stub(person_id)

    async def _end_stub(self, person_id: PersonId) -> None:
        stub = self._roster.stubs.get(person_id)
        if stub is not None:
            await self._roster.drop(stub)
        await self._parts.database.write(lambda db: persons.delete_stub_of(db, person_id))
        await self._parts.database.checkpoint()


def _last_ms(conversation_id: ConversationId, now_ms: int, db: Db) -> int:
    """The end of what is said until now, though the contact's clock may be ahead."""
    newest = messages.newest_sent_ms(db, conversation_id, now_ms + COUNTER_FUTURE_MS)
    return max(now_ms, newest)


def _delete_some(
    db: Db,
    happened: Happened,
    device: Device,
    before_ms: int,
    after_row: int,
    withdrawn: list[MessageId],
) -> tuple[int, list[MessageId], bool]:
    """Delete some of what is covered; up to which row, what is queued no longer, whether all."""
    conversation_id = device.conversation_id
    unqueued: list[MessageId] = []
    found = messages.sent_until(db, conversation_id, before_ms, after_row, BATCH)
    for one in found:
        unqueued += outbox.delete_about(db, one.row_id)
        if one.is_undelivered:
            outbox.delete(db, device.device_id, [one.message_id])
            messages.withdraw(db, one.row_id, before_ms)
            withdrawn.append(one.message_id)
            unqueued.append(one.message_id)
        else:
            messages.delete_row(db, one.row_id)
    if len(found) == BATCH:
        return found[-1].row_id, unqueued, False
    if not found and not after_row and not withdrawn:
        farewells.was_carried_out(db, conversation_id)
        return 0, [], True
    early.delete_until(db, conversation_id, before_ms)
    farewells.was_carried_out(db, conversation_id)
    event = FarewellDone(
        contact=device.person.name,
        contact_id=device.number,
        scope="conversation",
        direction="in",
        withdrawn=[shown_id(one) for one in withdrawn[:WITHDRAWN_MAX]],
    )
    happened.add(event, conversation_id)
    return 0, unqueued, True
