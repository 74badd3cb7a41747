"""Delivers to one device: does what `core.delivery.plan` says is next, until it says rest."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from loom.api.events import MessageSent
from loom.core.delivery import plan, receipts, sending, starting
from loom.core.delivery.plan import Action, Delivery, Next, Wish
from loom.core.delivery.receipts import OwedRow
from loom.core.delivery.sending import RETRY_FIRST_S
from loom.core.prekeys import read_bundle
from loom.core.sessions import SealedEnvelope
from loom.errors import LoomError, StateConflict, StoreUnavailable
from loom.model import MessageId
from loom.node.context import DeviceContext
from loom.node.journal import Happened
from loom.node.message_view import shown_id
from loom.node.notes import Notes
from loom.node.routes.arbiter import Arbiter
from loom.node.routes.direct import DirectLink
from loom.node.sessions import DeviceSessions
from loom.storage import outbox
from loom.storage import receipts as receipt_rows
from loom.storage.connection import Db
from loom.storage.outbox import OutboxRow, Seal
from loom.storage.receipts import ReceiptKind
from loom.wire.content import KINDS, KnownPayload, Receipt, Typing, encode_payload, read_tag
from loom.wire.framing import RecordKind

T = TypeVar("T")
log = logging.getLogger(__name__)

PAGE_ROWS: Final = 64
RECEIPT_ROWS: Final = 256


class Outbox:
    """One task a link seals and writes in order; a text with nothing before it is sealed and
    stored at once."""

    def __init__(
        self,
        context: DeviceContext,
        sessions: DeviceSessions,
        arbiter: Arbiter,
    ) -> None:
        self._context = context
        self._sessions = sessions
        self._arbiter = arbiter
        self._notes = Notes(context, sessions)
        self._delivery = Delivery()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._added = 0
        """Rows that were added unsealed."""

    # --- from the node ---

    async def add(
        self,
        message_id: MessageId,
        payload: KnownPayload,
        also: Callable[[Db, Happened], T],
    ) -> T:
        """Queue a payload durably, together with `also`; returns after the commit."""
        data = encode_payload(payload)
        if self._is_free():
            try:
                return await self._add_sealed(message_id, data, also)
            except StateConflict:
                log.info("contact %d: queued unsealed after a failed commit", self._context.number)
        return await self._add_unsealed(message_id, data, also)

    async def tell_typing(self, on: bool) -> None:
        """Send a live sign, if the device is connected."""
        await self._sessions.ready()
        if self._arbiter.link is None or not self._sessions.may_seal(text=True):
            return
        parts = self._context.parts
        typing = Typing(parts.new_id(), parts.clock.now_ms(), on)
        sealed = self._sessions.seal(encode_payload(typing))
        await self._sessions.commit(then=lambda _: self.send(sealed.envelope))

    def withdraw(self, message_ids: Sequence[MessageId]) -> None:
        """These rows were deleted: nothing waits for their receipts any more."""
        for message_id in message_ids:
            self._sessions.in_flight.remove(message_id)
        self._unblock()
        self._wake.set()

    def withdraw_all(self) -> None:
        """Every row was deleted."""
        self._sessions.in_flight.clear()
        self._unblock()
        self._wake.set()

    def owe(self) -> None:
        """A receipt was stored as owed."""
        self._receipts_are_due()
        self._wake.set()

    def want_start(self) -> None:
        """A desync was seen."""
        self._sessions.want_start()
        self._wake.set()

    # --- from the link ---

    def link_up(self, link: DirectLink) -> None:
        """A link was confirmed: everything without a receipt goes out again."""
        now_s, before = self._now_s(), self._delivery
        self._sessions.in_flight.forget_writes()
        self._delivery = Delivery(
            sending.link_up(before.sending, now_s),
            receipts.link_up(before.receipts),
            starting.link_up(before.starting, link.opened_at_s, dialled=link.dialled),
        )
        self._wake.set()
        if self._task is None:
            self._task = self._context.spawn(self._run(), "outbox")

    def link_down(self) -> None:
        """There is nothing to write to."""
        ended = starting.link_down(self._delivery.starting, self._now_s())
        stopped = replace(self._delivery.sending, is_caught_up=False)
        self._delivery = replace(self._delivery, starting=ended, sending=stopped)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._notes.link_down()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def wake(self) -> None:
        """The link takes more."""
        self._wake.set()

    async def bundle_received(self, data: bytes) -> None:
        """Begin a session, if one was asked for and is still due.

        Raises:
            PeerError: the bundle is not one to begin with.
        """
        if self._delivery.starting.asked_s is None:
            return
        self._delivery = replace(
            self._delivery, starting=starting.answered(self._delivery.starting)
        )
        parts = self._context.parts
        bundle = read_bundle(data, self._context.token, parts.now_s())
        await self._sessions.ready()
        is_due = self._is_start_due(await self._wish())
        await self._sessions.ready()
        if not is_due:
            return
        self._sessions.start(bundle)
        began = starting.began(self._delivery.starting, self._now_s())
        self._delivery = replace(self._delivery, starting=began)
        await self._sessions.commit()
        log.info("contact %d: session started", self._context.number)
        self._wake.set()

    # --- from the inbox ---

    def seal_receipt(
        self, delivered: Sequence[MessageId], read: Sequence[MessageId]
    ) -> bytes | None:
        """A sealed Receipt for the caller to commit and write; None while none may be sealed."""
        if not self._sessions.may_seal(text=False):
            return None
        parts = self._context.parts
        payload = Receipt(parts.new_id(), parts.clock.now_ms(), tuple(delivered), tuple(read))
        return self._sessions.seal(encode_payload(payload)).envelope

    def receipted(self, message_ids: Sequence[MessageId]) -> None:
        """The device has these: flow control may allow more; the caller commits."""
        for message_id in message_ids:
            self._sessions.receipted(message_id)
        if message_ids:
            progressed = sending.receipt_came(self._delivery.sending, self._now_s())
            self._delivery = replace(self._delivery, sending=progressed)

    def taken_in(self) -> None:
        """Envelopes were taken in: sessions, receipts or flow control may have changed."""
        self._unblock()
        best, state = self._sessions.best, self._delivery.sending
        is_new = best is not None and best.session_id != state.session_id
        if is_new or not state.is_caught_up or self._sessions.value.start_wanted:
            self._wake.set()

    # --- adding ---

    def _is_free(self) -> bool:
        """No row waits before a new one, and it may be sealed and written at once."""
        return (
            self._arbiter.is_writable
            and self._delivery.sending.is_caught_up
            and sending.room(self._delivery.sending, 1) > 0
            and self._sessions.is_loaded
            and self._sessions.may_seal(text=True)
            # Otherwise rows that were sealed on the session before come first.
            and self._sessions.best_id == self._delivery.sending.session_id
        )

    def _unblock(self) -> None:
        if self._sessions.may_seal(text=True):
            state = sending.unblocked(self._delivery.sending)
            self._delivery = replace(self._delivery, sending=state)

    async def _add_sealed(
        self, message_id: MessageId, data: bytes, also: Callable[[Db, Happened], T]
    ) -> T:
        device_id = self._context.device_id
        sealed = self._sessions.seal_row(message_id, data)
        seal = _seal_of(sealed, self._context.parts.now_s())

        def store(db: Db, happened: Happened) -> tuple[int, T]:
            return outbox.add(db, device_id, message_id, data, seal), also(db, happened)

        def write(stored: tuple[int, T]) -> None:
            if not self._delivery.sending.is_caught_up:
                # A new link or session meanwhile: the task sends what came before first.
                self._wake.set()
            elif self.send(sealed.envelope):
                self._written([(stored[0], message_id, data)])
            else:
                self._rewind()

        return (await self._sessions.commit(store, write))[1]

    async def _add_unsealed(
        self, message_id: MessageId, data: bytes, also: Callable[[Db, Happened], T]
    ) -> T:
        device_id = self._context.device_id
        self._added += 1
        self._delivery = replace(
            self._delivery, sending=replace(self._delivery.sending, is_caught_up=False)
        )

        def store(db: Db, happened: Happened) -> T:
            outbox.add(db, device_id, message_id, data)
            return also(db, happened)

        return await self._context.parts.journal.submit(store, then=lambda _: self._wake.set())

    # --- the task ---

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._deliver()
            except LoomError as error:
                log.warning("contact %d: delivery: %s", self._context.number, error.code)
                self._context.warn(error)
                self._look_again(RETRY_FIRST_S)

    async def _deliver(self) -> None:
        while (link := self._arbiter.link) is not None:
            action, rest_s = await self._next(link)
            match action:
                case Action.ASK_FOR_BUNDLE:
                    asked = starting.asked(self._delivery.starting, self._now_s())
                    self._delivery = replace(self._delivery, starting=asked)
                    link.send_record(RecordKind.BUNDLE_REQUEST, b"")
                case Action.TELL_RECEIPTS:
                    await self._tell_receipts()
                case Action.WRITE_ROWS:
                    await self._write_rows(link)
                case Action.WANT_START:
                    again = replace(self._delivery.sending, progress_s=self._now_s())
                    self._delivery = replace(self._delivery, sending=again)
                    self._sessions.want_start()
                case Action.GREET:
                    await self._greet()
                case Action.REST:
                    if rest_s is not None:
                        self._look_again(rest_s * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
                    return

    async def _next(self, link: DirectLink) -> Next:
        await self._sessions.ready()
        wish = await self._wish()
        await self._sessions.ready()
        if (best := self._sessions.best) is not None:
            current = sending.on_session(self._delivery.sending, best.session_id)
            self._delivery = replace(self._delivery, sending=current)
        return plan.next_action(
            self._delivery,
            self._sessions.value.live,
            wish,
            may_seal_receipt=self._sessions.may_seal(text=False),
            is_writable=link.is_writable,
            in_flight=len(self._sessions.in_flight),
            now_s=self._now_s(),
            unix_s=self._context.parts.now_s(),
        )

    async def _wish(self) -> Wish:
        device_id, value = self._context.device_id, self._sessions.value
        something = value.best is None and await self._context.parts.database.read(
            lambda db: bool(
                outbox.page(db, device_id, 0, 1) or receipt_rows.of_device(db, device_id, 1)
            )
        )
        return Wish(something, value.start_wanted, value.wanted_starts_s)

    def _is_start_due(self, wish: Wish) -> bool:
        live, unix_s = self._sessions.value.live, self._context.parts.now_s()
        return plan.is_start_due(self._delivery, live, wish, self._now_s(), unix_s)

    async def _tell_receipts(self) -> None:
        device_id = self._context.device_id
        # Rows that were told already go first, and then, through the writer, the others are read.
        self._notes.store()
        last_told = self._delivery.receipts.last_told
        quiet = receipts.none_left(self._delivery.receipts)
        self._delivery = replace(self._delivery, receipts=quiet)
        try:
            stored = await self._context.parts.database.write(
                lambda db: receipt_rows.of_device(db, device_id, RECEIPT_ROWS, last_told)
            )
            await self._sessions.ready()
            rows, delivered, read = receipts.first_page(stored)
            if not rows:
                return
            envelope = self.seal_receipt(delivered, read)
            if envelope is not None:
                sealed = envelope

                def write(_: None) -> None:
                    if self.send(sealed):
                        self.told(rows)

                await self._sessions.commit(then=write)
        except (Exception, asyncio.CancelledError):
            self._receipts_are_due()  # without waking: the task looks again a little later
            raise
        self._receipts_are_due()

    def _receipts_are_due(self) -> None:
        self._delivery = replace(self._delivery, receipts=receipts.owed(self._delivery.receipts))

    def owe_rows(self, message_ids: Sequence[MessageId]) -> None:
        """A Receipt that was sealed with what it names found no link: store that it is owed."""
        device_id = self._context.device_id
        try:
            future = self._context.parts.database.submit(
                lambda db: receipt_rows.add(db, device_id, ReceiptKind.DELIVERED, message_ids)
            )
        except StoreUnavailable:  # closed: the envelopes come again
            return
        self._context.log_failure(future)
        self.owe()

    def told(self, rows: Sequence[OwedRow]) -> None:
        """These were written to a confirmed link."""
        after, done = receipts.told(self._delivery.receipts, rows)
        greeted = starting.greeted(self._delivery.starting, self._now_s())
        self._delivery = replace(self._delivery, receipts=after, starting=greeted)
        self._notes.told(done)

    async def _write_rows(self, link: DirectLink) -> None:
        """Seal and write the next rows, as far as flow control allows."""
        device_id, added, before = self._context.device_id, self._added, self._delivery.sending
        cursor, limit = before.cursor, sending.room(before, PAGE_ROWS)
        # Through the writer, so that rows on their way to the disk are among them.
        rows = await self._context.parts.database.write(
            lambda db: outbox.page(db, device_id, cursor, limit)
        )
        await self._sessions.ready()
        best, state = self._sessions.best, self._delivery.sending
        if link is not self._arbiter.link or state.cursor != cursor or best is None:
            return
        if not rows:
            caught_up = replace(state, is_caught_up=added == self._added)
            self._delivery = replace(self._delivery, sending=caught_up)
            return
        ready, renewed = self._sealed(rows, best.session_id)
        if not ready:
            blocked = replace(state, is_blocked=True)
            self._delivery = replace(self._delivery, sending=blocked)
            return

        def write(gone: set[int]) -> None:
            if link is self._arbiter.link and self._delivery.sending.cursor == cursor:
                self._write([one for one in ready if one[0].row_id not in gone])

        if not renewed:
            write(set())
            return

        def store(db: Db, happened: Happened) -> set[int]:
            # A row that was deleted meanwhile does not leave.
            return {
                row.row_id for row, seal in renewed if not outbox.set_sealed(db, row.row_id, seal)
            }

        gone = await self._sessions.commit(store, write)
        for row, _ in renewed:
            if row.row_id in gone:
                self._sessions.in_flight.remove(row.message_id)

    def _sealed(
        self, rows: list[OutboxRow], session_id: bytes
    ) -> tuple[list[tuple[OutboxRow, bytes]], list[tuple[OutboxRow, Seal]]]:
        """The rows that may go out, in order, with their bytes; and those sealed for it now."""
        ready: list[tuple[OutboxRow, bytes]] = []
        renewed: list[tuple[OutboxRow, Seal]] = []
        now_s = self._context.parts.now_s()
        for row in rows:
            if row.envelope is not None and sending.is_current(
                row.session_id, row.sealed_at_s or 0, session_id, now_s
            ):
                ready.append((row, row.envelope))
                continue
            # A row that was sealed on another session no longer holds this one back.
            self._sessions.in_flight.remove(row.message_id)
            if not self._sessions.may_seal(text=True):
                break
            sealed = self._sessions.seal_row(row.message_id, row.payload)
            renewed.append((row, _seal_of(sealed, now_s)))
            ready.append((row, sealed.envelope))
        return ready, renewed

    async def _greet(self) -> None:
        """What was sealed on this session carries the handshake as well as an empty Receipt."""
        greeted = starting.greeted(self._delivery.starting, self._now_s())
        self._delivery = replace(self._delivery, starting=greeted)
        best_id = self._sessions.best_id
        if best_id is not None and self._sessions.in_flight.oldest_on(best_id) is not None:
            return
        envelope = self.seal_receipt([], [])
        if envelope is not None:
            sealed = envelope
            await self._sessions.commit(then=lambda _: self.send(sealed))

    # --- writing ---

    def _write(self, ready: list[tuple[OutboxRow, bytes]]) -> None:
        for _, envelope in ready:
            self.send(envelope)
        self._written([(row.row_id, row.message_id, row.payload) for row, _ in ready])

    def send(self, envelope: bytes) -> bool:
        """Write a committed envelope; False: there is no link."""
        if not self._arbiter.is_up:
            return False
        self._arbiter.send(envelope)
        return True

    def _written(self, rows: Sequence[tuple[int, MessageId, bytes]]) -> None:
        """These are on a confirmed link; most are receipted before that is worth storing."""
        state = self._delivery.sending
        for row_id, _, _ in rows:
            state = sending.written(state, row_id)
        self._delivery = replace(self._delivery, sending=state)
        self._sessions.in_flight.written([one for _, one, _ in rows], self._now_s())
        messages = [one for _, one, data in rows if KINDS[read_tag(data)].is_message]
        if messages and self._context.parts.journal.has_readers:
            person = self._context.person
            self._context.parts.journal.tell(
                *(
                    MessageSent(
                        message_id=shown_id(one),
                        contact=person.name,
                        contact_id=person.person_id,
                    )
                    for one in messages
                )
            )
        self._notes.sent(messages)
        if self._timer is None:
            self._look_again(state.retry_s)

    def _rewind(self) -> None:
        rewound = sending.rewound(self._delivery.sending)
        self._delivery = replace(self._delivery, sending=rewound)
        self._wake.set()

    # --- time ---

    def _now_s(self) -> float:
        return self._context.parts.clock.monotonic_s()

    def _look_again(self, delay_s: float) -> None:
        """Wake after a while; of several such wishes the earliest counts."""
        loop, timer = asyncio.get_running_loop(), self._timer
        if timer is not None:
            if timer.when() <= loop.time() + delay_s:
                return
            timer.cancel()
        self._timer = loop.call_later(delay_s, self._alarm)

    def _alarm(self) -> None:
        """Write again what the device could not store, or a link swallowed: the same bytes."""
        self._timer = None
        state, oldest_s = self._delivery.sending, self._sessions.in_flight.oldest_write_s()
        if oldest_s is None:
            state = sending.all_receipted(state)
        elif sending.is_retry_due(state, oldest_s, self._now_s()):
            self._sessions.in_flight.forget_writes()
            state = sending.retried(state)
        self._delivery = replace(self._delivery, sending=state)
        self._wake.set()


def _seal_of(sealed: SealedEnvelope, now_s: int) -> Seal:
    return Seal(sealed.session_id, sealed.chain, sealed.ordinal, sealed.envelope, now_s)
