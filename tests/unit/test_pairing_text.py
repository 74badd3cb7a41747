"""Pairing texts: read as they were written, and each fault named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import InvalidInput, InvalidToken
from loom.model import Address
from loom.wire.armour import write_text
from loom.wire.hints import Hint, encode_hints
from loom.wire.pairing import (
    PairingText,
    decode_pairing_text,
    encode_pairing_text,
    is_pairing_text,
)

KEY = bytes(range(16))
ONE = Hint(Address("anchor.example", 4070), KEY)
ONION = Hint(Address("a2" * 28 + ".onion", 4070), KEY)


def pairing(*hints: Hint) -> PairingText:
    return PairingText(b"v" * 16, 500_000, hints)


@pytest.mark.parametrize("hints", [(ONE,), (ONE, ONION), (ONE,) * 7], ids=len)
def test_a_text_is_read_as_it_was_written(hints: tuple[Hint, ...]) -> None:
    text = encode_pairing_text(pairing(*hints))
    assert decode_pairing_text(text) == pairing(*hints)
    spread = " ".join(text.lower()[at : at + 7] for at in range(0, len(text), 7))
    assert decode_pairing_text(f"\n {spread}\t") == pairing(*hints)
    assert is_pairing_text(text)


@pytest.mark.parametrize("hints", [(), (Hint(Address("::1", 1)),), (ONION,) * 8], ids=len)
def test_a_text_without_an_anchor_or_too_long_is_not_written(hints: tuple[Hint, ...]) -> None:
    with pytest.raises(InvalidInput):
        encode_pairing_text(pairing(*hints))


def raw(hints: bytes) -> str:
    return write_text(b"\x03" + b"v" * 16 + bytes(4) + hints)


TEXT = encode_pairing_text(pairing(ONE))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "start with"),
        ("L00M-" + TEXT[5:], "start with"),
        (TEXT[:9] + "1" + TEXT[10:], "A to Z"),
        (TEXT[:40], "its end is missing"),
        ("LOOM-AH" + TEXT[7:], "something else"),
        (TEXT + "A" * 500, "more than 500"),
        (TEXT[:-1], "mistyped"),
        (TEXT[:20] + ("A" if TEXT[20] != "A" else "B") + TEXT[21:], "mistyped"),
        (raw(encode_hints(())) + "A" * 40, "mistyped"),
        (raw(encode_hints((ONE, Hint(Address("::1", 1))))), "addresses"),
        (raw(b"\x02" + encode_hints((ONE,))[1:]), "addresses"),
        (raw(encode_hints((ONE,)) + b"\0"), "addresses"),
    ],
)
def test_a_text_with_a_fault_is_refused_for_it(text: str, reason: str) -> None:
    with pytest.raises(InvalidToken) as refused:
        decode_pairing_text(text)
    assert reason in str(refused.value.facts["reason"])


def test_a_character_added_at_the_end_is_noticed() -> None:
    """Base32 without padding would take one more character of zero bits for the same bytes."""
    for host in ("a", "ab", "abc", "abcd", "abcde"):
        text = encode_pairing_text(pairing(Hint(Address(host, 4070), KEY)))
        with pytest.raises(InvalidToken):
            decode_pairing_text(text + "A")


def test_tokens_are_no_pairing_texts() -> None:
    assert not is_pairing_text("LOOM-AHPCNEHOGS3D3CWHNNDPNN6XHRBYKTR5E4BGQE2PQ5M7JNHUGBDDXTGR")
    assert not is_pairing_text("hello")
    assert not is_pairing_text("LOOM-")


@given(st.text(alphabet="ABCD234567LOM- \n", max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for start in ("", "LOOM-", "LOOM-AM"):
        try:
            decode_pairing_text(start + text)
        except InvalidToken:
            continue


def test_the_secret_does_not_print() -> None:
    assert repr(pairing(ONE)) == "PairingText(redacted)"
