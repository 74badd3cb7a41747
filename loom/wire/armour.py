"""`LOOM-` texts: Base32 with a checksum, around tokens, invites and pairings (PROTOCOL 1.3)."""

import hashlib
from typing import Final

from loom.errors import InvalidToken
from loom.wire.encoding import enc

PREFIX: Final = "LOOM-"
CHECKSUM_BYTES: Final = 4
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}


def write_text(body: bytes) -> str:
    """`LOOM-` and the Base32 (RFC 4648, no padding) of the body with its checksum."""
    data = body + _checksum(body)
    count = characters_of(len(data))
    value = int.from_bytes(data, "big") << 5 * count - 8 * len(data)
    return PREFIX + "".join(
        _ALPHABET[(value >> shift) & 31] for shift in range(5 * (count - 1), -1, -5)
    )


def characters_of(size_bytes: int) -> int:
    """How many Base32 characters hold so many bytes."""
    return (8 * size_bytes + 4) // 5


def read_characters(text: str) -> str:
    """What follows the prefix, in upper case, without white space and hyphens.

    Raises:
        InvalidToken: another prefix, then a character that Base32 does not have.
    """
    joined = "".join(text.split())
    if joined[: len(PREFIX)].upper() != PREFIX:
        raise InvalidToken(reason="it does not start with LOOM-")
    characters = joined[len(PREFIX) :].replace("-", "")
    # ASCII only: str.upper() would turn the dotless i or the long s into letters of the alphabet.
    if not characters.isascii() or not set(characters.upper()) <= _VALUES.keys():
        raise InvalidToken(reason="it has characters other than A to Z and 2 to 7")
    return characters.upper()


def version_of(characters: str) -> int | None:
    """The first byte; None: there are fewer than two characters."""
    if len(characters) < 2:
        return None
    return _VALUES[characters[0]] << 3 | _VALUES[characters[1]] >> 2


def read_body(characters: str) -> bytes:
    """The body behind the characters, of a number that the caller has checked.

    Raises:
        InvalidToken: the checksum, then the spare bits behind the last byte.
    """
    value = 0
    for character in characters:
        value = value << 5 | _VALUES[character]
    size_bytes = 5 * len(characters) // 8
    spare_bits = 5 * len(characters) - 8 * size_bytes
    data = (value >> spare_bits).to_bytes(size_bytes, "big")
    body, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if _checksum(body) != checksum:
        raise InvalidToken(reason="it was mistyped (the checksum does not match)")
    if value & ((1 << spare_bits) - 1):
        raise InvalidToken(reason="its last character was changed")
    return body


def _checksum(body: bytes) -> bytes:
    return hashlib.sha512(enc(b"LOOM/1 token", body)).digest()[:CHECKSUM_BYTES]
