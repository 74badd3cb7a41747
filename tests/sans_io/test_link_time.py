"""What time does to an open link; the clock is an argument."""

import pytest

from loom.core.link_events import CloseReason, LinkClosed, LinkConfirmed, RecordReceived
from loom.wire.framing import RecordKind
from loom.wire.limits import (
    IDLE_TIMEOUT_S,
    KEEPALIVE_S,
    LINK_MAX_AGE_S,
    RECORD_GRACE_S,
    RECORD_MIN_BYTES_PER_S,
)
from tests.sans_io.link_pair import Door, Wire, connected, dial

ENVELOPE = RecordKind.ENVELOPE


def run_until(wire: Wire, end_s: float) -> None:
    """Let both drivers act exactly when their links ask for it."""
    ends = (wire.initiator, wire.responder)
    while True:
        due = [due for end in ends if (due := end.next_timeout_s()) is not None]
        if not due or (now_s := min(due)) > end_s:
            return
        wire.initiator_events += wire.initiator.handle_timeout(now_s)
        wire.responder_events += wire.responder.handle_timeout(now_s)
        wire.pump(now_s)


def test_keepalives_hold_a_quiet_link() -> None:
    """An hour of silence is no loss; nothing shows of it but empty records."""
    wire = connected()
    run_until(wire, 3_600.0)
    assert wire.initiator.is_open
    assert wire.responder.is_open
    assert wire.initiator_events == wire.responder_events == []


def test_a_keepalive_comes_only_when_nothing_else_was_sent() -> None:
    """Traffic counts as a sign of life."""
    wire = connected()
    wire.initiator.send_record(ENVELOPE, b"x", 20.0)
    wire.pump(20.0)
    assert wire.initiator.handle_timeout(KEEPALIVE_S) == []
    assert wire.initiator.data_to_send() == b""
    assert wire.initiator.handle_timeout(20.0 + KEEPALIVE_S) == []
    assert len(wire.initiator.data_to_send()) == 82


def test_a_silent_peer_ends_the_link() -> None:
    """Ninety seconds without a byte."""
    wire = connected()
    responder = wire.responder
    assert responder.handle_timeout(IDLE_TIMEOUT_S - 0.1) == []
    assert responder.handle_timeout(IDLE_TIMEOUT_S) == [LinkClosed(CloseReason.IDLE)]
    assert responder.data_to_send() == b""


def test_a_link_ends_after_a_day() -> None:
    """Both sides come to it by themselves; the initiator dials again."""
    wire = connected()
    run_until(wire, LINK_MAX_AGE_S)
    assert wire.initiator_events == [LinkClosed(CloseReason.AGED)]
    assert wire.responder_events == [LinkClosed(CloseReason.AGED)]


@pytest.mark.parametrize("size", [10, 60_000])
def test_a_slow_writer_inside_a_record_ends_the_link(size: int) -> None:
    """At least 1 KiB/s, after a grace that a lost packet may take."""
    wire = connected()
    wire.initiator.send_record(ENVELOPE, bytes(size), 0.0)
    frame = wire.initiator.data_to_send()
    limit_s = 10.0 + RECORD_GRACE_S + (len(frame) - 2) / RECORD_MIN_BYTES_PER_S
    half = len(frame) // 2
    assert wire.responder.receive_data(frame[:half], 10.0) == []
    assert wire.responder.handle_timeout(limit_s - 0.1) == []
    # More bytes do not move the record's own deadline.
    assert wire.responder.receive_data(frame[half:-1], limit_s - 0.1) == []
    assert wire.responder.handle_timeout(limit_s) == [LinkClosed(CloseReason.SLOW)]


