"""Whose advert is looked at next."""

from ipaddress import IPv4Address

from loom.discovery.waiting import Source, Waiting
from loom.wire.limits import ADVERTS_WAITING_MAX


def _source(number: int) -> Source:
    return IPv4Address(number), 0


def test_one_source_that_floods_neither_evicts_nor_delays_another() -> None:
    waiting = Waiting()
    assert waiting.put("honest", _source(1))
    added = [waiting.put(f"flood {n}", _source(2)) for n in range(10 * ADVERTS_WAITING_MAX)]
    assert sum(added) == ADVERTS_WAITING_MAX - 1
    assert len(waiting) == ADVERTS_WAITING_MAX
    assert ("honest", _source(1)) in [waiting.take(), waiting.take()]


def test_the_newest_of_a_source_comes_first() -> None:
    """Under a flood from a place, what is fresh there has a chance; the oldest has none."""
    waiting = Waiting()
    for name in ("first", "second", "first", "third", "withdrawn"):
        waiting.put(name, _source(1))
    waiting.discard("withdrawn")
    waiting.discard("unknown")
    assert [waiting.take()[0] for _ in range(len(waiting))] == ["third", "first", "second"]


def test_a_name_waits_once_also_from_two_sources() -> None:
    waiting = Waiting()
    waiting.put("name", _source(1))
    waiting.put("name", _source(2))
    assert waiting.take() == ("name", _source(2))
    assert len(waiting) == 0
