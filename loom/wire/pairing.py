"""The text by which a person takes an anchor into use (docs/PROTOCOL.md 10.4)."""

from typing import Final

import msgspec

from loom.errors import InvalidInput, InvalidPairingText, InvalidToken, MalformedMessage
from loom.wire.armour import (
    CHECKSUM_BYTES,
    PREFIX,
    characters_of,
    read_body,
    read_characters,
    version_of,
    write_text,
)
from loom.wire.encoding import u32
from loom.wire.hints import Hint, decode_hints, encode_hints
from loom.wire.limits import ANCHOR_MASK_KEY_BYTES, PAIRING_MAX_CHARACTERS, PAIRING_SECRET_BYTES

VERSION: Final = 0x03
HOUR_S: Final = 3_600
_EXPIRY_BYTES: Final = 4
_HINT_MIN_BYTES: Final = 3 + ANCHOR_MASK_KEY_BYTES + 2
_MIN_BYTES: Final = 1 + PAIRING_SECRET_BYTES + _EXPIRY_BYTES + 1 + _HINT_MIN_BYTES


class PairingText(msgspec.Struct, frozen=True):
    """A secret of 16 bytes, until when it serves, and where the anchor is.

    Args:
        expires_h: Unix time in hours; from its first second on the text serves no more.
        hints: at least one, all of anchors.
    """

    secret: bytes
    expires_h: int
    hints: tuple[Hint, ...]

    def __repr__(self) -> str:
        return "PairingText(redacted)"


def is_pairing_text(text: str) -> bool:
    """Whether this claims to be one; reading it says what is wrong with it."""
    try:
        return version_of(read_characters(text)) == VERSION
    except InvalidToken:
        return False


def encode_pairing_text(pairing: PairingText) -> str:
    """`LOOM-` and Base32.

    Raises:
        InvalidInput: no address, too many, or one that nobody could dial.
    """
    hints = encode_hints(pairing.hints)
    text = write_text(bytes([VERSION]) + pairing.secret + u32(pairing.expires_h) + hints)
    if not _are_anchors(pairing.hints):
        raise InvalidInput(what="A pairing text names at least one address of an anchor")
    if len(text) > PAIRING_MAX_CHARACTERS:
        raise InvalidInput(what="These addresses are too many for one text")
    return text


def decode_pairing_text(text: str) -> PairingText:
    """Read one, as a token is read: in any case, with white space and hyphens.

    Raises:
        InvalidPairingText: with a `reason`; checked in this order: prefix, alphabet, too short,
            version, too long, checksum, spare bits, number of characters, addresses.
    """
    try:
        return _decoded(text)
    except InvalidToken as error:
        raise InvalidPairingText(**error.facts) from error


def _decoded(text: str) -> PairingText:
    characters = read_characters(text)
    count = len(PREFIX) + len(characters)
    if len(characters) < characters_of(_MIN_BYTES + CHECKSUM_BYTES):
        raise InvalidToken(reason=f"it has only {count} characters: its end is missing")
    if version_of(characters) != VERSION:
        raise InvalidToken(reason="it is for something else")
    if count > PAIRING_MAX_CHARACTERS:
        raise InvalidToken(reason=f"it has more than {PAIRING_MAX_CHARACTERS} characters")
    body = read_body(characters)
    if characters_of(len(body) + CHECKSUM_BYTES) != len(characters):
        raise InvalidToken(reason="a character was added at its end")
    secret_end = 1 + PAIRING_SECRET_BYTES
    hints_at = secret_end + _EXPIRY_BYTES
    try:
        hints = decode_hints(body[hints_at:])
    except MalformedMessage as error:
        raise InvalidToken(reason="its addresses are not valid ones") from error
    if not _are_anchors(hints):
        raise InvalidToken(reason="its addresses are not valid ones")
    expires_h = int.from_bytes(body[secret_end:hints_at], "big")
    return PairingText(body[1:secret_end], expires_h, hints)


def _are_anchors(hints: tuple[Hint, ...]) -> bool:
    return bool(hints) and all(hint.is_anchor for hint in hints)
