"""The token: what is accepted, and which of its errors comes first (docs/PROTOCOL.md 1)."""

import base64
import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import InvalidToken
from loom.model import ContactToken, PeerId
from loom.wire.encoding import enc
from loom.wire.token import decode_token, encode_token
from tests.people import ALICE
from tests.unit.test_encoding import PRIME, SMALL_ORDER

TOKEN = ContactToken(PeerId(bytes(range(32))), b"\x09" + bytes(31))
TEXT = encode_token(TOKEN)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def written(
    version: int = 1,
    key: bytes = TOKEN.x25519_public,
    *,
    checksum: bytes | None = None,
    spare: int = 0,
) -> str:
    """A token made by the specification alone, with one part of it wrong."""
    body = bytes([version]) + TOKEN.peer_id + key
    right = hashlib.sha512(enc(b"LOOM/1 token", body)).digest()[:4]
    characters = base64.b32encode(body + (checksum or right)).decode().rstrip("=")
    last = ALPHABET[ALPHABET.index(characters[-1]) | spare]
    return "LOOM-" + characters[:-1] + last


def reason(text: str) -> str:
    """Why a token is refused."""
    with pytest.raises(InvalidToken) as caught:
        decode_token(text)
    return str(caught.value.facts["reason"])


def test_it_is_what_the_specification_says() -> None:
    assert written() == TEXT
    assert len(TEXT) == 116
    assert decode_token(TEXT) == TOKEN
    assert decode_token(encode_token(ALICE.token)) == ALICE.token


# Hypothesis also draws the numbers that stand in the source, the small-order points among them.
LASTING_KEYS = st.integers(0, PRIME - 1).filter(lambda key: key not in SMALL_ORDER)


@given(st.binary(min_size=32, max_size=32), LASTING_KEYS)
def test_every_token_comes_back(peer_id: bytes, key: int) -> None:
    token = ContactToken(PeerId(peer_id), key.to_bytes(32, "little"))
    assert decode_token(encode_token(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        TEXT.lower(),
        TEXT.swapcase(),
        f"\n  {TEXT}\r\n\t",
        " ".join(TEXT),
        "\u00a0\u2003".join(TEXT[i : i + 8] for i in range(0, 116, 8)),
        TEXT[:5] + "-".join(TEXT[i : i + 5] for i in range(5, 116, 5)),
        TEXT[:60] + " " * 100_000 + TEXT[60:],
    ],
    ids=["lower", "swapped", "around", "spaced", "unicode spaces", "hyphens", "far apart"],
)
def test_case_white_space_and_inner_hyphens_do_not_matter(text: str) -> None:
    assert decode_token(text) == TOKEN


BAD_KEY = PRIME.to_bytes(32, "little")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "start with"),
        ("LOOM", "start with"),
        ("L00M-" + TEXT[5:], "start with"),
        ("WEFT-!", "start with"),
        (TEXT[5:], "start with"),
        ("LOOM-!", "characters other"),
        (TEXT[:-1] + "1", "characters other"),
        (TEXT + "=", "characters other"),
        ("LOOM-7!", "characters other"),
        (written(version=2) + "AA", "version"),
        (written(version=2)[:40], "instead of 116"),
        (written(version=0), "version"),
        ("LOOM-", "instead of 116"),
        ("LOOM-A", "instead of 116"),
        ("LOOM-ABC", "it has 8 characters instead of 116"),
        ("LOOM-hello", "it has 10 characters instead of 116"),
        (TEXT[:-1], "instead of 116"),
        (TEXT + "A", "instead of 116"),
        (TEXT + TEXT[5:], "instead of 116"),
        (written(checksum=b"\1\2\3\4", spare=1), "checksum"),
        (written(key=BAD_KEY, checksum=b"\1\2\3\4"), "checksum"),
        (written(spare=1), "last character"),
        (written(spare=4, key=BAD_KEY), "last character"),
        (written(key=BAD_KEY), "key is not"),
        (written(key=bytes(31) + b"\x80"), "key is not"),
        *((written(key=key.to_bytes(32, "little")), "key is not") for key in SMALL_ORDER),
    ],
)
def test_the_first_error_in_the_order_of_the_specification(text: str, expected: str) -> None:
    assert expected in reason(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\uff2c\uff2f\uff2f\uff2d-" + TEXT[5:], "start with"),
        (TEXT.replace("LOOM-", "LOOM\u2010"), "start with"),
        ("\u200b" + TEXT, "start with"),
        (TEXT[:20] + "\u200b" + TEXT[20:], "characters other"),
        (TEXT.replace("S", "\u017f") + "\u017f", "characters other"),
        (TEXT.lower().replace("i", "\u0131") + "\u0131", "characters other"),
        (TEXT[:-1] + "\uff21", "characters other"),
        (TEXT[:-1] + "\u0663", "characters other"),
        (TEXT[:-1] + "\u00df", "characters other"),
    ],
    ids=["wide", "hyphen", "zero width", "inside", "long s", "dotless i", "wide a", "digit", "ss"],
)
def test_letters_that_only_look_right_are_refused(text: str, expected: str) -> None:
    assert expected in reason(text)


def test_nothing_after_the_token_is_overlooked() -> None:
    """White space is free, so what follows a lot of it still counts."""
    assert "instead of 116" in reason(TEXT + " " * 5_000 + "A")
    assert "characters other" in reason(TEXT + "\n" * 5_000 + "!")


def test_a_very_long_text_costs_little() -> None:
    assert "instead of 116" in reason("LOOM-AE" + "A" * 3_000_000)


def test_promise_05_every_mistyped_character_is_noticed() -> None:
    for place in range(5, 116):
        for character in ALPHABET:
            if character != TEXT[place]:
                reason(TEXT[:place] + character + TEXT[place + 1 :])


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    for guess in (text, "LOOM-" + text, TEXT[:50] + text + TEXT[60:]):
        try:
            assert decode_token(guess) == TOKEN
        except InvalidToken:
            continue


def test_swapped_neighbours_are_noticed() -> None:
    places = random.Random(1).sample(range(5, 115), 40)
    for place in places:
        if TEXT[place] != TEXT[place + 1]:
            reason(TEXT[:place] + TEXT[place + 1] + TEXT[place] + TEXT[place + 2 :])


def test_no_other_version_is_taken_for_ours() -> None:
    """Even with the right checksum for it: a later Loom's token must not be half understood."""
    for version in set(range(256)) - {1}:
        assert "version" in reason(written(version=version))


def test_a_token_may_use_every_letter_of_the_alphabet() -> None:
    tokens = (ContactToken(PeerId(bytes([n]) * 32), hash_of(n)) for n in range(100))
    texts = [text for text in map(encode_token, tokens) if set(text[5:]) == set(ALPHABET)]
    assert texts
    for text in texts:
        assert encode_token(decode_token(text)) == text


def hash_of(number: int) -> bytes:
    """Well mixed bytes of a valid key."""
    return hashlib.sha256(bytes([number])).digest()[:31] + bytes(1)
