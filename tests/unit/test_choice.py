"""Which session is sent on: every small schedule, and the counters under wrong clocks (PROTOCOL 4).

The rules of `loom.core.choice` are applied to two sides without keys; what the conversation does
around them (start, accept, drop) is modelled here in a few lines each.
"""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest

from loom.core import choice
from loom.core.choice import Counters
from loom.wire.limits import COUNTER_FUTURE_MS, DESYNC_RESTART_INTERVAL_S, SESSION_SUPERSEDED_S

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
NOW_S = 1_000
NOW_MS = NOW_S * 1000
DAY_MS = COUNTER_FUTURE_MS
ROUNDS = 8


class Kept(NamedTuple):
    """A session as one side keeps it; (initiator, reset_counter, bundle) name it on both."""

    reset_counter: int
    initiator: bytes
    bundle: int
    own: bool
    confirmed_at_s: int | None
    bundle_expires_at_s: int = 10**9

    @property
    def name(self) -> tuple[int, bytes, int]:
        """The same on both sides."""
        return self.reset_counter, self.initiator, self.bundle


class Side(NamedTuple):
    """One person's node."""

    counters: Counters = Counters()
    sessions: tuple[Kept, ...] = ()
    start_wanted: bool = False
    prekey: int | None = None
    issued: int = 0
    fetched: tuple[int, int] | None = None
    """The other's bundle: its id, and the counter it tells."""


class Envelope(NamedTuple):
    """On its way to side `to`."""

    to: int
    name: tuple[int, bytes, int]
    first: bool


class Budget(NamedTuple):
    """What may still go wrong."""

    starts: tuple[int, int]
    restores: int
    lost_prekeys: int


class World(NamedTuple):
    """Both sides, what travels between them, and the faults left."""

    sides: tuple[Side, Side]
    flying: frozenset[Envelope]
    budget: Budget


def fingerprint(side: int) -> bytes:
    """Side 1 has the larger one."""
    return bytes([side])


def with_side(world: World, number: int, side: Side) -> World:
    """The world with one side changed."""
    sides = (side, world.sides[1]) if number == 0 else (world.sides[0], side)
    return world._replace(sides=sides)


def fetch(world: World, number: int) -> World:
    """Ask for the other's bundle: one that is unused is given again."""
    other = world.sides[1 - number]
    bundle = other.prekey
    if bundle is None:
        bundle = other.issued
        other = other._replace(prekey=bundle, issued=bundle + 1)
        world = with_side(world, 1 - number, other)
    fetched = (bundle, other.counters.largest)
    return with_side(world, number, world.sides[number]._replace(fetched=fetched))


def start(world: World, number: int) -> World:
    """Begin on the bundle that was fetched, as `conversation.start` does."""
    side = world.sides[number]
    if side.fetched is None:
        return world
    bundle, told = side.fetched
    counters = choice.believe_told(side.counters, told, NOW_MS)
    counter = choice.next_reset_counter(counters, NOW_MS)
    best = choice.best(side.sessions)
    kept = [one for one in side.sessions if not (one is best and choice.unconfirmed(one))]
    kept.append(Kept(counter, fingerprint(number), bundle, own=True, confirmed_at_s=None))
    begun = side._replace(
        counters=msgspec.structs.replace(counters, sent=max(counters.sent, counter)),
        sessions=tuple(sorted(kept)),
        start_wanted=False,
        fetched=None,
    )
    return with_side(world, number, begun)


def may_start(side: Side, now_s: int = NOW_S + DESYNC_RESTART_INTERVAL_S) -> bool:
    """Whenever some passing of time allows it."""
    return choice.should_start(
        side.sessions,
        something_to_send=True,
        start_wanted=side.start_wanted,
        wanted_starts_s=(),
        link_time_s=600,
        now_s=now_s,
    )


def send(world: World, number: int) -> World:
    """One message on the best session."""
    best = choice.best(world.sides[number].sessions)
    if best is None:
        return world
    envelope = Envelope(1 - number, best.name, choice.unconfirmed(best))
    return world._replace(flying=world.flying | {envelope})


