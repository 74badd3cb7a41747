"""The contacts of a node at run time, by number and by name."""

from loom.errors import ContactNotFound
from loom.model import ContactId
from loom.node.peer import Peer
from loom.printable import printable
from loom.storage.contacts import name_key
from loom.wire.limits import NAME_MAX_CHARACTERS


class Peers(dict[ContactId, Peer]):
    """By number."""

    def find(self, reference: str) -> Peer | None:
        """By name, or by `#` and the number."""
        if reference.startswith("#") and reference[1:].isdecimal():
            return self.get(ContactId(int(reference[1:])))
        wanted = name_key(reference)
        for peer in self.values():
            if name_key(peer.contact.name) == wanted:
                return peer
        return None

    def named(self, reference: str) -> Peer:
        """The same, or ContactNotFound."""
        peer = self.find(reference)
        if peer is None:
            raise ContactNotFound(name=printable(reference)[:NAME_MAX_CHARACTERS])
        return peer
