"""Takes in what a contact sends: opens, stores and receipts in one transaction (PROTOCOL 9)."""

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactTyping,
    MessageDelivered,
    MessageRead,
    MessageReceived,
    SessionStarted,
)
from loom.core import conversation as core
from loom.core.conversation import Opened
from loom.core.prekeys import Prekey, decode_prekey
from loom.crypto.kdf import hash_
from loom.errors import (
    CardMismatch,
    DiskFull,
    LoomError,
    MalformedMessage,
    PeerError,
    ProtocolViolation,
    StoreUnavailable,
)
from loom.model import Direction, MessageId, MessageState
from loom.node.bus import Draft, store_events
from loom.storage import (
    contacts,
    envelopes,
    handshakes,
    messages,
    outbox,
    prekeys,
    receipts,
    seen,
)
from loom.storage.connection import Db
from loom.storage.receipts import OwedReceipt, ReceiptKind
from loom.wire.content import Payload, Profile, Receipt, Text, Typing, Unknown, decode_payload
from loom.wire.limits import INBOX_QUEUE_MAX

if TYPE_CHECKING:
    from loom.node.peer import Peer

log = logging.getLogger(__name__)

BATCH_MAX: Final = 128
BATCH_MAX_BYTES: Final = 256 * 1024
BATCH_SKIPPED_MAX: Final = 256
"""What others wait for is one transaction: a contact's longest texts and gaps share it with few."""
ENVELOPE_HASH_BYTES: Final = 32
GAP_REST: Final = 4
"""Great gaps cost more than they bring: then a contact rests so many times as long as it took."""
FAILURES_AT_ONCE: Final = 8
"""An envelope that does not open may cost thousands of MACs."""
FAILURES_MAX: Final = 64
TRIES_MAX: Final = 8
STORE_RETRY_S: Final = 1.0
"""How long a batch waits that could not be stored."""


class Taken(NamedTuple):
    """One opened envelope; `payload` is None when what was inside is no valid payload."""

    envelope: bytes
    payload: Payload | None


class Batch:
    """What one transaction takes in, and what did not open meanwhile."""

    def __init__(self) -> None:
        self.envelopes: list[bytes] = []
        """All that left the queue, in order."""
        self.taken: list[Taken] = []
        self.failed: list[tuple[bytes, PeerError]] = []
        self.spent_prekeys: list[bytes] = []
        self.card: bytes | None = None
        self.renewed = False
        self.size_bytes = 0
        self.skipped = 0
        """Keys stored and deleted because messages are missing."""

    def is_full(self, limit: int) -> bool:
        """Whether the rest must wait for the next transaction."""
        return (
            len(self.taken) >= limit
            or len(self.failed) >= FAILURES_AT_ONCE
            or self.size_bytes >= BATCH_MAX_BYTES
            or self.skipped >= BATCH_SKIPPED_MAX
        )

    def owed(self) -> list[MessageId]:
        """The ids to receipt."""
        return [
            MessageId(one.payload.message_id)
            for one in self.taken
            if one.payload is not None and one.payload.is_receipted
        ]

    def wants_answer(self) -> bool:
        """Whether a receipt goes out even if it names nothing: who began the session waits."""
        return any(one.envelope[0] == core.FIRST for one in self.taken)


class Stored(NamedTuple):
    """What the transaction did."""

    events: list[AnyEvent]
    owed: list[OwedReceipt]


