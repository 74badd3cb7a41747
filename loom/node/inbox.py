"""Takes in what a device sends: opens, stores and receipts in one transaction (PROTOCOL 9.2)."""

import asyncio
import logging
from typing import Final, NamedTuple

from loom.api.events import SessionStarted
from loom.core import sessions as core
from loom.core.delivery import mailing, receiving
from loom.core.delivery.receiving import Receiving
from loom.core.prekeys import Prekey, decode_prekey
from loom.core.sessions import OpenedEnvelope, UnknownHandshake
from loom.crypto.kdf import hash_
from loom.errors import (
    AuthenticationError,
    CardMismatch,
    DiskFull,
    LoomError,
    MalformedMessage,
    PeerError,
    ProtocolViolation,
    StaleHandshake,
    StoreUnavailable,
    UnknownBundle,
)
from loom.model import DeviceId, Direction, MessageId, Person, RoomNumber
from loom.node.content import TAKE_IN, TAKEN_OF_ACQUAINTANCES, TAKEN_OF_STUBS
from loom.node.content.intake import Intake
from loom.node.content.join import spend_invite
from loom.node.context import DeviceContext, Writing
from loom.node.delivery import Delivery
from loom.node.journal import Happened
from loom.node.mail import Incoming, Judgement, Mail
from loom.node.routes.arbiter import Arbiter
from loom.node.sessions import DeviceSessions
from loom.storage import (
    early,
    envelopes,
    handshakes,
    invites,
    mailboxes,
    persons,
    prekeys,
    receipts,
    seen,
)
from loom.storage.connection import Db
from loom.storage.invites import InvitePrekey
from loom.storage.receipts import ReceiptKind
from loom.wire.chain_envelope import is_chain_envelope
from loom.wire.content import (
    Delete,
    Edit,
    Payload,
    Receipt,
    RoomEvents,
    RoomHave,
    RoomKey,
    Unknown,
    decode_payload,
)
from loom.wire.limits import INBOX_QUEUE_MAX, RECEIPT_MAX_IDS

log = logging.getLogger(__name__)

BATCH_MAX: Final = 128
BATCH_MAX_BYTES: Final = 256 * 1024
BATCH_SKIPPED_MAX: Final = 256
"""Limits of one transaction, so that one contact's long texts and gaps do not hold up others."""
IDS_IN_LOOP_MAX: Final = 128
"""Of Receipts: each id changes a row or two; work on more of them is done in the thread."""
DELETED_ID_COST: Final = 10
"""To delete a message is as much work as so many ids of a Receipt."""
EDITED_PER_ID: Final = 50
"""So many characters of an edit are as much work as one id: the index forgets the ones before."""
ENVELOPE_HASH_BYTES: Final = 32
GAP_REST: Final = 4
"""After a batch with large gaps a contact rests this many times as long as the batch took."""
DAY_S: Final = 86_400
FAILURES_AT_ONCE: Final = 8
"""An envelope that does not open may cost thousands of MACs."""
TRIES_MAX: Final = 8
REPEATED_TOGETHER_S: Final = 10.0
REPEATED_AGAIN_S: Final = 3_600.0
STORE_RETRY_S: Final = 1.0
"""How long a batch waits that could not be stored."""


class Taken(NamedTuple):
    """One opened envelope; `payload` is None when its body is no valid payload.

    `reset_counter`: of the session it came on; `session_began_s`: when the contact was first heard
    on it, Unix seconds.
    """

    envelope: bytes
    payload: Payload | None
    reset_counter: int
    session_began_s: int

    @property
    def receipted_id(self) -> MessageId | None:
        """The id to receipt, if its kind is receipted."""
        if self.payload is None or not self.payload.is_receipted:
            return None
        return MessageId(self.payload.message_id)


class Stored(NamedTuple):
    """What a transaction changed that is in memory too."""

    person: Person | None
    are_mailboxes_changed: bool
    is_join_answered: bool
    withdrawn: list[MessageId]
    is_erased: bool
    writing: Writing | None
    is_farewell_due: bool
    queued_for: set[DeviceId]
    rooms_changed: set[RoomNumber]


