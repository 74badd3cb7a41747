"""Two conversations under loss, doubling, delay, resets and wrong clocks (docs/PROTOCOL.md 16)."""

import dataclasses
import os
from collections.abc import Callable

import msgspec
import pytest

from loom.core.session import Awaited, known_received, may_seal, may_step
from loom.wire.limits import (
    MAX_SKIP,
    SEALED_BEYOND_OLDEST_MAX,
    SEALED_BEYOND_RECEIVED_MAX,
    SESSIONS_MAX,
    TEXTS_BEYOND_RECEIVED_MAX,
)
from tests.people import Source
from tests.sans_io.pair import DAY_MS, MINUTE_MS, Pair
from tests.sans_io.talk import Talk

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
SEEDS = range(400 if LONG else 15)


@pytest.mark.parametrize("first", [0, 1])
def test_hello_and_back(first: int) -> None:
    talk = Talk(1)
    talk.write(first)
    talk.pair.settle()
    talk.write(1 - first)
    talk.pair.settle()
    talk.check(in_order=True)
    assert [node.starts for node in talk.pair.nodes] == [1 - first, first]
    assert [node.failures for node in talk.pair.nodes] == [[], []]
    assert [node.notices for node in talk.pair.nodes] == [0, 0]


def test_simultaneous_first_messages_end_on_one_session() -> None:
    talk = Talk(2)
    talk.write(0)
    talk.write(1)
    talk.pair.round()
    assert [node.starts for node in talk.pair.nodes] == [1, 1]
    talk.pair.settle()
    talk.check(in_order=True)
    assert [node.starts for node in talk.pair.nodes] == [1, 1]
    assert [node.failures for node in talk.pair.nodes] == [[], []]
    talk.pair.round(minutes=61)
    assert [len(node.sessions.live) for node in talk.pair.nodes] == [1, 1]


@pytest.mark.parametrize("lost", [0, 1])
def test_simultaneous_starts_of_which_one_is_lost(lost: int) -> None:
    talk = Talk(3)
    talk.write(0)
    talk.write(1)
    pair = talk.pair
    pair.now_ms += MINUTE_MS
    pair.starts()
    pair.nodes[lost].outgoing()
    for envelope in pair.nodes[1 - lost].outgoing():
        assert pair.nodes[lost].receive(envelope, pair.now_ms)
    pair.settle()
    talk.check(in_order=True)


