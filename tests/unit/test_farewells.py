"""What a Farewell covers and when it is asked (docs/PROTOCOL.md 6.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core import farewells
from loom.wire.limits import COUNTER_FUTURE_MS

moment = st.integers(0, 2**53 - 2)
DAY_S = 86_400


@given(moment, moment)
def test_nothing_is_covered_that_is_yet_to_be_written(before_ms: int, now_ms: int) -> None:
    until = farewells.covered_until_ms(before_ms, now_ms)
    assert not farewells.is_covered(now_ms + 1, until, now_ms)
    assert farewells.is_covered(min(before_ms, now_ms), until, now_ms)


@given(moment, st.integers(-COUNTER_FUTURE_MS, COUNTER_FUTURE_MS), st.integers(0, 10**9))
def test_what_is_written_afterwards_is_shown_though_clocks_differ(
    before_ms: int, skew_ms: int, later_ms: int
) -> None:
    now_ms = max(0, before_ms + skew_ms)
    after = farewells.sends_after_ms(before_ms, now_ms)
    sent_at_ms = farewells.sent_at_ms(now_ms + later_ms, after)
    assert not farewells.is_covered(sent_at_ms, before_ms, before_ms + later_ms)


@given(moment, moment)
def test_an_end_from_a_clock_that_was_wrong_covers_nothing_that_comes(
    until_ms: int, now_ms: int
) -> None:
    if farewells.is_covered(now_ms, until_ms, now_ms):
        assert now_ms <= until_ms <= now_ms + COUNTER_FUTURE_MS
    assert farewells.sent_at_ms(now_ms, until_ms) <= now_ms + COUNTER_FUTURE_MS + 1


@given(moment, moment)
def test_a_farewell_from_the_future_moves_no_clock_by_more_than_a_day(
    before_ms: int, now_ms: int
) -> None:
    after = farewells.sends_after_ms(before_ms, now_ms)
    assert farewells.sent_at_ms(now_ms, after) <= now_ms + COUNTER_FUTURE_MS + 1


@pytest.mark.parametrize(
    ("changed", "age_s", "wants", "asks"),
    [
        (False, DAY_S, False, False),
        (False, DAY_S - 1, False, True),
        (False, -5, False, True),
        (False, DAY_S, True, True),
        (True, 10 * DAY_S, False, True),
    ],
)
def test_when_the_person_is_asked(changed: bool, age_s: int, wants: bool, asks: bool) -> None:
    now_s = 1_800_000_000
    assert asks is farewells.must_ask(
        identity_changed=changed, session_began_s=now_s - age_s, now_s=now_s, wants=wants
    )
