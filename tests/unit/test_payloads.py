"""Payloads: one strict encoding, and nothing but `MalformedMessage` comes out (PROTOCOL 6)."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import MalformedMessage
from loom.wire.payloads import (
    PAYLOAD_MAX_BYTES,
    KnownPayload,
    Profile,
    Receipt,
    Text,
    Typing,
    Unknown,
    decode_payload,
    encode_payload,
)

ID = bytes(range(16))
OTHER_ID = bytes(16)
pack = msgspec.msgpack.Encoder().encode

SAMPLES: list[KnownPayload] = [
    Text(ID, 0, "x"),
    Text(ID, 2**53 - 1, "\u00e9\U0001f600" * 10),
    Text(ID, 5, "x" * 16_384),
    Receipt(ID, 5, (), ()),
    Receipt(ID, 5, (OTHER_ID,) * 600, (ID,) * 400),
    Typing(ID, 5, on=True),
    Typing(ID, 5, on=False),
    Profile(ID, 5, ""),
    Profile(ID, 5, "n" * 256),
]


@pytest.mark.parametrize("payload", SAMPLES, ids=lambda one: type(one).__name__)
def test_what_was_encoded_comes_back(payload: KnownPayload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


def test_known_bytes() -> None:
    assert encode_payload(Text(ID, 1, "hi")) == b"\x94\x01\xc4\x10" + ID + b"\x01\xa2hi"
    assert encode_payload(Receipt(ID, 1, (), (ID,))) == (
        b"\x95\x02\xc4\x10" + ID + b"\x01\x90\x91\xc4\x10" + ID
    )


@pytest.mark.parametrize(
    "value",
    [
        [1, ID, 5, ""],
        [1, ID, 5, "x" * 16_385],
        [1, ID, 5, "\u20ac" * 5_462],
        [1, ID[:15], 5, "x"],
        [1, ID + b"x", 5, "x"],
        [1, ID, -1, "x"],
        [1, ID, 2**53, "x"],
        [1, ID, 2**64 - 1, "x"],
        [1, ID, 1.0, "x"],
        [1, ID, True, "x"],
        [1, ID, 5],
        [1, ID, 5, b"x"],
        [1, ID, 5, "x", "more"],
        [1, ID, 5, None],
        [2, ID, 5, [ID] * 501, [ID] * 500],
        [2, ID, 5, [ID[:8]], []],
        [2, ID, 5, [], ["0123456789abcdef"]],
        [2, ID, 5, []],
        [3, ID, 5, 1],
        [4, ID, 5, "n" * 257],
        [0, ID, 5],
        [-7, ID, 5],
        [False, ID, 5],
        [True, ID, 5],
        [5.0, ID, 5],
        ["5", ID, 5],
        [5, ID, True],
        [5, ID, -1],
        [5, ID[:4], 5],
        [5, ID],
        [5],
        [],
        {},
        None,
        1,
        {"tag": 1},
    ],
)
def test_what_breaks_a_bound_is_malformed(value: Any) -> None:
    with pytest.raises(MalformedMessage):
        decode_payload(pack(value))


@pytest.mark.parametrize(
    "value", [[5, ID, 5], [5, ID, 5, {"a": [1.5, None]}], [2**40, ID, 0, b"x"], [127, ID, 7, "y"]]
)
def test_a_later_type_is_known_to_be_unknown(value: list[Any]) -> None:
    assert decode_payload(pack(value)) == Unknown(ID, value[2], value[0])


GOOD = encode_payload(Text(ID, 5, "hello"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD + b"\0",
        GOOD[:-1],
        b"\xdc\x00\x04" + GOOD[1:],
        b"\x94\xcc\x01" + GOOD[2:],
        b"\x94\x01\xc5\x00\x10" + GOOD[4:],
        GOOD[:20] + b"\xcd\x00\x05" + GOOD[21:],
        GOOD[:21] + b"\xd9\x05hello",
        GOOD[:21] + b"\xa5h\xff\xfe\xfdo",
        GOOD[:21] + b"\xa3\xed\xa0\x80",
        b"\x93\x05\xc4\x10" + ID + b"\xcc\x05",
        b"\x94\x05\xc4\x10" + ID + b"\x05\xa1\xff",
        b"\x94\x05\xc4\x10" + ID + b"\x05\x82\xa1a\x01\xa1a\x02",
        b"\x94\x05\xc4\x10" + ID + b"\x05\x81\x80\x01",
        b"\x94\x05\xc4\x10" + ID + b"\x05\xc1",
        b"\x94\x05\xc4\x10" + ID + b"\x05\xd7\xff" + b"\xff" * 8,
        b"\x94\x05\xc4\x10" + ID + b"\x05\xdd\xff\xff\xff\xff",
        b"\x94\x05\xc4\x10" + ID + b"\x05" + b"\x91" * 30_000,
        b"\x94\x05\xc4\x10" + ID + b"\x05" + b"\x91" * 30_000 + b"\x01",
        b"\x91" * PAYLOAD_MAX_BYTES,
        b"\x81" * PAYLOAD_MAX_BYTES,
        pack([5, ID, 5, bytes(PAYLOAD_MAX_BYTES)]),
    ],
)
def test_protocol_10_13_bytes_that_are_not_the_one_encoding_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_payload(data)


@given(st.binary(max_size=80))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    for guess in (data, b"\x94\x01\xc4\x10" + ID + data, b"\x94\x09\xc4\x10" + ID + b"\1" + data):
        try:
            decode_payload(guess)
        except MalformedMessage:
            continue


def test_mutated_payloads_raise_nothing_else_and_stay_the_identity() -> None:
    chance = random.Random(7)
    for _ in range(6_000):
        data = bytearray(encode_payload(SAMPLES[chance.choice((0, 1, 3, 5, 6, 7))]))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            payload = decode_payload(bytes(data))
        except MalformedMessage:
            continue
        if not isinstance(payload, Unknown):
            assert encode_payload(payload) == data


def test_a_payload_may_be_as_long_as_the_limit_and_no_longer() -> None:
    head = len(pack([5, ID, 5, bytes(40_000)])) - 40_000
    longest = pack([5, ID, 5, bytes(PAYLOAD_MAX_BYTES - head)])
    assert len(longest) == PAYLOAD_MAX_BYTES
    assert decode_payload(longest) == Unknown(ID, 5, 5)
    with pytest.raises(MalformedMessage):
        decode_payload(pack([5, ID, 5, bytes(PAYLOAD_MAX_BYTES - head + 1)]))


@pytest.mark.parametrize("value", [[4, ID, 5, 7], [3, ID, 5, "on"], [2, ID, 5, ()], [1, ID, 5]])
def test_a_broken_payload_of_a_known_type_is_not_taken_for_a_later_one(value: list[Any]) -> None:
    """It would be receipted and skipped, and the author would believe that it was read."""
    with pytest.raises(MalformedMessage):
        decode_payload(pack(value))
