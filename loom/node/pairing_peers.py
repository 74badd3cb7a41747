"""Who announces on the LAN that they pair, as strangers' adverts say (docs/PROTOCOL.md 12.1)."""

import ipaddress

from loom.api.pairing_views import PairingPeer
from loom.core.pairing_advert import decode_pairing_advert
from loom.errors import MalformedMessage
from loom.model import Address
from loom.ports import Advert
from loom.wire.limits import PAIR_PEERS_MAX


class PairingPeers:
    """At most 32, the newest. Two adverts with one alias are told apart by a number.

    Args:
        own_alias: not shown when somebody else announces it.
    """

    def __init__(self, own_alias: str) -> None:
        self._own_alias = own_alias
        self._found: dict[Advert, tuple[str, tuple[Address, ...]]] = {}
        """Oldest first: what each is called here, and where it may be dialled."""

    def found(self, advert: Advert, nearby: tuple[bytes, ...]) -> bool:
        """Take in an advert; whether the list changed."""
        try:
            alias = decode_pairing_advert(advert.properties)
        except MalformedMessage:
            return False
        if alias == self._own_alias or not nearby:
            return False
        at = tuple(Address(str(ipaddress.ip_address(one)), advert.port) for one in nearby)
        before = self._found.get(advert)
        called = self._free(alias) if before is None else before[0]
        self._found[advert] = (called, at)
        if len(self._found) > PAIR_PEERS_MAX:
            del self._found[next(iter(self._found))]
        return before != (called, at)

    def lost(self, advert: Advert) -> bool:
        """An advert was taken back; whether the list changed."""
        return self._found.pop(advert, None) is not None

    def addresses(self, alias: str) -> tuple[Address, ...]:
        """Where somebody is; empty: nobody is called so."""
        return next((at for called, at in self._found.values() if called == alias), ())

    def views(self) -> list[PairingPeer]:
        """All, in the order in which they came."""
        return [
            PairingPeer(alias=called, address=str(at[0])) for called, at in self._found.values()
        ]

    def _free(self, alias: str) -> str:
        called, number = alias, 1
        while self.addresses(called):
            number += 1
            called = f"{alias}-{number}"
        return called
