"""Delivers to one contact: seals, writes, retries, until the contact's receipt (PROTOCOL 9)."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from loom.api.events import AnyEvent, MessageSent
from loom.core import choice
from loom.core import conversation as core
from loom.core.prekeys import read_bundle
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.session import may_seal
from loom.errors import LoomError, StateConflict
from loom.model import MessageId
from loom.node.connection import Connection
from loom.node.notes import Notes
from loom.node.state import SealedAt
from loom.storage import contacts, outbox, receipts
from loom.storage.connection import Db
from loom.storage.outbox import OutboxRow, Seal
from loom.storage.receipts import ReceiptKind
from loom.wire.framing import RecordKind
from loom.wire.limits import CHAIN_LIFETIME_S, RECEIPT_MAX_IDS
from loom.wire.payloads import (
    KnownPayload,
    Receipt,
    Text,
    Typing,
    decode_payload,
    encode_payload,
)

if TYPE_CHECKING:
    from loom.node.peer import Peer

T = TypeVar("T")
log = logging.getLogger(__name__)

PAGE_ROWS: Final = 64
BUNDLE_RETRY_S: Final = 30.0
RESPONDER_START_DELAY_S: Final = 1.0
"""Whoever was dialled leaves the first start to the other side, which spares a second session."""
RETRY_FIRST_S: Final = 30.0
RETRY_MAX_S: Final = 600.0
STUCK_S: Final = 60.0


class Outbox:
    """One contact's way out. A single task seals and writes in order; a text that finds nothing
    before it is sealed and stored at once."""

    def __init__(self, peer: "Peer") -> None:
        self._peer = peer
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._cursor = 0
        self._caught_up = False
        self._adding = 0
        """Rows on their way to the disk unsealed: later texts must not overtake them."""
        self._added = 0
        self._last_commit: asyncio.Future[int] | None = None
        self._owes = True
        self._best: bytes | None = None
        self._bundle_asked_s: float | None = None
        self._session_began_s = 0.0
        self._link_time_s = 0.0
        self._progress_s = 0.0
        self._retry_s = RETRY_FIRST_S
        self._retry_timer: asyncio.TimerHandle | None = None
        self._greeted = False
        self._notes = Notes(peer)

    # --- from the node ---

    async def add(self, message_id: MessageId, payload: KnownPayload, also: Callable[[Db], T]) -> T:
        """Queue a payload durably, together with `also`; returns after the commit."""
        data = encode_payload(payload)
        if self._is_free():
            try:
                return await self._add_sealed(message_id, payload, data, also)
            except StateConflict:
                log.info("contact %d: queued unsealed after a failed commit", self._peer.number)
        return await self._add_unsealed(message_id, data, also)

    async def tell_typing(self, on: bool) -> None:
        """Send a live sign, if the contact is there now."""
        await self._peer.state.ready()
        if self._peer.connection is None or not self._may_seal(text=True):
            return
        now_ms = self._peer.parts.clock.now_ms()
        sealed = self._seal(encode_payload(Typing(self._peer.parts.new_id(), now_ms, on)))
        await self._peer.state.commit(lambda db: None)
        self._peer.send_envelope(sealed.envelope)

    # --- from the peer ---

    def link_up(self) -> None:
        """A link was confirmed: everything without a receipt goes out again."""
        self._rewind()
        self._bundle_asked_s = None
        self._greeted = False
        self._owes = True
        self._progress_s = self._peer.parts.clock.monotonic_s()
        self._retry_s = RETRY_FIRST_S
        if self._task is None:
            self._task = self._peer.spawn(self._run(), "outbox")
        self._wake.set()

    def link_down(self, connection: Connection) -> None:
        """Nobody to write to."""
        self._link_time_s += self._link_age_s(connection)
        self._caught_up = False
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None
        self._notes.link_down()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def state_changed(self) -> None:
        """The inbox changed sessions, receipts or room."""
        best = self._peer.state.conversation.best
        if best is not None and best.session_id != self._best:
            self._rewind()
        if not self._caught_up or self._peer.state.conversation.start_wanted:
            self._wake.set()

    def writable_again(self) -> None:
        """The link takes more."""
        self._wake.set()

    def owe(self) -> None:
        """A receipt was stored as owed."""
        self._owes = True
        self._wake.set()

    def paid(self, rows: Sequence[int]) -> None:
        """Owed receipts were written to a confirmed link."""
        self._notes.paid(rows)

    def receipted(self, receipt: Receipt) -> None:
        """The contact answers: no need to retry."""
        if receipt.delivered or receipt.read:
            self._progress_s = self._peer.parts.clock.monotonic_s()
            self._retry_s = RETRY_FIRST_S

    def seal_receipt(self, delivered: list[MessageId], read: list[MessageId]) -> bytes | None:
        """A sealed Receipt for the caller to commit and write; None while none may be sealed."""
        if not self._may_seal(text=False):
            return None
        parts = self._peer.parts
        payload = Receipt(parts.new_id(), parts.clock.now_ms(), tuple(delivered), tuple(read))
        return self._seal(encode_payload(payload)).envelope

    async def bundle_received(self, data: bytes) -> None:
        """Begin a session, if one is still wanted."""
        peer, parts = self._peer, self._peer.parts
        if self._bundle_asked_s is None:
            return
        bundle = read_bundle(data, peer.token, parts.now_s())
        await peer.state.ready()
        if not await self._should_start():
            return
        self._bundle_asked_s = None
        await peer.state.ready()
        peer.state.conversation = core.start(
            peer.state.conversation,
            parts.identity,
            peer.token,
            bundle,
            ephemeral_seed=parts.random(32),
            local=parts.keys.take(),
            now_ms=parts.clock.now_ms(),
        )
        self._session_began_s = parts.clock.monotonic_s()
        self._link_time_s = 0.0
        card = bundle.card.raw
        await peer.state.commit(lambda db: contacts.put_card(db, peer.number, card))
        log.info("contact %d: session started", peer.number)
        self._rewind()
        self._wake.set()

    # --- adding ---

    def _is_free(self) -> bool:
        """Nothing waits before a new text, and it may be sealed and written at once."""
        connection = self._peer.connection
        return (
            connection is not None
            and connection.is_writable
            and self._caught_up
            and self._peer.state.loaded
            and self._may_seal(text=True)
        )

    async def _add_sealed(
        self, message_id: MessageId, payload: KnownPayload, data: bytes, also: Callable[[Db], T]
    ) -> T:
        peer = self._peer
        sealed = self._seal(data)
        peer.state.awaiting[message_id] = SealedAt(sealed.session_id, sealed.chain, sealed.ordinal)
        seal = _seal_of(sealed, peer.parts.now_s())

        def store(db: Db) -> tuple[int, T]:
            return outbox.add(db, peer.number, message_id, data, seal), also(db)

        future = peer.state.commit(store)
        row: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._last_commit = row

        def stored(done: "asyncio.Future[tuple[int, T]]") -> None:
            if done.cancelled() or done.exception() is not None:
                row.cancel()
                return
            row_id = done.result()[0]
            row.set_result(row_id)
            if not self._caught_up:
                # A new link or session meanwhile: the task sends what came before first.
                self._wake.set()
                return
            self._cursor = max(self._cursor, row_id)
            if peer.send_envelope(sealed.envelope):
                self._written([message_id] if isinstance(payload, Text) else [])
            else:
                self._rewind()

        future.add_done_callback(stored)
        # Whoever asked may go away; the commit does not stop, so neither does what follows it.
        return (await asyncio.shield(future))[1]

    async def _add_unsealed(self, message_id: MessageId, data: bytes, also: Callable[[Db], T]) -> T:
        peer = self._peer
        self._adding += 1
        self._caught_up = False

        def store(db: Db) -> T:
            outbox.add(db, peer.number, message_id, data)
            return also(db)

        def stored(_: "asyncio.Future[T]") -> None:
            self._adding -= 1
            self._added += 1
            self._wake.set()

        future = peer.parts.database.submit(store)
        future.add_done_callback(stored)
        return await asyncio.shield(future)

    # --- the task ---

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._deliver()
            except LoomError as error:
                log.warning("contact %d: delivery: %s", self._peer.number, error.code)
                self._peer.warn(error)
                self._alarm(RETRY_FIRST_S)

    async def _deliver(self) -> None:
        state = self._peer.state
        await state.ready()
        if await self._should_start():
            self._ask_for_bundle()
        best = state.conversation.best
        if best is None:
            return
        if best.session_id != self._best:
            self._best = best.session_id
            self._rewind()
        await self._pay()
        while not self._caught_up and self._peer.connection is not None:
            if not self._peer.connection.is_writable:
                return
            if not await self._write_page():
                break
        await self._greet()
        if state.awaiting:
            self._alarm(self._retry_s * random.uniform(0.8, 1.2))  # noqa: S311 - only jitter

    async def _write_page(self) -> bool:
        """Seal and write the next rows; False when there is nothing to do now."""
        peer, state = self._peer, self._peer.state
        if self._last_commit is not None:
            await asyncio.wait([self._last_commit])
        added = self._added
        cursor = self._cursor
        rows = await peer.parts.database.read(
            lambda db: outbox.page(db, peer.number, cursor, PAGE_ROWS)
        )
        if not rows:
            if self._adding:  # a row may be on its way to the disk; its commit wakes this task
                return False
            self._caught_up = added == self._added and cursor == self._cursor
            return not self._caught_up
        await state.ready()
        if cursor != self._cursor:
            return True
        best = state.conversation.best
        if best is None:
            return False
        ready: list[tuple[OutboxRow, bytes]] = []
        anew: list[tuple[int, Seal]] = []
        now_s = peer.parts.now_s()
        for row in rows:
            if row.envelope is not None and _is_current(row, best.session_id, now_s):
                ready.append((row, row.envelope))
                continue
            # A row that was sealed on another session no longer holds this one back.
            state.awaiting.pop(row.message_id, None)
            if not self._may_seal(text=True):
                break
            sealed = self._seal(row.payload)
            at = SealedAt(sealed.session_id, sealed.chain, sealed.ordinal)
            state.awaiting[row.message_id] = at
            anew.append((row.row_id, _seal_of(sealed, now_s)))
            ready.append((row, sealed.envelope))
        if anew:
            await state.commit(
                lambda db: [outbox.set_sealed(db, row_id, seal) for row_id, seal in anew]
            )
        if not ready:
            self._watch_for_stall()
            return False
        return self._write(ready, cursor)

    def _write(self, ready: list[tuple[OutboxRow, bytes]], cursor: int) -> bool:
        if cursor != self._cursor or self._peer.connection is None:
            return self._peer.connection is not None
        texts: list[MessageId] = []
        for row, envelope in ready:
            self._peer.send_envelope(envelope)
            self._cursor = row.row_id
            if isinstance(decode_payload(row.payload), Text):
                texts.append(row.message_id)
        self._written(texts)
        return True

    def _seal(self, payload: bytes) -> core.Sealed:
        """Derive the next state; the caller commits it before it awaits or writes anything."""
        parts, state = self._peer.parts, self._peer.state
        sealed = core.seal(
            state.conversation,
            payload,
            entropy=parts.random(ENTROPY_BYTES),
            fresh_key=parts.keys.take,
            awaited=state.awaited(),
        )
        state.conversation = sealed.conversation
        return sealed

    def _may_seal(self, *, text: bool) -> bool:
        best = self._peer.state.conversation.best
        return best is not None and may_seal(best, self._peer.state.awaited(), text=text)

    def _rewind(self) -> None:
        """Look at every row again."""
        self._cursor = 0
        self._caught_up = False
        self._wake.set()

    # --- receipts and greetings ---

    async def _pay(self) -> None:
        """Send the receipts that are owed."""
        peer = self._peer
        while self._owes and peer.connection is not None:
            self._owes = False
            self._notes.store()
            # Through the writer, so that it comes after what was paid.
            owed = await peer.parts.database.write(lambda db: receipts.of_contact(db, peer.number))
            await peer.state.ready()
            delivered: list[MessageId] = []
            read: list[MessageId] = []
            rows: list[int] = []
            for one in owed:
                if len(delivered) + len(read) + len(one.message_ids) > RECEIPT_MAX_IDS and rows:
                    self._owes = True
                    break
                kind = delivered if one.kind is ReceiptKind.DELIVERED else read
                kind.extend(one.message_ids)
                rows.append(one.row_id)
            if not rows:
                return
            envelope = self.seal_receipt(delivered[:RECEIPT_MAX_IDS], read[:RECEIPT_MAX_IDS])
            if envelope is None:
                return
            await peer.state.commit(lambda db: None)
            if not peer.send_envelope(envelope):
                self._owes = True
                return
            self.paid(rows)

    async def _greet(self) -> None:
        """A starter with nothing to say sends an empty receipt, on each link until confirmed."""
        best = self._peer.state.conversation.best
        if best is None or not choice.unconfirmed(best) or self._greeted:
            return
        self._greeted = True
        if self._peer.state.awaiting:
            return
        envelope = self.seal_receipt([], [])
        if envelope is not None:
            await self._peer.state.commit(lambda db: None)
            self._peer.send_envelope(envelope)

    # --- sessions ---

    async def _should_start(self) -> bool:
        peer, state = self._peer, self._peer.state
        connection = peer.connection
        if connection is None:
            return False
        now_s = peer.parts.clock.monotonic_s()
        best = state.conversation.best
        something = False
        if best is None:
            waited = now_s - connection.opened_at_s
            if not connection.dialled and waited < RESPONDER_START_DELAY_S:
                self._alarm(RESPONDER_START_DELAY_S)
                return state.conversation.start_wanted
            something = await peer.parts.database.read(self._has_something)
        wanted = choice.should_start(
            state.conversation.sessions,
            something_to_send=something,
            start_wanted=state.conversation.start_wanted,
            last_wanted_start_s=state.conversation.last_wanted_start_s,
            link_time_s=self._link_time_s + self._link_age_s(connection),
            now_s=peer.parts.now_s(),
        )
        if not wanted and best is not None and choice.unconfirmed(best):
            self._alarm(60.0)
        return wanted

    def _link_age_s(self, connection: Connection) -> float:
        """How long the best session has had this link."""
        since_s = max(self._session_began_s, connection.opened_at_s)
        return self._peer.parts.clock.monotonic_s() - since_s

    def _has_something(self, db: Db) -> bool:
        number = self._peer.number
        return bool(outbox.page(db, number, 0, 1) or receipts.of_contact(db, number))

    def _ask_for_bundle(self) -> None:
        now_s = self._peer.parts.clock.monotonic_s()
        if self._bundle_asked_s is not None and now_s - self._bundle_asked_s < BUNDLE_RETRY_S:
            return
        connection = self._peer.connection
        if connection is not None:
            self._bundle_asked_s = now_s
            connection.send(RecordKind.BUNDLE_REQUEST, b"")
            self._alarm(BUNDLE_RETRY_S)

    def _watch_for_stall(self) -> None:
        """At the limit of unreceipted messages, with a link and no receipt: begin anew."""
        peer = self._peer
        if peer.parts.clock.monotonic_s() - self._progress_s < STUCK_S:
            self._alarm(STUCK_S)
            return
        wanted = core.want_start(peer.state.conversation)
        if wanted is not peer.state.conversation:
            peer.state.conversation = wanted
            self._forgive(peer.state.commit(lambda db: None))
            self._wake.set()

    # --- time ---

    def _alarm(self, delay_s: float) -> None:
        """Look again after a while; the earliest alarm counts."""
        loop = asyncio.get_running_loop()
        timer = self._retry_timer
        if timer is not None and not timer.cancelled() and timer.when() <= loop.time() + delay_s:
            return
        if timer is not None:
            timer.cancel()
        self._retry_timer = loop.call_later(delay_s, self._rung)

    def _rung(self) -> None:
        self._retry_timer = None
        quiet_s = self._peer.parts.clock.monotonic_s() - self._progress_s
        if self._peer.state.awaiting and quiet_s >= self._retry_s:
            # The contact could not store what it got, or a link swallowed it: the same bytes.
            self._progress_s = self._peer.parts.clock.monotonic_s()
            self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)
            self._rewind()
        self._wake.set()

    # --- the sent state ---

    def _written(self, message_ids: list[MessageId]) -> None:
        """These texts are on a confirmed link; most are receipted before that is worth storing."""
        if not message_ids:
            return
        if self._peer.parts.bus.has_readers:
            self._peer.parts.bus.publish([self._sent_event(one) for one in message_ids])
        self._notes.sent(message_ids)
        if self._retry_timer is None:
            self._alarm(self._retry_s)

    def _sent_event(self, message_id: MessageId) -> AnyEvent:
        peer = self._peer
        return MessageSent(
            message_id=peer.shown_id(message_id),
            contact=peer.contact.name,
            contact_id=peer.number,
        )

    def _forgive(self, future: "asyncio.Future[T]") -> None:
        """What is only a note may fail: it is made again, or shown again, later."""

        def look(done: "asyncio.Future[T]") -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.info("contact %d: note not stored: %s", self._peer.number, error)

        future.add_done_callback(look)


def _is_current(row: OutboxRow, session_id: bytes, now_s: int) -> bool:
    """Whether the stored bytes may go out again as they are."""
    age_s = now_s - (row.sealed_at_s or 0)
    return row.session_id == session_id and age_s < CHAIN_LIFETIME_S


def _seal_of(sealed: core.Sealed, now_s: int) -> Seal:
    return Seal(sealed.session_id, sealed.chain, sealed.ordinal, sealed.envelope, now_s)
