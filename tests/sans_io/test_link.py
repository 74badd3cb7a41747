"""Two ends of a link: what both see when nobody, or somebody, interferes."""

import pytest

from loom.core.link_events import (
    CloseReason,
    LinkAuthenticated,
    LinkClosed,
    LinkConfirmed,
    RecordReceived,
)
from loom.core.link_kinds import CONTACT_LINK
from loom.crypto.kdf import hkdf
from loom.errors import InvalidInput, UsageError
from loom.wire.encoding import enc
from loom.wire.framing import RECORD_BODY_MAX_BYTES, RecordKind
from loom.wire.limits import RECORD_BUCKETS, RECORD_GRACE_S, RECORD_MIN_BYTES_PER_S
from tests.sans_io.link_pair import (
    ALICE,
    CLEAR_AND_MESSAGE_1_BYTES,
    MESSAGE_2_FRAME_BYTES,
    TODAY,
    Door,
    Wire,
    connected,
    dial,
    key_of,
    keys_of,
    opened,
    peer_id_of,
    some_bytes,
)

ENVELOPE = RecordKind.ENVELOPE
BODIES = [b"", b"x" * 61, b"y" * 62, b"z" * 4_157, b"w" * 4_158, bytes(16_445), bytes(61_501)]


def only_closed(events: list[object]) -> LinkClosed:
    """The one event there is."""
    (event,) = events
    assert isinstance(event, LinkClosed)
    return event


def test_pair_keys_agree_and_differ_by_direction() -> None:
    """Section 2, recomputed from its formula."""
    alice, bob = keys_of("alice", "bob"), keys_of("bob", "alice")
    assert alice.sending == bob.receiving
    assert alice.receiving == bob.sending
    assert alice.sending != alice.receiving
    shared = key_of("alice").agree(key_of("bob").public)
    info = enc(b"LOOM/1 pair", peer_id_of("alice"), peer_id_of("bob"))
    block = hkdf(b"", shared, info, 96)
    assert alice.sending.tag + alice.sending.link + alice.sending.presence == block
    assert "redacted" in repr(alice)
    assert repr(block[:32]) not in repr(alice)


@pytest.mark.parametrize("cut", [1, 2, 3, 39, 41, 1_000, 1 << 30])
def test_any_byte_split(cut: int) -> None:
    """However TCP cuts, both sides see the same."""
    door = Door()
    wire = Wire(dial(), door.responder(), door, cut)
    wire.pump()
    assert wire.initiator_events == [LinkConfirmed()]
    rand = some_bytes("rand", 16)
    authenticated, *after = wire.responder_events
    assert opened(authenticated) == (ALICE, rand, TODAY)
    assert after == [LinkConfirmed()]
    bodies = BODIES if cut > 2 else BODIES[:4]
    wire.initiator.send_records([(ENVELOPE, body) for body in bodies], 1.0)
    wire.responder.send_record(RecordKind.BUNDLE, b"bundle", 1.0)
    wire.pump(1.0)
    assert wire.responder_events[2:] == [RecordReceived(ENVELOPE, body) for body in bodies]
    assert wire.initiator_events[1:] == [RecordReceived(RecordKind.BUNDLE, b"bundle")]


def test_promise_13_lengths_on_the_wire_are_in_the_bucket_set() -> None:
    """Only the bucket of a body shows; handshake frames have one length each."""
    door = Door()
    wire = Wire(dial(), door.responder(), door)
    first = wire.initiator.data_to_send()
    assert len(first) == CLEAR_AND_MESSAGE_1_BYTES
    wire.responder.receive_data(first, 0.0)
    wire.responder.accept()
    second = wire.responder.data_to_send()
    assert len(second) == MESSAGE_2_FRAME_BYTES
    wire.initiator.receive_data(second, 0.0)
    assert len(wire.initiator.data_to_send()) == 2 + 64 + 16
    frames = {bucket + 18 for bucket in RECORD_BUCKETS}
    seen = set()
    for size in [*range(0, RECORD_BODY_MAX_BYTES, 997), RECORD_BODY_MAX_BYTES]:
        wire.initiator.send_record(ENVELOPE, bytes(size), 0.0)
        seen.add(len(wire.initiator.data_to_send()))
    assert seen == frames
    with pytest.raises(InvalidInput):
        wire.initiator.send_record(ENVELOPE, bytes(RECORD_BODY_MAX_BYTES + 1), 0.0)


def test_nothing_is_sent_before_the_driver_stored_the_rand() -> None:
    """Message 2 waits for `accept`, which serves once."""
    responder, initiator = Door().responder(), dial()
    with pytest.raises(UsageError):
        responder.accept()
    (event,) = responder.receive_data(initiator.data_to_send(), 0.0)
    assert isinstance(event, LinkAuthenticated)
    assert responder.data_to_send() == b""
    assert responder.accept() == []
    assert len(responder.data_to_send()) == MESSAGE_2_FRAME_BYTES
    with pytest.raises(UsageError):
        responder.accept()


