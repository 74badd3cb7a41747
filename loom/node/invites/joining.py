"""Using an invite of somebody else: a Join, sent until its owner answers (PROTOCOL 11.3)."""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import msgspec

from loom.api.events import InvitesChanged
from loom.core.choice import unconfirmed
from loom.core.invites import (
    Refusal,
    derive_invite_keys,
    first_queue_secret,
    invite_credentials,
    invite_queue_secret,
)
from loom.core.link_events import CloseReason, RecordReceived
from loom.core.link_kinds import Credentials
from loom.core.prekeys import read_bundle
from loom.core.sessions import sealed_again
from loom.errors import LoomError, MessageNotFound, PeerError
from loom.links.direct import DirectLink
from loom.model import Address, DeviceId
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.mail import Incoming
from loom.node.parts import Parts
from loom.node.routes.caller import Caller
from loom.storage import joins, outbox
from loom.storage.connection import Db
from loom.storage.joins import JoinState, PendingJoin
from loom.storage.outbox import OutboxRow, Seal
from loom.wire.content import Mailbox
from loom.wire.content.mailboxes import Direction
from loom.wire.framing import RecordKind
from loom.wire.limits import INVITE_MEMORY_S

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0
"""How long an owner may take for a bundle and for the answer to a Join."""
FIRST_DELAY_S: Final = 1.0
MAX_DELAY_S: Final = 300.0
UNANSWERED_MAX: Final = 3
"""After so many links on which nothing was said to a Join, it begins on another bundle."""


class Joins:
    """All invites of others that are used here, by device. One per node."""

    def __init__(self, parts: Parts, caller: Caller) -> None:
        self._parts = parts
        self._caller = caller
        self._pending: dict[DeviceId, PendingJoin] = {}
        self._running: dict[DeviceId, asyncio.Task[None]] = {}
        self.on_answered: Callable[[Device], None] = lambda device: None
        self._again = asyncio.Event()
        """Ends the waits of those that run now."""

    async def load(self) -> None:
        """Read them all."""
        found = await self._parts.database.read(joins.every)
        self._pending = {one.device_id: one for one in found}

    def of(self, device_id: DeviceId) -> PendingJoin | None:
        """The invite by which a contact is to be reached, and which is not answered yet."""
        found = self._pending.get(device_id)
        return None if found is None or found.state is JoinState.ANSWERED else found

    def mailboxes(self, device: Device) -> tuple[Mailbox, ...]:
        """What the owner of an invite reads and writes for this side, until they told of theirs."""
        join, now_s = self._pending.get(device.device_id), self._parts.now_s()
        if join is None or now_s >= join.expires_at_s + INVITE_MEMORY_S:
            return ()
        owner, link_key = device.peer_id, device.keys.receiving.link
        entries: list[Mailbox] = []
        for hint in join.hints:
            if hint.is_anchor:
                where, mask_key = ((hint.address.host, hint.address.port),), hint.mask_key
                written = invite_queue_secret(join.secret, owner, mask_key)
                entries.append(Mailbox(where, mask_key, written, Direction.INBOUND))
                read = first_queue_secret(join.secret, link_key, mask_key)
                entries.append(Mailbox(where, mask_key, read, Direction.OUTBOUND))
        return tuple(entries)

    def needs_work(self, device: Device) -> bool:
        """Whether the owner is written to by an address."""
        join = self._pending.get(device.device_id)
        return join is not None and join.is_address

    def added(self, join: PendingJoin) -> None:
        """One more is stored."""
        self._pending[join.device_id] = join

    def retry_now(self) -> None:
        """What kept this node from everybody is over."""
        self._again.set()
        self._again = asyncio.Event()

    def begin(self, device: Device, dial: Callable[[Device], None]) -> None:
        """Use the invite of a device, if there is one.

        Args:
            dial: called once links with the contact's own keys may stand.
        """
        join = self.of(device.device_id)
        if join is None or join.state is not JoinState.WAITING:
            dial(device)
        if join is None:
            return
        if (before := self._running.pop(device.device_id, None)) is not None:
            before.cancel()

        def answered() -> None:
            answered = msgspec.structs.replace(join, state=JoinState.ANSWERED)
            self._pending[device.device_id] = answered
            self.on_answered(device)
            if (task := self._running.pop(device.device_id, None)) is not None:
                task.cancel()
            device.context.join_id = None
            dial(device)

        device.context.join_id = join.message_id
        device.context.on_join_answered = answered
        if join.state is JoinState.WAITING:
            attempt = _Attempt(self._parts, self._caller, device, join)
            self._running[device.device_id] = device.spawn(self._use(attempt, dial), "join")

    # --- inside ---

    async def _use(self, attempt: "_Attempt", dial: Callable[[Device], None]) -> None:
        device, join, delay_s = attempt.device, attempt.join, FIRST_DELAY_S
        nodes = [hint.address for hint in join.hints if not hint.is_anchor]
        while self._parts.now_s() < join.expires_at_s:
            again = self._again
            for address in () if device.is_linked() else nodes:
                refusal = await attempt.at(address)
                if refusal is Refusal.SPENT:
                    # Perhaps by this very Join, whose answer was lost: then links stand.
                    if not await attempt.is_known_at(address):
                        await self._move(device, JoinState.SPENT)
                    dial(device)
                    return
                if refusal is Refusal.EXPIRED:
                    await self._move(device, JoinState.EXPIRED)
                    return
            try:
                async with asyncio.timeout(delay_s * random.uniform(0.5, 1.5)):  # noqa: S311
                    await again.wait()
                delay_s = FIRST_DELAY_S
            except TimeoutError:
                delay_s = min(2 * delay_s, MAX_DELAY_S)
        if len(nodes) < len(join.hints):
            # What was put in time is read for 31 days more.
            await asyncio.sleep(join.expires_at_s + INVITE_MEMORY_S - self._parts.now_s())
        await self._move(device, JoinState.EXPIRED)

    async def _move(self, device: Device, state: JoinState) -> None:
        def move(db: Db, happened: Happened) -> bool:
            happened.add_live(InvitesChanged())
            return joins.move(db, device.device_id, state)

        join = self.of(device.device_id)
        if await self._parts.journal.submit(move) and join is not None:
            self._pending[device.device_id] = msgspec.structs.replace(join, state=state)


