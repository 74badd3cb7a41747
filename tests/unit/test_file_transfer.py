"""Both ends of a transfer, step by step: who lies, who is slow, what is refused (PROTOCOL 15)."""

from collections.abc import Iterable

import pytest

from loom.core.file.bitmap import with_chunks
from loom.core.file.chunk_list import root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.core.file.receiver import ChunkCame, ContentWrong, Event, ListCame, NotServed, Receiver
from loom.core.file.sender import Sender, Source
from loom.core.file.standing import Standing, Stated, holding, next_number, standing
from loom.crypto.blake3 import blake3_hash
from loom.errors import ProtocolViolation, UsageError
from loom.wire.content import State
from loom.wire.file_records import Part, Piece, Reason, Refusal, What, decode_part, encode_parts
from loom.wire.limits import (
    FILE_ASKED_MAX,
    FILE_CHUNK_BYTES,
    FILE_FETCHED_AT_ONCE_MAX,
    FILE_LATER_S,
    FILE_PART_MAX_BYTES,
)

TYPE = "a/b"


class Sent:
    """A file and its offer."""

    def __init__(self, number: int = 0, chunks: int = 4) -> None:
        self.chunks = [bytes([number + 1, at]) * (FILE_CHUNK_BYTES // 2) for at in range(chunks)]
        self.hashes = b"".join(map(blake3_hash, self.chunks))
        size = len(self.chunks) * FILE_CHUNK_BYTES
        root = root_of(size, TYPE, self.hashes)
        self.offer = Offer(bytes([number]) * 16, size, TYPE, root, bytes([number]) * 32)
        self.keys = FileKeys(self.offer)

    def list_piece(self) -> Piece:
        return Piece(self.offer.file_id, What.LIST, 0)

    def piece(self, index: int) -> Piece:
        return Piece(self.offer.file_id, What.DATA, index)

    def parts(self, piece: Piece) -> list[Part]:
        if piece.what is What.LIST:
            sealed = self.keys.seal_list_piece(piece, self.hashes)
        else:
            sealed = self.keys.seal_chunk(piece, self.chunks[piece.index], self.hashes) or b""
        return parts_of(piece, sealed)


def parts_of(piece: Piece, sealed: bytes) -> list[Part]:
    return [decode_part(one) for one in encode_parts(piece, sealed)]


def fetching(*files: Sent, with_list: bool = True) -> Receiver:
    receiver = Receiver()
    for one in files:
        assert receiver.begin(one.offer, one.hashes if with_list else None) is None
    receiver.linked()
    return receiver


def take(receiver: Receiver, parts: Iterable[Part]) -> Event | None:
    """The event of the last part; there is none before."""
    *first, last = parts
    assert [receiver.receive_part(one) for one in first] == [None] * len(first)
    return receiver.receive_part(last)


# --- a sender that lies ---


@pytest.mark.parametrize("what", ["size", "media_type", "root"])
def test_a_list_that_is_not_of_the_offer_ends_it(what: str) -> None:
    """The size, the type, or some hash is another one than the root is over."""
    sent = Sent()
    wrong = {
        "size": Offer(sent.offer.file_id, sent.offer.size - 1, TYPE, sent.offer.root, bytes(32)),
        "media_type": Offer(sent.offer.file_id, sent.offer.size, "a/c", sent.offer.root, bytes(32)),
        "root": Offer(sent.offer.file_id, sent.offer.size, TYPE, bytes(32), bytes(32)),
    }[what]
    receiver = Receiver()
    receiver.begin(wrong)
    receiver.linked()
    (piece,) = receiver.ask(0.0)
    parts = parts_of(piece, FileKeys(wrong).seal_list_piece(piece, sent.hashes))
    assert take(receiver, parts) == ContentWrong(wrong.file_id)
    assert receiver.ask(100.0) == []


def test_a_chunk_that_is_not_of_the_list_ends_the_offer() -> None:
    sent = Sent()
    receiver = fetching(sent)
    asked = receiver.ask(0.0)
    other = bytes(FILE_CHUNK_BYTES)
    lie = sent.keys.seal_chunk(asked[0], other, blake3_hash(other)) or b""
    assert take(receiver, parts_of(asked[0], lie)) == ContentWrong(sent.offer.file_id)
    # What was asked for before still comes, and is dropped.
    assert take(receiver, sent.parts(asked[1])) is None
    assert receiver.ask(100.0) == []


def test_what_does_not_open_ends_nothing_and_is_not_asked_for_again_on_this_link() -> None:
    """Whoever is at the other end of a link could have sent it."""
    sent, other = Sent(0), Sent(1, chunks=1)
    receiver = fetching(sent, other)
    asked = receiver.ask(0.0)
    assert asked[:2] == [sent.piece(0), other.piece(0)]
    told = take(receiver, parts_of(asked[0], bytes(FILE_CHUNK_BYTES + 16)))
    assert told == NotServed(sent.offer.file_id, Reason.GONE)
    assert isinstance(take(receiver, other.parts(asked[1])), ChunkCame)
    assert receiver.ask(1_000.0) == []
    receiver.linked()
    assert receiver.ask(1_000.0) == [sent.piece(index) for index in range(4)]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: Part(one.piece, one.number + 1, one.content),
        lambda one: Part(one.piece, one.number, one.content[:-1]),
        lambda one: Part(one.piece, one.number, one.content[:1]),
        lambda one: Part(Piece(one.piece.file_id, What.DATA, 1), 0, one.content),
        lambda one: Part(Piece(one.piece.file_id, What.LIST, 0), 0, one.content),
        lambda one: Part(Piece(b"other id" * 2, What.DATA, 0), 0, one.content),
    ],
    ids=["number", "shorter", "short", "chunk of later", "list", "file"],
)
def test_a_part_that_is_not_the_next_one_breaks_the_rules(wrong) -> None:  # type: ignore[no-untyped-def]
    sent = Sent()
    receiver = fetching(sent)
    asked = receiver.ask(0.0)
    with pytest.raises(ProtocolViolation):
        receiver.receive_part(wrong(sent.parts(asked[0])[0]))


