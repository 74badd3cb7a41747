"""One contact's protocol state in memory, ahead of the disk by what waits for its commit."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from loom.core.choice import Counters
from loom.core.conversation import Conversation, decode_conversation, encode_conversation
from loom.core.session import Awaited, Session
from loom.core.skipped import KeyPlace, SkippedChange, SkippedMessageKeys
from loom.model import Contact, MessageId
from loom.node.parts import Parts
from loom.storage import conversations, counters, handshakes, outbox, skipped_keys
from loom.storage.connection import Db
from loom.storage.conversations import Save

T = TypeVar("T")


class SealedAt(NamedTuple):
    """Where an outbox row that awaits its receipt was sealed."""

    session_id: bytes
    chain: int
    ordinal: int


class SkippedAt(NamedTuple):
    """A change of one session's skipped keys."""

    session_id: bytes
    change: SkippedChange


class ContactState:
    """The newest derived value. `commit` stores it; a failed commit discards all derived from it.

    Whoever derives from `conversation` calls `commit` before it awaits anything: commits reach
    the disk in the order of their calls, each requiring the version before it.
    """

    def __init__(self, parts: Parts, contact: Contact) -> None:
        self._parts = parts
        self._contact = contact
        self._version = 0
        self._stored = Conversation()
        self._loading = asyncio.Lock()
        self._skipped_changes: list[SkippedAt] = []
        self.loaded = False
        self.conversation = Conversation()
        self.skipped: dict[bytes, SkippedMessageKeys] = {}
        self.awaiting: dict[MessageId, SealedAt] = {}
        """Sealed outbox rows without a receipt, in the order they were sealed."""

    async def ready(self) -> None:
        """Load the state from disk unless it is here."""
        if not self.loaded:
            async with self._loading:
                if not self.loaded:
                    await self._load()

    def awaited(self) -> Awaited | None:
        """The oldest message on the best session that awaits its receipt."""
        best = self.conversation.best
        if best is None:
            return None
        for sealed in self.awaiting.values():
            if sealed.session_id == best.session_id:
                return Awaited(sealed.chain, sealed.ordinal)
        return None

    def skip(self, session_id: bytes, change: SkippedChange) -> None:
        """Apply what one opened message did to the skipped keys; stored by the next `commit`."""
        if change.added or change.removed:
            keys = self.skipped.setdefault(session_id, SkippedMessageKeys())
            keys.apply(change, self._parts.now_s())
            self._skipped_changes.append(SkippedAt(session_id, change))

    def commit(self, work: Callable[[Db], T]) -> "asyncio.Future[T]":
        """Store `conversation` as it is now, together with what depends on it.

        Raises (from the future): StateConflict when an earlier commit failed, or any StoreError.
        """
        contact, read_version = self._contact, self._version
        before, after = self._stored, self.conversation
        changes, self._skipped_changes = self._skipped_changes, []
        self._version += 1
        self._stored = after
        now_s = self._parts.now_s()
        kept = {session.session_id for session in after.sessions}
        gone = [one for one in before.sessions if one.session_id not in kept]
        for session in gone:
            self.skipped.pop(session.session_id, None)

        def transaction(db: Db) -> T:
            if after.counters != before.counters:
                stored = counters.Counters(after.counters.sent, after.counters.accepted)
                counters.put(db, contact.peer_id, stored)
            for one in changes:
                _store_skipped(db, contact, one, now_s)
            for session in gone:
                _forget_session(db, contact, session)
            return work(db)

        save = Save(contact.contact_id, read_version, lambda: encode_conversation(after))
        future = self._parts.database.submit(transaction, save)
        future.add_done_callback(self._settled)
        return future

    def discard(self) -> None:
        """Forget what is in memory; the next `ready` loads what is on disk."""
        self.loaded = False
        self._skipped_changes = []

    def _settled(self, future: "asyncio.Future[T]") -> None:
        # Of a cancelled one nobody knows how it ended: the disk does.
        if future.cancelled() or future.exception() is not None:
            self.discard()

    async def _load(self) -> None:
        number, peer_id = self._contact.contact_id, self._contact.peer_id
        # Through the writer, so that it comes after every commit that is still under way.
        found, kept, keys, positions = await self._parts.database.write(
            lambda db: (
                conversations.load(db, number),
                counters.get(db, peer_id),
                skipped_keys.of_contact(db, number),
                outbox.sealed_positions(db, number),
            )
        )
        self._version = 0 if found is None else found[0]
        conversation = Conversation() if found is None else decode_conversation(found[1])
        self._stored = self.conversation = _with_counters(conversation, kept)
        self.skipped = {}
        for key in keys:
            of_session = self.skipped.setdefault(key.session_id, SkippedMessageKeys())
            of_session.load(KeyPlace(key.chain, key.n), key.message_key, key.stored_at_s)
        self.awaiting = {
            one.message_id: SealedAt(one.session_id, one.chain, one.ordinal) for one in positions
        }
        self.loaded = True


def _with_counters(conversation: Conversation, kept: counters.Counters) -> Conversation:
    known = conversation.counters
    merged = Counters(max(known.sent, kept.sent), max(known.accepted, kept.accepted), known.told)
    return msgspec.structs.replace(conversation, counters=merged)


def _store_skipped(db: Db, contact: Contact, one: SkippedAt, now_s: int) -> None:
    session_id, change = one
    if change.removed:
        places = [(session_id, *place) for place in change.removed]
        skipped_keys.delete_many(db, contact.contact_id, places)
    if change.added:
        added = [
            skipped_keys.SkippedKey(session_id, *place, key, now_s) for place, key in change.added
        ]
        skipped_keys.add_many(db, contact.contact_id, added)


def _forget_session(db: Db, contact: Contact, session: Session) -> None:
    skipped_keys.delete_session(db, contact.contact_id, session.session_id)
    if not session.own:
        handshakes.add(db, session.handshake_id, contact.peer_id, session.bundle_expires_at_s)