class Inbox:
    """One contact's queue of envelopes. One batch is on its way to the disk at a time."""

    def __init__(self, peer: "Peer") -> None:
        self._peer = peer
        self._queue: deque[bytes] = deque()
        self._task: asyncio.Task[None] | None = None
        self._tries = 0
        self._failures = 0
        self._refused: set[bytes] = set()
        """Handshakes refused on this link: what follows one would show before its beginning."""
        self.dropped = 0
        """Verified bodies that were no payload, and payloads of unknown types."""

    @property
    def waiting(self) -> int:
        """How many envelopes came and are not yet taken in."""
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Reading from the contact's links must pause."""
        return len(self._queue) >= INBOX_QUEUE_MAX

    def link_up(self) -> None:
        """On a new link everything comes again, in order."""
        self._refused.clear()

    def put(self, envelopes_: list[bytes]) -> None:
        """Queue envelopes in the order they came."""
        self._queue.extend(envelopes_)
        if self._task is None:
            self._task = self._peer.spawn(self._run(), "inbox")

    async def _run(self) -> None:
        try:
            now_s = self._peer.parts.clock.monotonic_s
            while self._queue:
                began_s = now_s()
                has_gap = await self._take_in_or_wait()
                if not self.is_full:
                    self._peer.resume_reading()
                # One contact's work must not hold up the others'.
                await asyncio.sleep(GAP_REST * (now_s() - began_s) if has_gap else 0)
        finally:
            self._task = None

    async def _take_in_or_wait(self) -> bool:
        """Take in a batch; what cannot be stored now waits, so that the order is kept.

        Returns:
            Whether a great many messages were missing.
        """
        batch = Batch()
        try:
            await self._take_in(batch)
            self._tries = 0
        except BaseException as error:
            # What was opened and not stored must not be built upon, nor overtaken.
            self._peer.state.discard()
            self._queue.extendleft(reversed(batch.envelopes))
            if not isinstance(error, Exception):
                raise
            self._tries += 1
            log.warning(
                "contact %d: not taken in: %s",
                self._peer.number,
                error.code if isinstance(error, LoomError) else type(error).__name__,
            )
            if isinstance(error, LoomError):
                self._peer.warn(error)
            if self._tries >= TRIES_MAX and not isinstance(error, DiskFull | StoreUnavailable):
                # One that can never be stored stays unacknowledged and stops nobody behind it.
                self._queue.popleft()
                self._tries = 0
            else:
                await asyncio.sleep(STORE_RETRY_S)
            return False
        for envelope, reason in batch.failed:
            if not await self._came_before(envelope):
                await self._unopened(reason)
        if batch.taken:
            self._failures = 0
        return batch.skipped >= BATCH_SKIPPED_MAX

    async def _take_in(self, batch: Batch) -> None:
        state = self._peer.state
        await state.ready()
        limit = 1 if self._tries else BATCH_MAX
        while self._queue and not batch.is_full(limit):
            envelope = self._queue[0]
            try:
                unknown = core.unknown_handshake(state.conversation, envelope)
                if unknown is not None and batch.taken:
                    break
                batch.envelopes.append(self._queue.popleft())
                if unknown is not None:
                    await self._accept(envelope, unknown, batch)
                    break
                self._note(batch, envelope, self._open(envelope, None, refused=False))
            except PeerError as error:
                if not batch.envelopes or batch.envelopes[-1] is not envelope:
                    batch.envelopes.append(self._queue.popleft())
                batch.failed.append((envelope, error))
        if batch.taken:
            await self._commit(batch)

    async def _accept(self, envelope: bytes, unknown: core.Handshake, batch: Batch) -> None:
        """Open the first envelope of a session that the contact began."""
        if unknown.handshake_id in self._refused:
            raise ProtocolViolation(what="a handshake that was refused on this link")

        def look_up(db: Db) -> tuple[prekeys.Prekey | None, bool]:
            found = prekeys.get(db, unknown.bundle_id)
            if found is not None and found.contact_id != self._peer.number:
                found = None
            return found, handshakes.contains(db, unknown.handshake_id)

        found, refused = await self._peer.parts.database.read(look_up)
        await self._peer.state.ready()
        prekey = None if found is None else decode_prekey(found.state)
        try:
            opened = self._open(envelope, prekey, refused=refused)
        except CardMismatch as error:
            self._peer.refuse(error)
            return
        except PeerError:
            self._refused.add(unknown.handshake_id)
            raise
        log.info("contact %d: session accepted", self._peer.number)
        batch.spent_prekeys.append(unknown.bundle_id)
        batch.card = opened.accepted
        self._note(batch, envelope, opened)

    def _open(self, envelope: bytes, prekey: Prekey | None, *, refused: bool) -> Opened:
        peer, state = self._peer, self._peer.state
        opened = core.open_(
            state.conversation,
            peer.parts.identity,
            peer.token,
            envelope,
            skipped=state.skipped,
            prekey=prekey,
            refused=refused,
            now_ms=peer.parts.clock.now_ms(),
        )
        state.conversation = opened.conversation
        state.skip(opened.session_id, opened.skipped)
        return opened

    def _note(self, batch: Batch, envelope: bytes, opened: Opened) -> None:
        batch.renewed |= opened.renewed
        batch.size_bytes += len(envelope)
        batch.skipped += len(opened.skipped.added) + len(opened.skipped.removed)
        payload: Payload | None
        try:
            payload = decode_payload(opened.payload)
        except MalformedMessage:
            payload = None
        if payload is None or isinstance(payload, Unknown):
            self.dropped += 1
        if isinstance(payload, Receipt):
            self._credit(payload)
        batch.taken.append(Taken(envelope, payload))

    def _credit(self, receipt: Receipt) -> None:
        """Flow control learns which messages the contact has."""
        state = self._peer.state
        for message_id in (*receipt.delivered, *receipt.read):
            sealed = state.awaiting.pop(MessageId(message_id), None)
            if sealed is not None:
                state.conversation = core.receipted(
                    state.conversation, sealed.session_id, sealed.ordinal
                )
        if receipt.delivered or receipt.read:
            self._peer.outbox.progressed()

    async def _commit(self, batch: Batch) -> None:
        peer = self._peer
        owed = batch.owed()
        receipt = None
        if owed or batch.wants_answer():
            receipt = peer.owed.seal(owed, [])
        stored = await peer.state.commit(lambda db: self._store(db, batch, owed))
        peer.parts.bus.publish(stored.events)
        for one in batch.taken:
            if isinstance(one.payload, Typing):
                event = ContactTyping(
                    contact=peer.contact.name, contact_id=peer.number, on=one.payload.on
                )
                peer.parts.bus.publish([event])
            elif isinstance(one.payload, Profile):
                peer.called_itself(one.payload.display_name)
        if receipt is not None and peer.send_envelope(receipt):
            peer.owed.paid(stored.owed)
        elif owed:
            peer.owe()
        peer.outbox.state_changed()

    def _store(self, db: Db, batch: Batch, owed: list[MessageId]) -> Stored:
        """The transaction: inbox, seen, envelope hashes, receipts and events, or nothing."""
        peer = self._peer
        now_ms = peer.parts.clock.now_ms()
        contact_id, name = peer.number, peer.contact.name
        new = seen.add_many(db, peer.contact.peer_id, Direction.IN, owed)
        drafts: list[Draft] = []
        for _, payload in batch.taken:
            if isinstance(payload, Text):
                if payload.message_id in new:
                    new.discard(MessageId(payload.message_id))
                    drafts.append(self._store_text(db, payload, now_ms))
            elif isinstance(payload, Receipt):
                drafts += self._store_receipt(db, payload)
            elif isinstance(payload, Profile) and payload.message_id in new:
                contacts.put_display_name(db, contact_id, payload.display_name)
                changed = ContactChanged(contact=name, contact_id=contact_id, what="profile")
                drafts.append(Draft(changed, contact_id))
        for bundle_id in batch.spent_prekeys:
            prekeys.delete(db, bundle_id)
        if batch.card is not None:
            contacts.put_card(db, contact_id, batch.card)
        if batch.renewed:
            drafts.append(Draft(SessionStarted(contact=name, contact_id=contact_id), contact_id))
        now_s = now_ms // 1000
        envelopes.add_many(
            db,
            [
                envelopes.Envelope(
                    _digest(one.envelope), peer.contact.peer_id, now_s, _owed_id(one)
                )
                for one in batch.taken
            ],
        )
        debts = []
        if owed:
            row_id = receipts.add(db, contact_id, ReceiptKind.DELIVERED, owed)
            debts.append(OwedReceipt(row_id, ReceiptKind.DELIVERED, owed))
        return Stored(store_events(db, drafts, now_ms), debts)

    def _store_text(self, db: Db, text: Text, now_ms: int) -> Draft:
        peer = self._peer
        message = messages.insert(
            db,
            contact_id=peer.number,
            message_id=MessageId(text.message_id),
            direction=Direction.IN,
            body=text.body,
            sent_at_ms=text.sent_at_ms,
            stored_at_ms=now_ms,
            state=MessageState.DELIVERED,
        )
        event = MessageReceived(**peer.message_fields(message))
        return Draft(event, peer.number, message.row_id)

    def _store_receipt(self, db: Db, receipt: Receipt) -> list[Draft]:
        peer = self._peer
        delivered = [MessageId(one) for one in receipt.delivered]
        read = [MessageId(one) for one in receipt.read]
        outbox.delete(db, peer.number, delivered + read)
        moved = messages.set_state(db, peer.number, delivered, MessageState.DELIVERED)
        seen_by_them = messages.set_state(db, peer.number, read, MessageState.READ)
        name = peer.contact.name
        events: list[AnyEvent] = [
            MessageDelivered(message_id=peer.shown_id(one), contact=name, contact_id=peer.number)
            for one in moved
        ]
        events += [
            MessageRead(message_id=peer.shown_id(one), contact=name, contact_id=peer.number)
            for one in seen_by_them
        ]
        return [Draft(event, peer.number) for event in events]

    async def _came_before(self, envelope: bytes) -> bool:
        """A repeated envelope was opened once; its receipt was lost, and is owed again."""
        peer, digest = self._peer, _digest(envelope)
        known = await peer.parts.database.read(
            lambda db: envelopes.find(db, peer.contact.peer_id, digest)
        )
        if known is None:
            return False
        message_id = known.message_id
        if message_id is not None:
            await peer.parts.database.write(
                lambda db: receipts.owe_again(db, peer.number, message_id)
            )
            peer.owe()
        return True

    async def _unopened(self, error: PeerError) -> None:
        """A desync: begin anew, say so; a link on which nothing opens any more is closed."""
        peer = self._peer
        log.info("contact %d: an envelope did not open: %s", peer.number, error.facts)
        await peer.state.ready()
        peer.want_start()
        peer.warn(error)
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            log.warning("contact %d: nothing opens; closing its links", peer.number)
            self._failures = 0
            self._queue.clear()
            peer.close_links()


def _digest(envelope: bytes) -> bytes:
    return hash_(envelope)[:ENVELOPE_HASH_BYTES]


def _owed_id(one: Taken) -> MessageId | None:
    if one.payload is not None and one.payload.is_receipted:
        return MessageId(one.payload.message_id)
    return None