class Batch:
    """What one transaction takes in, and what did not open meanwhile."""

    def __init__(self) -> None:
        self.came: list[Incoming] = []
        """What left the queue, in order."""
        self.taken: list[Taken] = []
        self.failed: list[tuple[Incoming, PeerError]] = []
        self.used_prekeys: list[prekeys.Prekey | InvitePrekey] = []
        self.is_renewed = False
        self.is_session_new = False
        """A session was accepted, or answered for the first time."""
        self.size_bytes = 0
        self.skipped = 0
        """Keys stored and deleted because messages are missing."""
        self.is_about_rooms = False
        self.reached: frozenset[DeviceId] = frozenset()
        """The devices that have soon what is queued for them; of such a batch only."""
        self.told_ids = 0
        """How many messages its Receipts name, and what is as much work as that."""

    def is_full(self, limit: int) -> bool:
        """Whether the rest must wait for the next transaction."""
        return (
            len(self.taken) >= limit
            or len(self.failed) >= FAILURES_AT_ONCE
            or self.size_bytes >= BATCH_MAX_BYTES
            or self.skipped >= BATCH_SKIPPED_MAX
            or self.told_ids >= RECEIPT_MAX_IDS
        )

    def to_receipt(self) -> list[MessageId]:
        """The ids to receipt."""
        return [one.receipted_id for one in self.taken if one.receipted_id is not None]

    def wants_answer(self) -> bool:
        """Whether a Receipt goes out even if it names nothing."""
        return any(
            receiving.wants_answer(began_session=one.envelope[0] == core.FIRST)
            for one in self.taken
        )


