"""Deletes messages and posts of rooms whose time is over (docs/PROTOCOL.md 6.2, 14.3)."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Final

from loom.api.events import MessageExpired
from loom.errors import LoomError
from loom.model import ConversationId, Direction, MessageId
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.parts import Parts
from loom.node.rooms import ending
from loom.node.rooms.work import RoomWork
from loom.node.roster import Roster
from loom.storage import drafts, expiry, messages, outbox
from loom.storage.connection import Db
from loom.storage.expiry import Due

log = logging.getLogger(__name__)

BATCH: Final = 256
LOOK_S: Final = 10.0
"""Timers of the event loop stand still while the machine sleeps, and the wall clock may be set."""
RETRY_S: Final = 10.0


class Expiry:
    """One task per node; no message that is due is shown after `start`."""

    def __init__(self, parts: Parts, roster: Roster) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self._parts = parts
        self._roster = roster

    async def start(self) -> None:
        """Delete what came due while nothing ran; then go on in the background."""
        try:
            await self._delete_due()
        except LoomError as error:
            log.warning("expiry: %s", error.code)
        self._spawn(self._run(), "expiry")

    async def stop(self) -> None:
        """End the task; what it submitted is still committed."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- inside ---

    async def _run(self) -> None:
        while True:
            await self._wait()
            try:
                await self._delete_due()
            except LoomError as error:
                log.warning("expiry: %s", error.code)
                await asyncio.sleep(RETRY_S)

    async def _wait(self) -> None:
        """Until something is due by the wall clock, or was deleted."""
        deadlines = self._parts.deadlines
        while not deadlines.has_deleted:
            if deadlines.next_ms is not None:
                left_s = (deadlines.next_ms - self._parts.clock.now_ms()) / 1_000
                if left_s <= 0:
                    return
                deadlines.alarm.ring_within(min(left_s, LOOK_S))
            await deadlines.alarm.heard()

    async def _delete_due(self) -> None:
        parts, is_any = self._parts, self._parts.deadlines.has_deleted
        parts.deadlines.has_deleted = False
        while True:
            # What is noted from now on is not lost to what is read.
            parts.deadlines.next_ms = None
            next_ms = await parts.database.read(expiry.next_ms)
            if next_ms is None or next_ms > parts.clock.now_ms():
                parts.deadlines.note(next_ms)
                break
            withdrawn = await parts.journal.write(self._delete_batch)
            for conversation_id, message_ids in withdrawn.items():
                self._withdraw(conversation_id, message_ids)
            is_any = True
        if is_any:
            self._spawn(self._erase(), "erasing what expired")

    def _delete_batch(self, db: Db, happened: Happened) -> dict[ConversationId, list[MessageId]]:
        """What was queued and is no longer, by conversation."""
        now_ms = self._parts.clock.now_ms()
        withdrawn: dict[ConversationId, list[MessageId]] = defaultdict(list)
        told: dict[tuple[ConversationId, Direction], list[Due]] = defaultdict(list)
        for one in expiry.due(db, now_ms, BATCH):
            message = one.message
            withdrawn[one.conversation_id] += outbox.delete_about(db, message.row_id)
            if message.is_undelivered:
                outbox.delete(db, one.device_id, [message.message_id])
                messages.withdraw(db, message.row_id, now_ms)
                withdrawn[one.conversation_id].append(message.message_id)
            else:
                messages.delete_row(db, message.row_id)
            told[one.conversation_id, message.direction].append(one)
        for conversation_id in {conversation for conversation, _ in told}:
            drafts.forget_wording(db, conversation_id)
        for (conversation_id, direction), ended in told.items():
            event = MessageExpired(
                contact=ended[0].name,
                contact_id=ended[0].person_id,
                direction=direction.value,
                message_ids=[shown_id(one.message.message_id) for one in ended],
                withdrawn=[
                    shown_id(one.message.message_id) for one in ended if one.message.is_undelivered
                ],
            )
            happened.add(event, conversation_id)
        ending.delete_over(RoomWork(db, happened, self._parts, now_ms), BATCH)
        return withdrawn

    def _withdraw(self, conversation_id: ConversationId, message_ids: list[MessageId]) -> None:
        for device in self._roster.values():
            if message_ids and device.conversation_id == conversation_id:
                device.delivery.outbox.withdraw(message_ids)

    async def _erase(self) -> None:
        try:
            await self._parts.eraser.erase()
        except LoomError as error:  # the next maintenance does it
            log.warning("expiry: not erased yet: %s", error.code)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
