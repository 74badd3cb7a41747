"""Who may connect as to, or as, an identity of before: answered with statements alone (1.5)."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from loom.core.gate import EarlierEntry
from loom.core.link_events import CloseReason, RecordReceived
from loom.core.pair_keys import PairKeys
from loom.crypto.kdf import hash_
from loom.links.direct import DirectLink
from loom.model import PeerId
from loom.node.device import Device
from loom.node.identity.following import Following
from loom.node.mail import Incoming
from loom.wire.chain_envelope import is_chain_envelope
from loom.wire.encoding import enc
from loom.wire.framing import RecordKind
from loom.wire.limits import CHAIN_LINK_MAX_AGE_S


class ChainDoor:
    """One device under pair keys that are valid no longer.

    Args:
        own: the identity of the owner that the contact knows.
        theirs: the identity that the contact has there. One of the two is valid no longer, or
            nothing else is taken from the contact.
        keys: the pair keys of both.
        chain: the envelopes for who knows them.
    """

    def __init__(
        self,
        device: Device,
        own: PeerId,
        theirs: PeerId,
        keys: PairKeys,
        chain: Callable[[], Sequence[bytes]],
        following: Following,
    ) -> None:
        self.device = device
        self.is_open = True
        self.own = own
        self.theirs = theirs
        self.gate_entry = EarlierEntry(device.number, keys.receiving)
        """See `Admitted.gate_entry`."""
        self.rand_owner = hash_(enc(b"chain door", own, theirs))[:32]
        """See `Admitted.rand_owner`."""
        self._chain = chain
        self._following = following
        self._links: set[DirectLink] = set()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.device.number})"

    def is_linked(self) -> bool:
        """Whether the chain is on its way on a link."""
        return bool(self._links)

    def take_link(self, link: DirectLink) -> bool:
        """Say the chain, and leave the link to the other side to end."""
        if not self.is_open:
            return False
        link.hand_over(self)
        self._links.add(link)
        for envelope in self._chain():
            link.send(envelope)
        link.resume_reading()
        # The other side ends it once it has followed: who closes first may cut what it reads.
        asyncio.get_running_loop().call_later(CHAIN_LINK_MAX_AGE_S, link.abort)
        return True

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """See `Admitted.spawn`."""
        return self.device.spawn(work, name)

    def close(self) -> None:
        """The contact knows the identity of now, or is none any more."""
        self.is_open = False
        for link in list(self._links):
            link.close()

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Only a chain is taken: the other side may have gone over, too."""
        for one in records:
            if one.kind is RecordKind.ENVELOPE and is_chain_envelope(one.body):
                self._following.put(self.device.number, Incoming(one.body))

    def writable_again(self, link: DirectLink) -> None:
        """All was queued at once."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """It is over."""
        self._links.discard(link)
