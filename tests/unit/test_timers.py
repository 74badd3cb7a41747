"""When a message ends (docs/PROTOCOL.md 6.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core import timers
from loom.wire.limits import TIMER_MAX_S, TIMER_MIN_S, TIMER_UNREAD_S

timer = st.one_of(st.just(0), st.integers(TIMER_MIN_S, TIMER_MAX_S))
moment = st.integers(0, 2**45)


@pytest.mark.parametrize(
    ("one", "other", "both"), [(0, 0, 0), (0, 60, 60), (60, 0, 60), (5, 60, 5), (60, 5, 5)]
)
def test_the_shorter_timer_holds(one: int, other: int, both: int) -> None:
    assert timers.holding(one, other) == both


@given(timer, timer)
def test_nobody_makes_the_timer_of_the_other_longer(own: int, theirs: int) -> None:
    held = timers.holding(own, theirs)
    assert held == timers.holding(theirs, own)
    assert not own or 0 < held <= own


def test_without_a_timer_there_is_no_end() -> None:
    assert timers.stored_until_ms(0, 1_000, is_own=True) is None


def test_an_own_message_counts_from_when_it_was_stored() -> None:
    assert timers.stored_until_ms(5, 1_000, is_own=True) == 6_000


def test_an_unread_message_has_thirty_days_more() -> None:
    until = timers.stored_until_ms(5, 1_000, is_own=False)
    assert until == 6_000 + TIMER_UNREAD_S * 1_000
    assert timers.read_until_ms(until, 5, 50_000) == 55_000


@given(st.integers(TIMER_MIN_S, TIMER_MAX_S), moment, moment)
def test_reading_never_puts_an_end_off(expires_s: int, stored_ms: int, read_ms: int) -> None:
    until = timers.stored_until_ms(expires_s, stored_ms, is_own=False)
    assert until is not None
    read_until = timers.read_until_ms(until, expires_s, read_ms)
    assert read_until <= until
    assert read_until <= read_ms + expires_s * 1_000


@given(moment, moment)
def test_a_number_is_larger_than_the_last_whatever_the_clock_says(now_ms: int, last: int) -> None:
    assert timers.next_number(now_ms, last) > last
