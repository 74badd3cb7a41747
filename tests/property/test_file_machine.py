"""Files between two people while everything breaks: whole means what was offered (PROTOCOL 15).

Both ends of the protocol with a disk each that loses what was not yet flushed. A link is two
queues of records; steps cut it, end either program, pause, cancel, and change the sender's file.
"""

import os
from collections import deque
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from loom.core.file.bitmap import chunks_here, has_chunk, no_chunks, with_chunks
from loom.core.file.chunk_list import chunk_bytes, root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.core.file.receiver import ChunkCame, ContentWrong, ListCame, NotServed, Receiver
from loom.core.file.sender import Sender, Source
from loom.crypto.aead import ChaChaKey
from loom.crypto.blake3 import blake3_hash
from loom.wire.file_records import (
    Piece,
    Reason,
    What,
    decode_part,
    decode_refusal,
    decode_request,
    encode_request,
)
from loom.wire.limits import FILE_ASKED_MAX, FILE_CHUNK_BYTES, FILE_LATER_S

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
SIZES: Final = (0, 1, FILE_CHUNK_BYTES, 3 * FILE_CHUNK_BYTES + 1, 9 * FILE_CHUNK_BYTES + 5)
FILES = st.integers(0, len(SIZES) - 1)
SEALED_BYTES: Final = FILE_CHUNK_BYTES + 16
_RANDOM = Random(15)
_CONTENTS: Final = [_RANDOM.randbytes(size) for size in SIZES]


def hashes_of(content: bytes) -> bytes:
    starts = range(0, len(content), FILE_CHUNK_BYTES)
    return b"".join(blake3_hash(content[start : start + FILE_CHUNK_BYTES]) for start in starts)


class SentFile:
    """A file at its sender's, with all that a database holds of the offer."""

    def __init__(self, number: int) -> None:
        self.offered = _CONTENTS[number]
        self.content = bytearray(self.offered)
        self.hashes = hashes_of(self.offered)
        root = root_of(len(self.offered), "a/b", self.hashes)
        file_id, secret = bytes([number]) * 16, bytes([number + 100]) * 32
        self.offer = Offer(file_id, len(self.offered), "a/b", root, secret)
        self.is_paused = self.is_over = False
        self.served = 0

    @property
    def source(self) -> Source:
        return Source(
            self.offer,
            is_accepted=True,
            is_paused=self.is_paused,
            is_over=self.is_over,
            served=self.served,
        )

    def read(self, index: int) -> bytes:
        start = index * FILE_CHUNK_BYTES
        return bytes(self.content[start : start + chunk_bytes(self.offer.size, index)])


class FetchedFile:
    """The same at its receiver's: what is on the disk, and what the database says of it."""

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.hashes: bytes | None = None
        self.bitmap = no_chunks(offer.chunks)
        self.chunks: dict[int, bytes] = {}
        self.flushed: set[int] = set()
        self.is_paused = self.is_over = False

    @property
    def is_whole(self) -> bool:
        return self.hashes is not None and chunks_here(self.bitmap) == self.offer.chunks

    def flush(self) -> None:
        """The chunks first, then the bitmap that says so."""
        self.flushed |= set(self.chunks)
        self.bitmap = with_chunks(self.bitmap, self.flushed)

    def lose(self, random: Random) -> None:
        """The power fails: what was not flushed is there, torn or gone."""
        for index in set(self.chunks) - self.flushed:
            match random.randrange(3):
                case 0:
                    del self.chunks[index]
                case 1:
                    self.chunks[index] = self.chunks[index][:-20] + bytes(20)

    def recover(self) -> None:
        """What is there and not noted is opened and compared."""
        if self.hashes is None:
            self.chunks.clear()
            return
        keys = FileKeys(self.offer)
        for index, sealed in list(self.chunks.items()):
            piece = Piece(self.offer.file_id, What.DATA, index)
            if keys.is_chunk(piece, sealed, self.hashes):
                self.flushed.add(index)
            else:
                del self.chunks[index]
        self.flush()

    def content(self) -> bytes:
        assert self.hashes is not None
        keys, file_id = FileKeys(self.offer), self.offer.file_id
        return b"".join(
            keys.open_(Piece(file_id, What.DATA, index), self.chunks[index])
            for index in range(self.offer.chunks)
        )


