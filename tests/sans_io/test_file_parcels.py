"""A file that goes by an anchor: lost parcels, crashes, part of it over a link (PROTOCOL 15.5)."""

from collections import deque
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loom.core.file.bitmap import chunks_here, no_chunks, with_chunks
from loom.core.file.chunk_list import list_piece, root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.core.file.parcels import Begun, is_in_place, parts_of, shortened, to_put, with_put
from loom.core.file.receiver import ChunkCame, ContentWrong, ListCame, Receiver
from loom.crypto.blake3 import blake3_hash
from loom.wire.file_records import Piece, What
from loom.wire.limits import AEAD_TAG_BYTES, FILE_CHUNK_BYTES
from loom.wire.parcel import Parcel, parcels_of

FILE = bytes(range(16))
SEALED_BYTES = FILE_CHUNK_BYTES + AEAD_TAG_BYTES


class Sent:
    """A file with its list and keys, as its sender has it."""

    def __init__(self, size: int) -> None:
        self.content = Random(size).randbytes(size)
        starts = range(0, size, FILE_CHUNK_BYTES)
        self.chunks = [self.content[at : at + FILE_CHUNK_BYTES] for at in starts]
        self.hashes = b"".join(map(blake3_hash, self.chunks))
        root = root_of(size, "text/plain", self.hashes)
        self.offer = Offer(FILE, size, "text/plain", root, bytes(32))
        self.keys = FileKeys(self.offer)
        self.have = self.put = b""

    def parcels(self, piece: Piece) -> list[Parcel]:
        """Of one piece."""
        if piece.what is What.LIST:
            sealed = self.keys.seal_list_piece(piece, list_piece(self.hashes, piece.index))
            return parcels_of(piece, sealed)
        sealed_chunk = self.keys.seal_chunk(piece, self.chunks[piece.index], self.hashes)
        assert sealed_chunk is not None
        return parcels_of(piece, sealed_chunk)

    def was_put(self, piece: Piece) -> None:
        """All of it lies there."""
        self.put = with_put(self.offer, self.put, piece)

    def told(self, have: bytes) -> None:
        """The receiver says what it has; what was put before may be lost."""
        self.have, self.put = have, b""


