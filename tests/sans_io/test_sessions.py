"""Which session is begun, kept, cancelled and forgotten (docs/PROTOCOL.md 4, 9)."""

from loom.core.handshake import PREFIX_BYTES
from loom.core.sessions import want_start
from loom.wire.limits import DESYNC_RESTARTS_MAX
from tests.sans_io.pair import DAY_MS, MINUTE_MS
from tests.sans_io.talk import Talk


def test_a_renewed_session_is_told_once_an_hour() -> None:
    talk = Talk(30)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    assert [node.notices for node in pair.nodes] == [0, 0]
    for count in range(4):
        pair.bob.restore(keep_counters=True)
        talk.write(1)
        pair.now_ms += 10 * MINUTE_MS
        pair.settle()
        assert pair.alice.notices <= 1, count
    assert pair.alice.notices == 1
    pair.now_ms += 61 * MINUTE_MS
    pair.bob.restore(keep_counters=True)
    talk.write(1)
    pair.settle()
    assert pair.alice.notices == 2
    talk.check()


def test_starts_after_a_desync_are_three_an_hour_at_most() -> None:
    talk = Talk(31)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    for node in pair.nodes:
        node.starts = 0
    for _ in range(24):
        pair.alice.receive(pair.source.take(4_096), pair.now_ms)
        pair.round(minutes=5)
    assert pair.alice.starts == 2 * DESYNC_RESTARTS_MAX
    talk.write(1)
    pair.settle()
    talk.check()


def test_a_clock_set_back_leaves_no_bundle_that_is_refused() -> None:
    talk = Talk(50)
    pair = talk.pair
    pair.alice.clock_ms = 3 * DAY_MS
    pair.alice.bundle(pair.now_ms)
    pair.alice.clock_ms = 0
    talk.write(1)
    pair.settle()
    talk.check()
    assert pair.bob.failures == []


def test_only_the_best_session_cancels_a_wanted_start() -> None:
    """What still arrives on another session says nothing of the one that is sent on."""
    talk = Talk(51)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    talk.write(1)
    on_old = pair.bob.outgoing()[0]
    pair.alice.sessions = want_start(pair.alice.sessions)
    assert pair.alice.start_due(pair.now_ms)
    pair.alice.begin(pair.bob.bundle(pair.now_ms), pair.now_ms)
    for envelope in pair.alice.outgoing():
        assert pair.bob.receive(envelope, pair.now_ms)
    answer = pair.bob.outgoing()
    assert pair.alice.receive(answer[-1], pair.now_ms)
    pair.alice.sessions = want_start(pair.alice.sessions)
    assert pair.alice.receive(on_old, pair.now_ms)
    assert pair.alice.sessions.start_wanted
    talk.write(1)
    assert pair.alice.receive(pair.bob.outgoing()[-1], pair.now_ms)
    assert not pair.alice.sessions.start_wanted


def test_a_handshake_that_becomes_the_best_cancels_a_wanted_start() -> None:
    talk = Talk(52)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    pair.alice.restore(keep_counters=True)
    talk.write(0)
    pair.now_ms += MINUTE_MS
    pair.bob.sessions = want_start(pair.bob.sessions)
    pair.starts()
    assert pair.bob.starts == 1
    pair.bob.restore(keep_counters=True)
    pair.bob.sessions = want_start(pair.bob.sessions)
    pair.alice.begin(pair.bob.bundle(pair.now_ms), pair.now_ms)
    assert pair.bob.receive(pair.alice.outgoing()[0], pair.now_ms)
    assert not pair.bob.sessions.start_wanted
    pair.settle()
    talk.check()


def test_no_desync_start_while_an_own_start_is_unanswered() -> None:
    talk = Talk(53)
    talk.write(0)
    talk.pair.starts()
    alice = talk.pair.alice.sessions
    assert want_start(alice) is alice


def test_the_handshake_is_forgotten_once_it_was_answered() -> None:
    talk = Talk(54)
    talk.write(0)
    talk.pair.starts()
    best = talk.pair.alice.sessions.best
    assert best is not None
    assert len(best.prefix) == PREFIX_BYTES
    talk.pair.settle()
    best = talk.pair.alice.sessions.best
    assert best is not None
    assert best.prefix == b""


def test_a_start_begun_again_drops_the_unanswered_one() -> None:
    talk = Talk(55)
    talk.write(0)
    pair = talk.pair
    for _ in range(3):
        pair.starts()
        assert len(pair.alice.sessions.live) == 1
        pair.now_ms += 11 * MINUTE_MS
    assert pair.alice.starts == 3
    pair.settle()
    talk.check()


def test_an_answered_session_is_kept_beside_a_new_start() -> None:
    """What is under way on it must still open."""
    talk = Talk(56)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    talk.write(1)
    on_old = pair.bob.outgoing()[0]
    pair.alice.begin(pair.bob.bundle(pair.now_ms), pair.now_ms)
    assert len(pair.alice.sessions.live) == 2
    assert pair.alice.receive(on_old, pair.now_ms)


def test_a_step_of_the_peer_says_what_it_has_received() -> None:
    """Even where every receipt was lost, flow control moves on."""
    talk = Talk(57)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    for _ in range(3):
        talk.write(0)
        for envelope in pair.alice.outgoing():
            pair.bob.receive(envelope, pair.now_ms)
        pair.bob.owed.clear()
        talk.write(1)
        assert pair.alice.receive(pair.bob.outgoing()[-1], pair.now_ms)
    best = pair.alice.sessions.best
    assert best is not None
    assert best.ratchet.sending_chain is not None
    assert best.known_received == best.ratchet.sending_chain.first_ordinal + 1
    assert best.ratchet.sealed - best.known_received <= 3
