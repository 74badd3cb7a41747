"""The rules of sending rows: what is written, retried and held back (PROTOCOL 9.1)."""

from loom.core.delivery import sending
from loom.core.delivery.sending import (
    RETRY_FIRST_S,
    RETRY_MAX_S,
    UNPROVEN_ROW_BYTES,
    UNPROVEN_ROWS_MAX,
    Sending,
)


def test_a_new_link_is_given_few_rows_until_a_receipt_comes() -> None:
    state = sending.link_up(Sending(cursor=9), 1.0)
    assert (state.cursor, sending.room(state, 64)) == (0, UNPROVEN_ROWS_MAX)
    for row in range(1, UNPROVEN_ROWS_MAX + 1):
        state = sending.written(state, row)
    assert sending.room(state, 64) == 0
    proven = sending.receipt_came(state, 2.0)
    assert sending.room(proven, 64) == 64
    assert sending.room(sending.written(proven, 99), 64) == 64
    assert sending.room(sending.link_up(proven, 3.0), 64) == UNPROVEN_ROWS_MAX


def test_of_long_rows_fewer_are_written_to_a_new_link() -> None:
    """A link that breaks after 100 KB must get one of them through, and its receipt."""
    longest = 36_000
    state = sending.link_up(Sending(), 0.0)
    assert sending.fitting(state, [longest, longest]) == 1
    assert sending.fitting(state, [100, longest]) == 1
    assert sending.fitting(state, [UNPROVEN_ROW_BYTES] * 10) == UNPROVEN_ROWS_MAX // 2
    after = sending.written(state, 1, 100)
    assert (sending.room(after, 64), sending.fitting(after, [longest])) == (15, 0)
    assert sending.room(sending.full(after), 64) == 0
    assert sending.room(sending.written(state, 1, longest), 64) == 0
    proven = sending.receipt_came(after, 1.0)
    assert sending.fitting(proven, [longest] * 64) == 64


def test_without_any_receipt_the_same_few_rows_go_out_again() -> None:
    state = sending.link_up(Sending(), 0.0)
    for row in range(1, UNPROVEN_ROWS_MAX + 1):
        state = sending.written(state, row)
    assert not sending.is_retry_due(state, 0.0, RETRY_FIRST_S - 0.1)
    assert sending.is_retry_due(state, 0.0, RETRY_FIRST_S)
    again = sending.retried(state)
    assert (again.cursor, sending.room(again, 64)) == (0, UNPROVEN_ROWS_MAX)


def test_the_retry_interval_doubles_to_ten_minutes_and_falls_back() -> None:
    state, intervals = Sending(), []
    for _ in range(7):
        intervals.append(state.retry_s)
        state = sending.retried(state)
    assert intervals == [30, 60, 120, 240, 480, RETRY_MAX_S, RETRY_MAX_S]
    assert sending.all_receipted(state).retry_s == RETRY_FIRST_S
    assert sending.link_up(state, 0.0).retry_s == RETRY_FIRST_S


def test_rows_sealed_on_another_session_go_out_before_later_ones() -> None:
    state = Sending(cursor=7, is_caught_up=True, session_id=b"old", unproven=UNPROVEN_ROWS_MAX)
    assert sending.on_session(state, b"old") is state
    moved = sending.on_session(state, b"new")
    assert (moved.cursor, moved.is_caught_up, moved.session_id) == (0, False, b"new")
    assert sending.room(moved, 64) == UNPROVEN_ROWS_MAX
    assert sending.is_current(b"new", 0, b"new", 1)
    assert not sending.is_current(b"old", 0, b"new", 1)
    assert not sending.is_current(None, 0, b"new", 1)
