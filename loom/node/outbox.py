"""Rows for one device: stored, sealed, written in order until they are receipted (9.1)."""

import logging
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeVar

from msgspec.structs import replace

from loom.api.events import MessageSent
from loom.core.delivery import mailing, sending
from loom.core.delivery.sending import Sending
from loom.core.sessions import SealedEnvelope, sealed_again
from loom.errors import StateConflict
from loom.model import MessageId
from loom.node.alarm import Alarm
from loom.node.context import DeviceContext
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.notes import Notes
from loom.node.routes.mailbox import Sealed
from loom.node.routes.route import Route
from loom.node.sessions import DeviceSessions
from loom.storage import outbox
from loom.storage.connection import Db
from loom.storage.outbox import OutboxRow, PutRule, Seal
from loom.wire.content import KINDS, KnownPayload, encode_payload, read_tag
from loom.wire.limits import CHAIN_LIFETIME_S

T = TypeVar("T")
log = logging.getLogger(__name__)

PAGE_ROWS: Final = 64


class _NewRow(NamedTuple):
    message_id: MessageId
    data: bytes
    about_row: int | None

    def __repr__(self) -> str:
        return "_NewRow(redacted)"


class MailRow(NamedTuple):
    """A row, and what of it is put."""

    row: OutboxRow
    sealed: Sealed