class Reader:
    """A receiver that keeps what came on a disk, and may crash."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.disk: dict[int, bytearray] = {}
        self.hashes: bytes | None = None
        self.bitmap = no_chunks(offer.chunks)
        self.crash()

    def crash(self) -> None:
        """What was not on the disk is gone."""
        self.begun, self.list_parts = Begun(), dict[Piece, dict[int, bytes]]()
        self.receiver = Receiver()
        self.receiver.begin(self.offer, self.hashes, self.bitmap)

    def take(self, parcel: Parcel) -> None:
        """One that is acknowledged afterwards."""
        piece, offer = parcel.piece, self.offer
        if not is_in_place(offer, parcel) or not self.receiver.lacks(piece):
            return
        if piece.what is What.LIST:
            self.list_parts.setdefault(piece, {})[parcel.part] = parcel.content
        else:
            at = sum(
                len(one.content) for one in parcels_of(piece, bytes(SEALED_BYTES))[: parcel.part]
            )
            chunk = self.disk.setdefault(piece.index, bytearray(SEALED_BYTES))
            chunk[at : at + len(parcel.content)] = parcel.content
        if self.begun.came(offer, parcel):
            self.whole(piece)

    def whole(self, piece: Piece) -> None:
        """It may be."""
        if piece.what is What.LIST:
            parts = self.list_parts.pop(piece, {})
            sealed = b"".join(one for _, one in sorted(parts.items()))
        else:
            sealed = bytes(self.disk[piece.index][: self.offer.sealed_bytes(piece)])
        event = self.receiver.receive_mailed(piece, sealed)
        assert not isinstance(event, ContentWrong)
        if isinstance(event, ListCame):
            self.hashes = event.hashes
        elif isinstance(event, ChunkCame):
            self.bitmap = with_chunks(self.bitmap, [event.index])
            self.receiver.stored(FILE, event.index)

    @property
    def is_whole(self) -> bool:
        return chunks_here(self.bitmap) == self.offer.chunks

    def content(self) -> bytes:
        keys = FileKeys(self.offer)
        pieces = [Piece(FILE, What.DATA, index) for index in range(self.offer.chunks)]
        sealed = [bytes(self.disk[one.index][: self.offer.sealed_bytes(one)]) for one in pieces]
        return b"".join(map(keys.open_, pieces, sealed))


SIZES = st.sampled_from([1, 61_400, 61_401, FILE_CHUNK_BYTES, FILE_CHUNK_BYTES + 1, 900_000])


@given(SIZES, st.randoms(use_true_random=False), st.integers(0, 60), st.booleans())
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
def test_whatever_an_anchor_loses_the_file_arrives_whole(
    size: int, chance: Random, loss: int, crashes: bool
) -> None:
    """They are never online together: one puts, the other reads, by turns."""
    sent = Sent(size)
    reader = Reader(sent.offer)
    queue: deque[Parcel] = deque()
    for _ in range(60):
        window = chance.randint(1, 12)
        for piece in to_put(sent.offer, sent.have, sent.put):
            queue.extend(sent.parcels(piece))
            sent.was_put(piece)
            if len(queue) >= window:
                break
        while queue:
            parcel = queue.popleft()
            if chance.randint(0, 99) >= loss:
                reader.take(parcel)
            if crashes and not chance.randint(0, 7):
                reader.crash()
        if reader.is_whole:
            break
        if chance.randint(0, 2):
            sent.told(shortened(reader.bitmap))
    assert reader.is_whole
    assert reader.content() == sent.content


def test_what_came_over_a_link_is_not_put() -> None:
    sent = Sent(900_000)
    sent.told(shortened(with_chunks(no_chunks(4), [0, 2])))
    assert [one.index for one in to_put(sent.offer, sent.have, b"")] == [1, 3]
    assert next(to_put(sent.offer, b"", b"")).what is What.LIST
    sent.was_put(Piece(FILE, What.DATA, 1))
    assert [one.index for one in to_put(sent.offer, sent.have, sent.put)] == [3]


def test_nothing_is_put_of_a_file_without_content_or_that_is_there() -> None:
    assert list(to_put(Sent(0).offer, b"", b"")) == []
    assert list(to_put(Sent(900_000).offer, b"\x0f", b"")) == []


def test_a_piece_that_came_by_both_ways_counts_once() -> None:
    sent = Sent(900_000)
    receiver = Receiver()
    receiver.begin(sent.offer, sent.hashes)
    receiver.linked()
    [first, *_] = receiver.ask(0.0)
    sealed = sent.keys.seal_chunk(first, sent.chunks[0], sent.hashes)
    assert sealed is not None
    assert isinstance(receiver.receive_mailed(first, sealed), ChunkCame)
    assert receiver.receive_mailed(first, sealed) is None
    assert not receiver.lacks(first)


@pytest.mark.parametrize("change", [0, 1, 100, -1])
def test_a_forged_piece_changes_nothing_and_ends_nothing(change: int) -> None:
    """The anchor cannot make one; who was told the queue and not the offer cannot either."""
    sent = Sent(900_000)
    receiver = Receiver()
    receiver.begin(sent.offer, sent.hashes)
    piece = Piece(FILE, What.DATA, 1)
    sealed = bytearray(sent.keys.seal_chunk(piece, sent.chunks[1], sent.hashes) or b"")
    sealed[change] ^= 1
    assert receiver.receive_mailed(piece, bytes(sealed)) is None
    assert receiver.lacks(piece)


def test_a_chunk_that_the_sender_sealed_wrong_ends_the_offer() -> None:
    sent = Sent(900_000)
    receiver = Receiver()
    receiver.begin(sent.offer, sent.hashes)
    piece = Piece(FILE, What.DATA, 1)
    other = bytes(len(sent.chunks[1]))
    sealed = sent.keys.seal_chunk(
        piece, other, b"".join([bytes(32), blake3_hash(other), bytes(64)])
    )
    assert sealed is not None
    assert receiver.receive_mailed(piece, sealed) == ContentWrong(FILE)
    assert not receiver.lacks(piece)


def test_chunks_before_the_list_are_of_no_use_and_lists_after_it() -> None:
    sent = Sent(900_000)
    receiver = Receiver()
    receiver.begin(sent.offer)
    data, listed = Piece(FILE, What.DATA, 0), Piece(FILE, What.LIST, 0)
    assert (receiver.lacks(data), receiver.lacks(listed)) == (False, True)
    sealed = sent.keys.seal_list_piece(listed, sent.hashes)
    assert receiver.receive_mailed(listed, sealed) == ListCame(FILE, sent.hashes)
    assert (receiver.lacks(data), receiver.lacks(listed)) == (True, False)
    assert not receiver.lacks(Piece(FILE, What.DATA, 4))
    assert not receiver.lacks(Piece(bytes(16), What.DATA, 0))


def test_a_parcel_of_another_length_or_place_is_none() -> None:
    offer = Sent(FILE_CHUNK_BYTES + 1).offer
    first, last = Piece(FILE, What.DATA, 0), Piece(FILE, What.DATA, 1)
    assert (parts_of(offer, first), parts_of(offer, last)) == (5, 1)
    assert is_in_place(offer, Parcel(first, 4, bytes(16_496)))
    assert is_in_place(offer, Parcel(last, 0, bytes(17)))
    wrong = [(first, 4, 16_495), (first, 0, 61_415), (last, 0, 16), (last, 1, 17)]
    wrong += [(Piece(FILE, What.DATA, 2), 0, 17), (Piece(FILE, What.LIST, 1), 0, 80)]
    for piece, part, size in wrong:
        assert not is_in_place(offer, Parcel(piece, part, bytes(size)))