class Inbox:
    """A queue of envelopes. One batch is on its way to the disk at a time."""

    def __init__(
        self,
        context: DeviceContext,
        sessions: DeviceSessions,
        delivery: Delivery,
        arbiter: Arbiter,
    ) -> None:
        self._context = context
        self._sessions = sessions
        self._delivery = delivery
        self._arbiter = arbiter
        self._queue: list[Incoming] = []  # short, and an empty deque takes 700 bytes
        self._task: asyncio.Task[None] | None = None
        self._tries = 0
        self._receiving = Receiving()
        self._repeated_s = -REPEATED_AGAIN_S
        """When mail that is known came again and was receipted again."""
        self.dropped = 0
        """Verified bodies that were no payload, and payloads of unknown kinds."""

    @property
    def waiting(self) -> int:
        """How many envelopes came and are not taken in yet."""
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Reading from the links must pause."""
        return len(self._queue) >= INBOX_QUEUE_MAX

    def link_up(self) -> None:
        """A new link was confirmed."""
        self._receiving = receiving.link_up(self._receiving)

    def mail_was_read(self) -> None:
        """A mailbox was read to its end: a handshake refused there may come again."""
        self._receiving = receiving.link_up(self._receiving)

    def left_mail(self) -> list[Incoming]:
        """What came from mailboxes and was not judged: no anchor brings it again on its link."""
        return [one for one in self._queue if one.mail is not None]

    def put(self, came: list[Incoming]) -> None:
        """Queue envelopes in the order they came."""
        self._queue.extend(came)
        if self._task is None:
            self._task = self._context.spawn(self._run(), "inbox")

    async def _run(self) -> None:
        try:
            now_s = self._context.parts.clock.monotonic_s
            while self._queue:
                began_s = now_s()
                has_gap = await self._take_in_or_wait()
                if not self.is_full:
                    self._arbiter.resume_reading()
                # One contact's work must not hold up the others'.
                await asyncio.sleep(GAP_REST * (now_s() - began_s) if has_gap else 0)
        finally:
            self._task = None

    async def _take_in_or_wait(self) -> bool:
        """Take in a batch; if it cannot be stored now it waits, so that the order is kept.

        Returns:
            Whether a great many messages were missing.
        """
        batch = Batch()
        try:
            await self._take_in(batch)
            self._tries = 0
        except BaseException as error:
            # What was opened and not stored must not be built upon, nor overtaken.
            self._sessions.discard()
            self._queue[:0] = batch.came
            if not isinstance(error, Exception):
                raise
            self._tries += 1
            log.warning(
                "contact %d: not taken in: %s",
                self._context.number,
                error.code if isinstance(error, LoomError) else type(error).__name__,
            )
            if isinstance(error, LoomError):
                self._context.warn(error)
            if self._tries >= TRIES_MAX and not isinstance(error, DiskFull | StoreUnavailable):
                # One that can never be stored stays unacknowledged and stops nothing behind it.
                self._queue.pop(0)
                self._tries = 0
            else:
                await asyncio.sleep(STORE_RETRY_S)
            return False
        failed = {id(one) for one, _ in batch.failed}
        for one in batch.came:
            if one.mail is not None and id(one) not in failed:
                one.mail.judged(Judgement.TAKEN)
        for one, reason in batch.failed:
            await self._look_up_or_wait(one, reason)
        if batch.taken:
            self._receiving = receiving.opened(self._receiving)
        return batch.skipped >= BATCH_SKIPPED_MAX

    async def _look_up_or_wait(self, came: Incoming, reason: PeerError) -> None:
        """See whether an envelope that does not open came before; if that fails, try it again."""
        try:
            is_known = await self._came_before(came)
            if not is_known:
                await self._not_opened(came, reason)
            if came.mail is not None:
                came.mail.judged(Judgement.KNOWN if is_known else Judgement.UNOPENED)
        except LoomError as error:
            log.warning("contact %d: not looked up: %s", self._context.number, error.code)
            self._context.warn(error)
            self._queue.insert(0, came)
            await asyncio.sleep(STORE_RETRY_S)

    async def _take_in(self, batch: Batch) -> None:
        await self._sessions.ready()
        limit = 1 if self._tries else BATCH_MAX
        while self._queue and not batch.is_full(limit):
            came = self._queue[0]
            envelope = came.envelope
            if is_chain_envelope(envelope):
                if batch.taken:
                    break
                self._queue.pop(0)
                # It may end this device: what comes after it is for the one that follows.
                await self._context.others.chain(self._context.number, came)
                continue
            try:
                unknown = core.unknown_handshake(self._sessions.value, envelope)
                if unknown is not None and batch.taken:
                    break
                batch.came.append(self._queue.pop(0))
                if unknown is not None:
                    await self._accept(envelope, unknown, batch)
                    break
                opened = self._sessions.open_(envelope, None, refused=False)
                self._note(batch, envelope, opened)
            except PeerError as error:
                if not batch.came or batch.came[-1] is not came:
                    batch.came.append(self._queue.pop(0))
                batch.failed.append((came, error))
        if batch.taken:
            await self._commit(batch)

    async def _accept(self, envelope: bytes, unknown: UnknownHandshake, batch: Batch) -> None:
        """Open the first envelope of a session that the contact began."""
        if unknown.handshake_id in self._receiving.refused:
            raise ProtocolViolation(what="a handshake that was refused on this link")

        unix_s = self._context.parts.now_s()

        def look_up(db: Db) -> tuple[prekeys.Prekey | InvitePrekey | None, bool]:
            own = prekeys.get(db, unknown.bundle_id)
            if own is not None and own.device_id != self._context.device_id:
                own = None
            if own is None and not self._context.person.is_acquaintance:
                # A contact may use an invite, too; who is none becomes one by its door or queue.
                invited = invites.open_prekey(db, unknown.bundle_id, unix_s, by_mail=True)
                return invited, handshakes.contains(db, unknown.handshake_id)
            return own, handshakes.contains(db, unknown.handshake_id)

        found, is_refused = await self._context.parts.database.read(look_up)
        await self._sessions.ready()
        prekey: Prekey | None = None if found is None else decode_prekey(found.state)
        try:
            opened = self._sessions.open_(envelope, prekey, refused=is_refused)
        except CardMismatch as error:
            self.refuse(error)
            return
        except PeerError:
            self._receiving = receiving.refused(self._receiving, unknown.handshake_id)
            raise
        log.info("contact %d: session accepted", self._context.number)
        if found is not None:
            batch.used_prekeys.append(found)
        self._note(batch, envelope, opened)

    def refuse(self, error: AuthenticationError) -> None:
        """A card or signature that is not the contact's: keep nothing, close, say so."""
        log.warning("contact %d: refused: %s", self._context.number, error.code)
        self._context.warn(error)
        self._arbiter.close()

    def _note(self, batch: Batch, envelope: bytes, opened: OpenedEnvelope) -> None:
        batch.is_renewed |= opened.renewed
        batch.is_session_new |= opened.accepted or opened.confirmed
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
            batch.told_ids += len(payload.delivered) + len(payload.read)
            # Before the next message is sealed: flow control counts what the other side has.
            self._delivery.outbox.receipted(
                [MessageId(one) for one in payload.delivered + payload.read]
            )
        if isinstance(payload, Delete):
            batch.told_ids += DELETED_ID_COST * len(payload.target_ids)
        elif isinstance(payload, Edit):
            batch.told_ids += len(payload.body) // EDITED_PER_ID
        elif isinstance(payload, RoomEvents | RoomHave | RoomKey):
            batch.told_ids += IDS_IN_LOOP_MAX + 1
            batch.is_about_rooms = True
        session = opened.sessions.session(opened.session_id)
        counter = 0 if session is None else session.reset_counter
        began_s = None if session is None else session.confirmed_at_s
        if began_s is None:
            began_s = self._context.parts.now_s()
        person = self._context.person
        if person.is_stub and not isinstance(payload, TAKEN_OF_STUBS):
            payload = None
        if person.is_acquaintance and not isinstance(payload, TAKEN_OF_ACQUAINTANCES):
            payload = None
        batch.taken.append(Taken(envelope, payload, counter, began_s))

    async def _commit(self, batch: Batch) -> None:
        ids = batch.to_receipt()
        receipt = None
        if ids or batch.wants_answer():
            receipt = self._delivery.receipts.seal(ids, [])

        # A Receipt that is written next needs no row: should it get lost, the envelopes come
        # again and owe it again (docs/PROTOCOL.md 9.2).
        to_owe = [] if receipt is not None and self._arbiter.is_up else ids

        if batch.is_about_rooms:
            batch.reached = self._context.others.reached()

        def store(db: Db, happened: Happened) -> Stored:
            return self._store(db, happened, batch, ids, to_owe)

        def write(stored: Stored) -> None:
            if stored.person is not None:
                self._context.person = stored.person
            if batch.is_session_new:
                self._context.others.heard(self._context.number)
            if stored.are_mailboxes_changed or batch.is_session_new:
                self._context.on_mail_change()
            if stored.is_join_answered:
                self._context.on_join_answered()
            if stored.withdrawn:
                self._delivery.outbox.withdraw(stored.withdrawn)
            if stored.writing is not None:
                self._context.writing = stored.writing
            if stored.is_farewell_due:
                self._context.others.farewell()
            if stored.queued_for:
                self._context.others.queued(stored.queued_for)
            if stored.rooms_changed:
                self._context.others.rooms_changed()
            if stored.is_erased:
                self._context.spawn(self._erase(), "erasing")
            if receipt is not None and self._arbiter.send(receipt):
                self._delivery.receipts.told([])
            elif to_owe:
                self._delivery.receipts.owe()
            elif ids:
                self._delivery.receipts.owe_again(ids)
            self._delivery.taken_in()

        await self._sessions.commit(store, write, is_long=batch.told_ids > IDS_IN_LOOP_MAX)

    def _store(
        self,
        db: Db,
        happened: Happened,
        batch: Batch,
        ids: list[MessageId],
        to_owe: list[MessageId],
    ) -> Stored:
        """The transaction: content, seen ids, envelope hashes, receipts and events, or nothing."""
        context, person = self._context, self._context.person
        now_ms = context.parts.clock.now_ms()
        new = seen.add_many(db, person.peer_id, Direction.IN, ids)
        intake = Intake(db, happened, context, now_ms, to_come=new, reached=batch.reached)
        for one in batch.taken:
            if one.payload is None or (take_in := TAKE_IN.get(type(one.payload))) is None:
                continue
            if one.payload.is_receipted:
                if one.payload.message_id not in new:
                    continue
                new.discard(MessageId(one.payload.message_id))
            intake.reset_counter, intake.session_began_s = one.reset_counter, one.session_began_s
            take_in(intake, one.payload)
        if intake.is_early_added:
            early.drop_oldest(db, context.conversation_id)
        for used in batch.used_prekeys:
            _use(intake, used)
        if batch.is_renewed and person.is_contact:
            started = SessionStarted(contact=person.name, contact_id=person.person_id)
            happened.add(started, context.conversation_id)
        envelopes.add_many(
            db,
            [
                envelopes.Envelope(
                    _digest(one.envelope), person.peer_id, now_ms // 1000, one.receipted_id
                )
                for one in batch.taken
            ],
        )
        if to_owe:
            receipts.add(db, context.device_id, ReceiptKind.DELIVERED, to_owe)
        changed = persons.by_id(db, person.person_id) if intake.is_person_changed else None
        return Stored(
            changed,
            intake.are_mailboxes_changed,
            intake.is_join_answered,
            intake.withdrawn,
            intake.is_erased,
            intake.writing,
            intake.is_farewell_due,
            intake.queued_for,
            intake.rooms_changed,
        )

    async def _erase(self) -> None:
        try:
            await self._context.parts.eraser.erase()
        except LoomError as error:  # the next maintenance does it
            log.warning("contact %d: not erased yet: %s", self._context.number, error.code)

    async def _came_before(self, came: Incoming) -> bool:
        """A repeated envelope was opened once; its receipt was lost, and is owed again."""
        peer_id, device_id = self._context.person.peer_id, self._context.device_id
        digest, is_mail = _digest(came.envelope), came.mail is not None
        known, is_unopened = await self._context.parts.database.read(
            lambda db: (
                envelopes.find(db, peer_id, digest),
                is_mail and mailboxes.is_unopened(db, digest),
            )
        )
        if known is None:
            return is_unopened
        message_id = known.message_id
        if message_id is not None:
            await self._context.parts.database.write(
                lambda db: receipts.owe_again(db, device_id, message_id)
            )
            self._owe_again(is_mail=is_mail)
        return True

    def _owe_again(self, *, is_mail: bool) -> None:
        """An anchor may repeat for ever: what it repeats is told again once an hour."""
        now_s = self._context.parts.clock.monotonic_s()
        since_s = now_s - self._repeated_s
        if is_mail and REPEATED_TOGETHER_S <= since_s < REPEATED_AGAIN_S:
            self._delivery.mail_within(REPEATED_AGAIN_S - since_s)
            return
        if is_mail and since_s >= REPEATED_AGAIN_S:
            self._repeated_s = now_s
        self._delivery.receipts.owe()

    async def _not_opened(self, came: Incoming, error: PeerError) -> None:
        """A desync: begin a new session, say so; close links on which nothing opens any more."""
        log.info("contact %d: an envelope did not open: %s", self._context.number, error.facts)
        await self._sessions.ready()
        if came.mail is not None:
            await self._mail_not_opened(came.envelope, came.mail, error)
            return
        self._delivery.starts.want()
        self._context.warn(error)
        self._receiving = receiving.not_opened(self._receiving)
        if receiving.must_close(self._receiving):
            log.warning("contact %d: nothing opens; closing its links", self._context.number)
            self._receiving = receiving.closed(self._receiving)
            self._queue.clear()
            self._arbiter.close()

    async def _mail_not_opened(self, envelope: bytes, mail: Mail, error: PeerError) -> None:
        """Remember it; old mail is no desync, and no link is to blame."""
        digest, unix_s = _digest(envelope), self._context.parts.now_s()
        device_id = self._context.device_id
        is_lost = mailing.is_desync(mail.until_s, self._sessions.value.live, unix_s)
        is_unknown = isinstance(error, UnknownBundle)
        is_start_wanted = is_lost and not isinstance(error, StaleHandshake)

        def store(db: Db, happened: Happened) -> None:
            mailboxes.add_unopened(db, digest, unix_s // DAY_S)
            if is_lost and is_unknown:
                # What lies at the anchors may be as old: all of it is replaced.
                mailboxes.forget_laid(db, device_id)

        # In one transaction: when it comes again it says nothing any more.
        if is_start_wanted:
            self._sessions.note_desync(also_unanswered=is_unknown)
        await self._sessions.commit(store)
        if is_lost and is_unknown:
            self._context.on_mail_change()
        if is_start_wanted:
            self._delivery.starts.want(also_unanswered=is_unknown)
            self._context.warn(error)


def _use(intake: Intake, prekey: prekeys.Prekey | InvitePrekey) -> None:
    """A session began on a bundle: it serves once, and one that serves on is replaced."""
    db = intake.db
    if isinstance(prekey, InvitePrekey):
        spend_invite(intake, prekey)
    elif not decode_prekey(prekey.state).is_kept:
        prekeys.delete(db, prekey.bundle_id)
    elif prekey.queue_id is not None:
        mailboxes.forget_laid_at(db, prekey.queue_id)


def _digest(envelope: bytes) -> bytes:
    return hash_(envelope)[:ENVELOPE_HASH_BYTES]