def test_an_unanswered_start_is_begun_again_after_ten_minutes() -> None:
    talk = Talk(4)
    talk.write(0)
    alice = talk.pair.alice
    talk.pair.starts()
    alice.outgoing()
    talk.pair.bob.prekeys.clear()
    talk.pair.now_ms += 9 * MINUTE_MS
    assert not alice.start_due(talk.pair.now_ms)
    assert not talk.pair.bob.receive(alice.outgoing()[0], talk.pair.now_ms)
    talk.pair.now_ms += MINUTE_MS
    assert alice.start_due(talk.pair.now_ms)
    talk.pair.settle()
    talk.check(in_order=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_promise_03_all_shows_once_under_loss_doubling_and_delay(seed: int) -> None:
    talk = Talk(seed)
    for _ in range(20):
        talk.chatter()
        talk.rough_round()
    talk.pair.settle()
    talk.check()
    # Loss alone is no reason for a new session or a notice.
    assert [node.notices for node in talk.pair.nodes] == [0, 0]
    assert [set(node.failures) for node in talk.pair.nodes] == [set(), set()]


def restore_kept(pair: Pair) -> None:
    """A restore with a backup's counters."""
    pair.chance.choice(pair.nodes).restore(keep_counters=True)


def restore_lost(pair: Pair) -> None:
    """A restore from the 24 words alone."""
    pair.chance.choice(pair.nodes).restore(keep_counters=False)


def restore_both(pair: Pair) -> None:
    """Both begin again, one of them with nothing."""
    pair.alice.restore(keep_counters=True)
    pair.bob.restore(keep_counters=False)


def lose_prekeys(pair: Pair) -> None:
    """The private halves are gone."""
    pair.chance.choice(pair.nodes).prekeys.clear()


def want_start(pair: Pair) -> None:
    """Something looked like a desync."""
    pair.chance.choice(pair.nodes).receive(pair.source.take(4_096), pair.now_ms)


def clock_jump(pair: Pair) -> None:
    """A clock goes wrong by less than a day."""
    hours = pair.chance.choice([-23, -5, 0, 5, 23])
    pair.chance.choice(pair.nodes).clock_ms = hours * 3_600_000


def clock_far(pair: Pair) -> None:
    """One clock is far off; for the next rounds nothing may get through."""
    pair.alice.clock_ms = pair.chance.choice([-400, -2, 0, 2, 400]) * DAY_MS


FAULTY: list[Callable[[Pair], None]] = [
    restore_kept,
    restore_lost,
    restore_both,
    lose_prekeys,
    want_start,
    clock_jump,
    clock_far,
]


@pytest.mark.parametrize("fault", FAULTY)
@pytest.mark.parametrize("seed", range(100 if LONG else 5))
def test_promise_03_all_shows_once_under_resets(seed: int, fault: Callable[[Pair], None]) -> None:
    talk = Talk(seed)
    pair = talk.pair
    for _ in range(16):
        talk.chatter()
        talk.rough_round(pair.chance.choice([1, 5, 20, 60]))
        if pair.chance.random() < 0.25:
            fault(pair)
    talk.end()


@pytest.mark.parametrize("seed", range(200 if LONG else 10))
def test_promise_07_everything_at_once_still_ends_on_one_session(seed: int) -> None:
    talk = Talk(1_000 + seed)
    pair = talk.pair
    for _ in range(24):
        talk.chatter()
        talk.rough_round(pair.chance.choice([1, 5, 20, 60, 1_440]))
        if pair.chance.random() < 0.3:
            pair.chance.choice(FAULTY)(pair)
        for node in pair.nodes:
            assert len(node.sessions.live) <= SESSIONS_MAX
    talk.end()
    bests = [node.sessions.best for node in pair.nodes]
    assert bests[0] is not None
    assert bests[1] is not None
    assert bests[0].ratchet.associated_data == bests[1].ratchet.associated_data


@pytest.mark.parametrize("side", [0, 1])
def test_promise_01_a_side_that_was_rolled_back_recovers(side: int) -> None:
    """No key repeats (the node of the test checks each commitment), and talk goes on."""
    talk = Talk(20 + side)
    pair = talk.pair
    talk.write(0)
    talk.write(1)
    pair.settle()
    old = pair.nodes[side].sessions
    for _ in range(4):
        talk.write(0)
        talk.write(1)
        pair.settle()
    pair.nodes[side].sessions = old
    for _ in range(3):
        talk.write(side)
        talk.write(1 - side)
        pair.round(minutes=61)
    pair.settle()
    talk.check()


@pytest.mark.parametrize("is_backup", [False, True])
def test_promise_01_two_copies_of_one_state_never_use_a_key_twice(is_backup: bool) -> None:
    """Both go on, in turns: every commitment of both is recorded and compared as it is made."""
    talk = Talk(40 + is_backup)
    pair = talk.pair
    talk.write(0)
    talk.write(1)
    pair.settle()
    copy = dataclasses.replace(
        pair.alice,
        source=Source(4_711),
        skipped=dict(pair.alice.skipped),
        prekeys=dict(pair.alice.prekeys),
        rows=[dataclasses.replace(row) for row in pair.alice.rows],
    )
    assert copy.commitments is pair.alice.commitments
    if is_backup:
        copy.restore(keep_counters=True)
        copy.begin(pair.bob.bundle(pair.now_ms), pair.now_ms)
    before = len(copy.commitments)
    for number in range(40):
        for node in (copy, pair.alice):
            node.write(f"{number}")
            node.outgoing()
    assert len(copy.commitments) == before + 80


def test_rows_are_resent_as_the_same_bytes_while_the_session_lives() -> None:
    talk = Talk(32)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    talk.write(0)
    first = pair.alice.outgoing()
    second = pair.alice.outgoing()
    assert first == second
    pair.alice.restore(keep_counters=True)
    pair.round()
    assert pair.bob.shown == talk.written[0]
    pair.settle()
    talk.check(in_order=True)


def test_a_duplicate_is_receipted_again_and_not_shown_again() -> None:
    talk = Talk(33)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    talk.write(0)
    envelope = pair.alice.outgoing()[0]
    assert pair.bob.receive(envelope, pair.now_ms)
    pair.bob.owed.clear()
    assert not pair.bob.receive(envelope, pair.now_ms)
    assert len(pair.bob.owed) == 1
    pair.settle()
    talk.check(in_order=True)


def test_a_thousand_texts_in_any_order_and_a_lost_thousand_before() -> None:
    """Flow control keeps every gap within MAX_SKIP, so that nothing becomes unreadable."""
    talk = Talk(34)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    for _ in range(TEXTS_BEYOND_RECEIVED_MAX + 200):
        talk.write(0)
    lost = pair.alice.outgoing()
    assert len(lost) == TEXTS_BEYOND_RECEIVED_MAX
    pair.chance.shuffle(lost)
    assert pair.bob.receive(lost[0], pair.now_ms)
    pair.settle()
    talk.check()
    assert pair.bob.failures == []


def test_flow_control_counts_from_the_last_one_known_received() -> None:
    talk = Talk(35)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    session = pair.alice.sessions.best
    assert session is not None
    base = session.known_received
    ordinal = session.ratchet.sealed
    session = known_received(session, ordinal - 1)
    assert session.known_received == ordinal >= base
    assert known_received(session, 0) is session
    for text, beyond in (True, TEXTS_BEYOND_RECEIVED_MAX), (False, SEALED_BEYOND_RECEIVED_MAX):
        assert beyond <= MAX_SKIP
        full = msgspec.structs.replace(session, known_received=session.ratchet.sealed - beyond)
        assert not may_seal(full, None, text=text)
        assert may_seal(known_received(full, full.known_received), None, text=text)
        count = 0
        while may_seal(pair.alice.sessions.best or session, None, text=text):
            pair.alice.write("x")
            pair.alice._seal(pair.alice.rows.pop())
            count += 1
        sealed = (pair.alice.sessions.best or session).ratchet.sealed
        known = (pair.alice.sessions.best or session).known_received
        assert sealed == known + beyond
    oldest = ordinal - SEALED_BEYOND_OLDEST_MAX
    assert not may_seal(session, Awaited(0, oldest), text=True)
    assert may_seal(session, Awaited(0, oldest + 1), text=True)


def test_the_hold_rule_counts_sending_chains() -> None:
    talk = Talk(36)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    session = pair.alice.sessions.best
    assert session is not None
    chain = session.ratchet.sending_chain
    assert chain is not None
    assert may_step(session, None)
    assert may_step(session, Awaited(chain.index - 3, 0))
    assert not may_step(session, Awaited(chain.index - 4, 0))


@pytest.mark.parametrize("seed", range(60 if LONG else 4))
def test_promise_03_a_retry_opens_however_late(seed: int) -> None:
    """One text that is lost again and again while talk goes on: the hold rule keeps its key."""
    talk = Talk(40 + seed)
    pair = talk.pair
    talk.write(0)
    pair.settle()
    late = []
    for _ in range(12):
        talk.write(0)
        late.append(pair.alice.outgoing()[-1])
        for _ in range(3):
            talk.write(1)
            for envelope in pair.bob.outgoing():
                pair.alice.receive(envelope, pair.now_ms)
            for envelope in pair.alice.outgoing():
                if envelope not in late:
                    pair.bob.receive(envelope, pair.now_ms)
    pair.chance.shuffle(late)
    for envelope in late:
        assert pair.bob.receive(envelope, pair.now_ms)
    pair.settle()
    talk.check()
    assert [node.failures for node in pair.nodes] == [[], []]
