"""Payloads: one strict encoding, and nothing but `MalformedMessage` comes out (PROTOCOL 6)."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import MalformedMessage
from loom.wire.content import (
    KINDS,
    Delete,
    Edit,
    Farewell,
    File,
    FileState,
    Join,
    KnownPayload,
    Mailbox,
    Mailboxes,
    Pin,
    Place,
    Profile,
    React,
    Receipt,
    RoomEvents,
    RoomHave,
    RoomKey,
    Target,
    Text,
    Thumbnail,
    Timer,
    Typing,
    Unknown,
    decode_payload,
    encode_payload,
)
from loom.wire.content.room_have import Comparison, Row, Step
from loom.wire.limits import PAYLOAD_DEPTH_MAX, PAYLOAD_MAX_BYTES

ID = bytes(range(16))
OTHER_ID = bytes(16)
pack = msgspec.msgpack.Encoder().encode

MAILBOX = Mailbox((("anchor.example", 4_070), ("192.0.2.7", 1)), b"D" * 16, b"Q" * 32, 1)
_ENTRY = [[["a.example", 1]], b"D" * 16, b"Q" * 32, 0]
ROOM = bytes(range(32))
_FILE = [14, ID, 5, "n", 0, "", ROOM, ROOM, None, "", None, 0]
_FILE_NAMES = ("name", "size", "type", "root", "secret", "thumbnail", "caption", "reply", "timer")


def file(**changed: Any) -> list[Any]:
    """A File with other fields."""
    return [*_FILE[:3], *(changed.get(name, _FILE[3 + at]) for at, name in enumerate(_FILE_NAMES))]


ROW = Row(bytes(37), 1, ID, (ROOM,))
SAMPLES: list[KnownPayload] = [
    Text(ID, 0, "x"),
    Text(ID, 2**53 - 1, "\u00e9\U0001f600" * 10),
    Text(ID, 5, "x" * 16_384),
    Text(ID, 5, "x", Target(True, OTHER_ID), 5),
    Text(ID, 5, "x", Target(False, OTHER_ID), 31_536_000),
    Receipt(ID, 5, (), ()),
    Receipt(ID, 5, (OTHER_ID,) * 600, (ID,) * 400),
    Typing(ID, 5, on=True),
    Typing(ID, 5, on=False),
    Profile(ID, 5, 0, "", "", away=False),
    Profile(ID, 5, 2**53 - 1, "n" * 256, "s" * 256, away=True),
    Mailboxes(ID, 5, 0, ()),
    Mailboxes(ID, 5, 2**53 - 1, (MAILBOX,) * 4),
    Join(ID, 5, "", 0, ()),
    Join(ID, 5, "n" * 256, 2**53 - 1, (MAILBOX,) * 4),
    RoomEvents(ID, 5, ROOM, (b"e",), ()),
    RoomEvents(ID, 5, ROOM, (b"e" * 100,) * 256, (ROOM,) * 128),
    RoomHave(ID, 5, ROOM, Comparison(Step.ROOT, 0, ID, b"", True, ())),
    RoomHave(ID, 5, ROOM, Comparison(Step.IDS, 9, ID, b"", True, (ROW,))),
    RoomKey(ID, 5, ROOM, bytes(32), bytes(1_952), bytes(3_373), b""),
    RoomKey(ID, 5, ROOM, bytes(32), bytes(1_952), bytes(3_373), ROOM),
    Edit(ID, 5, OTHER_ID, 0, "x"),
    Edit(ID, 5, OTHER_ID, 2**53 - 1, "x" * 16_384),
    Delete(ID, 5, (OTHER_ID,)),
    Delete(ID, 5, (OTHER_ID,) * 100),
    React(ID, 5, Target(True, OTHER_ID), 0, ""),
    React(ID, 5, Target(False, OTHER_ID), 2**53 - 1, "\N{SNOWMAN}" * 21 + "!"),
    Pin(ID, 5, Target(True, OTHER_ID), 0, on=False),
    Pin(ID, 5, Target(False, OTHER_ID), 2**53 - 1, on=True),
    *(Timer(ID, 5, 2**53 - 1, expires_s) for expires_s in (0, 5, 31_536_000)),
    Farewell(ID, 5, 0, 1),
    Farewell(ID, 5, 5, 2),
    File(ID, 5, "n", 0, "", ROOM, ROOM),
    File(
        *(ID, 5, "n" * 255, 2**34, "~ " * 63 + "t", ROOM, ROOM),
        *(Thumbnail(64, 48, b"p" * 9_216), "c" * 16_384, Target(True, OTHER_ID), 31_536_000),
    ),
    *(FileState(ID, 5, OTHER_ID, 2**53 - 1, state) for state in range(1, 6)),
    FileState(ID, 5, OTHER_ID, 0, 1, Place((("a.example", 1),) * 4, b"D" * 16, b"Q" * 32)),
]


@pytest.mark.parametrize("payload", SAMPLES, ids=lambda one: type(one).__name__)
def test_what_was_encoded_comes_back(payload: KnownPayload) -> None:
    assert decode_payload(encode_payload(payload)) == payload


def test_known_bytes() -> None:
    assert encode_payload(Text(ID, 1, "hi")) == b"\x96\x01\xc4\x10" + ID + b"\x01\xa2hi\xc0\x00"
    assert encode_payload(Receipt(ID, 1, (), (ID,))) == (
        b"\x95\x02\xc4\x10" + ID + b"\x01\x90\x91\xc4\x10" + ID
    )


@pytest.mark.parametrize(
    "value",
    [
        [1, ID, 5, "", None, 0],
        [1, ID, 5, "x" * 16_385, None, 0],
        [1, ID, 5, "\u20ac" * 5_462, None, 0],
        [1, ID[:15], 5, "x", None, 0],
        [1, ID + b"x", 5, "x", None, 0],
        [1, ID, -1, "x", None, 0],
        [1, ID, 2**53, "x", None, 0],
        [1, ID, 2**64 - 1, "x", None, 0],
        [1, ID, 1.0, "x", None, 0],
        [1, ID, True, "x", None, 0],
        [1, ID, 5],
        [1, ID, 5, "x"],
        [1, ID, 5, "x", None],
        [1, ID, 5, b"x", None, 0],
        [1, ID, 5, "x", None, 0, "more"],
        [1, ID, 5, None, None, 0],
        [1, ID, 5, "x", None, 4],
        [1, ID, 5, "x", None, 31_536_001],
        [1, ID, 5, "x", None, -5],
        [1, ID, 5, "x", None, None],
        [1, ID, 5, "x", None, False],
        [1, ID, 5, "x", False, 0],
        [1, ID, 5, "x", ID, 0],
        [1, ID, 5, "x", [ID], 0],
        [1, ID, 5, "x", [1, ID], 0],
        [1, ID, 5, "x", [None, ID], 0],
        [1, ID, 5, "x", [True, ID[:15]], 0],
        [1, ID, 5, "x", [True, ID, 0], 0],
        [2, ID, 5, [ID] * 501, [ID] * 500],
        [2, ID, 5, [ID[:8]], []],
        [2, ID, 5, [], ["0123456789abcdef"]],
        [2, ID, 5, []],
        [3, ID, 5, 1],
        [4, ID, 5, "n" * 257],
        *(
            [5, ID, 5, *wrong]
            for wrong in (
                [-1, []],
                [2**53, []],
                [1, [_ENTRY] * 5],
                [1, [[[], b"D" * 16, b"Q" * 32, 0]]],
                [1, [[[["a.example", 1]] * 5, b"D" * 16, b"Q" * 32, 0]]],
                [1, [[[["A.example", 1]], b"D" * 16, b"Q" * 32, 0]]],
                [1, [[[["a.example", 0]], b"D" * 16, b"Q" * 32, 0]]],
                [1, [[[["a.example", 65_536]], b"D" * 16, b"Q" * 32, 0]]],
                [1, [[[["a.example", 1]], b"D" * 15, b"Q" * 32, 0]]],
                [1, [[[["a.example", 1]], b"D" * 16, b"Q" * 31, 0]]],
                [1, [[[["a.example", 1]], b"D" * 16, b"Q" * 32, 2]]],
                [1, [[[["a.example", 1]], b"D" * 16, b"Q" * 32]]],
                [1],
            )
        ),
        [6, ID, 5, "n" * 257, 1, []],
        [6, ID, 5, "Ada", -1, []],
        [6, ID, 5, "Ada", 2**53, []],
        [6, ID, 5, "Ada", 1, [_ENTRY] * 5],
        [6, ID, 5, "Ada", 1, [[[], b"D" * 16, b"Q" * 32, 0]]],
        [6, ID, 5, "Ada", 1],
        [6, ID, 5, b"Ada", 1, []],
        [8, ID, 5, OTHER_ID, 7, ""],
        [8, ID, 5, OTHER_ID, 7, "x" * 16_385],
        [8, ID, 5, OTHER_ID, -1, "x"],
        [8, ID, 5, OTHER_ID, 2**53, "x"],
        [8, ID, 5, OTHER_ID[:15], 7, "x"],
        [8, ID, 5, [True, OTHER_ID], 7, "x"],
        [8, ID, 5, OTHER_ID, 7],
        [9, ID, 5, []],
        [9, ID, 5, [OTHER_ID] * 101],
        [9, ID, 5, [OTHER_ID[:15]]],
        [9, ID, 5, OTHER_ID],
        [9, ID, 5],
        [10, ID, 5, [True, OTHER_ID], 7, "x" * 65],
        [10, ID, 5, [True, OTHER_ID], -1, "x"],
        [10, ID, 5, [True, OTHER_ID], 2**53, "x"],
        [10, ID, 5, [True, OTHER_ID[:15]], 7, "x"],
        [10, ID, 5, None, 7, "x"],
        [10, ID, 5, [True, OTHER_ID], 7, None],
        [11, ID, 5, [True, OTHER_ID], 7, 1],
        [11, ID, 5, [True, OTHER_ID], 2**53, True],
        [11, ID, 5, [True, OTHER_ID[:15]], 7, True],
        [11, ID, 5, OTHER_ID, 7, True],
        *(
            [12, ID, 5, *wrong]
            for wrong in ([-1, 5], [2**53, 5], [1, 4], [1, 31_536_001], [1, -5], [1])
        ),
        *([13, ID, 5, *wrong] for wrong in ([6, 1], [-1, 1], [5, 0], [5, 3], [5, True], [5])),
        file(name=""),
        file(name="n" * 256),
        file(name="\u20ac" * 86),
        file(name=b"n"),
        file(size=-1),
        file(size=2**34 + 1),
        file(type="t" * 128),
        file(type="\u00e9"),
        file(type="a\nb"),
        file(type="a\x7f"),
        file(root=ROOM[:31]),
        file(secret=ROOM + b"x"),
        file(thumbnail=[0, 1, b""]),
        file(thumbnail=[1, 0, b""]),
        file(thumbnail=[-1, -1, b"rgb"]),
        file(thumbnail=[1, 1, b"rg"]),
        file(thumbnail=[1, 1, b"rgba"]),
        file(thumbnail=[3_073, 1, b"p" * 9_219]),
        file(thumbnail=b"rgb"),
        file(caption="c" * 16_385),
        file(caption=None),
        file(reply=[True, ID[:15]]),
        file(timer=4),
        _FILE[:-1],
        [*_FILE, 0],
        *(
            [15, ID, 5, *wrong]
            for wrong in (
                [OTHER_ID[:15], 7, 1, None],
                [OTHER_ID, -1, 1, None],
                [OTHER_ID, 2**53, 1, None],
                [OTHER_ID, 7, 0, None],
                [OTHER_ID, 7, 6, None],
                [OTHER_ID, 7, True, None],
                [OTHER_ID, 7, 2, [[["a.example", 1]], b"D" * 16, b"Q" * 32]],
                [OTHER_ID, 7, 1, [[], b"D" * 16, b"Q" * 32]],
                [OTHER_ID, 7, 1, [[["a.example", 1]] * 5, b"D" * 16, b"Q" * 32]],
                [OTHER_ID, 7, 1, [[["A.example", 1]], b"D" * 16, b"Q" * 32]],
                [OTHER_ID, 7, 1, [[["a.example", 0]], b"D" * 16, b"Q" * 32]],
                [OTHER_ID, 7, 1, [[["a.example", 1]], b"D" * 15, b"Q" * 32]],
                [OTHER_ID, 7, 1, [[["a.example", 1]], b"D" * 16, b"Q" * 31]],
                [OTHER_ID, 7, 1],
            )
        ),
        [0, ID, 5],
        [-7, ID, 5],
        [False, ID, 5],
        [True, ID, 5],
        [5.0, ID, 5],
        ["5", ID, 5],
        [100, ID, True],
        [100, ID, -1],
        [100, ID[:4], 5],
        [100, ID],
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
    "value",
    [[100, ID, 5], [100, ID, 5, {"a": [1.5, None]}], [2**40, ID, 0, b"x"], [127, ID, 7, "y"]],
)
def test_a_later_type_is_known_to_be_unknown(value: list[Any]) -> None:
    assert decode_payload(pack(value)) == Unknown(ID, value[2], value[0])


LATER = b"\x94\x64\xc4\x10" + ID + b"\x05"
"""A payload of a later kind, but for its fourth field."""
DEEPEST = PAYLOAD_DEPTH_MAX


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"\xd7\xff" + b"\xff" * 8, id="a time past the year 9999"),
        pytest.param(b"\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x00", id="a time with nanoseconds"),
        pytest.param(b"\xc7\x03\xff\x00\x00\x00", id="a time of three bytes"),
        pytest.param(b"\x82\x01\xc0\xc3\xc0", id="the keys 1 and true"),
        pytest.param(b"\x82\x01\xc0\xcb\x3f\xf0" + bytes(6) + b"\xc0", id="the keys 1 and 1.0"),
        pytest.param(b"\x82\xa1a\x01\xa1a\x02", id="a key twice"),
        pytest.param(b"\x81\x80\x01", id="a map as a key"),
        pytest.param(b"\x81\xd4\x01\x00\x01", id="an extension as a key"),
        pytest.param(b"\xa1\xff", id="text that is no UTF-8"),
        pytest.param(b"\xcd\x00\x05", id="an integer not in its shortest form"),
        pytest.param(b"\xdf\x00\x00\x00\x00", id="a length not in its shortest form"),
        pytest.param(b"\xca\x3f\x80\x00\x00", id="a float of 32 bits"),
        pytest.param(b"\x91" * DEEPEST + b"\xc0", id="as deep as may be"),
        pytest.param(b"\x81\xc0" * DEEPEST + b"\xc0", id="maps as deep as may be"),
        pytest.param(b"\x91" * (DEEPEST - 1) + b"\x90", id="as deep as may be, empty"),
    ],
)
def test_any_well_formed_value_of_a_later_type_is_skipped(field: bytes) -> None:
    """The author would wait for the receipt for ever if one implementation found fault with it."""
    assert decode_payload(LATER + field) == Unknown(ID, 5, 100)
    assert decode_payload(b"\x96" + LATER[1:] + field + b"\x2a" + field) == Unknown(ID, 5, 100)


@pytest.mark.parametrize(
    "tag", [127, 128, 255, 256, 2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**53 - 1, 2**64 - 1]
)
def test_numbers_of_every_width_are_read_in_their_shortest_form_alone(tag: int) -> None:
    sent_at_ms = min(tag, 2**53 - 1)
    assert decode_payload(pack([tag, ID, sent_at_ms])) == Unknown(ID, sent_at_ms, tag)
    head, tail = b"\x93", b"\xc4\x10" + ID + b"\x05"
    for first, width in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
        if tag < 1 << 8 * width:
            form = bytes([first]) + tag.to_bytes(width, "big")
            if form == pack(tag):
                assert decode_payload(head + form + tail) == Unknown(ID, 5, tag)
                with pytest.raises(MalformedMessage):
                    decode_payload(head + form[:-1])
            else:
                with pytest.raises(MalformedMessage):
                    decode_payload(head + form + tail)


def test_a_later_type_may_have_many_fields() -> None:
    for count in (12, 13, 300, 30_000):
        data = pack([100, ID, 5, *[None] * count])
        assert decode_payload(data) == Unknown(ID, 5, 100)
        with pytest.raises(MalformedMessage):
            decode_payload(data[:-1])


GOOD = encode_payload(Text(ID, 5, "hello"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD + b"\0",
        GOOD[:-1],
        b"\xdc\x00\x06" + GOOD[1:],
        b"\x96\xcc\x01" + GOOD[2:],
        b"\x96\x01\xc5\x00\x10" + GOOD[4:],
        GOOD[:20] + b"\xcd\x00\x05" + GOOD[21:],
        GOOD[:21] + b"\xd9\x05hello\xc0\x00",
        GOOD[:21] + b"\xa5h\xff\xfe\xfdo\xc0\x00",
        GOOD[:21] + b"\xa3\xed\xa0\x80\xc0\x00",
        GOOD[:-1] + b"\xcc\x00",
        b"\x93\x64\xc4\x10" + ID + b"\xcc\x05",
        LATER + b"\xc1",
        b"\xdc\x00\x04" + LATER[1:] + b"\xc0",
        b"\xdd\x00\x00\x00\x04" + LATER[1:] + b"\xc0",
        b"\xdc\x00\x10\x01\xc4\x10" + ID + b"\x05" + b"\xc0" * 13,
        b"\x93\x80\xc4\x10" + ID + b"\x05",
        b"\x93\x64\xc4\x10" + ID + b"\x80",
        b"\x93\x64\xc4\x10" + ID,
        b"\x93\xd0\x64\xc4\x10" + ID + b"\x05",
        LATER,
        LATER + b"\xc0\xc0",
        LATER + b"\xc4\x02\x00",
        LATER + b"\xd9",
        LATER + b"\xda\x00",
        LATER + b"\x82\xc0",
        LATER + b"\xdd\xff\xff\xff\xff",
        LATER + b"\x91" * (DEEPEST + 1) + b"\xc0",
        LATER + b"\x91" * DEEPEST + b"\x80",
        LATER + b"\x91" * 30_000,
        LATER + b"\x91" * 30_000 + b"\x01",
        b"\x91" * PAYLOAD_MAX_BYTES,
        b"\x81" * PAYLOAD_MAX_BYTES,
        pack([100, ID, 5, bytes(PAYLOAD_MAX_BYTES)]),
    ],
)
def test_promise_13_bytes_that_are_not_the_one_encoding_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_payload(data)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=300)
    | st.text(max_size=40)
    | st.builds(msgspec.msgpack.Ext, st.integers(-128, 127), st.binary(max_size=20)),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.dictionaries(st.text(max_size=40) | st.integers(-9, 9), inner, max_size=20)
    ),
    max_leaves=40,
)


@given(st.lists(VALUES, max_size=20), st.data())
def test_what_another_encoder_writes_is_skipped_to_its_last_byte(
    fields: list[Any], data: st.DataObject
) -> None:
    encoded = pack([100, ID, 5, *fields])
    if len(encoded) > PAYLOAD_MAX_BYTES or _depth(fields) > 1 + DEEPEST:
        return
    assert decode_payload(encoded) == Unknown(ID, 5, 100)
    cut = data.draw(st.integers(0, len(encoded) - 1))
    for wrong in (encoded[:cut], encoded + b"\xc0"):
        with pytest.raises(MalformedMessage):
            decode_payload(wrong)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def test_the_table_names_each_kind_once() -> None:
    assert list(KINDS) == [1, 2, 3, 4, 5, 6, *range(8, 19)]
    assert set(KINDS.values()) == {type(one) for one in SAMPLES}


@given(st.binary(max_size=80))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    for guess in (data, b"\x96\x01\xc4\x10" + ID + data, b"\x94\x09\xc4\x10" + ID + b"\1" + data):
        try:
            decode_payload(guess)
        except MalformedMessage:
            continue


def test_mutated_payloads_raise_nothing_else_and_stay_the_identity() -> None:
    chance, short = random.Random(7), [one for one in SAMPLES if len(encode_payload(one)) < 200]
    for _ in range(6_000):
        data = bytearray(encode_payload(chance.choice(short)))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            payload = decode_payload(bytes(data))
        except MalformedMessage:
            continue
        if isinstance(payload, KnownPayload):
            assert encode_payload(payload) == data


def test_a_payload_may_be_as_long_as_the_limit_and_no_longer() -> None:
    head = len(pack([100, ID, 5, bytes(40_000)])) - 40_000
    longest = pack([100, ID, 5, bytes(PAYLOAD_MAX_BYTES - head)])
    assert len(longest) == PAYLOAD_MAX_BYTES
    assert decode_payload(longest) == Unknown(ID, 5, 100)
    with pytest.raises(MalformedMessage):
        decode_payload(pack([100, ID, 5, bytes(PAYLOAD_MAX_BYTES - head + 1)]))


@pytest.mark.parametrize(
    "value",
    [[4, ID, 5, 7], [3, ID, 5, "on"], [2, ID, 5, ()], [1, ID, 5], [8, ID, 5], [11, ID, 5, ID]],
)
def test_a_broken_payload_of_a_known_type_is_not_taken_for_a_later_one(value: list[Any]) -> None:
    """It would be receipted and skipped, and the author would believe that it was read."""
    with pytest.raises(MalformedMessage):
        decode_payload(pack(value))
