"""What the ratchet carries: the payload of a contact who may write anything."""

import msgspec

from fuzz.draw import Draw
from fuzz.target import Target
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
    Text,
    Thumbnail,
    Timer,
    Typing,
    Unknown,
    decode_payload,
    encode_payload,
)
from loom.wire.content import (
    Target as Message,
)

_ID = bytes(range(16))
_DEPTH_MAX = 4
_MAILBOX = Mailbox((("a.example", 4_070),), bytes(16), bytes(32), 0)
_VALID = tuple(
    encode_payload(payload)
    for payload in (
        Text(_ID, 1_800_000_000_000, "hello"),
        Text(_ID, 1, "yes", Message(False, _ID), 86_400),
        Receipt(_ID, 1, (_ID, _ID), (_ID,)),
        Receipt(_ID, 1, (), ()),
        Typing(_ID, 2**53 - 1, on=True),
        Profile(_ID, 0, 7, "Ada", "here", away=True),
        Mailboxes(_ID, 0, 7, (_MAILBOX,)),
        Join(_ID, 0, "Ada", 7, (_MAILBOX,)),
        Edit(_ID, 1, _ID, 2**53 - 1, "hallo"),
        Delete(_ID, 1, (_ID, _ID)),
        React(_ID, 1, Message(True, _ID), 7, "\N{THUMBS UP SIGN}"),
        Pin(_ID, 1, Message(False, _ID), 7, on=True),
        Timer(_ID, 0, 7, 3_600),
        Farewell(_ID, 1_800_000_000_000, 1_800_000_000_000, 1),
        File(_ID, 1, "a.png", 2**34, "image/png", bytes(32), bytes(32), Thumbnail(1, 1, b"rgb")),
        File(_ID, 1, "a", 0, "", bytes(32), bytes(32), None, "look", Message(True, _ID), 5),
        FileState(_ID, 1, _ID, 7, 1, Place((("a.example", 4_070),), bytes(16), bytes(32))),
        FileState(_ID, 1, _ID, 2**53 - 1, 4),
    )
)


def run(data: bytes) -> None:
    """A payload of a known kind is written the same again; another is skipped, or malformed."""
    check(random_payload(Draw(data)))


def random_payload(draw: Draw) -> bytes:
    """Any bytes, a damaged payload, or one of any type and of nearly the right shape."""
    match draw.number(3):
        case 0:
            return draw.some() if draw.flag() else draw.rest()
        case 1:
            return draw.edited(draw.choice(_VALID))
        case _:
            fields = [draw.number(16), draw.choice((_ID, b"", draw.some())), draw.integer(64)]
            fields += [_value(draw, 0) for _ in range(draw.number(4))]
            return msgspec.msgpack.encode(fields)


def check(encoded: bytes) -> None:
    """The promise, of one encoding."""
    try:
        payload = decode_payload(encoded)
    except MalformedMessage:
        return
    if isinstance(payload, KnownPayload):
        assert encode_payload(payload) == encoded
    else:
        assert isinstance(payload, Unknown)
        assert payload.tag not in {0, *KINDS}
    assert len(payload.message_id) == 16
    assert 0 <= payload.sent_at_ms < 2**53


def _value(draw: Draw, depth: int) -> object:
    match draw.number(8 if depth < _DEPTH_MAX else 6):
        case 0:
            return draw.some()
        case 1:
            return draw.some().decode("utf-8", "replace")
        case 2:
            return draw.integer(64)
        case 3:
            return -draw.integer(63)
        case 4:
            return draw.choice((None, True, False, 0.0, float("nan"), float("inf")))
        case 5:
            return msgspec.msgpack.Ext(draw.number(256) - 128, draw.some())
        case 6:
            return [_value(draw, depth + 1) for _ in range(draw.number(6))]
        case _:
            return {draw.some(): _value(draw, depth + 1) for _ in range(draw.number(4))}


TARGET = Target(
    run=run,
    seeds=(
        *(b"\0\0" + encoded for encoded in _VALID),
        b"\0\0" + b"\x91" * 2_000,
        b"\0\0\x96\1\xc4\x10" + _ID + b"\xcf\0\x20\0\0\0\0\0\0\xa1x\xc0\0",
        b"\1\1\1\0\3\1\xff",
        b"\2\5\0\0\0\3\6\3\0\0\0",
        b"\2\1\0\0\0\1\1\4\xff\xff\xff\xff",
    ),
    executions=3_000,
)
