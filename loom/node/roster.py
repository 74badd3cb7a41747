"""The devices of all contacts, by the contact's number and name."""

from loom.errors import ContactNotFound
from loom.model import ContactId
from loom.node.device import Device
from loom.printable import printable
from loom.storage.contacts import name_key
from loom.wire.limits import NAME_MAX_CHARACTERS


class Roster(dict[ContactId, Device]):
    """By the contact's number."""

    def find(self, reference: str) -> Device | None:
        """By name, or by `#` and the number."""
        if reference.startswith("#") and reference[1:].isdecimal():
            return self.get(ContactId(int(reference[1:])))
        wanted = name_key(reference)
        for device in self.values():
            if name_key(device.contact.name) == wanted:
                return device
        return None

    def named(self, reference: str) -> Device:
        """The same, or ContactNotFound."""
        device = self.find(reference)
        if device is None:
            raise ContactNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS])
        return device
