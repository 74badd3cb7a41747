"""What an anchor is asked, answers and pushes; blobs and pairing texts."""

import msgspec

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.queues import derive_queue_keys
from loom.errors import AuthenticationError, InvalidToken, MalformedMessage
from loom.model import Address
from loom.wire.hints import Hint
from loom.wire.pairing import PairingText, decode_pairing_text, encode_pairing_text
from loom.wire.requests import (
    Ack,
    QueueBundles,
    Subscribed,
    Work,
    decode_answer,
    decode_push,
    decode_request,
    encode_answer,
    encode_push,
    encode_request,
)

_QUEUE, _ID = bytes(range(16)), bytes(range(12))
_KEYS = derive_queue_keys(bytes(32))
_BLOB = _KEYS.seal_blob(1_900_000_000, bytes(4_096))
_REQUESTS = [
    encode_request(7, one) for one in (Ack(_QUEUE, (_ID, _ID)), Work(_QUEUE, _ID, 20_000, 2**63))
]
_ANSWERS = [encode_answer(7, Subscribed(1, True, (QueueBundles(_QUEUE, bytes(32)),)))]
_HINT = Hint(Address("anchor.example", 4_070), bytes(16))
_TEXT = encode_pairing_text(PairingText(bytes(16), 500_000, (_HINT, _HINT)))


def run(data: bytes) -> None:
    """Any bytes are refused, or a value written as the same bytes; a changed blob stays shut."""
    draw = Draw(data)
    match draw.number(6):
        case 0:
            _read_request(draw.edited(draw.choice(_REQUESTS)))
        case 1:
            _read_request(bytes(4) + _packed(draw))
        case 2:
            _read_answer(draw.edited(draw.choice(_ANSWERS)))
        case 3:
            _read_answer(bytes(4) + _packed(draw))
        case 4:
            _read_push(draw.rest())
            _open(draw.edited(_BLOB))
        case _:
            _read_text(draw.edited(_TEXT.encode()).decode("utf-8", "surrogateescape"))


def _packed(draw: Draw) -> bytes:
    """An array as a request or an answer is one, of whatever."""
    fields: list[object] = [draw.number(16)]
    for _ in range(draw.number(6)):
        match draw.number(5):
            case 0:
                fields.append(draw.integer(64))
            case 1:
                fields.append(draw.take(draw.choice((16, 12, 32, 8, 6_840))))
            case 2:
                fields.append([draw.take(draw.choice((12, 16))) for _ in range(draw.number(300))])
            case 3:
                fields.append(draw.flag())
            case _:
                fields.append(draw.some())
    return draw.edited(msgspec.msgpack.encode(fields))


def _read_request(data: bytes) -> None:
    try:
        number, request = decode_request(data)
    except MalformedMessage:
        return
    assert encode_request(number, request) == data


def _read_answer(data: bytes) -> None:
    try:
        number, answer = decode_answer(data)
    except MalformedMessage:
        return
    assert encode_answer(number, answer) == data


def _read_push(data: bytes) -> None:
    try:
        push = decode_push(data)
    except MalformedMessage:
        return
    assert encode_push(push) == data


def _open(blob: bytes) -> None:
    try:
        opened = _KEYS.open_blob(blob)
    except (MalformedMessage, AuthenticationError):
        return
    assert blob == _BLOB
    assert opened == (1_900_000_000, bytes(4_096))


def _read_text(text: str) -> None:
    try:
        pairing = decode_pairing_text(text)
    except InvalidToken as error:
        str(error)
        return
    joined = "".join(text.split())
    assert encode_pairing_text(pairing)[5:] == joined[5:].replace("-", "").upper()


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0\0",
        b"\1\4\2\0\0\0\0\0",
        b"\2",
        b"\3\x0a\3\0\1",
        b"\4" + bytes(20),
        b"\5\1\0\x10\0\1",
    ),
    executions=3_000,
)