class FileMachine(RuleBasedStateMachine):
    """Whatever happens in between, what is whole is what was offered, and nothing comes twice."""

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        """Five offers that were accepted, and a link."""
        self.random = Random(seed)
        self.now_s = 0.0
        self.sent = [SentFile(number) for number in range(len(SIZES))]
        self.fetched = [FetchedFile(one.offer) for one in self.sent]
        self.requests: deque[bytes] = deque()
        self.records: deque[tuple[str, bytes]] = deque()
        self.receiver = Receiver()
        self.start_receiver()
        self.link()

    # --- programs and links ---

    @rule()
    def start_receiver(self) -> None:
        """The receiver's machine loses its power, and begins again."""
        self.cut()
        self.receiver = Receiver()
        self.unstored: deque[ChunkCame] = deque()
        for one in self.fetched:
            one.lose(self.random)
            one.recover()
            self.resume_fetching(one)

    @rule()
    def cut(self) -> None:
        """The link ends, or the sender's program: what it keeps is in its database."""
        self.is_linked = False
        self.requests.clear()
        self.records.clear()
        self.sender = Sender()
        self.receiver.cut()

    @rule()
    def link(self) -> None:
        if not self.is_linked:
            self.cut()
            self.receiver.linked()
            self.is_linked = True

    @rule(count=st.integers(1, 20), is_stored=st.booleans())
    def carry(self, count: int, is_stored: bool) -> None:
        """A while in which nothing breaks."""
        self.link()
        for _ in range(count):
            self.ask()
            self.request(FILE_ASKED_MAX)
            self.serve(1)
            self.receive(5)
            if is_stored:
                self.store(1)

    @rule(seconds=st.sampled_from([1.0, FILE_LATER_S]))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    # --- the receiver ---

    def resume_fetching(self, file: FetchedFile) -> None:
        if file.is_whole or file.is_paused or file.is_over:
            return
        self.took(self.receiver.begin(file.offer, file.hashes, file.bitmap))

    @rule()
    def ask(self) -> None:
        for piece in self.receiver.ask(self.now_s):
            file = self.fetched[piece.file_id[0]]
            assert not file.is_paused
            assert not file.is_over
            is_list = piece.what is What.LIST
            assert file.hashes is None if is_list else not has_chunk(file.bitmap, piece.index)
            assert is_list or piece.index not in file.chunks
            self.requests.append(encode_request(piece))

    @rule(count=st.integers(1, 20))
    def receive(self, count: int) -> None:
        for _ in range(min(count, len(self.records))):
            kind, body = self.records.popleft()
            if kind == "part":
                self.took(self.receiver.receive_part(decode_part(body)))
            else:
                self.took(self.receiver.receive_refusal(decode_refusal(body), self.now_s))

    def took(self, event: ListCame | ChunkCame | ContentWrong | NotServed | None) -> None:
        match event:
            case ListCame(file_id=file_id, hashes=hashes):
                self.fetched[file_id[0]].hashes = hashes
                self.end_if_whole(self.fetched[file_id[0]])
            case ChunkCame():
                self.unstored.append(event)
            case ContentWrong():
                pytest.fail("an honest sender was taken for a liar")
            case _:
                pass

    @rule(count=st.integers(1, 16))
    def store(self, count: int) -> None:
        for _ in range(min(count, len(self.unstored))):
            came = self.unstored.popleft()
            file = self.fetched[came.file_id[0]]
            if not file.is_over:
                assert came.index not in file.chunks, "a chunk came twice"
                file.chunks[came.index] = came.sealed
            self.receiver.stored(came.file_id, came.index)

    @rule(number=FILES)
    def flush(self, number: int) -> None:
        file = self.fetched[number]
        if not file.is_over:
            file.flush()
            self.end_if_whole(file)

    def end_if_whole(self, file: FetchedFile) -> None:
        if file.is_whole:
            self.receiver.end(file.offer.file_id)

    @rule(number=FILES)
    def pause_fetching(self, number: int) -> None:
        """What came and is not stored yet is stored first, as a node does."""
        self.store(FILE_ASKED_MAX)
        file = self.fetched[number]
        file.flush()
        file.is_paused = not file.is_paused
        if file.is_paused:
            self.receiver.end(file.offer.file_id)
        else:
            self.resume_fetching(file)

    @rule(number=FILES)
    def cancel(self, number: int) -> None:
        if self.random.random() < 0.3:
            file = self.fetched[number]
            self.store(FILE_ASKED_MAX)
            file.is_over = not file.is_whole
            self.receiver.end(file.offer.file_id)
            self.sent[number].is_over = file.is_over

    # --- the sender ---

    @rule(count=st.integers(1, 16))
    def request(self, count: int) -> None:
        for _ in range(min(count, len(self.requests))):
            self.sender.receive_request(decode_request(self.requests.popleft()))

    @rule(count=st.integers(1, 16))
    def serve(self, count: int) -> None:
        for _ in range(count):
            if (piece := self.sender.next) is None:
                return
            self.answer(piece)

    def answer(self, piece: Piece) -> None:
        file = self.sent[piece.file_id[0]]
        reason = file.source.refusal(piece)
        bodies: list[bytes] | None = None
        if reason is None and piece.what is What.LIST:
            bodies = self.sender.serve_list(file.source, file.hashes)
        elif reason is None:
            bodies = self.sender.serve_chunk(file.source, file.hashes, file.read(piece.index))
            if bodies is None:
                file.is_over = True
                reason = Reason.GONE
        if bodies is None:
            assert reason is not None
            self.records.append(("refusal", self.sender.refuse(reason)))
        else:
            file.served += 1
            assert file.served <= file.offer.served_max
            self.records.extend(("part", one) for one in bodies)

    @rule(number=FILES)
    def pause_sending(self, number: int) -> None:
        self.sent[number].is_paused = not self.sent[number].is_paused

    @rule(number=FILES, place=st.integers(0, 2**20))
    def change(self, number: int, place: int) -> None:
        """Somebody writes into the file that is being sent."""
        content = self.sent[number].content
        if content and self.random.random() < 0.2:
            content[place % len(content)] ^= 1

    # --- what holds at each moment ---

    @invariant()
    def asks_for_few(self) -> None:
        waiting = len(self.receiver._asked) + len(self.unstored)
        assert waiting <= FILE_ASKED_MAX
        assert len(self.unstored) <= FILE_ASKED_MAX

    @invariant()
    def what_is_whole_is_what_was_offered(self) -> None:
        for sent, fetched in zip(self.sent, self.fetched, strict=True):
            if fetched.is_whole and not getattr(fetched, "is_compared", False):
                assert fetched.content() == sent.offered
                fetched.is_compared = True  # type: ignore[attr-defined]

    def teardown(self) -> None:
        """Once nothing breaks any more, what nobody ended is fetched."""
        if not hasattr(self, "sent"):
            return
        for sent, fetched in zip(self.sent, self.fetched, strict=True):
            sent.is_paused = False
            if fetched.is_paused:
                fetched.is_paused = False
                self.resume_fetching(fetched)
        self.cut()
        self.link()
        for _ in range(60):
            self.wait(FILE_LATER_S)
            self.ask()
            self.request(FILE_ASKED_MAX)
            self.serve(FILE_ASKED_MAX)
            self.receive(1_000)
            self.store(FILE_ASKED_MAX)
            for number in range(len(self.sent)):
                self.flush(number)
        for sent, fetched in zip(self.sent, self.fetched, strict=True):
            if not (sent.is_over or sent.source.is_used_up or fetched.is_over):
                assert fetched.is_whole or bytes(sent.content) != sent.offered
        self.what_is_whole_is_what_was_offered()
        assert not self.receiver._storing


