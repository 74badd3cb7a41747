"""Hosts and addresses as people and peers write them, and which of them may be dialled how."""

import hashlib
import re
from base64 import b32decode
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from loom.errors import InvalidAddress, InvalidOnion
from loom.model import Address

_Ip = IPv4Address | IPv6Address
_PORT_MAX: Final = 65_535
_NAME_MAX_CHARACTERS: Final = 253
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ONION: Final = ".onion"
_ONION_CHARACTERS: Final = 56
_ONION_VERSION: Final = b"\x03"

_PRIVATE: Final = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv6Network("fc00::/7"),
)
_THIS_MACHINE_OR_LINK: Final = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("127.0.0.0/8"),
    IPv4Network("169.254.0.0/16"),
    IPv6Network("::/128"),
    IPv6Network("::1/128"),
    IPv6Network("fe80::/10"),
)
_SHARED: Final = (
    IPv4Network("100.64.0.0/10"),  # between a provider and its customers (RFC 6598)
    IPv6Network("64:ff9b:1::/48"),  # translators of one network (RFC 8215)
    IPv6Network("fec0::/10"),  # what ULA replaced (RFC 3879)
)
_NOBODYS: Final = (
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
    IPv6Network("::/96"),
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("ff00::/8"),
)
_NAT64: Final = IPv6Network("64:ff9b::/96")


def parse_address(text: str) -> Address:
    """HOST:PORT, an IPv6 host in brackets; port 0 is left to the caller to refuse.

    Raises:
        InvalidAddress, InvalidOnion: it is something else.
    """
    host, colon, port = text.strip().rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    is_number = port.isascii() and port.isdecimal() and len(port) <= 5
    if not (colon and is_number and int(port) <= _PORT_MAX and (":" in host) == is_bracketed):
        raise InvalidAddress(address=text[:64] or "Nothing")
    return Address(parse_host(host), int(port))


def parse_host(text: str) -> str:
    """A host as it is stored and dialled: an IP address in its short form, or a name in ASCII.

    Raises:
        InvalidAddress: neither, or a number that only some resolvers take for an IPv4 address.
        InvalidOnion: `.onion` behind something else than the 56 characters of version 3.
    """
    if not text.isprintable() or " " in text:
        raise InvalidAddress(address=text[:64])
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    try:
        # Resolvers do the same, and see .onion in other scripts' letters and dots, too.
        name = text if text.isascii() else text.encode("idna").decode()
    except UnicodeError as error:
        raise InvalidAddress(address=text[:64]) from error
    name = name.lower().removesuffix(".")
    labels = name.split(".")
    if (
        len(name) > _NAME_MAX_CHARACTERS
        or not all(map(_LABEL.fullmatch, labels))
        or _NUMBER.fullmatch(labels[-1])
    ):
        raise InvalidAddress(address=text[:64] or "Nothing")
    if is_onion(name) and not _is_version_3(labels):
        raise InvalidOnion(address=text[:80])
    return name


def is_onion(host: str) -> bool:
    """Whether a host of `parse_host` is an onion service, which only Tor finds (RFC 7686)."""
    return host.endswith(_ONION)


def is_private(host: str) -> bool:
    """Whether a host of `parse_host` is an IP address of this machine or of its own networks.

    Loopback, link-local, RFC 1918 and ULA; not a provider's (100.64.0.0/10), not what a translator
    makes of an IPv6 address (NAT64, 6to4), and no name.
    """
    ip = _ip_of(host)
    return ip is not None and _is_in(ip, (*_THIS_MACHINE_OR_LINK, *_PRIVATE))


def is_loopback(host: str) -> bool:
    """Whether a host of `parse_host` is an IP address of this machine alone."""
    ip = _ip_of(host)
    return ip is not None and ip.is_loopback


def is_on_lan(host: str) -> bool:
    """Whether a host of `parse_host` is an IP address of a network that this machine is on.

    Not its own: connections by an onion service come from there.
    """
    return is_private(host) and not is_loopback(host)


def is_near(host: str) -> bool:
    """Whether a host of `parse_host` is an IP address of this machine or of its link alone."""
    ip = _ip_of(host)
    return ip is not None and _is_in(ip, _THIS_MACHINE_OR_LINK)


def must_lead_away(host: str) -> bool:
    """Whether a host is a name of the kind that others may tell: never of this machine or link."""
    return _ip_of(host) is None and "." in host and not host.endswith((".localhost", ".local"))


def told_address_allowed(address: Address, own: Collection[Address], *, proxied: bool) -> bool:
    """Whether an address that somebody else told may be dialled (docs/PROTOCOL.md 3.7).

    Never one of this machine, of its link, or one's `own`; with a proxy, never a private one.
    """
    try:
        if parse_host(address.host) != address.host or not 0 < address.port <= _PORT_MAX:
            return False
    except InvalidAddress:
        return False
    ip = _ip_of(address.host)
    if ip is None:
        return must_lead_away(address.host) and address not in own
    if "%" in address.host or _is_in(ip, (*_THIS_MACHINE_OR_LINK, *_NOBODYS)):
        return False
    inner = _translated(ip)
    if inner is not None and _is_in(inner, (*_THIS_MACHINE_OR_LINK, *_PRIVATE, *_SHARED)):
        return False
    if proxied and _is_in(ip, (*_PRIVATE, *_SHARED)):
        return False
    return all((ip, address.port) != (_ip_of(one.host), one.port) for one in own)


def _ip_of(host: str) -> _Ip | None:
    """The IP address of a literal, one that IPv6 only wraps without its wrapping; None: a name."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return ip.ipv4_mapped or ip if isinstance(ip, IPv6Address) else ip


def _translated(ip: _Ip) -> IPv4Address | None:
    """The IPv4 address that a translator on the way makes of an IPv6 one."""
    if isinstance(ip, IPv4Address):
        return None
    return IPv4Address(ip.packed[-4:]) if ip in _NAT64 else ip.sixtofour


def _is_in(ip: _Ip, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    return any(ip in network for network in networks)


def _is_version_3(labels: list[str]) -> bool:
    """The form and the checksum of Tor's rend-spec-v3, section 6: key || checksum || version."""
    service = labels[-2]  # what is before it reaches the service as it is
    if len(service) != _ONION_CHARACTERS:
        return False
    try:
        decoded = b32decode(service.upper())
    except ValueError:
        return False
    key, checksum, version = decoded[:32], decoded[32:34], decoded[34:]
    digest = hashlib.sha3_256(b".onion checksum" + key + version).digest()
    return version == _ONION_VERSION and digest[:2] == checksum
