"""transfer.json: what the product makes of the file that it describes."""

import pytest

from loom.core.file.chunk_list import hash_at, list_piece, root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.core.file.receiver import ChunkCame, ListCame, NotServed, Receiver
from loom.core.file.sender import Sender, Source
from loom.crypto.blake3 import blake3_hash
from loom.crypto.kdf import hash_
from loom.errors import MalformedMessage
from loom.wire.content import File, FileState, decode_payload, encode_payload
from loom.wire.file_records import (
    Piece,
    Reason,
    What,
    decode_part,
    decode_refusal,
    decode_request,
    encode_request,
)
from loom.wire.limits import FILE_CHUNK_BYTES
from tests.vectors.reference import file_content, unhex
from tests.vectors.test_vectors import load

VECTOR = load("transfer")
INPUTS, DERIVED = VECTOR["inputs"], VECTOR["derived"]
CONTENT = file_content(INPUTS["size"])
CHUNKS = [CONTENT[start : start + FILE_CHUNK_BYTES] for start in (0, FILE_CHUNK_BYTES)]
LIST = b"".join(map(blake3_hash, CHUNKS))
FILE_ID = unhex(INPUTS["file_id"])


def offer() -> Offer:
    payload = decode_payload(unhex(DERIVED["file"]))
    assert isinstance(payload, File)
    assert encode_payload(payload).hex() == DERIVED["file"]
    return Offer.of(payload)


def test_the_offer_and_its_states() -> None:
    assert offer().root.hex() == DERIVED["root"]
    assert offer().media_type == INPUTS["media_type"]
    states = [decode_payload(unhex(one)) for one in DERIVED["states"]]
    assert all(isinstance(one, FileState) for one in states)
    assert [encode_payload(one).hex() for one in states] == DERIVED["states"]  # type: ignore[arg-type]


def test_hashes_list_and_root() -> None:
    assert [hash_at(LIST, place).hex() for place in (0, 1)] == DERIVED["hashes"]
    assert root_of(len(CONTENT), INPUTS["media_type"], LIST).hex() == DERIVED["root"]
    assert root_of(0, INPUTS["media_type"], b"").hex() == DERIVED["empty_root"]


def test_sealed_pieces() -> None:
    keys = FileKeys(offer())
    listed = keys.seal_list_piece(Piece(FILE_ID, What.LIST, 0), list_piece(LIST, 0))
    assert listed.hex() == DERIVED["sealed_list"]
    sealed = [
        keys.seal_chunk(Piece(FILE_ID, What.DATA, place), chunk, LIST)
        for place, chunk in enumerate(CHUNKS)
    ]
    assert [hash_(one or b"").hex() for one in sealed] == DERIVED["sealed_chunk_hashes"]
    assert (sealed[1] or b"").hex() == DERIVED["sealed_last_chunk"]


def test_records_of_a_transfer() -> None:
    receiver, sender, source = Receiver(), Sender(), Source(offer(), is_accepted=True)
    assert receiver.begin(source.offer) is None
    receiver.linked()

    (wanted,) = receiver.ask(0.0)
    assert encode_request(wanted).hex() == DERIVED["request_of_the_list"]
    sender.receive_request(decode_request(unhex(DERIVED["request_of_the_list"])))
    (part,) = sender.serve_list(source, LIST)
    assert part.hex() == DERIVED["part_of_the_list"]
    assert receiver.receive_part(decode_part(part)) == ListCame(FILE_ID, LIST)

    asked = receiver.ask(0.0)
    assert encode_request(asked[1]).hex() == DERIVED["request"]
    for one in asked:
        sender.receive_request(one)
    parts = sender.serve_chunk(source, LIST, CHUNKS[0]) or []
    assert [hash_(one).hex() for one in parts] == DERIVED["part_hashes"]
    events = [receiver.receive_part(decode_part(one)) for one in parts]
    assert events[:-1] == [None] * 4
    assert isinstance(events[-1], ChunkCame)
    assert hash_(events[-1].sealed).hex() == DERIVED["sealed_chunk_hashes"][0]

    refusal = sender.refuse(Reason.LATER)
    assert refusal.hex() == DERIVED["refusal"]
    told = receiver.receive_refusal(decode_refusal(refusal), 0.0)
    assert told == NotServed(FILE_ID, Reason.LATER)
    (again,) = receiver.ask(10.0)
    sender.receive_request(again)
    (part,) = sender.serve_chunk(source, LIST, CHUNKS[1]) or []
    assert part.hex() == DERIVED["part"]
    last = ChunkCame(FILE_ID, 1, unhex(DERIVED["sealed_last_chunk"]))
    assert receiver.receive_part(decode_part(part)) == last


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, of in VECTOR["refused_records"].items() for name in of],
)
def test_a_record_that_is_refused(kind: str, name: str) -> None:
    decode = {"4": decode_request, "5": decode_part, "6": decode_refusal}[kind]
    with pytest.raises(MalformedMessage):
        decode(unhex(VECTOR["refused_records"][kind][name]))