def test_each_record_has_its_own_deadline() -> None:
    """A busy link is never slow as long as every record comes in time."""
    wire = connected()
    wire.initiator.send_records([(ENVELOPE, b"1"), (ENVELOPE, b"2"), (ENVELOPE, b"3")], 0.0)
    data = wire.initiator.data_to_send()
    events = wire.responder.receive_data(data[:100], 0.0)
    assert wire.responder.handle_timeout(4.9) == []
    events += wire.responder.receive_data(data[100:200], 4.9)
    assert wire.responder.handle_timeout(9.7) == []
    events += wire.responder.receive_data(data[200:], 9.7)
    assert events == [RecordReceived(ENVELOPE, body) for body in (b"1", b"2", b"3")]
    assert wire.responder.handle_timeout(39.6) == []


def test_our_own_pause_is_not_the_peers_fault() -> None:
    """While the inbox is full we do not read, so nothing is late."""
    wire = connected()
    wire.initiator.send_record(ENVELOPE, b"x", 0.0)
    frame = wire.initiator.data_to_send()
    wire.responder.receive_data(frame[:40], 0.0)
    wire.responder.pause_receiving()
    assert wire.responder.handle_timeout(200.0) == []
    assert wire.responder.is_open
    wire.responder.resume_receiving(200.0)
    assert wire.responder.handle_timeout(201.0) == []
    events = wire.responder.receive_data(frame[40:], 201.0)
    assert events == [RecordReceived(ENVELOPE, b"x")]
    assert wire.responder.handle_timeout(201.0 + IDLE_TIMEOUT_S) == [LinkClosed(CloseReason.IDLE)]


def test_a_dialled_stranger_who_never_answers_ends_in_five_seconds() -> None:
    """The initiator has the same deadline."""
    initiator = dial(now_s=100.0)
    assert initiator.next_timeout_s() == 105.0
    assert initiator.handle_timeout(104.9) == []
    assert initiator.handle_timeout(105.0) == [LinkClosed(CloseReason.HANDSHAKE_TIMEOUT)]


def test_a_late_handshake_leaves_the_first_record_its_time() -> None:
    """A record that begins in the same bytes as the confirmation begins then, not at the dial."""
    door, initiator = Door(), dial()
    responder = door.responder()
    responder.receive_data(initiator.data_to_send(), 0.0)
    responder.accept()
    initiator.receive_data(responder.data_to_send(), 4.9)
    initiator.send_record(ENVELOPE, b"x", 4.9)
    data = initiator.data_to_send()
    assert responder.receive_data(data[:-1], 4.9) == [LinkConfirmed()]
    assert responder.handle_timeout(9.8) == []
    assert responder.receive_data(data[-1:], 9.8) == [RecordReceived(ENVELOPE, b"x")]


@pytest.mark.parametrize(("sent", "known_bytes"), [(1, 0), (2, 61_520), (3, 61_520)])
def test_the_deadline_of_a_record_counts_its_length_once_that_is_there(
    sent: int, known_bytes: int
) -> None:
    wire = connected()
    wire.initiator.send_record(ENVELOPE, bytes(60_000), 0.0)
    frame = wire.initiator.data_to_send()
    wire.responder.receive_data(frame[:sent], 10.0)
    limit_s = 10.0 + RECORD_GRACE_S + known_bytes / RECORD_MIN_BYTES_PER_S
    assert wire.responder.next_timeout_s() == min(limit_s, KEEPALIVE_S)
    assert wire.responder.handle_timeout(limit_s - 0.001) == []
    assert wire.responder.handle_timeout(limit_s) == [LinkClosed(CloseReason.SLOW)]


def test_the_deadline_of_a_record_behind_the_confirmation_begins_with_it() -> None:
    """Though both came in the same bytes."""
    door, initiator = Door(), dial()
    responder = door.responder()
    responder.receive_data(initiator.data_to_send(), 0.0)
    responder.accept()
    initiator.receive_data(responder.data_to_send(), 1.0)
    initiator.send_records([(ENVELOPE, b"x"), (ENVELOPE, b"y")], 1.0)
    events = responder.receive_data(initiator.data_to_send()[:-1], 2.0)
    assert events == [LinkConfirmed(), RecordReceived(ENVELOPE, b"x")]
    assert responder.next_timeout_s() == 2.0 + RECORD_GRACE_S + 80 / RECORD_MIN_BYTES_PER_S
