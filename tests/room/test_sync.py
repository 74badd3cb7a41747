"""Two members compare what they have until both have all of it (PROTOCOL 14.5)."""

import random

import pytest

from loom.core.room.sync import (
    Family,
    Ids,
    Place,
    Summary,
    answer,
    begin,
    digest_of,
    pack,
)
from loom.crypto.kdf import hash_
from loom.wire.content import RoomEvents, RoomHave, decode_payload, encode_payload
from loom.wire.content.room_have import Comparison, Row, Step
from loom.wire.limits import PAYLOAD_MAX_BYTES, ROOM_HAVE_ROWS_MAX

AUTHORS = [hash_(bytes([at]))[:32] for at in range(128)]
Has = dict[Place, set[bytes]]


def summary_of(has: Has) -> Summary:
    return {place: digest_of(ids) for place, ids in has.items()}


def at_place(has: Has) -> Ids:
    return lambda place: sorted(has.get(place, ()))


def compare(one: Has, other: Has) -> tuple[int, int]:
    """Until neither asks for more; how many comparisons and events went."""
    waiting = [(begin(0, summary_of(one)), True)]
    comparisons = events = 0
    while waiting:
        comparison, is_for_other = waiting.pop(0)
        comparisons += 1
        payload = RoomHave(bytes(16), 1, bytes(32), comparison)
        assert decode_payload(encode_payload(payload)) == payload
        here, there = (other, one) if is_for_other else (one, other)
        places = {event_id: place for place, ids in here.items() for event_id in ids}
        given = answer(comparison, summary_of(here), at_place(here))
        for event_id in given.send:
            there.setdefault(places[event_id], set()).add(event_id)
        events += len(given.send)
        waiting += [(each, not is_for_other) for each in given.comparisons]
        assert comparisons < 1_000
    return comparisons, events


def random_ids(draw: random.Random, authors: int, numbers: int) -> Has:
    has: Has = {}
    for _ in range(numbers):
        place = Place(draw.choice(AUTHORS[:authors]), draw.choice(tuple(Family)), draw.randrange(3))
        has.setdefault(place, set()).add(draw.randbytes(32))
    return has


@pytest.mark.parametrize("seed", range(12))
def test_after_a_comparison_both_have_all(seed: int) -> None:
    draw = random.Random(seed)
    common = random_ids(draw, 128, draw.choice((0, 3, 300, 3_000)))
    sides = [{place: set(ids) for place, ids in common.items()} for _ in range(2)]
    lacking = 0
    for has in sides:
        more = random_ids(draw, draw.choice((1, 128)), draw.choice((0, 1, 40, 1_500)))
        lacking += sum(map(len, more.values()))
        for place, ids in more.items():
            has.setdefault(place, set()).update(ids)
    _, events = compare(*sides)
    assert summary_of(sides[0]) == summary_of(sides[1])
    assert events == lacking


def test_what_is_the_same_costs_one_digest() -> None:
    has = random_ids(random.Random(1), 128, 2_000)
    assert compare(has, {place: set(ids) for place, ids in has.items()}) == (1, 0)


def test_a_lie_in_told_costs_time_and_nothing_else() -> None:
    """Eve says that bob was told; nobody pushes it to him, and the next comparison brings it."""
    event_id, place = hash_(b"said by ada")[:32], Place(AUTHORS[0], Family.POSTS, 0)
    (events, told), *_ = pack([b"event"], AUTHORS)
    assert (events, len(told)) == ((b"event",), 128)
    cyd, bob = {place: {event_id}}, Has()
    assert compare(cyd, bob)[1] == 1
    assert bob == cyd


def test_a_comparison_answers_no_more_than_is_here() -> None:
    rows = tuple(
        Row(Place(author, family, 0).encode(), 2**32 - 1, bytes(16), ())
        for author in sorted(AUTHORS)
        for family in Family
    )
    here = random_ids(random.Random(2), 2, 20)
    false = Comparison(Step.ROWS, 0, bytes(16), b"", is_last=True, rows=rows)
    given = answer(false, summary_of(here), at_place(here))
    assert given.send == ()
    assert sum(len(row.ids) for each in given.comparisons for row in each.rows) <= 20
    assert all(len(each.rows) <= ROOM_HAVE_ROWS_MAX for each in given.comparisons)


@pytest.mark.parametrize("sizes", [[1], [36_864] * 3, [300] * 1_000, [0x100, 36_864, 5]])
@pytest.mark.parametrize("names", [0, 128])
def test_events_go_in_their_order_in_payloads_that_are_whole(sizes: list[int], names: int) -> None:
    events = [bytes([at % 256]) * size for at, size in enumerate(sizes)]
    packs = list(pack(events, AUTHORS[:names]))
    assert [one for held, _ in packs for one in held] == events
    for held, told in packs:
        payload = RoomEvents(bytes(16), 2**53 - 1, bytes(32), held, told)
        assert len(encode_payload(payload)) <= PAYLOAD_MAX_BYTES
        assert set(told) <= set(AUTHORS)