class AFew(FileMachine):
    """The same, for every run of the tests."""


_SETTINGS = settings(
    max_examples=400 if LONG else 80,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=not LONG,
    print_blob=True,
    phases=[Phase.generate],
)
TestFiles = pytest.mark.long(FileMachine.TestCase)
TestFiles.settings = _SETTINGS
TestAFewFiles = AFew.TestCase
TestAFewFiles.settings = settings(_SETTINGS, max_examples=30)


def test_promise_18_no_key_and_nonce_of_a_file_seals_two_plaintexts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each sealing of a sender whose file changes while it is sent, by its key and nonce."""
    sealed: dict[tuple[int, bytes], bytes] = {}
    seal = ChaChaKey.seal

    def noted(key: ChaChaKey, nonce: bytes, plaintext: bytes, associated_data: bytes) -> bytes:
        result = seal(key, nonce, plaintext, associated_data)
        assert sealed.setdefault((file.offer.file_id[0], nonce), plaintext) == plaintext
        return result

    monkeypatch.setattr(ChaChaKey, "seal", noted)
    file = SentFile(4)
    keys = FileKeys(file.offer)
    served = []
    for index in (0, 1, 1, 0, 3, 2, 3):
        piece = Piece(file.offer.file_id, What.DATA, index)
        served.append(keys.seal_chunk(piece, file.read(index), file.hashes) is not None)
        file.content[1 * FILE_CHUNK_BYTES] ^= 1
    assert served == [True, False, True, True, True, True, True]
    assert len(sealed) == 4
