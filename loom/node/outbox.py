"""Delivers to one contact: seals, writes, retries, until the contact's receipt (PROTOCOL 9)."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from loom.api.events import AnyEvent, MessageSent
from loom.core import conversation as core
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.session import may_seal
from loom.errors import LoomError, StateConflict
from loom.model import MessageId
from loom.node.notes import Notes
from loom.node.state import SealedAt
from loom.storage import outbox
from loom.storage.connection import Db
from loom.storage.outbox import OutboxRow, Seal
from loom.wire.content import KnownPayload, Text, Typing, decode_payload, encode_payload
from loom.wire.limits import CHAIN_LIFETIME_S

if TYPE_CHECKING:
    from loom.node.peer import Peer

T = TypeVar("T")
log = logging.getLogger(__name__)

PAGE_ROWS: Final = 64
RETRY_FIRST_S: Final = 30.0
RETRY_MAX_S: Final = 600.0
STUCK_S: Final = 60.0


class Outbox:
    """One contact's way out. A single task seals and writes in order; a text that finds nothing
    before it is sealed and stored at once."""

    def __init__(self, peer: "Peer") -> None:
        self._peer = peer
        self.notes = Notes(peer)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._cursor = 0
        self._caught_up = False
        self._adding = 0
        """Rows on their way to the disk unsealed: later texts must not overtake them."""
        self._added = 0
        self._last_commit: asyncio.Future[Any] | None = None
        self._best: bytes | None = None
        self._written_s: dict[MessageId, float] = {}
        """When each row that awaits its receipt was last written to this link."""
        self._progress_s = 0.0
        self._retry_s = RETRY_FIRST_S
        self._retry_timer: asyncio.TimerHandle | None = None

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
        if self._peer.connection is None or not self.may_seal(text=True):
            return
        now_ms = self._peer.parts.clock.now_ms()
        sealed = self.seal(encode_payload(Typing(self._peer.parts.new_id(), now_ms, on)))
        await self._peer.state.commit(lambda db: None)
        self._peer.send_envelope(sealed.envelope)

    def withdrawn(self, message_ids: list[MessageId] | None) -> None:
        """Rows were deleted here (None: all): nothing waits for their receipts any more."""
        awaiting = self._peer.state.awaiting
        for message_id in list(awaiting) if message_ids is None else message_ids:
            awaiting.pop(message_id, None)
        self._wake.set()

    # --- from the peer ---

    def link_up(self) -> None:
        """A link was confirmed: everything without a receipt goes out again."""
        self._written_s.clear()
        self._progress_s = self._peer.parts.clock.monotonic_s()
        self._retry_s = RETRY_FIRST_S
        self.rewind()
        if self._task is None:
            self._task = self._peer.spawn(self._run(), "outbox")

    def link_down(self) -> None:
        """Nobody to write to."""
        self._caught_up = False
        if self._retry_timer is not None:
            self._retry_timer.cancel()
            self._retry_timer = None
        self.notes.link_down()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def state_changed(self) -> None:
        """The inbox changed sessions, receipts or room."""
        best = self._peer.state.conversation.best
        if best is not None and best.session_id != self._best:
            self.rewind()
        if not self._caught_up or self._peer.state.conversation.start_wanted:
            self._wake.set()

    def wake(self) -> None:
        """The link takes more, or a receipt is owed."""
        self._wake.set()

    def rewind(self) -> None:
        """Look at every row again."""
        self._cursor = 0
        self._caught_up = False
        self._wake.set()

    def progressed(self) -> None:
        """The contact receipted something."""
        self._progress_s = self._peer.parts.clock.monotonic_s()

    def look_again(self, delay_s: float) -> None:
        """Wake after a while; of several such wishes the earliest counts."""
        loop = asyncio.get_running_loop()
        timer = self._retry_timer
        if timer is not None and not timer.cancelled() and timer.when() <= loop.time() + delay_s:
            return
        if timer is not None:
            timer.cancel()
        self._retry_timer = loop.call_later(delay_s, self._rung)

    # --- sealing, for everything that this contact is sent ---

    def seal(self, payload: bytes) -> core.Sealed:
        """Derive the next state; the caller commits it before it awaits or writes anything."""
        parts, state = self._peer.parts, self._peer.state
        sealed = core.seal(
            state.conversation,
            payload,
            entropy=parts.nonces.take(ENTROPY_BYTES),
            fresh_key=parts.keys.take,
            awaited=state.awaited(),
        )
        state.conversation = sealed.conversation
        return sealed

    def may_seal(self, *, text: bool) -> bool:
        """Whether flow control lets one more message be sealed now."""
        best = self._peer.state.conversation.best
        return best is not None and may_seal(best, self._peer.state.awaited(), text=text)

    # --- adding ---

    def _is_free(self) -> bool:
        """Nothing waits before a new text, and it may be sealed and written at once."""
        connection = self._peer.connection
        return (
            connection is not None
            and connection.is_writable
            and self._caught_up
            and self._peer.state.loaded
            and self.may_seal(text=True)
        )

    async def _add_sealed(
        self, message_id: MessageId, payload: KnownPayload, data: bytes, also: Callable[[Db], T]
    ) -> T:
        peer = self._peer
        sealed = self.seal(data)
        peer.state.awaiting[message_id] = SealedAt(sealed.session_id, sealed.chain, sealed.ordinal)
        seal = _seal_of(sealed, peer.parts.now_s())

        def store(db: Db) -> tuple[int, T]:
            return outbox.add(db, peer.number, message_id, data, seal), also(db)

        self._last_commit = future = peer.state.commit(store)

        def stored(done: "asyncio.Future[tuple[int, T]]") -> None:
            if done.cancelled() or done.exception() is not None:
                return
            row_id = done.result()[0]
            if not self._caught_up:
                # A new link or session meanwhile: the task sends what came before first.
                self._wake.set()
                return
            self._cursor = max(self._cursor, row_id)
            if peer.send_envelope(sealed.envelope):
                self._written([message_id], [message_id] if isinstance(payload, Text) else [])
            else:
                self.rewind()

        # Before anybody who waits for the commit goes on.
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
                self.look_again(RETRY_FIRST_S)

    async def _deliver(self) -> None:
        peer = self._peer
        await peer.state.ready()
        await peer.starter.start_if_due()
        best = peer.state.conversation.best
        if best is None:
            return
        if best.session_id != self._best:
            self._best = best.session_id
            self.rewind()
        paid = await peer.owed.pay()
        while not self._caught_up and peer.connection is not None:
            if not peer.connection.is_writable:
                return
            if not await self._write_page():
                break
        await peer.starter.greet()
        if peer.state.awaiting or not paid:
            self.look_again(self._retry_s * random.uniform(0.8, 1.2))  # noqa: S311 - only jitter

    async def _write_page(self) -> bool:
        """Seal and write the next rows; False when there is nothing to do now."""
        peer, state = self._peer, self._peer.state
        if self._last_commit is not None:
            await asyncio.wait([self._last_commit])
        added, cursor = self._added, self._cursor
        rows = await peer.parts.database.read(
            lambda db: outbox.page(db, peer.number, cursor, PAGE_ROWS)
        )
        if not rows:
            if self._adding:  # a row may be on its way to the disk; its commit wakes this task
                return False
            self._caught_up = added == self._added and cursor == self._cursor
            return not self._caught_up
        await state.ready()
        best = state.conversation.best
        if cursor != self._cursor or best is None:
            return best is not None
        ready = await self._sealed(rows, best.session_id)
        if not ready:
            self._watch_for_stall()
            return False
        return self._write(ready, cursor)

    async def _sealed(
        self, rows: list[OutboxRow], session_id: bytes
    ) -> list[tuple[OutboxRow, bytes]]:
        """The rows with their bytes, in order, as far as flow control allows; stored."""
        state = self._peer.state
        ready: list[tuple[OutboxRow, bytes]] = []
        anew: list[tuple[OutboxRow, Seal]] = []
        now_s = self._peer.parts.now_s()
        for row in rows:
            if row.envelope is not None and _is_current(row, session_id, now_s):
                ready.append((row, row.envelope))
                continue
            # A row that was sealed on another session no longer holds this one back.
            state.awaiting.pop(row.message_id, None)
            if not self.may_seal(text=True):
                break
            sealed = self.seal(row.payload)
            at = SealedAt(sealed.session_id, sealed.chain, sealed.ordinal)
            state.awaiting[row.message_id] = at
            anew.append((row, _seal_of(sealed, now_s)))
            ready.append((row, sealed.envelope))
        if not anew:
            return ready
        kept = await state.commit(
            lambda db: [outbox.set_sealed(db, row.row_id, seal) for row, seal in anew]
        )
        # A row that was deleted meanwhile does not leave.
        gone = {row.row_id for (row, _), is_there in zip(anew, kept, strict=True) if not is_there}
        self.withdrawn([row.message_id for row, _ in anew if row.row_id in gone])
        return [one for one in ready if one[0].row_id not in gone]

    def _write(self, ready: list[tuple[OutboxRow, bytes]], cursor: int) -> bool:
        if cursor != self._cursor or self._peer.connection is None:
            return self._peer.connection is not None
        texts: list[MessageId] = []
        for row, envelope in ready:
            self._peer.send_envelope(envelope)
            self._cursor = row.row_id
            if isinstance(decode_payload(row.payload), Text):
                texts.append(row.message_id)
        self._written([row.message_id for row, _ in ready], texts)
        return True

    def _watch_for_stall(self) -> None:
        """At the limit of unreceipted messages, with a link and no receipt: begin anew."""
        peer = self._peer
        now_s = peer.parts.clock.monotonic_s()
        if now_s - self._progress_s < STUCK_S:
            self.look_again(STUCK_S)
            return
        self._progress_s = now_s
        peer.want_start()

    # --- what was written ---

    def _written(self, message_ids: list[MessageId], texts: list[MessageId]) -> None:
        """These are on a confirmed link; most are receipted before that is worth storing."""
        peer = self._peer
        now_s = peer.parts.clock.monotonic_s()
        for message_id in message_ids:
            self._written_s[message_id] = now_s
        if texts and peer.parts.bus.has_readers:
            peer.parts.bus.publish([self._sent_event(one) for one in texts])
        self.notes.sent(texts)
        if self._retry_timer is None:
            self.look_again(self._retry_s)

    def _sent_event(self, message_id: MessageId) -> AnyEvent:
        peer = self._peer
        return MessageSent(
            message_id=peer.shown_id(message_id),
            contact=peer.contact.name,
            contact_id=peer.number,
        )

    def _rung(self) -> None:
        """Write again what the contact could not store, or a link swallowed: the same bytes."""
        self._retry_timer = None
        awaiting = self._peer.state.awaiting
        self._written_s = {one: at for one, at in self._written_s.items() if one in awaiting}
        oldest_s = min(self._written_s.values(), default=None)
        now_s = self._peer.parts.clock.monotonic_s()
        if oldest_s is None:
            self._retry_s = RETRY_FIRST_S
        elif now_s - oldest_s >= self._retry_s:
            self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)
            self._written_s.clear()
            self.rewind()
        self._wake.set()


def _is_current(row: OutboxRow, session_id: bytes, now_s: int) -> bool:
    """Whether the stored bytes may go out again as they are."""
    age_s = now_s - (row.sealed_at_s or 0)
    return row.session_id == session_id and age_s < CHAIN_LIFETIME_S


def _seal_of(sealed: core.Sealed, now_s: int) -> Seal:
    return Seal(sealed.session_id, sealed.chain, sealed.ordinal, sealed.envelope, now_s)
