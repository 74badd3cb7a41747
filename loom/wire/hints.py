"""Where a node or an anchor can be reached, as invites, pairing texts and Mailboxes say it.

hint = kind u8 (0 a node, 1 an anchor) || port u16 || [mask key (16), anchors] || length u8 || host

A host is ASCII in its one canonical form: IPv6 as RFC 5952 writes it, without brackets or zone; a
dotted quad; a DNS name in lower case; a version 3 .onion name (docs/PROTOCOL.md 10.4).
"""

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from loom.errors import InvalidInput, MalformedMessage
from loom.model import Address
from loom.wire.encoding import u8, u16
from loom.wire.limits import ANCHOR_MASK_KEY_BYTES, HOST_MAX_BYTES

NODE: Final = 0
ANCHOR: Final = 1
_HEAD_BYTES: Final = 3
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
_ONION: Final = re.compile(r"(?:.+\.)?[a-z2-7]{56}\.onion", re.ASCII)


class Hint(msgspec.Struct, frozen=True):
    """A place to dial; with the mask key (16 bytes) of an anchor it is one, else a node."""

    address: Address
    mask_key: bytes = b""

    @property
    def is_anchor(self) -> bool:
        """Whether an anchor is there, and not a node."""
        return bool(self.mask_key)

    def __repr__(self) -> str:
        return f"Hint({'anchor' if self.is_anchor else 'node'}, redacted)"


def is_canonical_host(host: str) -> bool:
    """Whether this is the one way to write a host in a hint."""
    if not host.isascii() or not 0 < len(host) <= HOST_MAX_BYTES:
        return False
    try:
        if ":" in host:
            address = IPv6Address(host)
            # An IPv4 address has one form, the dotted quad.
            return str(address) == host and address.ipv4_mapped is None and not address.scope_id
        labels = host.split(".")
        if labels[-1].isdecimal():
            return str(IPv4Address(host)) == host
    except ValueError:
        return False
    is_name = all(_LABEL.fullmatch(label) for label in labels)
    return is_name and (labels[-1] != "onion" or _ONION.fullmatch(host) is not None)


def encode_hint(hint: Hint) -> bytes:
    """One hint.

    Raises:
        InvalidInput: a port, host or mask key that no hint can hold.
    """
    host, port = hint.address.host, hint.address.port
    if not _is_valid(hint):
        raise InvalidInput(what=f"{hint.address} is not an address that others could be told")
    kind = ANCHOR if hint.is_anchor else NODE
    return u8(kind) + u16(port) + hint.mask_key + u8(len(host)) + host.encode("ascii")


def encode_hints(hints: tuple[Hint, ...]) -> bytes:
    """n u8 || n hints; errors as `encode_hint`."""
    return u8(len(hints)) + b"".join(map(encode_hint, hints))


def decode_hints(data: bytes) -> tuple[Hint, ...]:
    """Read `encode_hints`, up to the last byte.

    Raises:
        MalformedMessage: any other bytes.
    """
    if not data:
        raise MalformedMessage(what="hints")
    hints, at = [], 1
    for _ in range(data[0]):
        hint, at = read_hint(data, at)
        hints.append(hint)
    if at != len(data):
        raise MalformedMessage(what="hints")
    return tuple(hints)


def read_hint(data: bytes, at: int) -> tuple[Hint, int]:
    """The hint that begins at `at`, and where it ends.

    Raises:
        MalformedMessage: cut short, an unknown kind, port 0, a host not in its canonical form.
    """
    head, at = data[at : at + _HEAD_BYTES], at + _HEAD_BYTES
    if len(head) < _HEAD_BYTES or head[0] not in (NODE, ANCHOR):
        raise MalformedMessage(what="hint")
    key_bytes = ANCHOR_MASK_KEY_BYTES if head[0] == ANCHOR else 0
    mask_key, at = data[at : at + key_bytes], at + key_bytes
    size, at = int.from_bytes(data[at : at + 1]), at + 1
    host, at = data[at : at + size].decode("latin-1"), at + size
    hint = Hint(Address(host, int.from_bytes(head[1:])), mask_key)
    if at > len(data) or not _is_valid(hint):
        raise MalformedMessage(what="hint")
    return hint, at


def _is_valid(hint: Hint) -> bool:
    return (
        0 < hint.address.port <= 0xFFFF
        and len(hint.mask_key) in (0, ANCHOR_MASK_KEY_BYTES)
        and is_canonical_host(hint.address.host)
    )
