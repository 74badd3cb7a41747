"""The `LOOM-` token: a fingerprint and an agreement key that a person can paste (PROTOCOL 1)."""

from typing import Final

from loom.errors import InvalidToken, MalformedMessage
from loom.model import ContactToken, PeerId
from loom.wire.armour import PREFIX, read_body, read_characters, version_of, write_text
from loom.wire.encoding import check_lasting_x25519_public
from loom.wire.limits import FINGERPRINT_BYTES, TOKEN_CHARACTERS

VERSION: Final = 0x01


def encode_token(token: ContactToken) -> str:
    """`LOOM-` and 111 Base32 characters (RFC 4648, no padding): 116 in all."""
    return write_text(bytes([VERSION]) + token.peer_id + token.x25519_public)


def decode_token(text: str) -> ContactToken:
    """Read a token, ignoring case, white space and inner hyphens.

    Raises:
        InvalidToken: with a `reason`; checked in this order: prefix, alphabet, too short, version,
            too long, checksum, spare bits, canonical key.
    """
    characters = read_characters(text)
    wrong_length = InvalidToken(
        reason=f"it has {len(PREFIX) + len(characters)} characters instead of "
        f"{len(PREFIX) + TOKEN_CHARACTERS}"
    )
    if len(characters) < TOKEN_CHARACTERS:
        raise wrong_length
    if version_of(characters) != VERSION:
        raise InvalidToken(reason="it is of a version that this Loom does not know")
    if len(characters) > TOKEN_CHARACTERS:
        raise wrong_length
    body = read_body(characters)
    return read_token_fields(body[1:])


def read_token_fields(fields: bytes) -> ContactToken:
    """FP (32) || x25519_pk (32), as a token and an invite begin.

    Raises:
        InvalidToken: the key is not canonical, or of small order.
    """
    peer_id, x25519_public = fields[:FINGERPRINT_BYTES], fields[FINGERPRINT_BYTES:]
    try:
        check_lasting_x25519_public(x25519_public)
    except MalformedMessage as error:
        raise InvalidToken(reason="its key is not a valid one") from error
    return ContactToken(PeerId(peer_id), x25519_public)