def deliver(world: World, envelope: Envelope) -> World:
    """Open, accept or refuse, as `conversation.open_` does."""
    world = world._replace(flying=world.flying - {envelope})
    number = envelope.to
    side = world.sides[number]
    known = next((one for one in side.sessions if one.name == envelope.name), None)
    counter, initiator, bundle = envelope.name
    if known is not None:
        opened = known
        if choice.unconfirmed(known):
            opened = known._replace(confirmed_at_s=NOW_S)
        rest = [one for one in side.sessions if one is not known]
        sessions = tuple(sorted([*rest, opened]))
    elif (
        envelope.first
        and side.prekey == bundle
        and choice.acceptable(counter, side.counters, NOW_MS)
    ):
        opened = Kept(counter, initiator, bundle, own=False, confirmed_at_s=NOW_S)
        sessions = tuple(sorted([*side.sessions, opened]))
        accepted = msgspec.structs.replace(side.counters, accepted=counter)
        side = side._replace(counters=accepted, prekey=None)
    else:
        best = choice.best(side.sessions)
        wanted = side.start_wanted or best is None or not choice.unconfirmed(best)
        return with_side(world, number, side._replace(start_wanted=wanted))
    side = side._replace(sessions=sessions)
    if choice.best(sessions) is opened:
        side = side._replace(start_wanted=False)
    world = with_side(world, number, side)
    return world if known is not None else send(world, number)


def an_hour_later(world: World, number: int) -> World:
    """The sessions that are not the best go."""
    side = world.sides[number]
    gone = choice.superseded(side.sessions, NOW_S + SESSION_SUPERSEDED_S)
    kept = tuple(one for one in side.sessions if one not in gone)
    return with_side(world, number, side._replace(sessions=kept))


def successors(world: World) -> Iterator[World]:
    """Whatever may happen next."""
    budget = world.budget
    for number in (0, 1):
        side = world.sides[number]
        if side.fetched is not None:
            yield start(world, number)
            yield with_side(world, number, side._replace(fetched=None))
        elif budget.starts[number] and may_start(side):
            starts = (
                budget.starts[0] - (number == 0),
                budget.starts[1] - (number == 1),
            )
            yield fetch(world._replace(budget=budget._replace(starts=starts)), number)
        yield send(world, number)
        yield an_hour_later(world, number)
        if budget.restores:
            spent = world._replace(budget=budget._replace(restores=budget.restores - 1))
            for counters in (side.counters, Counters()):
                yield with_side(spent, number, Side(counters, issued=side.issued))
        if budget.lost_prekeys and side.prekey is not None:
            spent = world._replace(budget=budget._replace(lost_prekeys=budget.lost_prekeys - 1))
            yield with_side(spent, number, side._replace(prekey=None))
    for envelope in world.flying:
        yield deliver(world, envelope)
        yield world._replace(flying=world.flying - {envelope})


def agreed(world: World) -> bool:
    """Both send on one session, which both know to be answered."""
    bests = [choice.best(side.sessions) for side in world.sides]
    first, second = bests
    if first is None or second is None or first.name != second.name:
        return False
    return not choice.unconfirmed(first) and not choice.unconfirmed(second)


def quiet_round(world: World) -> World:
    """An hour of a link that loses nothing: starts that are due, then messages both ways."""
    due = [number for number in (0, 1) if may_start(world.sides[number])]
    for number in due:
        world = fetch(world, number)
    for number in due:
        world = start(world, number)
    for _ in range(3):
        for number in (0, 1):
            world = send(world, number)
        while world.flying:
            world = deliver(world, min(world.flying))
    for number in (0, 1):
        world = an_hour_later(world, number)
    return world


class Divergence(Exception):
    """Two sides that never agree."""


def explore(budget: Budget, limit: int) -> tuple[int, bool]:
    """Every state within the budget, and from each a quiet end: (states, whether complete).

    Raises:
        Divergence: some state from which the two never send on one session.
    """
    settled: dict[World, bool] = {}

    def settles(world: World) -> bool:
        path = []
        forgotten = tuple(side._replace(fetched=None) for side in world.sides)
        world = World((forgotten[0], forgotten[1]), world.flying, Budget((0, 0), 0, 0))
        for _ in range(ROUNDS):
            if world in settled:
                break
            path.append(world)
            if agreed(world) and not world.flying:
                settled[world] = agreed(quiet_round(world))
                break
            world = quiet_round(world)
        result = settled.get(world, False)
        settled.update(dict.fromkeys(path, result))
        return result

    first = World((Side(), Side()), frozenset(), budget)
    seen = {first}
    waiting = deque([first])
    while waiting:
        world = waiting.popleft()
        if not settles(world):
            raise Divergence(world)
        for after in successors(world):
            if after not in seen:
                if len(seen) >= limit:
                    return len(seen), False
                seen.add(after)
                waiting.append(after)
    return len(seen), True


