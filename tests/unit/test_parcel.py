"""Parcels of files: one encoding each, bounds, and never taken for an envelope."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core.queues import derive_queue_keys
from loom.errors import AuthenticationError, InvalidInput, MalformedMessage
from loom.wire.file_records import Piece, What
from loom.wire.limits import BULK_BLOB_BYTES, ENVELOPE_BUCKETS, PARCEL_BYTES
from loom.wire.parcel import (
    PARCEL_CONTENT_BYTES,
    PARCEL_PARTS_MAX,
    Parcel,
    decode_parcel,
    encode_parcel,
    parcels_of,
)

FILE = bytes(range(16))
SEALED_CHUNK_BYTES = 262_160
QUEUE, OTHER = derive_queue_keys(bytes(32)), derive_queue_keys(bytes(31) + b"\1")


def test_a_sealed_chunk_is_five_parcels_that_join_to_it() -> None:
    sealed = bytes(range(256)) * 1_024 + bytes(16)
    parcels = parcels_of(Piece(FILE, What.DATA, 65_535), sealed)
    assert len(sealed) == SEALED_CHUNK_BYTES
    assert len(parcels) == PARCEL_PARTS_MAX
    decoded = [decode_parcel(encode_parcel(one)) for one in parcels]
    assert decoded == parcels
    assert [one.part for one in decoded] == list(range(5))
    assert b"".join(one.content for one in decoded) == sealed


def test_a_parcel_in_a_queue_is_no_envelope_and_an_envelope_no_parcel() -> None:
    parcel = encode_parcel(Parcel(Piece(FILE, What.LIST, 0), 0, b"hash"))
    blob = QUEUE.seal_parcel(parcel)
    assert len(blob) == BULK_BLOB_BYTES
    assert QUEUE.seal_parcel(parcel) == blob
    assert QUEUE.open_parcel(blob) == parcel
    with pytest.raises(MalformedMessage):
        QUEUE.open_blob(blob)
    for size in ENVELOPE_BUCKETS:
        with pytest.raises(MalformedMessage):
            QUEUE.open_parcel(QUEUE.seal_blob(1_900_000_000, bytes(size)))
    with pytest.raises(AuthenticationError):
        OTHER.open_parcel(blob)
    with pytest.raises(AuthenticationError):
        QUEUE.open_parcel(blob[:-1] + bytes([blob[-1] ^ 1]))
    with pytest.raises(InvalidInput):
        QUEUE.seal_parcel(parcel[:-1])


@pytest.mark.parametrize("size", [0, PARCEL_CONTENT_BYTES + 1])
def test_a_parcel_holds_something_and_not_too_much(size: int) -> None:
    with pytest.raises(InvalidInput):
        encode_parcel(Parcel(Piece(FILE, What.DATA, 0), 0, bytes(size)))


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (16, b"\x02"),  # neither list nor data
        (17, b"\0\1\0\0"),  # chunk 65,536
        (21, b"\x05"),  # a sixth part
        (22, b"\0\0"),  # nothing in it
        (22, b"\xef\xe9"),  # more than fits
        (22, b"\0\2"),  # what is left is not zero
        (PARCEL_BYTES - 1, b"\1"),
    ],
)
def test_a_parcel_out_of_its_bounds_is_refused(at: int, value: bytes) -> None:
    good = encode_parcel(Parcel(Piece(FILE, What.DATA, 7), 0, b"abc"))
    with pytest.raises(MalformedMessage):
        decode_parcel(good[:at] + value + good[at + len(value) :])


def test_a_list_has_eight_sealed_pieces_at_most() -> None:
    good = encode_parcel(Parcel(Piece(FILE, What.LIST, 7), 0, b"abc"))
    assert decode_parcel(good).piece.index == 7
    with pytest.raises(MalformedMessage):
        decode_parcel(good[:17] + b"\0\0\0\x08" + good[21:])


@given(st.binary(max_size=60))
def test_what_is_decoded_has_one_encoding(head: bytes) -> None:
    data = head.ljust(PARCEL_BYTES, b"\0")
    try:
        parcel = decode_parcel(data)
    except MalformedMessage:
        return
    assert encode_parcel(parcel) == data