def test_records_wait_for_the_confirmation() -> None:
    """Until the empty record decrypts, the responder neither sends nor reports."""
    responder, initiator = Door().responder(), dial()
    with pytest.raises(UsageError):
        initiator.send_record(ENVELOPE, b"early", 0.0)
    responder.receive_data(initiator.data_to_send(), 0.0)
    responder.accept()
    with pytest.raises(UsageError):
        responder.send_record(ENVELOPE, b"early", 0.0)
    assert not responder.is_open
    initiator.receive_data(responder.data_to_send(), 0.0)
    confirmation = initiator.data_to_send()
    assert responder.receive_data(confirmation[:-1], 0.0) == []
    assert responder.receive_data(confirmation[-1:], 0.0) == [LinkConfirmed()]


def test_a_first_record_with_content_closes_the_link() -> None:
    """The confirmation is an empty record, nothing else."""
    for kind, body in [(ENVELOPE, b""), (ENVELOPE, b"x" * 3_000)]:
        responder, initiator = Door().responder(), dial()
        responder.receive_data(initiator.data_to_send(), 0.0)
        responder.accept()
        initiator._state = initiator._state.OPEN
        initiator_handshake = initiator._handshake
        assert initiator_handshake is not None
        initiator_handshake.read_message(responder.data_to_send()[2:])
        initiator._begin_records(initiator_handshake)
        initiator.send_record(kind, body, 0.0)
        event = only_closed([*responder.receive_data(initiator.data_to_send(), 0.0)])
        assert event.reason is CloseReason.BROKEN


@pytest.mark.parametrize(
    "plaintext",
    [
        b"\x08\0\0" + bytes(61),
        b"\xff\0\0" + bytes(61),
        b"\0\0\1x" + bytes(60),
        b"\3\0\1x" + bytes(59) + b"\1",
        b"\3\0\1x" + bytes(4_156),
        b"\3\xff\xff" + bytes(61_501),
        b"\3\0\x3e" + bytes(61),
    ],
    ids=["kind 8", "kind 255", "full keepalive", "padding", "bucket", "length", "over bucket"],
)
def test_an_authentic_record_that_breaks_the_rules_closes_the_link(plaintext: bytes) -> None:
    """A contact's program that is not ours, or worse."""
    wire = connected()
    records = wire.initiator._records
    assert records is not None
    sealed = records._sending.encrypt(plaintext)
    frame = len(sealed).to_bytes(2, "big") + sealed
    event = only_closed([*wire.responder.receive_data(frame, 0.0)])
    assert event.reason is CloseReason.BROKEN
    assert wire.responder.is_closed
    with pytest.raises(UsageError):
        wire.responder.send_record(ENVELOPE, b"", 0.0)


def test_a_wrong_record_length_closes_before_the_body_arrives() -> None:
    """No buffer is filled for a length outside the set."""
    for size in (0, 16, 79, 81, 65_535):
        wire = connected()
        event = only_closed([*wire.responder.receive_data(size.to_bytes(2, "big"), 0.0)])
        assert event.reason is CloseReason.BROKEN


def test_promise_05_every_flipped_bit_of_every_frame_is_refused() -> None:
    """Sampled over both handshake messages and records of two buckets."""
    for at in range(0, CLEAR_AND_MESSAGE_1_BYTES, 11):
        responder = Door().responder()
        assert responder.receive_data(flipped(dial().data_to_send(), at), 0.0) == []
        assert responder.data_to_send() == b""
    for at in range(0, MESSAGE_2_FRAME_BYTES, 11):
        responder, initiator = Door().responder(), dial()
        responder.receive_data(initiator.data_to_send(), 0.0)
        responder.accept()
        events = initiator.receive_data(flipped(responder.data_to_send(), at) + bytes(2_048), 0.0)
        assert only_closed([*events]).reason is CloseReason.BROKEN
        assert initiator.data_to_send() == b""
    for size, frame_bytes, step in ((10, 82, 1), (4_000, 4_178, 53)):
        for at in range(0, frame_bytes, step):
            wire = connected()
            wire.initiator.send_record(ENVELOPE, bytes(size), 0.0)
            events = wire.responder.receive_data(flipped(wire.initiator.data_to_send(), at), 0.0)
            assert only_closed([*events]).reason is CloseReason.BROKEN


def flipped(data: bytes, at: int) -> bytes:
    """`data` with one bit of byte `at` turned over."""
    return data[:at] + bytes([data[at] ^ 1 << (at % 8)]) + data[at + 1 :]


