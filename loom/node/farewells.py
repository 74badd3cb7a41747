"""Carries out farewells, one's own and those of contacts (docs/PROTOCOL.md 6.3)."""

import asyncio
import logging
from functools import partial
from typing import Final

from loom.api.events import ContactChanged, ContactRemoved, FarewellDone
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
from loom.storage import drafts, early, events, farewells, messages, outbox, persons, receipts
from loom.storage.connection import Db
from loom.storage.farewells import Covered
from loom.storage.receipts import ReceiptKind
from loom.wire.content import (
    MESSAGES,
    Delete,
    Edit,
    Farewell,
    File,
    FileState,
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
LOOK_S: Final = 0.05
"""How often it is looked whether the last ones have left."""
WITHDRAWN_MAX: Final = 1_000
"""So many ids of withdrawn messages are told; all of them are shown as withdrawn."""
SAID: Final = tuple(tag_of(kind) for kind in (Text, Edit, React, Pin, File, FileState))
"""What goes with the conversation. A Delete stays: they may keep what is covered."""
BEFORE_STUB: Final = tuple(tag_of(kind) for kind in (Mailboxes, Delete))
"""What is still told to a contact who is left: the Farewell may be asked, a Delete is not."""


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
            early.delete_until(db, conversation_id, before_ms)
            outbox.add(db, device_id, message_id, encode_payload(payload))
            messages.delete_all(db, conversation_id)
            drafts.forget_wording(db, conversation_id)
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
        await parts.eraser.erase_now()

    async def say_last(self, within_s: float) -> tuple[int, int]:
        """Ask every contact to delete the conversation; here nothing is deleted.

        Returns:
            How many were asked, and how many of them have it, or their anchor has, after
            `within_s` at most. What else waited for them does not leave any more.
        """
        parts, now_ms = self._parts, self._parts.clock.now_ms()
        asked = {parts.new_id(): device for device in self._roster.welcome()}
        if not self._roster.is_online or not asked:
            return 0, 0

        def store(db: Db, happened: Happened) -> None:
            for message_id, device in asked.items():
                before_ms = _last_ms(device.conversation_id, now_ms, db)
                outbox.delete_kinds(db, device.device_id, SAID)
                payload = Farewell(message_id, before_ms, before_ms, Scope.CONVERSATION)
                outbox.add(db, device.device_id, message_id, encode_payload(payload))

        await parts.journal.write(store)
        for device in asked.values():
            device.delivery.outbox.rows_added()
        left = set(asked)
        ends_s = parts.clock.monotonic_s() + within_s
        while left and parts.clock.monotonic_s() < ends_s:
            await asyncio.sleep(LOOK_S)
            left = await parts.database.read(lambda db: outbox.not_handed_on(db, asked))
            if not any(self._is_reached(asked[one]) for one in left):
                break
        return len(asked), len(asked) - len(left)

    @staticmethod
    def _is_reached(device: Device) -> bool:
        return device.is_linked() or bool(device.mailer.anchors)

    async def leave(self, device: Device, receipted_id: MessageId | None = None) -> None:
        """Make a stub of a contact; the caller holds `Roster.changing`.

        Args:
            receipted_id: the contact's Farewell, which is receipted; None: this side says it.
        """
        parts, conversation_id, device_id = self._parts, device.conversation_id, device.device_id
        message_id, now_ms = parts.new_id(), parts.clock.now_ms()

        def store(db: Db, happened: Happened) -> Contact | None:
            before_ms = _last_ms(conversation_id, now_ms, db)
            kept = BEFORE_STUB if receipted_id is None else [tag_of(Mailboxes)]
            outbox.delete_kinds(db, device_id, kept, others=True)
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
        await parts.eraser.erase_now()

    async def answer(self, device: Device, *, accept: bool) -> bool:
        """What the owner decided; False: nothing was asked."""
        conversation_id = device.conversation_id

        def decide(db: Db, happened: Happened) -> tuple[bool, Writing]:
            asked = farewells.take_asked(db, conversation_id)
            if asked is not None and accept:
                farewells.put(db, conversation_id, asked)
            elif asked is not None:
                name, number = device.person.name, device.number
                happened.add(ContactChanged(contact=name, contact_id=number, what="kept"))
            return asked is not None, Writing.read(db, conversation_id)

        was_asked, device.context.writing = await self._parts.journal.write(decide)
        if was_asked and accept:
            await self._carry_out(conversation_id, is_resumed=False)
        return was_asked

    # --- those of contacts ---

    async def _run(self) -> None:
        is_resumed = True
        while True:
            await self._alarm.heard()
            try:
                for conversation_id in await self._parts.database.read(farewells.due):
                    await self._carry_out(conversation_id, is_resumed=is_resumed)
                await self._end_stubs()
                is_resumed = False
            except LoomError as error:
                log.warning("farewells: %s", error.code)
                self._alarm.ring_within(RETRY_S)
                is_resumed = True

    async def _carry_out(self, conversation_id: ConversationId, *, is_resumed: bool) -> None:
        """Args: is_resumed: some of it may have been done before."""
        async with self._roster.changing:
            device = self._roster.of(conversation_id)
            covered = await self._parts.database.read(lambda db: farewells.of(db, conversation_id))
            if device is None or covered is None:
                return
            if covered.scope == Scope.CONTACT:
                await self.leave(device, covered.statement_id)
            elif covered.scope == Scope.CONVERSATION:
                await self._delete_covered(device, covered.before_ms, is_begun=is_resumed)

    async def _delete_covered(self, device: Device, before_ms: int, *, is_begun: bool) -> None:
        """In steps; the last one tells, unless there was nothing to delete."""
        after_row: int | None = 0
        while after_row is not None:

            def step(db: Db, happened: Happened) -> tuple[int | None, list[MessageId]]:
                begun = is_begun or bool(after_row)  # noqa: B023 - awaited here
                return _delete_some(db, happened, device, before_ms, after_row or 0, is_begun=begun)  # noqa: B023

            after_row, unqueued = await self._parts.journal.write(step)
            device.delivery.outbox.withdraw(unqueued)
        await self._parts.eraser.erase_now()

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
        await self._parts.eraser.erase_now()


def _last_ms(conversation_id: ConversationId, now_ms: int, db: Db) -> int:
    """The end of what is said until now, though the contact's clock may be ahead."""
    newest = messages.newest_sent_ms(db, conversation_id, now_ms + COUNTER_FUTURE_MS)
    return max(now_ms, newest)


def _delete_some(
    db: Db, happened: Happened, device: Device, before_ms: int, after_row: int, *, is_begun: bool
) -> tuple[int | None, list[MessageId]]:
    """Delete some of what is covered; up to which row, None: all; and what is queued no longer."""
    conversation_id = device.conversation_id
    unqueued: list[MessageId] = []
    found = messages.sent_until(db, conversation_id, before_ms, after_row, BATCH)
    for one in found:
        unqueued += outbox.delete_about(db, one.row_id)
        # The line of a Timer goes; the Timer holds here, so the contact must hear of it.
        if one.is_undelivered and one.kind in MESSAGES:
            outbox.delete(db, device.device_id, [one.message_id])
            messages.withdraw(db, one.row_id, before_ms)
            unqueued.append(one.message_id)
        else:
            messages.delete_row(db, one.row_id)
    drafts.forget_wording(db, conversation_id)
    if len(found) == BATCH:
        return found[-1].row_id, unqueued
    early.delete_until(db, conversation_id, before_ms)
    farewells.was_carried_out(db, conversation_id)
    if found or is_begun:
        withdrawn = messages.withdrawn_at(db, conversation_id, before_ms, WITHDRAWN_MAX)
        event = FarewellDone(
            contact=device.person.name,
            contact_id=device.number,
            scope="conversation",
            direction="in",
            before_ms=before_ms,
            withdrawn=[shown_id(one) for one in withdrawn],
        )
        happened.add(event, conversation_id)
    return None, unqueued
