"""`enc`: length-prefixed items, the one composite encoding of LOOM/1 (docs/PROTOCOL.md 0)."""

from typing import Final

from loom.errors import MalformedMessage
from loom.wire.limits import X25519_KEY_BYTES

_FIELD_PRIME: Final = 2**255 - 19


def enc(*items: bytes) -> bytes:
    """Each item as u32 length (big-endian) then its bytes."""
    return b"".join([part for item in items for part in (len(item).to_bytes(4, "big"), item)])


def decode_items(data: bytes, sizes: tuple[int | None, ...], what: str) -> list[bytes]:
    """Undo `enc` strictly: exactly these items, each of the given length (None: any), no rest.

    Raises:
        MalformedMessage: wrong count, short item, other length, trailing bytes.
    """
    items: list[bytes] = []
    position = 0
    for size in sizes:
        start = position + 4
        length = int.from_bytes(data[position:start], "big")
        position = start + length
        if start > len(data) or position > len(data) or (size is not None and length != size):
            raise MalformedMessage(what=what)
        items.append(data[start:position])
    if position != len(data):
        raise MalformedMessage(what=what)
    return items


def u8(value: int) -> bytes:
    """One byte."""
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    """Two bytes, big-endian."""
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    """Four bytes, big-endian."""
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    """Eight bytes, big-endian."""
    return value.to_bytes(8, "big")


def check_x25519_public(public_key: bytes) -> None:
    """Accept only the one canonical encoding of a curve coordinate (RFC 7748, section 5).

    Args:
        public_key: untrusted; 32 bytes, little-endian value below 2^255 - 19 are accepted.

    Raises:
        MalformedMessage: other length, top bit set, or not reduced (OpenSSL would take those).
    """
    if len(public_key) != X25519_KEY_BYTES or int.from_bytes(public_key, "little") >= _FIELD_PRIME:
        raise MalformedMessage(what="X25519 public key")