def test_dropped_repeated_and_reordered_records_close_the_link() -> None:
    """Records stand in one order; what came before the fault still counts."""
    for order in ([1], [0, 0], [1, 0], [0, 2]):
        wire = connected()
        frames = []
        for number in range(3):
            wire.initiator.send_record(ENVELOPE, bytes([number]), 0.0)
            frames.append(wire.initiator.data_to_send())
        events = wire.responder.receive_data(b"".join(frames[index] for index in order), 0.0)
        assert isinstance(events[-1], LinkClosed)
        assert events[:-1] == [RecordReceived(ENVELOPE, b"\0")] * (order[0] == 0)


def test_a_record_of_another_link_is_refused() -> None:
    """Fresh ephemeral keys make fresh record keys."""
    one = connected()
    door = Door()
    other = Wire(dial(rand="another"), door.responder(), door)
    other.pump()
    one.initiator.send_record(ENVELOPE, b"x", 0.0)
    events = other.responder.receive_data(one.initiator.data_to_send(), 0.0)
    assert only_closed([*events]).reason is CloseReason.BROKEN


def test_both_may_dial_and_both_links_work() -> None:
    """Two instances in swapped roles at the same time: two links that share no key."""
    bobs, alices = Door(), Door(owner="alice", contacts={ALICE: "bob"})
    wires = [
        Wire(dial("alice", "bob"), bobs.responder(), bobs),
        Wire(dial("bob", "alice"), alices.responder(), alices),
    ]
    for wire in wires:
        wire.pump()
        wire.initiator.send_record(ENVELOPE, b"hello", 0.0)
        wire.responder.send_record(ENVELOPE, b"hello", 0.0)
        wire.pump()
        assert wire.initiator_events == [LinkConfirmed(), RecordReceived(ENVELOPE, b"hello")]
        assert wire.responder_events[1:] == wire.initiator_events


@pytest.mark.parametrize("rekey_after", [1, 2, 3])
def test_records_pass_every_rekey_boundary(rekey_after: int) -> None:
    """The counter goes on while the key changes, each direction by itself."""
    wire = connected(rekey_after=rekey_after)
    bodies = [bytes([number]) for number in range(20)]
    wire.initiator.send_records([(ENVELOPE, body) for body in bodies], 0.0)
    wire.responder.send_records([(ENVELOPE, body) for body in bodies], 0.0)
    wire.pump()
    expected = [RecordReceived(ENVELOPE, body) for body in bodies]
    assert wire.responder_events == expected
    assert wire.initiator_events == expected


def test_sides_that_disagree_about_rekeying_part() -> None:
    """A rekey really changes the key, right after the limit."""
    door = Door()
    wire = Wire(dial(rekey_after=3), door.responder(), door)
    wire.pump()
    wire.initiator.send_records([(ENVELOPE, b"2"), (ENVELOPE, b"3"), (ENVELOPE, b"4")], 0.0)
    wire.pump()
    received = [event for event in wire.responder_events if isinstance(event, RecordReceived)]
    assert [event.body for event in received] == [b"2", b"3"]
    assert isinstance(wire.responder_events[-1], LinkClosed)


def test_the_handshakes_secrets_go_when_the_records_begin() -> None:
    """A link that lives for a day keeps nothing that opens its past."""
    wire = connected()
    assert wire.initiator._handshake is None
    assert wire.responder._handshake is None
    assert repr(wire.initiator) == "LinkInitiator(OPEN)"


def test_a_wrong_length_of_message_2_closes_with_its_header() -> None:
    """The initiator waits for no byte of it."""
    initiator = dial()
    initiator.data_to_send()
    event = only_closed([*initiator.receive_data((1_153).to_bytes(2, "big"), 0.0)])
    assert event.reason is CloseReason.BROKEN


def test_records_right_behind_message_2_are_read() -> None:
    """From a responder that does not wait for the confirmation, cut in a record."""
    responder, initiator = Door().responder(), dial()
    responder.receive_data(initiator.data_to_send(), 0.0)
    responder.accept()
    records = responder._records
    assert records is not None
    record = records.seal(ENVELOPE, b"early")
    data = responder.data_to_send() + record + record
    assert initiator.receive_data(data[:-1], 1.0) == [
        LinkConfirmed(),
        RecordReceived(ENVELOPE, b"early"),
    ]
    assert initiator.next_timeout_s() == 1.0 + RECORD_GRACE_S + 80 / RECORD_MIN_BYTES_PER_S


@pytest.mark.parametrize("kind", sorted(set(RecordKind) - CONTACT_LINK.record_kinds))
def test_records_of_other_links_end_a_link_to_a_contact(kind: RecordKind) -> None:
    wire = connected()
    wire.initiator.send_record(kind, b"body", 1.0)
    wire.pump(1.0)
    (closed,) = wire.responder_events
    assert isinstance(closed, LinkClosed)
    assert closed.reason is CloseReason.BROKEN
