"""The `LOOM-` token: a fingerprint and an agreement key that a person can paste (PROTOCOL 1)."""

import hashlib
from typing import Final

from loom.errors import InvalidToken, MalformedMessage
from loom.model import ContactToken, PeerId
from loom.wire.encoding import check_lasting_x25519_public, enc
from loom.wire.limits import FINGERPRINT_BYTES, TOKEN_BYTES, TOKEN_CHARACTERS

PREFIX: Final = "LOOM-"
VERSION: Final = 0x01
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
_SPARE_BITS: Final = 5 * TOKEN_CHARACTERS - 8 * TOKEN_BYTES
_CHECKSUM_BYTES: Final = 4


def _checksum(body: bytes) -> bytes:
    return hashlib.sha512(enc(b"LOOM/1 token", body)).digest()[:_CHECKSUM_BYTES]


def encode_token(token: ContactToken) -> str:
    """`LOOM-` and 111 Base32 characters (RFC 4648, no padding): 116 in all."""
    body = bytes([VERSION]) + token.peer_id + token.x25519_public
    value = int.from_bytes(body + _checksum(body), "big") << _SPARE_BITS
    return PREFIX + "".join(
        _ALPHABET[(value >> shift) & 31] for shift in range(5 * (TOKEN_CHARACTERS - 1), -1, -5)
    )


def decode_token(text: str) -> ContactToken:
    """Read a token, ignoring case, white space and inner hyphens.

    Raises:
        InvalidToken: with a `reason`; checked in this order: prefix, alphabet, too short, version,
            too long, checksum, spare bits, canonical key.
    """
    joined = "".join(text.split())
    if joined[: len(PREFIX)].upper() != PREFIX:
        raise InvalidToken(reason="it does not start with LOOM-")
    characters = joined[len(PREFIX) :].replace("-", "")
    # ASCII only: str.upper() would turn the dotless i or the long s into letters of the alphabet.
    if not characters.isascii() or not set(characters.upper()) <= _VALUES.keys():
        raise InvalidToken(reason="it has characters other than A to Z and 2 to 7")
    wrong_length = InvalidToken(
        reason=f"it has {len(PREFIX) + len(characters)} characters instead of "
        f"{len(PREFIX) + TOKEN_CHARACTERS}"
    )
    if len(characters) < TOKEN_CHARACTERS:
        raise wrong_length
    values = [_VALUES[character] for character in characters.upper()[:TOKEN_CHARACTERS]]
    if values[0] << 3 | values[1] >> 2 != VERSION:
        raise InvalidToken(reason="it is of a version that this Loom does not know")
    if len(characters) > TOKEN_CHARACTERS:
        raise wrong_length
    value = 0
    for digit in values:
        value = value << 5 | digit
    data = (value >> _SPARE_BITS).to_bytes(TOKEN_BYTES, "big")
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if _checksum(body) != checksum:
        raise InvalidToken(reason="it was mistyped (the checksum does not match)")
    if value & ((1 << _SPARE_BITS) - 1):
        raise InvalidToken(reason="its last character was changed")
    x25519_public = body[1 + FINGERPRINT_BYTES :]
    try:
        check_lasting_x25519_public(x25519_public)
    except MalformedMessage as error:
        raise InvalidToken(reason="its key is not a valid one") from error
    return ContactToken(PeerId(body[1 : 1 + FINGERPRINT_BYTES]), x25519_public)
