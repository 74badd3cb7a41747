"""One contact at run time: its links, its state, its way in and its way out."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from loom.api.events import PeerOffline, PeerOnline, Warned
from loom.core.conversation import want_start
from loom.core.link_events import CloseReason, RecordReceived
from loom.core.pair_keys import PairKeys
from loom.core.prekeys import decode_prekey, encode_prekey, issue, present
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import AuthenticationError, LoomError
from loom.model import Address, Contact, ContactId, ContactToken, Message, MessageId, PeerId
from loom.node.inbox import Inbox
from loom.node.outbox import Outbox
from loom.node.owed import OwedReceipts
from loom.node.parts import Parts
from loom.node.paths import PathLog
from loom.node.routes.address_book import AddressBook
from loom.node.routes.arbiter import Arbiter
from loom.node.routes.direct import DirectLink
from loom.node.starter import Starter
from loom.node.state import ContactState
from loom.storage import prekeys
from loom.wire.framing import RecordKind
from loom.wire.limits import BUNDLE_ONCE_LIFETIME_S, BUNDLE_REQUESTS_PER_HOUR

if TYPE_CHECKING:
    from loom.node.routes.dialer import Dialer

log = logging.getLogger(__name__)

WARNING_INTERVAL_S = 60.0
PREKEY_MARGIN_S = 3_600
"""A bundle that is about to expire is not handed out again."""


class Peer:
    """Links come and go; state, inbox and outbox stay."""

    def __init__(self, parts: Parts, contact: Contact, keys: PairKeys) -> None:
        self.parts = parts
        self.contact = contact
        self.keys = keys
        self.state = ContactState(parts, contact)
        self.inbox = Inbox(self)
        self.outbox = Outbox(self)
        self.owed = OwedReceipts(self)
        self.starter = Starter(self)
        self.book = AddressBook(parts.database, parts.clock, contact.contact_id)
        self.dialer: Dialer | None = None
        keeps_own = parts.identity.peer_id < contact.peer_id
        self.arbiter = Arbiter(self, keeps_own=keeps_own)
        self.connected_at_ms: int | None = None
        self.last_error: str | None = None
        self.paths = PathLog(parts.clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._warned_s: dict[str, float] = {}
        self._bundle_requests: deque[float] = deque(maxlen=BUNDLE_REQUESTS_PER_HOUR)
        self._issuing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"Peer({self.number})"

    @property
    def number(self) -> ContactId:
        """The contact's id."""
        return self.contact.contact_id

    @property
    def peer_id(self) -> PeerId:
        """The contact's identity."""
        return self.contact.peer_id

    @property
    def token(self) -> ContactToken:
        """What is pinned to the contact."""
        return ContactToken(self.contact.peer_id, self.contact.x25519_public)

    # --- links ---

    @property
    def connection(self) -> DirectLink | None:
        """The confirmed link to write to."""
        return self.arbiter.link

    @property
    def takes_links(self) -> bool:
        """Whether this contact is still one, and welcome."""
        return self.arbiter.takes_links

    def take_link(self, link: DirectLink) -> bool:
        """Own a confirmed link; False: none is taken any more."""
        return self.arbiter.take(link)

    async def answered_at(self, address: Address) -> None:
        """Note where the contact was reached."""
        await self.book.mark_ok(address)

    def link_changed(
        self, before: DirectLink | None, after: DirectLink | None, reason: CloseReason | None
    ) -> None:
        """Another link is the one to write to."""
        if before is not None:
            self.starter.link_down(before)
            self.outbox.link_down()
        if after is None:
            self._went_offline(reason)
            if self.dialer is not None and before is not None:
                self.dialer.link_lost(self.parts.clock.monotonic_s() - before.opened_at_s)
            return
        self._path_up(after, moved=before is not None)
        if before is None:
            self.connected_at_ms = self.parts.clock.now_ms()
            self.last_error = None
            self._tell_online(after)
        self.inbox.link_up()
        self.starter.link_up()
        self.owed.link_up()
        self.outbox.link_up()

    def writable_again(self) -> None:
        """The link takes more."""
        self.outbox.wake()

    def is_linked(self) -> bool:
        """Whether a link with the contact is confirmed."""
        return self.connection is not None

    def dial_failed(self, error: LoomError) -> None:
        """Note why the contact was not reached."""
        self.last_error = error.code

    def close_links(self) -> None:
        """End every link with the contact; from here on nothing is written to them."""
        self.arbiter.close()

    def _went_offline(self, reason: CloseReason | None) -> None:
        self.connected_at_ms = None
        self.last_error = None if reason is None else reason.value
        why = "closed" if reason is None else reason.value
        self.paths.down(why)
        self.parts.bus.publish(
            [PeerOffline(contact=self.contact.name, contact_id=self.number, reason=why)]
        )

    def records_received(self, connection: DirectLink, records: list[RecordReceived]) -> None:
        """Route records by kind."""
        envelopes = [one.body for one in records if one.kind is RecordKind.ENVELOPE]
        if envelopes:
            self.inbox.put(envelopes)
            if self.inbox.is_full:
                connection.pause_reading()
        for record in records:
            if record.kind is RecordKind.BUNDLE_REQUEST and self._may_ask_for_bundle():
                self.spawn(self._answer_bundle_request(connection), "bundle request")
            elif record.kind is RecordKind.BUNDLE and self.starter.take_answer():
                self.spawn(self._take_bundle(record.body), "bundle")

    def resume_reading(self) -> None:
        """The inbox has room."""
        self.arbiter.resume_reading()

    def send_envelope(self, envelope: bytes) -> bool:
        """Write a committed envelope; False: nobody is there."""
        if not self.arbiter.is_up:
            return False
        self.arbiter.send(envelope)
        return True

    # --- bundles ---

    def _may_ask_for_bundle(self) -> bool:
        now_s = self.parts.clock.monotonic_s()
        asked = self._bundle_requests
        if len(asked) == asked.maxlen and now_s - asked[0] < 3_600:
            return False
        asked.append(now_s)
        return True

    async def _answer_bundle_request(self, connection: DirectLink) -> None:
        try:
            async with self._issuing:
                bundle = await self._bundle()
        except LoomError as error:
            log.warning("contact %d: no bundle: %s", self.number, error.code)
            return
        if connection.is_up:
            connection.send_record(RecordKind.BUNDLE, bundle)

    async def _bundle(self) -> bytes:
        """The one unused live bundle of this contact, signed with today's counter."""
        parts, now_s = self.parts, self.parts.now_s()
        # A later expiry is of a clock that ran ahead: contacts refuse that bundle.
        latest_s = now_s + BUNDLE_ONCE_LIFETIME_S
        found = await parts.database.read(
            lambda db: prekeys.live(db, self.number, now_s + PREKEY_MARGIN_S, latest_s)
        )
        if found is not None:
            prekey = decode_prekey(found.state)
        else:
            prekey = issue(
                parts.identity,
                X25519Key(parts.random(32)),
                KemKey.from_seed(parts.random(64)),
                parts.random(8),
                now_s,
            )
            row = prekeys.Prekey(
                prekey.bundle_id, self.number, encode_prekey(prekey), prekey.expires_at_s
            )
            await parts.database.write(lambda db: prekeys.put(db, row))
        await self.state.ready()
        return present(parts.identity, prekey, self.state.conversation.counters.largest)

    async def _take_bundle(self, body: bytes) -> None:
        try:
            await self.starter.bundle_received(body)
        except AuthenticationError as error:
            self.refuse(error)
        except LoomError as error:
            log.warning("contact %d: no session: %s", self.number, error.code)
            self.warn(error)

    # --- for inbox and outbox ---

    def owe(self) -> None:
        """A receipt was stored as owed: send it when the contact is there."""
        self.owed.owe()
        self.outbox.wake()

    def called_itself(self, display_name: str) -> None:
        """The contact told the name it would like."""
        self.contact = msgspec.structs.replace(self.contact, display_name=display_name)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task of this contact; its failure ends neither the node nor its siblings."""
        task = asyncio.create_task(work, name=f"{name} of contact {self.number}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def refuse(self, error: AuthenticationError) -> None:
        """A card or signature that is not the contact's: keep nothing, close, say so."""
        log.warning("contact %d: refused: %s", self.number, error.code)
        self.warn(error)
        self.close_links()

    def want_start(self) -> None:
        """A desync was seen, with the state at hand: begin anew when the rules allow."""
        wanted = want_start(self.state.conversation)
        if wanted is not self.state.conversation:
            self.state.conversation = wanted
            self.outbox.notes.forgive(self.state.commit(lambda db: None))
        self.outbox.wake()

    def warn(self, error: LoomError) -> None:
        """Tell the user, of each kind of trouble at most once a minute."""
        now_s = self.parts.clock.monotonic_s()
        if now_s - self._warned_s.get(error.code, -WARNING_INTERVAL_S) < WARNING_INTERVAL_S:
            return
        self._warned_s[error.code] = now_s
        self.parts.bus.publish(
            [
                Warned(
                    code=error.code,
                    facts=error.facts,
                    contact=self.contact.name,
                    contact_id=self.number,
                )
            ]
        )

    def message_fields(self, message: Message) -> dict[str, Any]:
        """What events and views say of a message."""
        return {
            "message_id": self.shown_id(message.message_id),
            "contact": self.contact.name,
            "contact_id": self.number,
            "direction": message.direction.value,
            "body": message.body,
            "state": message.state.value,
            "sent_at_ms": message.sent_at_ms,
            "row_id": message.row_id,
        }

    @staticmethod
    def shown_id(message_id: MessageId) -> str:
        """A message id as people and scripts see it."""
        text = message_id.hex()  # as uuid.UUID writes it, in a quarter of the time
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    async def stop(self) -> None:
        """End links and tasks; what was submitted is still committed."""
        self.arbiter.end()
        self.close_links()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _path_up(self, connection: DirectLink, *, moved: bool) -> None:
        self.paths.up(str(connection.remote or ""), dialled=connection.dialled, moved=moved)

    def _tell_online(self, connection: DirectLink) -> None:
        self.parts.bus.publish(
            [
                PeerOnline(
                    contact=self.contact.name,
                    contact_id=self.number,
                    address=str(connection.remote or ""),
                )
            ]
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)
