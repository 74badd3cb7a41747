"""The one writer of a device's protocol state: derive, commit, tell the events, write envelopes."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import msgspec

from loom.core import sessions as core
from loom.core.choice import Counters, superseded
from loom.core.delivery.in_flight import InFlight, SealedAt
from loom.core.prekeys import Prekey, RemoteBundle
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.session import Session, may_seal
from loom.core.sessions import (
    OpenedEnvelope,
    SealedEnvelope,
    Sessions,
    decode_sessions,
    encode_sessions,
)
from loom.core.skipped import KeyPlace, SkippedChange, SkippedMessageKeys
from loom.model import DeviceId, MessageId, PeerId
from loom.node.context import DeviceContext
from loom.node.journal import Happened
from loom.storage import counters, handshakes, outbox, skipped_keys
from loom.storage import sessions as rows
from loom.storage.connection import Db
from loom.storage.sessions import Save
from loom.wire.limits import MAIL_SESSION_SUPERSEDED_S, SESSION_SUPERSEDED_S

T = TypeVar("T")


class _SkippedAt(NamedTuple):
    session_id: bytes
    change: SkippedChange


def _nothing_else(db: Db, happened: Happened) -> None:
    pass


class DeviceSessions:
    """The newest derived value, ahead of the disk by what waits for its commit.

    Many methods, because nobody else derives from it: one for each thing that changes it.

    Every method that derives a value must be followed by `commit` before anything is awaited:
    commits reach the disk in the order of their calls, each requiring the version before it. A
    failed commit discards all that was derived from it.
    """

    def __init__(self, context: DeviceContext) -> None:
        self._context = context
        self._version = 0
        self._stored = Sessions()
        self._loading = asyncio.Lock()
        self._skipped: dict[bytes, SkippedMessageKeys] = {}
        self._skipped_changes: list[_SkippedAt] = []
        self.is_loaded = False
        self.value = Sessions()
        self.in_flight = InFlight()

    # --- reading ---

    async def ready(self) -> None:
        """Load from disk unless it is here."""
        if not self.is_loaded:
            async with self._loading:
                if not self.is_loaded:
                    await self._load()

    @property
    def best(self) -> Session | None:
        """The session to send on."""
        return self.value.best

    @property
    def best_id(self) -> bytes | None:
        """The id of that session."""
        best = self.value.best
        return None if best is None else best.session_id

    def may_seal(self, *, text: bool) -> bool:
        """Whether one more message may be sealed now: flow control, and no other machine."""
        best = self.best
        if self.value.is_halted:
            return False
        return best is not None and may_seal(
            best, self.in_flight.oldest_on(best.session_id), text=text
        )

    # --- deriving; each must be followed by `commit` ---

    def seal(self, payload: bytes) -> SealedEnvelope:
        """Encrypt one payload on the best session."""
        parts, best = self._context.parts, self.best
        awaited = None if best is None else self.in_flight.oldest_on(best.session_id)
        sealed = core.seal(
            self.value,
            payload,
            entropy=parts.nonces.take(ENTROPY_BYTES),
            fresh_key=parts.keys.take,
            awaited=awaited,
        )
        self.value = sealed.sessions
        return sealed

    def seal_row(self, message_id: MessageId, payload: bytes) -> SealedEnvelope:
        """The same for an outbox row, which is in flight from now on."""
        sealed = self.seal(payload)
        at = SealedAt(sealed.session_id, sealed.chain, sealed.ordinal)
        self.in_flight.sealed(message_id, at)
        return sealed

    def open_(self, envelope: bytes, prekey: Prekey | None, *, refused: bool) -> OpenedEnvelope:
        """Decrypt one envelope (see `core.sessions.open_`).

        Raises:
            PeerError: nothing opens it; nothing was derived.
        """
        parts = self._context.parts
        opened = core.open_(
            self.value,
            parts.identity,
            self._context.token,
            envelope,
            skipped=self._skipped,
            prekey=prekey,
            refused=refused,
            now_ms=parts.clock.now_ms(),
        )
        self.value = opened.sessions
        change = opened.skipped
        if change.added or change.removed:
            keys = self._skipped.setdefault(opened.session_id, SkippedMessageKeys())
            keys.apply(change, parts.now_s())
            self._skipped_changes.append(_SkippedAt(opened.session_id, change))
        return opened

    def receipted(self, message_id: MessageId) -> None:
        """The other device has a row."""
        at = self.in_flight.remove(message_id)
        if at is not None:
            self.value = core.receipted(self.value, at.session_id, at.ordinal)

    def start(self, bundle: RemoteBundle) -> None:
        """Begin a session on a verified bundle."""
        parts = self._context.parts
        self.value = core.start(
            self.value,
            parts.identity,
            self._context.token,
            bundle,
            ephemeral_seed=parts.random(32),
            local=parts.keys.take(),
            now_ms=parts.clock.now_ms(),
            epoch=parts.machine.epoch,
        )

    def heard(self, bundle: RemoteBundle) -> None:
        """Before a session is begun on a bundle: see whether another machine uses the identity."""
        epoch = self._context.parts.machine.epoch
        self.value = core.heard(self.value, bundle.last_accepted, epoch)

    def halt(self) -> None:
        """Another machine uses the identity: nothing is sealed before the owner decides."""
        self.value = core.halt(self.value)

    def stay(self) -> bool:
        """The owner decided for this machine; False: nothing was to be decided here."""
        before = self.value
        self.value = core.stay(before)
        return self.value is not before

    def note_desync(self, *, also_unanswered: bool = False) -> bool:
        """A new session is to begin when the rules allow; False: it was known."""
        before = self.value
        self.value = core.want_start(before, also_unanswered=also_unanswered)
        return self.value is not before

    # --- storing ---

    def want_start(self, *, also_unanswered: bool = False) -> None:
        """A desync was seen: begin a new session when the rules allow; stored soon."""
        if self.note_desync(also_unanswered=also_unanswered):
            self._context.log_failure(self.commit())

    async def drop_superseded(self) -> None:
        """Delete the sessions whose time is over."""
        if not self.is_loaded:
            return
        after_s = MAIL_SESSION_SUPERSEDED_S if self._context.has_mail else SESSION_SUPERSEDED_S
        gone = superseded(self.value.live, self._context.parts.now_s(), after_s)
        if gone:
            self.value = core.without(self.value, gone)
            await self.commit()

    def commit(
        self,
        work: Callable[[Db, Happened], T] = _nothing_else,  # type: ignore[assignment]
        then: Callable[[T], object] | None = None,
        *,
        is_long: bool = False,
    ) -> "asyncio.Future[T]":
        """Store the value as it is now, together with `work`, which depends on it.

        Args:
            then: runs after the commit and after its events were told: write envelopes there.
            is_long: `work` changes many rows, so it must not run in the event loop.

        Raises (from the future): StateConflict when an earlier commit failed, or any StoreError.
        """
        context, read_version = self._context, self._version
        before, after = self._stored, self.value
        changes, self._skipped_changes = self._skipped_changes, []
        self._version += 1
        self._stored = after
        now_s = context.parts.now_s()
        kept = {session.session_id for session in after.live}
        gone = [one for one in before.live if one.session_id not in kept]
        for session in gone:
            self._skipped.pop(session.session_id, None)
        peer_id, device_id = context.person.peer_id, context.device_id

        def transaction(db: Db, happened: Happened) -> T:
            if after.counters != before.counters:
                stored = counters.Counters(after.counters.sent, after.counters.accepted)
                counters.put(db, peer_id, stored)
            for one in changes:
                _store_skipped(db, device_id, one, now_s)
            for session in gone:
                _forget_session(db, device_id, peer_id, session)
            return work(db, happened)

        save = Save(device_id, read_version, lambda: encode_sessions(after))
        future = context.parts.journal.submit(transaction, save, then, is_long=is_long)
        future.add_done_callback(self._settled)
        return future

    def discard(self) -> None:
        """Forget what is in memory; the next `ready` loads what is on disk."""
        self.is_loaded = False
        self._skipped_changes = []

    # --- inside ---

    def _settled(self, future: "asyncio.Future[T]") -> None:
        # How a cancelled one ended is known to the disk alone.
        if future.cancelled() or future.exception() is not None:
            self.discard()

    async def _load(self) -> None:
        peer_id, device_id = self._context.person.peer_id, self._context.device_id
        # Through the writer, so that it comes after every commit that is still under way.
        found, kept, keys, positions = await self._context.parts.database.write(
            lambda db: (
                rows.load(db, device_id),
                counters.get(db, peer_id),
                skipped_keys.of_device(db, device_id),
                outbox.sealed_positions(db, device_id),
            )
        )
        self._version = 0 if found is None else found[0]
        stored = Sessions() if found is None else decode_sessions(found[1])
        self._stored = self.value = _with_counters(stored, kept)
        self._skipped = {}
        for key in keys:
            of_session = self._skipped.setdefault(key.session_id, SkippedMessageKeys())
            of_session.load(KeyPlace(key.chain, key.n), key.message_key, key.stored_at_s)
        self.in_flight.load(
            (one.message_id, SealedAt(one.session_id, one.chain, one.ordinal)) for one in positions
        )
        self.is_loaded = True


def _with_counters(sessions: Sessions, kept: counters.Counters) -> Sessions:
    known = sessions.counters
    merged = Counters(max(known.sent, kept.sent), max(known.accepted, kept.accepted), known.told)
    return msgspec.structs.replace(sessions, counters=merged)


def _store_skipped(db: Db, device_id: DeviceId, one: _SkippedAt, now_s: int) -> None:
    session_id, change = one
    if change.removed:
        places = [(session_id, *place) for place in change.removed]
        skipped_keys.delete_many(db, device_id, places)
    if change.added:
        added = [
            skipped_keys.SkippedKey(session_id, *place, key, now_s) for place, key in change.added
        ]
        skipped_keys.add_many(db, device_id, added)


def _forget_session(db: Db, device_id: DeviceId, peer_id: PeerId, session: Session) -> None:
    skipped_keys.delete_session(db, device_id, session.session_id)
    if not session.own:
        handshakes.add(db, session.handshake_id, peer_id, session.bundle_expires_at_s)
