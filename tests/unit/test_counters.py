"""Reset counters under clocks that are wrong, and after a restore (docs/PROTOCOL.md 4)."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import pytest

from loom.core import choice
from loom.core.choice import Counters
from loom.wire.limits import COUNTER_FUTURE_MS

NOW_MS = 1_000_000
DAY_MS = COUNTER_FUTURE_MS
CLOCKS_MS = (0, DAY_MS // 2, 2 * DAY_MS, -2 * DAY_MS, 400 * DAY_MS)
TRUE_MS = 20_000 * DAY_MS


class Clocked(NamedTuple):
    """One side's counters, and how wrong its clock is."""

    counters: Counters = Counters()
    wrong_ms: int = 0


def attempt(sides: tuple[Clocked, Clocked], number: int, *, lost: bool) -> tuple[Clocked, Clocked]:
    """One start: told by the other's bundle, then perhaps accepted by it."""
    side, other = sides[number], sides[1 - number]
    now = TRUE_MS + side.wrong_ms
    counters = choice.believe_told(side.counters, other.counters.largest, now)
    counter = choice.next_reset_counter(counters, now, other.counters.largest)
    side = side._replace(
        counters=msgspec.structs.replace(counters, sent=max(counters.sent, counter))
    )
    if not lost and choice.acceptable(counter, other.counters, TRUE_MS + other.wrong_ms):
        accepted = msgspec.structs.replace(other.counters, accepted=counter)
        other = other._replace(counters=accepted)
    return (side, other) if number == 0 else (other, side)


def accepts(sides: tuple[Clocked, Clocked], number: int) -> bool:
    """Whether the other side takes a start now."""
    return attempt(sides, number, lost=False)[1 - number].counters.accepted != (
        sides[1 - number].counters.accepted
    )


def schedules(jumps: Sequence[tuple[int, int]], depth: int) -> Iterator[tuple[Clocked, Clocked]]:
    """All ends of all schedules of starts and clock jumps."""
    seen = {(Clocked(), Clocked())}
    waiting = [(seed, 0) for seed in seen]
    while waiting:
        sides, length = waiting.pop()
        yield sides
        if length == depth:
            continue
        after = [attempt(sides, number, lost=lost) for number in (0, 1) for lost in (False, True)]
        for number, wrong_ms in jumps:
            moved = sides[number]._replace(wrong_ms=wrong_ms)
            after.append((moved, sides[1]) if number == 0 else (sides[0], moved))
        for one in after:
            if one not in seen:
                seen.add(one)
                waiting.append((one, length + 1))


def test_one_clock_that_was_wrong_locks_nobody_out() -> None:
    """Whatever one side's clock did: once it is right again, either side's start is accepted."""
    count = 0
    for sides in schedules([(0, wrong) for wrong in CLOCKS_MS], 6):
        right = (sides[0]._replace(wrong_ms=0), sides[1]._replace(wrong_ms=0))
        for number in (0, 1):
            assert accepts(right, number) or accepts(attempt(right, number, lost=True), number)
        count += 1
    assert count > 500


def test_two_clocks_that_were_wrong_lock_nobody_out() -> None:
    """Both clocks may have been wrong: once they are right, somebody's start is accepted."""
    jumps = [(number, wrong) for number in (0, 1) for wrong in (0, 2 * DAY_MS, 400 * DAY_MS)]
    for sides in schedules(jumps, 4):
        right = (sides[0]._replace(wrong_ms=0), sides[1]._replace(wrong_ms=0))
        assert any(
            accepts(right, number) or accepts(attempt(right, number, lost=True), number)
            for number in (0, 1)
        )


def test_counters_survive_a_restore_of_one_side() -> None:
    """Counters lost: the other's bundle tells them."""
    for sides in schedules([], 6):
        for number in (0, 1):
            forgot = list(sides)
            forgot[number] = Clocked()
            assert accepts((forgot[0], forgot[1]), 0)
            assert accepts((forgot[0], forgot[1]), 1)


def test_a_clock_off_by_years_at_a_restore_locks_nobody_out_once_it_is_right() -> None:
    """Counters lost and starts made meanwhile; the other side's clock was right all along."""
    for wrong_ms in (-4_000 * DAY_MS, -2 * DAY_MS, 4_000 * DAY_MS):
        for sides in schedules([], 4):
            restored = (Clocked(wrong_ms=wrong_ms), sides[1])
            for _ in range(3):
                for number in (0, 1):
                    restored = attempt(restored, number, lost=False)
            right = (restored[0]._replace(wrong_ms=0), restored[1])
            for number in (0, 1):
                assert accepts(right, number)


def test_a_told_counter_from_the_far_future_is_not_kept() -> None:
    counters = Counters(told=5)
    assert choice.believe_told(counters, 2**64 - 1, NOW_MS) == counters
    assert choice.believe_told(counters, NOW_MS + DAY_MS + 1, NOW_MS) == counters
    assert choice.believe_told(counters, NOW_MS + DAY_MS, NOW_MS).told == NOW_MS + DAY_MS
    assert choice.believe_told(counters, 4, NOW_MS) == counters


def test_the_next_counter_is_above_all_that_was_used() -> None:
    values = (0, NOW_MS - 1, NOW_MS, NOW_MS + DAY_MS - 1)
    for sent, accepted, told in itertools.product(values, repeat=3):
        counter = choice.next_reset_counter(Counters(sent, accepted, told), NOW_MS)
        assert counter > max(sent, accepted, told) or counter == NOW_MS
        assert counter > max(sent, accepted, told) - (NOW_MS in (sent, accepted, told))
        assert counter >= NOW_MS


def test_an_own_counter_of_a_wrong_clock_is_let_go() -> None:
    ahead = NOW_MS + DAY_MS
    assert choice.next_reset_counter(Counters(sent=ahead), NOW_MS) == NOW_MS
    assert choice.next_reset_counter(Counters(sent=ahead - 1), NOW_MS) == ahead


@pytest.mark.parametrize(
    ("counter", "last", "now", "taken"),
    [
        (1, 0, 0, True),
        (0, 0, 0, False),
        (DAY_MS, 0, 0, True),
        (DAY_MS + 1, 0, 0, False),
        (5 * DAY_MS + 1, 5 * DAY_MS, 9, True),
        (6 * DAY_MS, 5 * DAY_MS, 9, True),
        (6 * DAY_MS + 1, 5 * DAY_MS, 9, False),
        (5 * DAY_MS, 5 * DAY_MS, 9, False),
        (4 * DAY_MS, 5 * DAY_MS, 9, False),
    ],
)
def test_which_counters_a_responder_takes(counter: int, last: int, now: int, taken: bool) -> None:
    assert choice.acceptable(counter, Counters(accepted=last), now) is taken


@pytest.mark.parametrize(
    "counters",
    [Counters(accepted=NOW_MS + 5), Counters(told=NOW_MS + 5), Counters(sent=NOW_MS + 5)],
    ids=["accepted", "told", "sent"],
)
def test_the_next_counter_is_the_first_above_what_is_known(counters: Counters) -> None:
    """No further ahead than it has to be: 24 hours ahead is all that a responder takes."""
    assert choice.next_reset_counter(counters, NOW_MS) == NOW_MS + 6
