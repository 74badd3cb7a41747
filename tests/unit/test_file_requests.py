"""Which member is asked by mail for a file of a room, and for how long."""

from loom.core.file.requests import Candidate, next_asked, refused_s, waits_s

DAY_S = 86_400


def test_the_author_comes_first_and_then_who_was_heard_lately() -> None:
    away, heard = Candidate(1), Candidate(3, is_heard=True)
    author = Candidate(2, is_author=True)
    assert next_asked([away, author, heard], 0) == author
    assert next_asked([away, heard], 0) == heard
    assert next_asked([], 0) is None


def test_everybody_is_asked_before_anybody_is_asked_again() -> None:
    author, other = Candidate(1, times=1, is_author=True), Candidate(2)
    assert next_asked([author, other], 0) == other


def test_who_refused_is_left_alone_for_a_time() -> None:
    refused = Candidate(1, times=1, not_before_s=100)
    assert next_asked([refused], 99) is None
    assert next_asked([refused], 100) == refused


def test_each_time_is_twice_as_long_up_to_a_day() -> None:
    assert [waits_s(times, gave=False) for times in (1, 2, 3)] == [60, 120, 240]
    assert waits_s(1, gave=True) == 3_600
    assert waits_s(8, gave=True) == 60 * 128
    assert waits_s(10_000, gave=False) == DAY_S
    assert [refused_s(times) for times in (1, 2, 50)] == [600, 1_200, DAY_S]
