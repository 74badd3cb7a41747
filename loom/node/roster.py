"""The devices of all contacts, by the contact's number and name."""

from collections.abc import Callable

from loom.core.pair_keys import derive_pair_keys
from loom.errors import ContactBlocked, ContactNotFound, IdentityChanged
from loom.model import Contact, PersonId
from loom.node.device import Device
from loom.node.parts import Parts
from loom.printable import printable
from loom.storage.persons import name_key
from loom.wire.limits import NAME_MAX_CHARACTERS


class Roster(dict[PersonId, Device]):
    """By the contact's number. `on_added` and `on_changed` are set by what meets the network."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts
        self.on_added: Callable[[Device], None] = lambda device: None
        self.on_changed: Callable[[], None] = lambda: None
        self.on_dropped: Callable[[Device], None] = lambda device: None

    def find(self, reference: str) -> Device | None:
        """By name, or by `#` and the number."""
        if reference.startswith("#") and reference[1:].isdecimal():
            return self.get(PersonId(int(reference[1:])))
        wanted = name_key(reference)
        for device in self.values():
            if name_key(device.person.name) == wanted:
                return device
        return None

    def named(self, reference: str) -> Device:
        """The same, or ContactNotFound."""
        device = self.find(reference)
        if device is None:
            raise ContactNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS])
        return device

    def addressable(self, reference: str) -> Device:
        """The same, if something may be sent to them.

        Raises:
            ContactNotFound, ContactBlocked, IdentityChanged.
        """
        device = self.named(reference)
        if device.person.blocked:
            raise ContactBlocked(name=device.person.name)
        if device.person.identity_changed:
            raise IdentityChanged(name=device.person.name)
        return device

    def welcome(self) -> list[Device]:
        """Those that may connect and are told that this node is here, by number."""
        return [device for _, device in sorted(self.items()) if device.person.is_welcome]

    def add(self, contact: Contact) -> Device:
        """Take up a contact, or a contact's new identity; `on_changed` is for the caller."""
        identity, person = self._parts.identity, contact.person
        keys = derive_pair_keys(
            identity.agreement, identity.peer_id, person.peer_id, person.x25519_public
        )
        device = self[person.person_id] = Device(self._parts, contact, keys)
        self.on_added(device)
        return device

    async def drop(self, device: Device) -> None:
        """End a contact's links and tasks; it is found no longer."""
        self.pop(device.number, None)
        self.on_dropped(device)
        self.on_changed()
        device.arbiter.end()
        device.arbiter.abort()
        await device.stop()
