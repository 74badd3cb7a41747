"""Sessions that are begun again: what the user hears of them, and how many an hour (4.6, 4.7)."""

import pytest

from loom.wire.limits import DESYNC_RESTARTS_MAX
from tests.sans_io.pair import Pair


def minutes_to_settle(pair: Pair, most: int) -> int:
    """How many minutes of link until all is delivered; `most` + 1 if that was not enough."""
    for minute in range(most + 1):
        if pair.settled and not pair.flying:
            return minute
        pair.round()
    return most + 1


@pytest.mark.parametrize("seed", range(4))
def test_two_first_starts_at_once_are_no_news(seed: int) -> None:
    """Both write before there is a session, so both begin one: nothing was lost, nobody is told."""
    pair = Pair(seed)
    pair.alice.write("hello")
    pair.bob.write("hi")
    pair.settle()
    assert pair.alice.starts == pair.bob.starts == 1
    assert pair.alice.notices == pair.bob.notices == 0


def test_old_copies_restored_within_an_hour_are_mended_at_once_and_told_once() -> None:
    """Only one side writes, so only the other can notice that the copy is old."""
    pair = Pair(5)
    pair.alice.write("hello")
    pair.settle()
    pair.now_ms += 3_600_000
    for number in range(DESYNC_RESTARTS_MAX):
        old = pair.alice.sessions
        pair.alice.write(f"lost in the old copy {number}")
        assert minutes_to_settle(pair, 1) <= 1
        pair.alice.sessions = old
        pair.alice.write(f"after the restore {number}")
        assert minutes_to_settle(pair, 3) <= 3
    assert pair.bob.starts == DESYNC_RESTARTS_MAX
    assert pair.alice.notices == 1

    old = pair.alice.sessions
    pair.alice.write("lost in the last copy")
    assert minutes_to_settle(pair, 1) <= 1
    pair.alice.sessions = old
    pair.alice.write("waits until the hour is over")
    assert minutes_to_settle(pair, 10) == 11
    assert minutes_to_settle(pair, 60) <= 60
    assert pair.bob.shown[-1] == "waits until the hour is over"
