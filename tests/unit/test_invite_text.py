"""The text of an invite: what is read, and which of its errors comes first (PROTOCOL 11.1)."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import InvalidInput, InvalidToken
from loom.model import Address, ContactToken, PeerId
from loom.wire.encoding import enc
from loom.wire.hints import Hint, encode_hints
from loom.wire.invite import (
    InviteText,
    RoomDoor,
    decode_invite,
    encode_invite,
    hints_that_fit,
    is_invite,
)
from loom.wire.token import encode_token
from tests.people import ALICE
from tests.unit.test_encoding import PRIME, SMALL_ORDER

TOKEN = ContactToken(PeerId(bytes(range(32))), b"\x09" + bytes(31))
NODE = Hint(Address("192.0.2.7", 4_070))
ANCHOR = Hint(Address("anchor.example", 4_070), bytes(range(16)))
INVITE = InviteText(TOKEN, b"V" * 16, 500_000, False, (NODE, ANCHOR))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def written(
    version: int = 2,
    *,
    key: bytes = TOKEN.x25519_public,
    flags: int = 0,
    hints: bytes = encode_hints(INVITE.hints),
    checksum: bytes | None = None,
    spare: int = 0,
) -> str:
    """An invite made by the specification alone, with one part of it wrong."""
    body = bytes([version]) + TOKEN.peer_id + key + b"V" * 16 + (500_000).to_bytes(4)
    body += bytes([flags]) + hints
    right = hashlib.sha512(enc(b"LOOM/1 token", body)).digest()[:4]
    characters = base64.b32encode(body + (checksum or right)).decode().rstrip("=")
    last = ALPHABET[ALPHABET.index(characters[-1]) | spare]
    return "LOOM-" + characters[:-1] + last


TEXT = encode_invite(INVITE)


def reason(text: str) -> str:
    """Why an invite is refused."""
    with pytest.raises(InvalidToken) as caught:
        decode_invite(text)
    return str(caught.value.facts["reason"])


def test_it_is_what_the_specification_says() -> None:
    assert written() == TEXT
    assert decode_invite(TEXT) == INVITE
    assert INVITE.expires_at_s == 1_800_000_000


hosts = st.sampled_from(["192.0.2.7", "2001:db8::1", "a.example", "a2" * 28 + ".onion"])
addresses = st.builds(Address, hosts, st.integers(1, 65_535))
nodes = st.builds(Hint, addresses)
anchors = st.builds(Hint, addresses, st.binary(min_size=16, max_size=16))


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 2**32 - 1),
    st.one_of(
        st.tuples(st.just(False), st.lists(nodes | anchors, min_size=1, max_size=2).map(tuple)),
        st.tuples(st.just(True), st.lists(anchors, min_size=1, max_size=2).map(tuple)),
    ),
)
def test_every_invite_comes_back(
    secret: bytes, expires_h: int, where: tuple[bool, tuple[Hint, ...]]
) -> None:
    invite = InviteText(TOKEN, secret, expires_h, *where)
    text = encode_invite(invite)
    assert len(text) <= 500
    assert decode_invite(text) == decode_invite(text.lower()) == invite


def test_an_invite_into_a_room_says_id_and_name() -> None:
    room = RoomDoor(bytes(range(32)), "Käse")
    invite = InviteText(TOKEN, b"V" * 16, 500_000, False, (NODE, ANCHOR), room)
    hints = room.room_id + b"\x05" + "Käse".encode() + encode_hints(INVITE.hints)
    assert encode_invite(invite) == written(flags=2, hints=hints)
    assert decode_invite(written(flags=2, hints=hints)) == invite


@pytest.mark.parametrize("name", ["", "x" * 65, "ä" * 33])
def test_a_room_whose_name_is_too_long_is_not_written(name: str) -> None:
    with pytest.raises(InvalidInput):
        encode_invite(InviteText(TOKEN, b"V" * 16, 1, False, (NODE,), RoomDoor(bytes(32), name)))


def test_fewer_hints_fit_beside_a_room() -> None:
    room = RoomDoor(bytes(32), "x" * 64)
    many = [Hint(Address(f"{'a' * 30}.example", one), bytes(16)) for one in range(1, 5)]
    fitting = hints_that_fit(many, room)
    assert 1 <= len(fitting) < len(hints_that_fit(many))
    assert len(encode_invite(InviteText(TOKEN, b"V" * 16, 1, False, fitting, room))) <= 500


@pytest.mark.parametrize(
    "text",
    [
        TEXT.lower(),
        f"\n  {TEXT}\r\n\t",
        "\u00a0".join(TEXT[at : at + 8] for at in range(0, len(TEXT), 8)),
        TEXT[:5] + "-".join(TEXT[at : at + 5] for at in range(5, len(TEXT), 5)),
    ],
)
def test_case_white_space_and_inner_hyphens_do_not_matter(text: str) -> None:
    assert decode_invite(text) == INVITE
    assert is_invite(text)


WRONG = b"\1\2\3\4"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "start with"),
        ("L00M-" + TEXT[5:], "start with"),
        (TEXT[:9] + "1" + TEXT[10:], "characters other"),
        ("LOOM-AJ", "cut off"),
        (written(version=3)[:140], "cut off"),
        (written(version=1), "version"),
        (written(version=3) + "A" * 500, "version"),
        (TEXT + "A" * 400, "too long"),
        (TEXT[:-1], "checksum"),
        (TEXT + "A", "added" if len(TEXT[5:]) % 8 in (0, 2, 4, 5, 7) else "checksum"),
        (written(checksum=WRONG, spare=1, flags=9), "checksum"),
        (written(spare=1, hints=b"\0"), "last character"),
        (written(hints=b"\1" + bytes(9), flags=4), "addresses"),
        (written(hints=b"\x02" + encode_hints((NODE,))[1:]), "addresses"),
        (written(hints=b"\0"), "kind"),
        (written(flags=4, key=b"\xff" * 32), "kind"),
        (written(flags=3), "kind"),
        (written(flags=2, hints=bytes(32) + b"\x02\xff\xff" + encode_hints((NODE,))), "room"),
        (written(flags=2, hints=bytes(32) + b"\0" + encode_hints((NODE,))), "room"),
        (written(flags=2, hints=bytes(32) + b"\x41" + encode_hints((NODE,))), "room"),
        (written(flags=1), "kind"),
        (written(key=PRIME.to_bytes(32, "little")), "key is not"),
        *((written(key=key.to_bytes(32, "little")), "key is not") for key in SMALL_ORDER),
    ],
)
def test_the_first_error_in_the_order_of_the_specification(text: str, expected: str) -> None:
    assert expected in reason(text)


def test_promise_05_every_mistyped_character_is_noticed() -> None:
    for place in range(5, len(TEXT)):
        for character in ALPHABET:
            if character != TEXT[place]:
                reason(TEXT[:place] + character + TEXT[place + 1 :])


def test_every_cut_is_noticed() -> None:
    for size in range(len(TEXT)):
        reason(TEXT[:size])


def test_a_token_is_no_invite_and_an_invite_no_token() -> None:
    assert not is_invite(encode_token(ALICE.token))
    assert not is_invite("hello")
    assert "version" in reason(encode_token(ALICE.token) + "A" * 40)


@pytest.mark.parametrize(
    ("is_address", "hints"),
    [(False, ()), (True, ()), (True, (NODE,)), (True, (ANCHOR, NODE)), (False, (ANCHOR,) * 8)],
)
def test_what_no_text_can_say_is_not_written(is_address: bool, hints: tuple[Hint, ...]) -> None:
    with pytest.raises(InvalidInput):
        encode_invite(InviteText(TOKEN, b"V" * 16, 1, is_address, hints))


def test_an_invite_shows_neither_secret_nor_address_in_a_traceback() -> None:
    assert "VVV" not in repr(INVITE)
    assert "192" not in repr(INVITE)
