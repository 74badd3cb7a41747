"""Requests, answers and pushes: one encoding each, bounds, lengths that fit the buckets."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.errors import InvalidInput, MalformedMessage
from loom.wire import requests as wire
from loom.wire.encoding import u32
from loom.wire.framing import RECORD_BODY_MAX_BYTES, pad_record
from loom.wire.limits import BLOB_SIZES, RECORD_BUCKETS, SEALED_BUNDLE_BYTES
from loom.wire.requests import (
    Ack,
    Answer,
    Displaced,
    Ended,
    Fetch,
    Full,
    Have,
    Ids,
    Laid,
    Later,
    Lay,
    Limits,
    More,
    Ok,
    Open,
    Pair,
    Push,
    Put,
    QueueBundles,
    QueueStatus,
    QueueUse,
    Request,
    Shut,
    Status,
    Stored,
    Subscribe,
    Subscribed,
    Taken,
    Unknown,
    Unpair,
    Work,
    decode_answer,
    decode_push,
    decode_request,
    encode_answer,
    encode_push,
    encode_request,
)

QUEUE, BLOB_ID, KEY = bytes(range(16)), bytes(range(12)), bytes(range(32))
SEALED = bytes(SEALED_BUNDLE_BYTES)
LIMITS = Limits(
    queue_blobs=1_000,
    queue_bytes=16 << 20,
    queues=1_000,
    account_bytes=512 << 20,
    queue_puts_per_minute=200,
    account_puts_per_minute=600,
    fetches_per_hour=10,
    bulk_queue_bytes=64 << 20,
    bulk_account_bytes=256 << 20,
    bulk_puts_per_minute=2_000,
)
REQUESTS: list[Request] = [
    *(Put(QUEUE, bytes(size)) for size in BLOB_SIZES),
    Open(QUEUE, KEY, KEY, QueueUse.ADDRESS, 1_800_000_000),
    Open(QUEUE, KEY, KEY, QueueUse.BULK, 0),
    Shut(QUEUE),
    Subscribe(),
    Ack(QUEUE, (BLOB_ID,) * 256),
    Have(QUEUE, ()),
    Lay(QUEUE, 3, SEALED),
    Fetch(QUEUE),
    Work(QUEUE, BLOB_ID, 20_000, 2**64 - 1),
    Pair(KEY, KEY),
    Status(),
    Unpair(),
]
ANSWERS: list[Answer] = [
    Ok(),
    Full(),
    Taken(),
    Later(60),
    Unknown(),
    Ended(),
    More(24),
    Ids((BLOB_ID,) * 256),
    Laid(SEALED, 2),
    Laid(b"", 0),
    Subscribed(1_800_000_000, False, (QueueBundles(QUEUE, bytes(32)),) * 1_000),
    Displaced(),
    LIMITS,
    Stored(2**53 - 1, LIMITS, (QueueStatus(QUEUE, 1_000, 16 << 20, 2**53 - 1, 3),) * 1_000),
]
PUSHES = [Push(QUEUE, 0), *(Push(QUEUE, 999, bytes(size)) for size in BLOB_SIZES)]


@pytest.mark.parametrize("request_", REQUESTS, ids=repr)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    body = encode_request(7, request_)
    assert decode_request(body) == (7, request_)
    assert len(body) <= RECORD_BODY_MAX_BYTES


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    body = encode_answer(2**32 - 1, answer)
    assert decode_answer(body) == (2**32 - 1, answer)
    assert len(body) <= RECORD_BODY_MAX_BYTES


@pytest.mark.parametrize("push", PUSHES, ids=repr)
def test_a_push_is_read_as_it_was_written(push: Push) -> None:
    assert decode_push(encode_push(push)) == push


def test_a_put_and_a_push_fill_the_bucket_of_the_envelope_inside() -> None:
    """So a link to an anchor shows the same four lengths as one to a contact."""
    for size, bucket in zip(BLOB_SIZES, RECORD_BUCKETS[1:], strict=True):
        for body in (encode_request(1, Put(QUEUE, bytes(size))), encode_push(PUSHES[0])):
            assert len(pad_record(16, body)) in (bucket, RECORD_BUCKETS[0])
        assert len(encode_request(1, Put(QUEUE, bytes(size)))) == size + 20


def test_no_other_request_is_as_long_as_a_put() -> None:
    longest_lists: list[Request] = [Ack(QUEUE, (BLOB_ID,) * 256), Have(QUEUE, (BLOB_ID,) * 256)]
    assert all(len(encode_request(0, one)) < min(BLOB_SIZES) for one in longest_lists)
    assert len(encode_request(0, Lay(QUEUE, 0, SEALED))) not in {size + 20 for size in BLOB_SIZES}


def packed(*fields: object) -> bytes:
    return u32(1) + msgspec.msgpack.encode(fields)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0",
        b"\0\0\0\1",
        packed(),
        packed(0),
        packed(99),
        packed("Ok"),
        packed(2, QUEUE[:15]),
        packed(2, QUEUE + b"x"),
        packed(2, QUEUE, 0),
        packed(2),
        packed(2, QUEUE.hex()[:16]),
        packed(1, QUEUE, KEY, KEY, 5, 0),
        packed(1, QUEUE, KEY, KEY, 0, -1),
        packed(1, QUEUE, KEY, KEY, 0, 2**53),
        packed(1, QUEUE, KEY, KEY[:31], 0, 0),
        packed(4, QUEUE, [BLOB_ID] * 257),
        packed(5, QUEUE, [BLOB_ID[:11]]),
        packed(6, QUEUE, 4, SEALED),
        packed(6, QUEUE, 0, SEALED[1:]),
        packed(8, QUEUE, BLOB_ID, 0, -1),
        packed(3) + b"\0",
        u32(1) + b"\x91\xcc\x03",
        u32(1) + b"\xdc\x00\x01\x03",
        u32(1) + b"\x91" * 2_000,
    ],
    ids=lambda body: body[:40].hex(),
)
def test_anything_else_is_no_request(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_request(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        packed(14),
        packed(1, 0),
        packed(4, -1),
        packed(7, 25),
        packed(9, SEALED[1:], 0),
        packed(9, SEALED, 4),
        packed(10, 1, 0, []),
        packed(10, 1, True, [[QUEUE, bytes(31)]]),
        packed(10, 1, True, [[QUEUE, bytes(32)]] * 1_001),
        packed(13, 1, [12, 1, 1, 1_001, 1, 1, 1, 1], []),
        packed(13, 1, [1], []),
        u32(1) + b"\xc1",
    ],
    ids=lambda body: body[:40].hex(),
)
def test_anything_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_answer(body)


@pytest.mark.parametrize(
    "body",
    [b"", bytes(19), bytes(21), u32(1) + QUEUE, bytes(20 + 4_131), bytes(70_000)],
    ids=len,
)
def test_anything_else_is_no_push(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode_push(body)


def test_a_blob_of_another_length_is_not_put() -> None:
    with pytest.raises(InvalidInput):
        encode_request(1, Put(QUEUE, bytes(100)))


@given(st.binary(max_size=120))
def test_what_is_read_has_one_encoding(data: bytes) -> None:
    for decode, encode in (
        (decode_request, encode_request),
        (decode_answer, encode_answer),
    ):
        try:
            number, value = decode(data)
        except MalformedMessage:
            continue
        assert encode(number, value) == data  # type: ignore[arg-type]


def test_no_value_prints_a_key_or_a_blob() -> None:
    needle = b"needle of 32 bytes that shows up"
    shown = [Open(QUEUE, needle, needle, QueueUse.INBOUND, 0), Pair(needle, needle)]
    assert not any("needle" in repr(one) for one in shown)
    assert "needle" not in repr(wire.Put(QUEUE, needle)) + repr(wire.Push(QUEUE, 0, needle))