class _Attempt:
    """One Join at work: a `Callee` that dials with the invite's keys, and owns the link there is.

    The link says nothing about presence: anybody who has the text may be at its other end. What
    comes on it counts by what the ratchet opens.
    """

    takes_links = True

    def __init__(self, parts: Parts, caller: Caller, device: Device, join: PendingJoin) -> None:
        self.device = device
        self.join = join
        self._parts = parts
        self._caller = caller
        self._keys = derive_invite_keys(join.secret, device.peer_id)
        self._link: DirectLink | None = None
        self._came = asyncio.Queue[RecordReceived | None]()
        self._unanswered = 0

    async def at(self, address: Address) -> Refusal | None:
        """Bring the Join to an address; returns what refuses it, or None when nothing comes.

        It is cancelled when the answer was taken in.
        """
        try:
            await self._caller.call_in_turn(self, address, urgent=True)
            self._unanswered += 1
            async with asyncio.timeout(ANSWER_S):
                return await self._bring()
        except PeerError as error:
            log.warning("contact %d: no Join: %s", self.device.number, error.code)
            self.device.context.warn(error)
        except (TimeoutError, LoomError) as error:
            log.info("contact %d: no answer to a Join: %r", self.device.number, error)
        finally:
            if self._link is not None:
                self._link.close()
                self._link = None
        return None

    async def is_known_at(self, address: Address) -> bool:
        """Whether the owner has this side as a contact already."""
        try:
            await self._caller.call_in_turn(self.device, address, urgent=True)
        except LoomError:
            return self.device.is_linked()
        return True

    # --- Callee ---

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """See `Callee.credentials`."""
        return invite_credentials(self._keys, rand, day)

    def take_link(self, link: DirectLink) -> bool:
        """See `Callee.take_link`."""
        self._link, self._came = link, asyncio.Queue()
        link.hand_over(self)
        return True

    async def answered_at(self, address: Address) -> None:
        """Whose address it is, only the contact's own keys show."""

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """See `Owner.records_received`."""
        if link is self._link:
            for record in records:
                self._came.put_nowait(record)

    def writable_again(self, link: DirectLink) -> None:
        """What is sent here fits into any buffer."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """See `Owner.link_closed`."""
        if link is self._link:
            self._came.put_nowait(None)

    # --- inside ---

    async def _bring(self) -> Refusal | None:
        link = self._link
        if link is None:
            return None
        is_asking = True
        row = await self._row()
        if not self._begins_anew and (envelope := self._open_start(row)) is not None:
            is_asking = False
            link.send(envelope)
        else:
            link.send_record(RecordKind.BUNDLE_REQUEST, b"")
        while (record := await self._came.get()) is not None:
            if record.kind is RecordKind.REFUSAL:
                return _refusal(record.body)
            if record.kind is RecordKind.ENVELOPE:
                self.device.inbox.put([Incoming(record.body)])
            elif record.kind is RecordKind.BUNDLE and is_asking:
                is_asking = False
                link.send(await self._begin(record.body))
        return None

    @property
    def _begins_anew(self) -> bool:
        """The owner may have lost the bundle; at an anchor another Join would take room."""
        is_direct = not any(hint.is_anchor for hint in self.join.hints)
        return is_direct and self._unanswered > UNANSWERED_MAX

    def _open_start(self, row: OutboxRow) -> bytes | None:
        """The Join as it was sealed on a start that the owner may still answer."""
        best = self.device.sessions.best
        if best is None or not unconfirmed(best) or best.session_id != row.session_id:
            return None
        if row.recipe is None or self._parts.now_s() >= best.bundle_expires_at_s:
            return None
        return sealed_again(row.recipe, row.payload)

    async def _begin(self, data: bytes) -> bytes:
        """Begin a session on the bundle of the invite; its first envelope holds the Join.

        Raises:
            PeerError: the bundle is not the owner's, or not one to begin with.
            StoreError: nothing was begun.
        """
        sessions, now_s = self.device.sessions, self._parts.now_s()
        bundle = read_bundle(data, self.device.context.token, now_s)
        row = await self._row()
        if not self._begins_anew and (envelope := self._open_start(row)) is not None:
            return envelope  # the mail was quicker, and both bring the same
        sessions.start(bundle)
        self._unanswered = 0
        sealed = sessions.seal_row(self.join.message_id, row.payload)
        seal = Seal(sealed.session_id, sealed.chain, sealed.ordinal, sealed.recipe, now_s)
        await sessions.commit(lambda db, _: outbox.set_sealed(db, row.row_id, seal))
        log.info("contact %d: joining by an invite", self.device.number)
        return sealed.envelope

    async def _row(self) -> OutboxRow:
        device_id, message_id = self.device.device_id, self.join.message_id
        row = await self._parts.database.read(lambda db: outbox.by_id(db, device_id, message_id))
        await self.device.sessions.ready()
        if row is None:
            raise MessageNotFound(message_id=message_id.hex())
        return row


def _refusal(body: bytes) -> Refusal | None:
    """What a refusal says; None: nothing that this version knows."""
    known = {bytes((one,)): one for one in Refusal}
    return known.get(body)
