"""This machine's network interfaces, and which addresses lie in their networks."""

import ipaddress
from collections.abc import Collection, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Self

import ifaddr

from loom.errors import InvalidInput
from loom.wire.limits import ADVERT_ADDRESSES_MAX

Ip = IPv4Address | IPv6Address


class Interfaces:
    """The networks of some adapters; `only` those that have one of the packed addresses."""

    def __init__(
        self, adapters: Iterable[ifaddr.Adapter] = (), only: Collection[bytes] | None = None
    ) -> None:
        found = [(adapter.index, [_with_network(ip) for ip in adapter.ips]) for adapter in adapters]
        self._by_index = [
            (index, addresses)
            for index, addresses in found
            if only is None or any(one.packed in only for one in addresses)
        ]
        self.own = frozenset(one.ip for _, addresses in found for one in addresses)
        """The addresses of this machine, without scope."""

    @classmethod
    def here(cls, only: Collection[bytes] | None = None) -> Self:
        """Those of this machine, as they are now."""
        return cls(ifaddr.get_adapters(), only)

    def reach(self, source: Ip, scope: int) -> bool:
        """Whether a sender is on a network of this machine (RFC 6762, section 11)."""
        return bool(self._towards(source, scope))

    def nearby(self, addresses: tuple[bytes, ...], source: Ip, scope: int) -> tuple[bytes, ...]:
        """The addresses of an advert that may be dialled: those in the network it came from.

        Otherwise a contact could choose where this machine connects. For the same reason this
        machine's own addresses count only if it sent the advert itself.

        Args:
            addresses: packed, 4 or 16 bytes each.
            source: the sender, without scope.
            scope: the interface's index for link-local IPv6, else 0.
        """
        networks = [one.network for one in self._towards(source, scope)]
        return tuple(
            ip.packed
            for ip in map(ipaddress.ip_address, addresses)
            if any(_holds(network, ip) for network in networks)
            and (ip not in self.own or source in self.own)
        )

    def _towards(self, source: Ip, scope: int) -> list[IPv4Interface | IPv6Interface]:
        """The addresses of the interfaces that reach a sender without a router."""
        return [
            one
            for index, addresses in self._by_index
            if (scope and index == scope)
            or (not scope and any(source in one.network for one in addresses))
            for one in addresses
        ]


def address_on(text: str) -> Ip:
    """The address of an interface that is named by one of its addresses or by its name.

    Raises:
        InvalidInput: neither an address nor the name of an interface of this machine.
    """
    with suppress(ValueError):
        return ipaddress.ip_address(text)
    for adapter in ifaddr.get_adapters():
        if text == adapter.name and adapter.ips:
            addresses = sorted((_with_network(one).ip for one in adapter.ips), key=_version)
            return addresses[0]
    raise InvalidInput(
        what=f"{text} is neither an address such as 127.0.0.1 nor a network interface here"
    )


def _version(address: Ip) -> int:
    return address.version


def dialable_addresses() -> tuple[bytes, ...]:
    """The packed addresses of this machine that others can dial, sorted.

    Not loopback, nor link-local IPv6, which needs a scope; without any other, loopback alone.
    """
    usable = {ip for ip in Interfaces.here().own if not (ip.version == 6 and ip.is_link_local)}
    chosen = {ip for ip in usable if not ip.is_loopback} or usable
    return tuple(sorted(ip.packed for ip in chosen)[:ADVERT_ADDRESSES_MAX])


def _with_network(ip: ifaddr.IP) -> IPv4Interface | IPv6Interface:
    """Without the scope of link-local IPv6."""
    address = ip.ip[0] if isinstance(ip.ip, tuple) else ip.ip
    return ipaddress.ip_interface((address.partition("%")[0], ip.network_prefix))


def _holds(network: ipaddress.IPv4Network | ipaddress.IPv6Network, ip: Ip) -> bool:
    """Whether it is the address of a host there: neither the network's own nor its broadcast."""
    if ip not in network:
        return False
    return network.num_addresses <= 2 or ip not in (network[0], network[-1])