class Outbox:
    """A text with nothing before it is sealed and stored at once; others wait for `write_rows`."""

    def __init__(
        self,
        context: DeviceContext,
        sessions: DeviceSessions,
        route: Route,
        notes: Notes,
        alarm: Alarm,
    ) -> None:
        self.state = Sending()
        self._context = context
        self._sessions = sessions
        self._route = route
        self._notes = notes
        self._alarm = alarm
        self.queued = 0
        """Payloads that were queued, to see whether one was since."""
        self._added = 0
        """Rows that were added unsealed."""

    # --- from the node ---

    async def add(
        self,
        message_id: MessageId,
        payload: KnownPayload,
        also: Callable[[Db, Happened], T],
        *,
        about_row: int | None = None,
        is_long: bool = False,
    ) -> T:
        """Queue a payload durably, together with `also`; returns after the commit.

        Args:
            about_row: the message of the history that it is about.
            is_long: `also` changes many rows, so it must not run in the event loop.
        """
        self.queued += 1
        row = _NewRow(message_id, encode_payload(payload), about_row)
        if self._is_free():
            try:
                return await self._add_sealed(row, also, is_long=is_long)
            except StateConflict:
                log.info("contact %d: queued unsealed after a failed commit", self._context.number)
        return await self._add_unsealed(row, also, is_long=is_long)

    async def add_long(self, work: Callable[[Db, Happened], T]) -> T:
        """The same for work of any length that adds its row itself, unsealed."""
        self._added += 1
        self.state = replace(self.state, is_caught_up=False)
        result = await self._context.parts.journal.write(work)
        self._alarm.ring()
        return result

    def rows_added(self) -> None:
        """Work for another device added rows for this one, unsealed; they are stored."""
        self._added += 1
        self.state = replace(self.state, is_caught_up=False)
        self._alarm.ring()

    def withdraw(self, message_ids: Sequence[MessageId]) -> None:
        """These rows were deleted: nothing waits for their receipts any more."""
        for message_id in message_ids:
            self._sessions.in_flight.remove(message_id)
        self.unblock()
        self._alarm.ring()

    def receipted(self, message_ids: Sequence[MessageId]) -> None:
        """The device has these: flow control may allow more; the caller commits."""
        for message_id in message_ids:
            self._sessions.receipted(message_id)
        if message_ids:
            self.state = sending.receipt_came(self.state, self._now_s())

    # --- from the delivery ---

    def link_up(self) -> None:
        """A link was confirmed: everything without a receipt goes out again."""
        self._sessions.in_flight.forget_writes()
        self.state = sending.link_up(self.state, self._now_s())

    def link_down(self) -> None:
        """There is nothing to write to."""
        self.state = replace(self.state, is_caught_up=False)

    def on_session(self, session_id: bytes) -> None:
        """The best session is this one."""
        self.state = sending.on_session(self.state, session_id)

    def unblock(self) -> None:
        """Write again if flow control allows it."""
        if self._sessions.may_seal(text=True):
            self.state = sending.unblocked(self.state)

    def stalled(self) -> None:
        """Flow control stopped everything for too long: wait that long again."""
        self.state = replace(self.state, progress_s=self._now_s())

    def retry(self) -> None:
        """Write again what the device could not store, or a link swallowed: the same bytes."""
        oldest_s = self._sessions.in_flight.oldest_write_s()
        if oldest_s is None:
            self.state = sending.all_receipted(self.state)
        elif sending.is_retry_due(self.state, oldest_s, self._now_s()):
            self._sessions.in_flight.forget_writes()
            self.state = sending.retried(self.state)

    async def write_rows(self) -> None:
        """Seal and write the next rows, as far as flow control allows."""
        device_id, added, before = self._context.device_id, self._added, self.state
        cursor, limit = before.cursor, sending.room(before, PAGE_ROWS)
        # Through the writer, so that rows on their way to the disk are among them.
        rows = await self._context.parts.database.write(
            lambda db: outbox.page(db, device_id, cursor, limit)
        )
        await self._context.parts.sealing.take()
        await self._sessions.ready()
        best, state = self._sessions.best, self.state
        if not self._route.is_up or state.cursor != cursor or best is None:
            return
        if not rows:
            self.state = replace(state, is_caught_up=added == self._added)
            return
        found = len(rows)
        rows = rows[: sending.fitting(state, [len(one.payload) for one in rows])]
        if not rows:
            self.state = sending.full(state)
            return
        ready, renewed = self._sealed(rows, best.session_id)
        if not ready:
            self.state = replace(state, is_blocked=True)
            return
        are_all = len(ready) == found < limit

        def write(gone: set[int]) -> None:
            if self._route.is_up and self.state.cursor == cursor:
                left = [(row, envelope) for row, envelope in ready if row.row_id not in gone]
                for _, envelope in left:
                    self._route.send(envelope)
                self._written([(row.row_id, row.message_id, row.payload) for row, _ in left])
                if are_all and added == self._added:  # no need to look whether there are more
                    self.state = replace(self.state, is_caught_up=True)

        if not renewed:
            write(set())
            return

        await self._store_seals(renewed, write)

    async def seal_for_mail(self, rule: PutRule) -> list[MailRow]:
        """The next rows that are due to go to a mailbox, sealed as far as flow control allows."""
        device_id = self._context.device_id
        rows = await self._context.parts.database.write(
            lambda db: outbox.to_put(db, device_id, rule, PAGE_ROWS)
        )
        await self._sessions.ready()
        best = self._sessions.best
        if best is None or best.session_id != rule.session_id:
            return []
        return await self.seal_rows(rows)

    async def seal_rows(self, rows: list[OutboxRow]) -> list[MailRow]:
        """These as mail, in order; fewer if flow control or a missing session stops it."""
        await self._sessions.ready()
        best = self._sessions.best
        if not rows or best is None or self._sessions.value.is_halted:
            return []
        ready, renewed = self._sealed(rows, best.session_id, mailing.RESEAL_AFTER_S)
        gone = await self._store_seals(renewed) if renewed else set()
        fresh = {row.row_id: seal.sealed_at_s for row, seal in renewed}
        return [
            MailRow(row, Sealed(envelope, fresh.get(row.row_id, row.sealed_at_s or 0)))
            for row, envelope in ready
            if row.row_id not in gone
        ]

    def was_put(self, rows: Sequence[OutboxRow]) -> None:
        """These lie in a mailbox: the messages among them were sent."""
        self._tell_sent([row.message_id for row in rows if _is_message(row.payload)], "mailbox")

    # --- adding ---

    def _is_free(self) -> bool:
        """No row waits before a new one, and it may be sealed and written at once."""
        return (
            self._route.is_writable
            and self.state.is_caught_up
            and sending.room(self.state, 1) > 0
            and self._sessions.is_loaded
            and self._sessions.may_seal(text=True)
            # Otherwise rows that were sealed on the session before come first.
            and self._sessions.best_id == self.state.session_id
        )

    async def _add_sealed(
        self, row: _NewRow, also: Callable[[Db, Happened], T], *, is_long: bool
    ) -> T:
        message_id, data, about_row = row
        device_id = self._context.device_id
        sealed = self._sessions.seal_row(message_id, data)
        seal = _seal_of(sealed, self._context.parts.now_s())

        def store(db: Db, happened: Happened) -> tuple[int, T]:
            row_id = outbox.add(db, device_id, message_id, data, seal, about_row=about_row)
            return row_id, also(db, happened)

        def write(stored: tuple[int, T]) -> None:
            if not self.state.is_caught_up:
                # A new link or session meanwhile: the task sends what came before first.
                self._alarm.ring()
            elif self._route.send(sealed.envelope):
                self._written([(stored[0], message_id, data)])
            else:
                self.state = sending.rewound(self.state)
                self._alarm.ring()

        return (await self._sessions.commit(store, write, is_long=is_long))[1]

    async def _add_unsealed(
        self, row: _NewRow, also: Callable[[Db, Happened], T], *, is_long: bool
    ) -> T:
        message_id, data, about_row = row
        device_id = self._context.device_id
        self._added += 1
        self.state = replace(self.state, is_caught_up=False)

        def store(db: Db, happened: Happened) -> T:
            outbox.add(db, device_id, message_id, data, about_row=about_row)
            return also(db, happened)

        return await self._context.parts.journal.submit(
            store, then=lambda _: self._alarm.ring(), is_long=is_long
        )

    # --- writing ---

    async def _store_seals(
        self,
        renewed: list[tuple[OutboxRow, Seal]],
        then: Callable[[set[int]], object] | None = None,
    ) -> set[int]:
        """Commit rows that were sealed; those that were deleted meanwhile, and do not leave."""

        def store(db: Db, happened: Happened) -> set[int]:
            return {
                row.row_id for row, seal in renewed if not outbox.set_sealed(db, row.row_id, seal)
            }

        gone = await self._sessions.commit(store, then)
        for row, _ in renewed:
            if row.row_id in gone:
                self._sessions.in_flight.remove(row.message_id)
        return gone

    def _sealed(
        self, rows: list[OutboxRow], session_id: bytes, lifetime_s: int = CHAIN_LIFETIME_S
    ) -> tuple[list[tuple[OutboxRow, bytes]], list[tuple[OutboxRow, Seal]]]:
        """The rows that may go out, in order, with their bytes; and those sealed for it now."""
        ready: list[tuple[OutboxRow, bytes]] = []
        renewed: list[tuple[OutboxRow, Seal]] = []
        now_s = self._context.parts.now_s()
        for row in rows:
            if row.recipe is not None and sending.is_current(
                row.session_id, row.sealed_at_s or 0, session_id, now_s, lifetime_s
            ):
                ready.append((row, sealed_again(row.recipe, row.payload)))
                continue
            # A row that was sealed on another session no longer holds this one back.
            self._sessions.in_flight.remove(row.message_id)
            if not self._sessions.may_seal(text=True):
                break
            sealed = self._sessions.seal_row(row.message_id, row.payload)
            renewed.append((row, _seal_of(sealed, now_s)))
            ready.append((row, sealed.envelope))
        return ready, renewed

    def _written(self, rows: Sequence[tuple[int, MessageId, bytes]]) -> None:
        """These are on a confirmed link; most are receipted before that is worth storing."""
        for row_id, _, data in rows:
            self.state = sending.written(self.state, row_id, len(data))
        self._sessions.in_flight.written([one for _, one, _ in rows], self._now_s())
        self._tell_sent([one for _, one, data in rows if _is_message(data)], "direct")
        self._alarm.ring_within(self.state.retry_s)

    def _tell_sent(self, messages: list[MessageId], via: str) -> None:
        if messages and self._context.parts.journal.has_readers:
            person = self._context.person
            self._context.parts.journal.tell(
                *(
                    MessageSent(
                        message_id=shown_id(one),
                        contact=person.name,
                        contact_id=person.person_id,
                        via=via,
                    )
                    for one in messages
                )
            )
        self._notes.sent(messages)

    def _now_s(self) -> float:
        return self._context.parts.clock.monotonic_s()


def _is_message(payload: bytes) -> bool:
    return KINDS[read_tag(payload)].is_message


def _seal_of(sealed: SealedEnvelope, now_s: int) -> Seal:
    return Seal(sealed.session_id, sealed.chain, sealed.ordinal, sealed.recipe, now_s)
