"""The bytes of pairing nearby: one encoding each, and what is refused (docs/PROTOCOL.md 12)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core.pairing_advert import (
    ALIAS_RANDOM_BYTES,
    decode_pairing_advert,
    encode_pairing_advert,
    make_alias,
)
from loom.core.words import word_list, words_of
from loom.errors import MalformedMessage, ProtocolViolation
from loom.wire.limits import NAME_MAX_BYTES, PAIR_RECORD_BYTES
from loom.wire.nearby import (
    MESSAGE_1_BYTES,
    MESSAGE_2_BYTES,
    SEALED_RECORD_BYTES,
    Introduction,
    PairingKind,
    decode_introduction,
    decode_record,
    encode_introduction,
    encode_record,
)
from tests.people import ALICE

BODIES = {
    PairingKind.COMMIT: bytes(range(64)),
    PairingKind.NONCE: bytes(range(32)),
    PairingKind.INTRODUCTION: encode_introduction(Introduction(ALICE.token, 4_070, "Ada")),
    PairingKind.PROOF: bytes(range(32)),
    PairingKind.DIFFER: b"",
}

NO_ALIASES = (
    b"",
    b"zoo",
    b"zoo-",
    b"zoo-zoo-zoo",
    b"zoo zoo",
    b"ZOO-zoo",
    b"zoo-zo\xff",
    b"zoo-\x1b[2J",
    b"zoo-zoo\n",
)


def test_the_lengths_of_the_specification() -> None:
    assert (MESSAGE_1_BYTES, MESSAGE_2_BYTES, SEALED_RECORD_BYTES) == (1_232, 1_168, 342)


@pytest.mark.parametrize("kind", PairingKind)
def test_every_record_has_one_length_and_comes_back(kind: PairingKind) -> None:
    plaintext = encode_record(kind, BODIES[kind])
    assert len(plaintext) == PAIR_RECORD_BYTES
    assert decode_record(plaintext) == (kind, BODIES[kind])


@pytest.mark.parametrize(
    "kind", [one for one in PairingKind if one is not PairingKind.INTRODUCTION]
)
def test_padding_that_is_not_zero_is_refused(kind: PairingKind) -> None:
    plaintext = encode_record(kind, BODIES[kind])
    for place in (1 + len(BODIES[kind]), PAIR_RECORD_BYTES - 1):
        wrong = bytearray(plaintext)
        wrong[place] = 1
        with pytest.raises(MalformedMessage):
            decode_record(bytes(wrong))


@pytest.mark.parametrize("kind", [0, 6, 255])
def test_an_unknown_type_is_refused(kind: int) -> None:
    with pytest.raises(ProtocolViolation):
        decode_record(bytes([kind]).ljust(PAIR_RECORD_BYTES, b"\0"))


@pytest.mark.parametrize("size", [0, 1, PAIR_RECORD_BYTES - 1, PAIR_RECORD_BYTES + 1])
def test_another_length_is_refused(size: int) -> None:
    with pytest.raises(MalformedMessage):
        decode_record(b"\5".ljust(size, b"\0")[:size])


@pytest.mark.parametrize(
    ("port", "name"),
    [(0, "A"), (1, "Ada"), (65_535, "B" * NAME_MAX_BYTES), (4_070, "\N{SNOWMAN}" * 85)],
)
def test_an_introduction_comes_back(port: int, name: str) -> None:
    told = Introduction(ALICE.token, port, name)
    assert decode_introduction(encode_introduction(told)) == told


@pytest.mark.parametrize(
    "change",
    [
        (0, b"\2"),  # version
        (33, b"\xff" * 32),  # a key that is not canonical
        (33, b"\1" + bytes(31)),  # one of small order
        (67, b"\0\0"),  # no name
        (67, b"\1\1"),  # a name longer than there is room for
        (67, b"\0\2"),  # a name that goes on after its end
        (69, b"\xff\xff\xff"),  # no UTF-8
        (324, b"\1"),  # something behind it
    ],
    ids=str,
)
def test_a_wrong_introduction_is_refused(change: tuple[int, bytes]) -> None:
    place, data = change
    body = bytearray(BODIES[PairingKind.INTRODUCTION])
    body[place : place + len(data)] = data
    with pytest.raises(MalformedMessage):
        decode_introduction(bytes(body))


# --- aliases and words ---


def test_words_are_eleven_bits_each_the_highest_first() -> None:
    words = word_list()
    assert words_of(0, 3) == (words[0],) * 3
    assert words_of(1 << 22 | 2 << 11 | 3, 3) == (words[1], words[2], words[3])
    assert words_of((1 << 33) - 1, 3) == (words[2_047],) * 3


@given(st.binary(min_size=ALIAS_RANDOM_BYTES, max_size=ALIAS_RANDOM_BYTES))
def test_every_alias_can_be_announced_and_read(random: bytes) -> None:
    alias = make_alias(random)
    assert decode_pairing_advert(encode_pairing_advert(alias)) == alias


def test_all_of_the_22_bits_count_and_no_more() -> None:
    assert make_alias(b"\xc0\0\0") == make_alias(b"\0\0\0") == "abandon-abandon"
    assert make_alias(b"\x3f\xff\xff") == "zoo-zoo"
    assert make_alias(b"\0\0\1") == "abandon-ability"


@pytest.mark.parametrize(
    "properties",
    [
        (),
        ((b"v", b"1"),),
        ((b"a", b"zoo-zoo"), (b"v", b"1")),
        ((b"v", b"2"), (b"a", b"zoo-zoo")),
        ((b"v", b"1"), (b"a", b"zoo-zoo"), (b"b", b"")),
        ((b"v", b"1"), (b"A", b"zoo-zoo")),
        *(((b"v", b"1"), (b"a", alias)) for alias in NO_ALIASES),
    ],
    ids=str,
)
def test_any_other_advert_is_refused(properties: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(MalformedMessage):
        decode_pairing_advert(properties)
