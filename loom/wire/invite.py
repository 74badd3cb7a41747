"""The text of an invite: one paste, and both sides have each other (docs/PROTOCOL.md 11.1).

body  0x02 || FP (32) || x25519_pk (32) || V (16) || expires_h u32 || flags u8 || [room] || n u8 ||
      n hints
room  room_id (32) || length u8 || name, of an invite into a room
text  "LOOM-" || Base32(body || checksum), at most 500 characters
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from loom.errors import InvalidInput, InvalidInvite, InvalidToken, MalformedMessage
from loom.model import ContactToken
from loom.wire.armour import (
    CHECKSUM_BYTES,
    PREFIX,
    characters_of,
    read_body,
    read_characters,
    version_of,
    write_text,
)
from loom.wire.encoding import u8, u32
from loom.wire.hints import Hint, decode_hints, encode_hints
from loom.wire.limits import (
    FINGERPRINT_BYTES,
    INVITE_MAX_CHARACTERS,
    INVITE_SECRET_BYTES,
    ROOM_ID_BYTES,
    ROOM_INVITE_NAME_MAX_BYTES,
    X25519_KEY_BYTES,
)
from loom.wire.token import read_token_fields

VERSION: Final = 0x02
HOUR_S: Final = 3_600
ADDRESS: Final = 0x01
"""The flag of an address, which many may use."""
ROOM: Final = 0x02
"""The flag of an invite into a room."""

_SECRET_AT: Final = 1 + FINGERPRINT_BYTES + X25519_KEY_BYTES
_EXPIRES_AT: Final = _SECRET_AT + INVITE_SECRET_BYTES
_FLAGS_AT: Final = _EXPIRES_AT + 4
_ROOM_AT: Final = _FLAGS_AT + 1
_MIN_CHARACTERS: Final = characters_of(_ROOM_AT + 1 + CHECKSUM_BYTES)
_MAX_CHARACTERS: Final = INVITE_MAX_CHARACTERS - len(PREFIX)


class RoomDoor(msgspec.Struct, frozen=True):
    """The room that an invite leads into: its id (32 bytes) and its name, at most 64 bytes."""

    room_id: bytes
    name: str

    def __repr__(self) -> str:
        return f"RoomDoor({self.room_id.hex()[:8]})"


class InviteText(msgspec.Struct, frozen=True):
    """What an invite says: whose it is, its secret, until when, and where to ask."""

    token: ContactToken
    secret: bytes
    """`V`: 16 bytes."""
    expires_h: int
    """Unix time in hours: from then on it is expired."""
    is_address: bool
    hints: tuple[Hint, ...]
    room: RoomDoor | None = None

    def __repr__(self) -> str:
        return f"InviteText({self.token.peer_id.hex()}, redacted)"

    @property
    def expires_at_s(self) -> int:
        """Unix time in seconds."""
        return self.expires_h * HOUR_S


def encode_invite(invite: InviteText) -> str:
    """The text, in upper case.

    Raises:
        InvalidInput: no hint or more than the text has room for, a hint that cannot be written, or
            a node's in an address.
    """
    if not _has_right_hints(invite.is_address, invite.hints):
        raise InvalidInput(what="An invite needs an address where you can be reached")
    text = write_text(
        bytes([VERSION])
        + invite.token.peer_id
        + invite.token.x25519_public
        + invite.secret
        + u32(invite.expires_h)
        + u8((ADDRESS if invite.is_address else 0) | (ROOM if invite.room is not None else 0))
        + _encode_room(invite.room)
        + encode_hints(invite.hints)
    )
    if len(text) > INVITE_MAX_CHARACTERS:
        raise InvalidInput(what="These addresses are too long for one invite")
    return text


def hints_that_fit(hints: Sequence[Hint], room: RoomDoor | None = None) -> tuple[Hint, ...]:
    """As many as one text has space for, at least one; the first before the others.

    Raises:
        InvalidInput: the first one cannot be written.
    """
    for count in range(len(hints), 1, -1):
        try:
            size = _ROOM_AT + len(_encode_room(room)) + len(encode_hints(tuple(hints[:count])))
        except InvalidInput:
            continue
        if len(PREFIX) + characters_of(size + CHECKSUM_BYTES) <= INVITE_MAX_CHARACTERS:
            return tuple(hints[:count])
    return tuple(hints[:1])


def decode_invite(text: str) -> InviteText:
    """Read an invite, ignoring case, white space and inner hyphens.

    Raises:
        InvalidInvite: with a `reason`; checked in this order: prefix, alphabet, too short, version,
            too long, checksum, spare bits, number of characters, hints, flags, canonical key.
    """
    try:
        return _decoded(text)
    except InvalidToken as error:
        raise InvalidInvite(**error.facts) from error


def _decoded(text: str) -> InviteText:
    characters = read_characters(text)
    if len(characters) < _MIN_CHARACTERS:
        raise InvalidToken(reason="it is cut off: paste the whole text")
    if version_of(characters) != VERSION:
        raise InvalidToken(reason="it is of a version that this Loom does not know")
    if len(characters) > _MAX_CHARACTERS:
        raise InvalidToken(reason="it is too long for an invite")
    body = read_body(characters)
    if characters_of(len(body) + CHECKSUM_BYTES) != len(characters):
        raise InvalidToken(reason="a character was added at its end")
    flags = body[_FLAGS_AT]
    room, hints_at = _decode_room(body) if flags == ROOM else (None, _ROOM_AT)
    try:
        hints = decode_hints(body[hints_at:])
    except MalformedMessage as error:
        raise InvalidToken(reason="its addresses cannot be read") from error
    if flags not in (0, ADDRESS, ROOM) or not _has_right_hints(flags == ADDRESS, hints):
        raise InvalidToken(reason="it is of a kind that this Loom does not know")
    return InviteText(
        read_token_fields(body[1:_SECRET_AT]),
        body[_SECRET_AT:_EXPIRES_AT],
        int.from_bytes(body[_EXPIRES_AT:_FLAGS_AT], "big"),
        flags == ADDRESS,
        hints,
        room,
    )


def _encode_room(room: RoomDoor | None) -> bytes:
    if room is None:
        return b""
    name = room.name.encode()
    if len(room.room_id) != ROOM_ID_BYTES or not 0 < len(name) <= ROOM_INVITE_NAME_MAX_BYTES:
        raise InvalidInput(what="This room's name is too long for an invite")
    return room.room_id + u8(len(name)) + name


def _decode_room(body: bytes) -> tuple[RoomDoor, int]:
    """The room, and where the hints begin."""
    name_at = _ROOM_AT + ROOM_ID_BYTES + 1
    end = name_at + (body[name_at - 1] if len(body) >= name_at else 0)
    name = body[name_at:end]
    if end > len(body) or not 0 < len(name) <= ROOM_INVITE_NAME_MAX_BYTES:
        raise InvalidToken(reason="its room cannot be read")
    try:
        return RoomDoor(body[_ROOM_AT : name_at - 1], name.decode()), end
    except UnicodeDecodeError as error:
        raise InvalidToken(reason="its room cannot be read") from error


def is_invite(text: str) -> bool:
    """Whether a text claims to be an invite, and no token."""
    try:
        return version_of(read_characters(text)) == VERSION
    except InvalidToken:
        return False


def _has_right_hints(is_address: bool, hints: tuple[Hint, ...]) -> bool:
    """At least one; an address has an anchor's only, as its owner is not to be dialled by all."""
    return bool(hints) and (not is_address or all(one.is_anchor for one in hints))