def test_a_part_too_many_and_a_refusal_of_what_has_begun_break_the_rules() -> None:
    sent = Sent(chunks=1)
    receiver = fetching(sent)
    (piece,) = receiver.ask(0.0)
    first, *rest = sent.parts(piece)
    receiver.receive_part(first)
    with pytest.raises(ProtocolViolation):
        receiver.receive_refusal(Refusal(piece, Reason.LATER), 0.0)
    take(receiver, rest)
    with pytest.raises(ProtocolViolation):
        receiver.receive_part(rest[-1])
    with pytest.raises(ProtocolViolation):
        receiver.receive_refusal(Refusal(piece, Reason.LATER), 0.0)


def test_a_file_of_no_bytes_is_whole_or_wrong_at_once() -> None:
    root = root_of(0, TYPE, b"")
    empty = Offer(bytes(16), 0, TYPE, root, bytes(32))
    assert Receiver().begin(empty) == ListCame(bytes(16), b"")
    for wrong in (
        Offer(bytes(16), 0, "a/c", root, bytes(32)),
        Offer(bytes(16), 0, TYPE, bytes(32), bytes(32)),
    ):
        assert Receiver().begin(wrong) == ContentWrong(bytes(16))


# --- turns, and what is refused ---


def test_many_files_take_turns_and_a_large_one_holds_up_none() -> None:
    large, small = Sent(0, chunks=40), [Sent(number, chunks=1) for number in range(1, 4)]
    receiver = fetching(large, *small)
    asked = receiver.ask(0.0)
    assert len(asked) == FILE_ASKED_MAX
    assert asked[1:4] == [one.piece(0) for one in small]
    assert [one.index for one in asked if one.file_id == large.offer.file_id] == list(range(13))


def test_so_many_files_are_fetched_at_a_time_and_the_rest_waits_for_its_turn() -> None:
    files = [Sent(number, chunks=1) for number in range(FILE_FETCHED_AT_ONCE_MAX + 3)]
    receiver = fetching(*files, with_list=False)
    asked = receiver.ask(0.0)
    assert asked == [one.list_piece() for one in files[:FILE_FETCHED_AT_ONCE_MAX]]
    receiver.receive_refusal(Refusal(asked[0], Reason.LATER), 0.0)
    assert receiver.ask(0.0) == [files[FILE_FETCHED_AT_ONCE_MAX].list_piece()]


def test_what_came_and_is_not_stored_counts_as_asked_for() -> None:
    sent = Sent(chunks=20)
    receiver = fetching(sent)
    asked = receiver.ask(0.0)
    assert len(asked) == FILE_ASKED_MAX
    assert isinstance(take(receiver, sent.parts(asked[0])), ChunkCame)
    assert receiver.ask(0.0) == []
    receiver.stored(sent.offer.file_id, 0)
    assert receiver.ask(0.0) == [sent.piece(16)]
    take(receiver, sent.parts(asked[1]))
    receiver.end(sent.offer.file_id)  # its chunk needs no place any more
    other = Sent(1, chunks=20)
    receiver.begin(other.offer, other.hashes)
    assert receiver.ask(0.0) == [other.piece(0)]


