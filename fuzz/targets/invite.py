"""Invites, as a person pastes them."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.errors import InvalidToken
from loom.model import Address
from loom.wire.armour import read_characters, write_text
from loom.wire.hints import Hint
from loom.wire.invite import VERSION, InviteText, decode_invite, encode_invite, is_invite
from tests.people import ALICE

_HINTS = (Hint(Address("192.0.2.7", 4_070)), Hint(Address("a.example", 1), bytes(16)))
_VALID = encode_invite(InviteText(ALICE.token, bytes(16), 500_000, False, _HINTS))
_BODY = bytes([VERSION]) + ALICE.peer_id + ALICE.token.x25519_public + bytes(16)


def run(data: bytes) -> None:
    """Any text is an invite that is written the same again, or an InvalidToken."""
    draw = Draw(data)
    match draw.number(3):
        case 0:
            text = draw.edited(_VALID.encode()).decode("utf-8", "surrogateescape")
        case 1:
            text = draw.rest().decode("utf-8", "surrogateescape")
        case _:  # with the right checksum: what is behind it is read
            text = write_text(_BODY + draw.rest())
    looks_like_one = is_invite(text)
    try:
        invite = decode_invite(text)
    except InvalidToken as error:
        str(error)
        return
    assert looks_like_one
    assert not invite.is_address or all(hint.is_anchor for hint in invite.hints)
    assert read_characters(encode_invite(invite)) == read_characters(text)


TARGET = Target(
    run=run,
    seeds=(
        b"\0",
        b"\1" + _VALID.encode(),
        b"\1loom-ai",
        b"\2" + bytes(4) + b"\1\1\0\x0f\xe6\x09a.example",
        b"\2" + bytes(4) + b"\0\1\0\x0f\xe6\x09a.example",
        b"\2" + bytes(4) + b"\1\1\1\x0f\xe6" + bytes(16) + b"\x09a.example",
        b"\2" + bytes(4) + b"\2\1\0\x0f\xe6\x09a.example",
    ),
    max_bytes=512,
    executions=3_000,
)
