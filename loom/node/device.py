"""One contact's device at run time: its links, and the parts that serve it."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from loom.api.events import PeerOffline, PeerOnline
from loom.core.gate import ContactEntry, pair_credentials
from loom.core.link_events import CloseReason, RecordReceived
from loom.core.link_kinds import Credentials
from loom.core.pair_keys import PairKeys
from loom.errors import AuthenticationError, LoomError
from loom.links.direct import DirectLink
from loom.model import Address, Contact, ConversationId, DeviceId, PeerId, Person, PersonId
from loom.node.alarm import Alarm
from loom.node.bundles import Bundles
from loom.node.context import DeviceContext
from loom.node.delivery import Delivery
from loom.node.files.device_files import RECORDS, DeviceFiles
from loom.node.hearing import Hearing
from loom.node.inbox import Inbox
from loom.node.mail import Incoming
from loom.node.mailer import Mailer
from loom.node.parts import Parts
from loom.node.paths import PathLog
from loom.node.routes.address_book import AddressBook
from loom.node.routes.arbiter import Arbiter
from loom.node.routes.dials import Dials
from loom.node.sessions import DeviceSessions
from loom.wire.framing import RecordKind

if TYPE_CHECKING:
    from loom.node.routes.dialer import Dialer

log = logging.getLogger(__name__)


class Device:
    """Links come and go; sessions, inbox and delivery stay.

    Many methods, because those who dial, listen and keep links each see a contact only as it.
    """

    def __init__(self, parts: Parts, contact: Contact, keys: PairKeys) -> None:
        self.keys = keys
        self.context = DeviceContext(parts, contact)
        self.sessions = DeviceSessions(self.context)
        self.bundles = Bundles(self.context, self.sessions)
        self.arbiter = Arbiter(self, keeps_own=parts.identity.peer_id < contact.person.peer_id)
        mail = Alarm()
        self.delivery = Delivery(
            self.context, self.sessions, self.arbiter, self.arbiter.ask_for_bundle, mail
        )
        self.mailer = Mailer(self.context, self.sessions, self.delivery, mail)
        self.inbox = Inbox(self.context, self.sessions, self.delivery, self.arbiter)
        self.book = AddressBook(parts.database, parts.clock, contact.device_id)
        self.paths = PathLog(parts.clock)
        self.hearing = Hearing(self.context)
        self.files = DeviceFiles(self.context, self.delivery.outbox.rows_added)
        self.context.on_file = self.files.changed
        self.dialer: Dialer | None = None
        self.connected_at_ms: int | None = None
        self.last_error: str | None = None
        self._dials = Dials(parts.clock)
        self._parts = parts
        self._carried = False
        """An envelope came on the link there is."""

    def __repr__(self) -> str:
        return f"Device({self.number})"

    @property
    def person(self) -> Person:
        """The person it belongs to, as stored last."""
        return self.context.person

    @property
    def contact(self) -> Contact:
        """The same with its conversation and this device."""
        context = self.context
        return Contact(
            person=context.person,
            conversation_id=context.conversation_id,
            device_id=context.device_id,
        )

    @property
    def device_id(self) -> DeviceId:
        """Its number in this profile."""
        return self.context.device_id

    @property
    def conversation_id(self) -> ConversationId:
        """The conversation with that person."""
        return self.context.conversation_id

    @property
    def number(self) -> PersonId:
        """The contact's number."""
        return self.context.number

    @property
    def peer_id(self) -> PeerId:
        """The contact's identity."""
        return self.person.peer_id

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task of this device."""
        return self.context.spawn(work, name)

    async def stop(self) -> None:
        """End links and tasks; what was submitted is still committed."""
        self.arbiter.end()
        self.arbiter.close()
        await self.context.stop()

    # --- for those who dial and listen ---

    @property
    def connection(self) -> DirectLink | None:
        """The confirmed link to write to."""
        return self.arbiter.link

    @property
    def takes_links(self) -> bool:
        """Whether this contact is still one, and welcome."""
        return self.arbiter.takes_links

    @property
    def gate_entry(self) -> ContactEntry:
        """See `Admitted.gate_entry`."""
        return ContactEntry(self.number, self.keys.receiving)

    @property
    def rand_owner(self) -> bytes:
        """See `Admitted.rand_owner`."""
        return self.peer_id

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """See `Callee.credentials`."""
        self._dials.begun(rand)
        return pair_credentials(self.keys.sending, rand, day)

    def take_link(self, link: DirectLink) -> bool:
        """Own a confirmed link; False: none is taken any more."""
        return self.arbiter.take(link)

    def is_linked(self) -> bool:
        """Whether a link with the contact is confirmed."""
        return self.arbiter.link is not None

    @property
    def is_found_elsewhere(self) -> bool:
        """Whether another machine uses the identity with this contact, as far as is decided."""
        return self.device_id in self._parts.machine.found

    def rests(self) -> bool:
        """Whether the contact is not dialled: a link stands, or none is wanted now."""
        return self.arbiter.link is not None or self.is_found_elsewhere

    async def answered_at(self, address: Address) -> None:
        """Note where the contact was reached."""
        await self.book.mark_ok(address)

    def dial_failed(self, error: LoomError) -> None:
        """Note why the contact was not reached."""
        self.last_error = error.code

    # --- from what reads mail ---

    def mailbox_was_read(self, queue_id: bytes) -> None:
        """Nothing waits any more for the mail that lies there."""
        if self.context.was_read(queue_id):
            self.mailer.wake()
            self.delivery.writable_again()

    # --- from the arbiter ---

    def link_changed(
        self, before: DirectLink | None, after: DirectLink | None, reason: CloseReason | None
    ) -> None:
        """Another link is the one to write to."""
        if before is not None:
            self.delivery.link_down()
        self.files.linked(None if self.person.is_stub else after)
        if after is None:
            self.mailer.link_down()
            self._went_offline(reason)
            if self.dialer is not None and before is not None:
                lasted_s = self._parts.clock.monotonic_s() - before.opened_at_s
                self.dialer.link_lost(lasted_s, carried=self._carried)
            return
        self._carried = False
        self.paths.up(str(after.remote or ""), dialled=after.dialled, moved=before is not None)
        if before is None:
            self._went_online(after)
        self.mailer.link_up()
        self.inbox.link_up()
        self.delivery.link_up(after.opened_at_s, dialled=after.dialled)
        if before is None:
            self.context.others.linked(self.number)

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Route records by kind."""
        envelopes = [one.body for one in records if one.kind is RecordKind.ENVELOPE]
        if envelopes:
            self._carried = True
            self.inbox.put([Incoming(one) for one in envelopes])
            if self.inbox.is_full:
                link.pause_reading()
        for record in records:
            if record.kind is RecordKind.BUNDLE_REQUEST:
                self.bundles.requested(link)
            elif record.kind is RecordKind.BUNDLE:
                self.spawn(self._take_bundle(record.body), "bundle")
            elif record.kind is RecordKind.REPLACED:
                if self._dials.is_of_another(link, record.body):
                    self.spawn(self.delivery.starts.replaced(), "machine")
            elif record.kind in RECORDS:
                self.files.received(link, record)

    def writable_again(self) -> None:
        """The link takes more."""
        self.delivery.writable_again()
        self.files.writable_again()

    # --- inside ---

    async def _take_bundle(self, body: bytes) -> None:
        try:
            await self.delivery.starts.bundle_received(body)
        except AuthenticationError as error:
            self.inbox.refuse(error)
        except LoomError as error:
            log.warning("contact %d: no session: %s", self.number, error.code)
            self.context.warn(error)

    def _went_online(self, link: DirectLink) -> None:
        self.connected_at_ms = self._parts.clock.now_ms()
        self.last_error = None
        if not self.person.is_contact:
            return
        self._parts.journal.tell(
            PeerOnline(
                contact=self.person.name,
                contact_id=self.number,
                address=str(link.remote or ""),
            )
        )

    def _went_offline(self, reason: CloseReason | None) -> None:
        self.connected_at_ms = None
        self.last_error = None if reason is None else reason.value
        why = "closed" if reason is None else reason.value
        self.paths.down(why)
        if not self.person.is_contact:
            return
        self._parts.journal.tell(
            PeerOffline(contact=self.person.name, contact_id=self.number, reason=why)
        )