def test_a_piece_refused_for_now_is_asked_for_again_later_and_the_others_are_not_twice() -> None:
    sent = Sent()
    receiver = fetching(sent)
    asked = receiver.ask(0.0)
    told = receiver.receive_refusal(Refusal(asked[0], Reason.LATER), 5.0)
    assert told == NotServed(sent.offer.file_id, Reason.LATER)
    assert receiver.ask(5.0 + FILE_LATER_S - 0.1) == []
    assert receiver.asks_again_s() == 5.0 + FILE_LATER_S
    assert receiver.ask(5.0 + FILE_LATER_S) == [asked[0]]
    assert receiver.asks_again_s() is None
    # The next refusal of those that were asked for together is no news, until it was asked again.
    assert receiver.receive_refusal(Refusal(asked[1], Reason.LATER), 15.0) is not None
    assert receiver.receive_refusal(Refusal(asked[2], Reason.LATER), 15.0) is None
    told = receiver.receive_refusal(Refusal(asked[3], Reason.GONE), 15.0)
    assert told == NotServed(sent.offer.file_id, Reason.GONE)
    assert receiver.asks_again_s() is None


@pytest.mark.parametrize("reason", Reason)
def test_a_new_link_knows_nothing_of_refusals_on_the_last_one(reason: Reason) -> None:
    sent = Sent(chunks=1)
    receiver = fetching(sent)
    for _ in range(2):
        (piece,) = receiver.ask(0.0)
        told = receiver.receive_refusal(Refusal(piece, reason), 0.0)
        assert told == NotServed(sent.offer.file_id, reason)
        assert receiver.ask(1.0) == []
        receiver.cut()
        assert receiver.asks_again_s() is None
        assert receiver.ask(100.0) == []
        receiver.linked()


def test_what_is_here_is_not_asked_for_after_a_restart() -> None:
    sent = Sent(chunks=10)
    receiver = Receiver()
    receiver.begin(sent.offer, sent.hashes, with_chunks(bytes(2), (0, 1, 5, 9)))
    receiver.linked()
    assert [one.index for one in receiver.ask(0.0)] == [2, 3, 4, 6, 7, 8]


def test_what_was_stopped_and_begun_again_takes_no_answer_to_an_old_request() -> None:
    """Each request is answered once, so the old answer comes first and is dropped."""
    sent = Sent(chunks=1)
    receiver = fetching(sent)
    receiver.ask(0.0)
    receiver.end(sent.offer.file_id)
    receiver.begin(sent.offer, sent.hashes)
    assert receiver.ask(0.0) == [sent.piece(0)]
    assert take(receiver, sent.parts(sent.piece(0))) is None
    assert isinstance(take(receiver, sent.parts(sent.piece(0))), ChunkCame)


# --- the sender ---


def test_only_what_was_accepted_is_served() -> None:
    sent = Sent()
    piece = sent.piece(0)
    assert Source(sent.offer, is_accepted=False).refusal(piece) is Reason.LATER
    assert Source(sent.offer, is_accepted=True, is_paused=True).refusal(piece) is Reason.LATER
    assert Source(sent.offer, is_accepted=True, is_over=True).refusal(piece) is Reason.GONE
    assert Source(sent.offer, is_accepted=True).refusal(sent.piece(4)) is Reason.GONE
    assert Source(sent.offer, is_accepted=True).refusal(piece) is None
    sender = Sender()
    sender.receive_request(piece)
    with pytest.raises(UsageError):
        sender.serve_chunk(Source(sent.offer, is_accepted=False), sent.hashes, sent.chunks[0])


def test_an_offer_is_not_served_for_ever() -> None:
    sent = Sent(chunks=4)
    most = 3 * (4 + 1) + 64
    before = Source(sent.offer, is_accepted=True, served=most - 1)
    after = Source(sent.offer, is_accepted=True, served=most)
    assert (before.is_used_up, before.refusal(sent.piece(0))) == (False, None)
    assert (after.is_used_up, after.refusal(sent.piece(0))) == (True, Reason.GONE)