@pytest.mark.parametrize(
    ("budget", "limit"),
    [
        (Budget((1, 1), 0, 0), 10_000),
        (Budget((1, 1), 1, 0), 20_000),
        (Budget((1, 1), 1, 1), 20_000),
        (Budget((2, 1), 0, 0), 15_000),
        (Budget((2, 2), 1, 1), 15_000),
    ],
    ids=str,
)
def test_promise_07_both_sides_end_up_sending_on_one_session(
    budget: Budget, limit: int, record_property: Any
) -> None:
    """Breadth first over every order of starts, sends, losses, restores and lost prekeys."""
    states, complete = explore(budget, 300_000 if LONG else limit)
    record_property("states", states)
    print(f"{budget}: {states} states, {'complete' if complete else 'truncated'}")  # noqa: T201
    assert states > 2_900
    assert complete or states >= limit


def smaller_id(sessions: Sequence[Kept]) -> Kept | None:
    """The rule that was tried first and failed: the session with the smaller (random) id."""
    return min(
        sessions, key=lambda one: hashlib.sha256(repr(one.name).encode()).digest(), default=None
    )


def smaller_counter(sessions: Sequence[Kept]) -> Kept | None:
    """The oldest session."""
    return min(sessions, key=lambda one: (one.reset_counter, one.initiator), default=None)


def larger_counter_alone(sessions: Sequence[Kept]) -> Kept | None:
    """Without the fingerprint, a tie is decided by who asks."""
    return max(sessions, key=lambda one: (one.reset_counter, one.own), default=None)


@pytest.mark.parametrize("rule", [smaller_id, smaller_counter, larger_counter_alone])
def test_the_check_finds_rules_that_do_not_agree(rule: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(choice, "best", rule)
    with pytest.raises(Divergence):
        explore(Budget((2, 2), 0, 0), 60_000)


# --- when to start ----------------------------------------------------------------------------


def kept(counter: int = 5, *, own: bool = True, confirmed_at_s: int | None = None) -> Kept:
    """A session that is the only one."""
    return Kept(counter, fingerprint(0), 0, own, confirmed_at_s, bundle_expires_at_s=NOW_S + 100)


@pytest.mark.parametrize(
    ("sessions", "facts", "expected"),
    [
        ([], {}, True),
        ([], {"something_to_send": False}, False),
        ([], {"something_to_send": False, "start_wanted": True}, True),
        ([kept()], {}, False),
        ([kept()], {"start_wanted": True}, True),
        ([kept()], {"start_wanted": True, "wanted_starts_s": (NOW_S - 3_599,)}, False),
        ([kept()], {"link_time_s": 599.9}, False),
        ([kept()], {"link_time_s": 600.0}, True),
        ([kept()], {"now_s": NOW_S + 100}, True),
        ([kept()], {"now_s": NOW_S + 99}, False),
        ([kept(confirmed_at_s=1)], {"link_time_s": 9e9}, False),
        ([kept(confirmed_at_s=1)], {"now_s": NOW_S + 100}, False),
        ([kept(confirmed_at_s=1)], {"start_wanted": True}, True),
        ([kept(own=False, confirmed_at_s=1)], {"start_wanted": True}, True),
        *(
            ([kept(confirmed_at_s=1)], {"start_wanted": True, "wanted_starts_s": starts}, expected)
            for starts, expected in [
                ((NOW_S, NOW_S), True),
                ((NOW_S, NOW_S, NOW_S), False),
                ((NOW_S - 3_599, NOW_S - 5, NOW_S), False),
                ((NOW_S - 3_600, NOW_S - 5, NOW_S), True),
                ((NOW_S + 1, NOW_S - 5, NOW_S), True),
            ]
        ),
        ([kept(confirmed_at_s=1), kept(4)], {"link_time_s": 9e9}, False),
        ([kept(confirmed_at_s=1), kept(6)], {"link_time_s": 600.0}, True),
    ],
)
def test_when_a_session_is_begun(
    sessions: list[Kept], facts: dict[str, Any], expected: bool
) -> None:
    usual: dict[str, Any] = {
        "something_to_send": True,
        "start_wanted": False,
        "wanted_starts_s": (),
        "link_time_s": 0.0,
        "now_s": NOW_S,
    }
    assert choice.should_start(sessions, **{**usual, **facts}) is expected


def test_others_go_an_hour_after_the_best_was_confirmed() -> None:
    old, best = kept(4, confirmed_at_s=1), kept(5, confirmed_at_s=NOW_S)
    assert choice.superseded([old, best], NOW_S + 3_599) == []
    assert choice.superseded([old, best], NOW_S + 3_600) == [old]
    assert choice.superseded([old, kept(5)], NOW_S + 10**6) == []
    assert choice.superseded([], NOW_S) == []
