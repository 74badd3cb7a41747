"""`enc`: length-prefixed items, the one composite encoding of LOOM/1 (docs/PROTOCOL.md 0)."""

from functools import cache
from struct import Struct
from typing import Final

from loom.errors import MalformedMessage
from loom.wire.limits import X25519_KEY_BYTES

_FIELD_PRIME: Final = 2**255 - 19
_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        0x00B8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
        0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
        _FIELD_PRIME - 1,
    }
)
"""The reduced coordinates of points of order 1, 2, 4 and 8, which agree on zero with everybody."""


def enc(*items: bytes) -> bytes:
    """Each item as u32 length (big-endian) then its bytes."""
    return b"".join([part for item in items for part in (len(item).to_bytes(4, "big"), item)])


def decode_items(data: bytes, sizes: tuple[int | None, ...], what: str) -> list[bytes]:
    """Undo `enc` strictly: exactly these items, each of the given length (None: any), no rest.

    Raises:
        MalformedMessage: wrong count, short item, other length, trailing bytes.
    """
    if (fixed := _fixed(sizes)) is not None:
        form, lengths = fixed
        if len(data) != form.size or (parts := form.unpack(data))[::2] != lengths:
            raise MalformedMessage(what=what)
        return list(parts[1::2])
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


@cache
def _fixed(sizes: tuple[int | None, ...]) -> tuple[Struct, tuple[bytes, ...]] | None:
    """Where all items have a fixed length: the whole, taken apart at once, and these lengths."""
    lengths = [size for size in sizes if size is not None]
    if len(lengths) < len(sizes):
        return None
    form = Struct("".join(f"4s{length}s" for length in lengths))
    return form, tuple(length.to_bytes(4, "big") for length in lengths)


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


def check_lasting_x25519_public(public_key: bytes) -> None:
    """The same for a key that is kept before the first agreement with it.

    Raises:
        MalformedMessage: as above, or a small-order key, which would fail at each later use.
    """
    check_x25519_public(public_key)
    if int.from_bytes(public_key, "little") in _SMALL_ORDER:
        raise MalformedMessage(what="X25519 public key of small order")