def test_a_file_that_changed_is_not_sealed() -> None:
    sent, sender = Sent(), Sender()
    source = Source(sent.offer, is_accepted=True)
    sender.receive_request(sent.piece(2))
    changed = sent.chunks[2][:-1] + b"!"
    assert sender.serve_chunk(source, sent.hashes, changed) is None
    assert sender.serve_chunk(source, sent.hashes, sent.chunks[2][:-1]) is None
    assert sender.next == sent.piece(2)
    sender.refuse(Reason.GONE)
    assert sender.next is None


def test_more_requests_than_allowed_break_the_rules() -> None:
    sender = Sender()
    for index in range(FILE_ASKED_MAX):
        sender.receive_request(Piece(bytes(16), What.DATA, index))
    with pytest.raises(ProtocolViolation):
        sender.receive_request(Piece(bytes(16), What.DATA, 16))


def test_a_chunk_is_five_records_and_the_last_one_is_smaller() -> None:
    sent = Sent(chunks=1)
    parts = sent.parts(sent.piece(0))
    last = FILE_CHUNK_BYTES + 16 - 4 * FILE_PART_MAX_BYTES
    assert [len(one.content) for one in parts] == [FILE_PART_MAX_BYTES] * 4 + [last]


def test_what_lies_on_a_disk_is_a_chunk_only_if_it_is_the_one_that_was_offered() -> None:
    sent, other = Sent(), bytes(FILE_CHUNK_BYTES)
    piece = sent.piece(0)
    sealed = sent.keys.seal_chunk(piece, sent.chunks[0], sent.hashes) or b""
    lie = sent.keys.seal_chunk(piece, other, blake3_hash(other)) or b""
    assert sent.keys.is_chunk(piece, sealed, sent.hashes)
    assert not sent.keys.is_chunk(piece, lie, sent.hashes)
    assert not sent.keys.is_chunk(sent.piece(1), sealed, sent.hashes)
    assert not sent.keys.is_chunk(piece, sealed[:-20] + bytes(20), sent.hashes)
    assert not sent.keys.is_chunk(piece, b"", sent.hashes)


# --- what holds ---


def test_the_first_final_state_of_a_side_holds_and_of_accepts_the_largest_number() -> None:
    def after(*stated: tuple[State, int], by_receiver: bool = True) -> Stated | None:
        held = None
        for state, number in stated:
            held = holding(held, Stated(state, number), by_receiver=by_receiver)
        return held

    assert after((State.ACCEPT, 5), (State.ACCEPT, 4)) == Stated(State.ACCEPT, 5)
    assert after((State.ACCEPT, 4), (State.ACCEPT, 5)) == Stated(State.ACCEPT, 5)
    assert after((State.DONE, 4), (State.ACCEPT, 9)) == Stated(State.DONE, 4)
    assert after((State.ACCEPT, 9), (State.CANCEL, 4)) == Stated(State.CANCEL, 4)
    assert after((State.CANCEL, 4), (State.DONE, 9)) == Stated(State.CANCEL, 4)
    assert after((State.CHANGED, 4)) is None
    for state in (State.ACCEPT, State.DECLINE, State.DONE):
        assert after((state, 4), by_receiver=False) is None
    assert after((State.CHANGED, 4), by_receiver=False) == Stated(State.CHANGED, 4)
    assert (next_number(None, 7), next_number(Stated(State.ACCEPT, 7), 7)) == (7, 8)


@pytest.mark.parametrize(
    ("receiver", "sender", "holds"),
    [
        (None, None, Standing.OFFERED),
        (State.ACCEPT, None, Standing.ACCEPTED),
        (State.DECLINE, None, Standing.DECLINED),
        (State.DECLINE, State.CANCEL, Standing.DECLINED),
        (State.CANCEL, None, Standing.CANCELLED),
        (State.CANCEL, State.CHANGED, Standing.CHANGED),
        (State.ACCEPT, State.CHANGED, Standing.CHANGED),
        (State.ACCEPT, State.CANCEL, Standing.CANCELLED),
        (None, State.CANCEL, Standing.CANCELLED),
        (State.DONE, State.CANCEL, Standing.DONE),
        (State.DONE, State.CHANGED, Standing.DONE),
    ],
)
def test_both_sides_come_to_the_same(
    receiver: State | None, sender: State | None, holds: Standing
) -> None:
    said = [None if one is None else Stated(one, 1) for one in (receiver, sender)]
    assert standing(said[0], said[1]) is holds
