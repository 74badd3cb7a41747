"""The devices of all contacts, by number and name; beside them those of stubs and acquaintances."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from loom.core.pair_keys import derive_pair_keys
from loom.errors import (
    ContactBlocked,
    ContactNotFound,
    ContactRevoked,
    IdentityChanged,
    OwnIdentityRevoked,
)
from loom.model import Contact, ConversationId, DeviceId, PeerId, Person, PersonId
from loom.node.context import Others
from loom.node.device import Device
from loom.node.mail import Incoming
from loom.node.parts import Parts
from loom.printable import printable
from loom.storage.old_identities import Untold
from loom.storage.persons import name_key
from loom.wire.limits import NAME_MAX_CHARACTERS


class Roster(dict[PersonId, Device]):
    """By the contact's number. `on_added` and `on_changed` are set by what meets the network.

    Stubs and acquaintances are no contacts: nothing that front ends see asks for more than the
    dictionary. Many methods, because each of its users sees others of them.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self._others = Others(
            self._linked,
            self.reached,
            self.rows_added,
            self._farewell,
            self.rooms_changed,
            self._heard,
            self._chain,
            self._chain_put,
        )
        self.on_added: Callable[[Device], None] = lambda device: None
        self.on_changed: Callable[[], None] = lambda: None
        self.on_dropped: Callable[[Device], None] = lambda device: None
        self.on_renewed: Callable[[Device, Device], None] = lambda before, after: None
        """Another device serves a contact, instead of one that ends."""
        self.on_linked: Callable[[Device], None] = lambda device: None
        """A contact is linked who was not."""
        self.on_farewell: Callable[[], None] = lambda: None
        """A farewell is due, or was answered."""
        self.on_heard: Callable[[PersonId], None] = lambda number: None
        """Somebody has spoken to the owner's identity of now."""
        self.on_untold: Callable[[Sequence[Untold]], None] = lambda untold: None
        """A contact is new who may know the owner by identities of before."""
        self.on_chain: Callable[[PersonId, Incoming], asyncio.Future[None]] | None = None
        """A chain envelope came."""
        self.on_chain_put: Callable[[PersonId], None] = lambda number: None
        """The owner's chain lies in a mailbox of theirs."""
        self.on_rooms_changed: Callable[[], None] = lambda: None
        """Who is in a room has changed, or where a member is reached."""
        self.is_online = False
        """Whether this node meets the network."""
        self.is_revoked = False
        """The owner has ended their identity: nobody is welcome any more."""
        self.stubs: dict[PersonId, Device] = {}
        self.acquaintances: dict[PersonId, Device] = {}
        """The members of common rooms who are no contacts."""
        self.changing = asyncio.Lock()
        """Held by what changes or removes a contact."""

    def find(self, reference: str) -> Device | None:
        """By name, or by `#` and the number."""
        if reference.startswith("#") and reference[1:].isdecimal():
            return self.get(PersonId(int(reference[1:])))
        wanted = name_key(reference)
        for device in self.values():
            if name_key(device.person.name) == wanted:
                return device
        return None

    def of(self, conversation_id: ConversationId) -> Device | None:
        """The contact of a conversation."""
        return next((one for one in self.values() if one.conversation_id == conversation_id), None)

    def known(self, number: PersonId) -> Device | None:
        """The contact, stub or acquaintance of that number."""
        return self.get(number) or self.stubs.get(number) or self.acquaintances.get(number)

    def named(self, reference: str) -> Device:
        """The same, or ContactNotFound."""
        device = self.find(reference)
        if device is None:
            raise ContactNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS])
        return device

    def addressable(self, reference: str) -> Device:
        """The same, if something may be sent to them.

        Raises:
            ContactNotFound, ContactBlocked, ContactRevoked, IdentityChanged.
            OwnIdentityRevoked: nobody takes anything from the owner any more.
        """
        device = self.named(reference)
        if self.is_revoked:
            raise OwnIdentityRevoked
        if device.person.revoked:
            raise ContactRevoked(name=device.person.name)
        if device.person.blocked:
            raise ContactBlocked(name=device.person.name)
        if device.person.identity_changed:
            raise IdentityChanged(name=device.person.name)
        return device

    def everyone(self) -> list[Device]:
        """The devices of contacts, of stubs and of acquaintances."""
        return [*self.values(), *self.stubs.values(), *self.acquaintances.values()]

    def in_rooms(self) -> list[Device]:
        """Those that something of a room may go to: of contacts and of acquaintances."""
        return [*self.values(), *self.acquaintances.values()]

    def has(self, device: Device) -> bool:
        """Whether it is the one that serves its person now."""
        return self._of_kind(device.person).get(device.number) is device

    def welcome(self) -> list[Device]:
        """Those that are told that this node is here, by number."""
        if self.is_revoked:
            return []
        return [device for _, device in sorted(self.items()) if device.person.is_welcome]

    def listened_for(self) -> list[Device]:
        """Those whose adverts are looked for, by number."""
        if self.is_revoked:
            return []
        return [*self.welcome(), *(device for _, device in sorted(self.stubs.items()))]

    def admitted(self) -> list[Device]:
        """Those that may connect, by number."""
        if self.is_revoked:
            return []
        acquaintances = (device for _, device in sorted(self.acquaintances.items()))
        return [*self.listened_for(), *(one for one in acquaintances if not one.person.revoked)]

    def add(self, contact: Contact) -> Device:
        """Take up a contact, or a contact's new identity; `on_changed` is for the caller."""
        device = self._take_up(contact)
        self.on_added(device)
        return device

    def _take_up(self, contact: Contact) -> Device:
        identity, person = self._parts.identity, contact.person
        keys = derive_pair_keys(
            identity.agreement, identity.peer_id, person.peer_id, person.x25519_public
        )
        device = Device(self._parts, contact, keys)
        device.context.others = self._others
        self._of_kind(person)[person.person_id] = device
        return device

    async def drop(self, device: Device) -> None:
        """End a contact's links and tasks; it is found no longer."""
        self._of_kind(device.person).pop(device.number, None)
        self.on_dropped(device)
        self.on_changed()
        device.arbiter.end()
        device.arbiter.abort()
        await device.stop()

    @asynccontextmanager
    async def let_go(self, device: Device) -> AsyncIterator[None]:
        """End a device's links and tasks; when what follows fails, take it up again as it was."""
        await self.drop(device)
        try:
            yield
        except BaseException:
            self.add(device.contact)
            self.on_changed()
            raise

    @asynccontextmanager
    async def renewing(
        self, devices: Sequence[Device]
    ) -> AsyncIterator[Callable[[Device, Contact], None]]:
        """End the tasks of devices; what is yielded goes on with another device for a contact.

        At once, so that nothing is seen of it: those for which it is not called go on as they were.
        """
        left = dict.fromkeys(devices)

        def renew(device: Device, contact: Contact) -> None:
            del left[device]
            device.arbiter.end()
            device.arbiter.abort()
            self._of_kind(device.person).pop(device.number, None)
            after = self._take_up(contact)
            self.on_renewed(device, after)
            after.inbox.put(device.inbox.left_mail())

        for device in devices:
            device.arbiter.pause_reading()
        await asyncio.gather(*(device.context.stop() for device in devices))
        try:
            yield renew
        finally:
            for device in list(left):
                renew(device, device.contact)
            self.on_changed()
            await asyncio.gather(*(device.stop() for device in devices))

    @asynccontextmanager
    async def without_stub(
        self, peer_id: PeerId, heir: Device | None = None
    ) -> AsyncIterator[None]:
        """What follows gives the identity to a contact, or to `heir`: a stub or an acquaintance
        that has it ends."""
        others = (*self.stubs.values(), *self.acquaintances.values())
        found = (one for one in others if one.peer_id == peer_id and one is not heir)
        stub = next(found, None)
        if stub is None:
            yield
            return
        async with self.let_go(stub):
            yield

    def _linked(self, number: PersonId) -> None:
        self.on_heard(number)
        if (device := self.get(number) or self.acquaintances.get(number)) is not None:
            self.on_linked(device)

    def reached(self) -> frozenset[DeviceId]:
        """The devices that have soon what is queued for them: by a link or a mailbox.

        All of them while this node is offline: it does not know, and it soon ends.
        """
        return frozenset(
            one.device_id
            for one in self.in_rooms()
            if not self.is_online or one.is_linked() or one.mailer.anchors
        )

    def rows_added(self, devices: Iterable[DeviceId]) -> None:
        """Rows for these devices were stored by work that was not theirs."""
        wanted = set(devices)
        for device in self.in_rooms():
            if device.device_id in wanted:
                device.delivery.outbox.rows_added()

    def rooms_changed(self) -> None:
        """Work about rooms has changed who is to be known."""
        self.on_rooms_changed()

    def _farewell(self) -> None:
        self.on_farewell()

    def _heard(self, number: PersonId) -> None:
        self.on_heard(number)

    def _chain(self, number: PersonId, came: Incoming) -> "asyncio.Future[None]":
        if self.on_chain is not None:
            return self.on_chain(number, came)
        return asyncio.get_running_loop().create_future()

    def _chain_put(self, number: PersonId) -> None:
        self.on_chain_put(number)

    def _of_kind(self, person: Person) -> dict[PersonId, Device]:
        if person.is_stub:
            return self.stubs
        return self.acquaintances if person.is_acquaintance else self
