"""What holds in a room, against the words of PROTOCOL 14.4, for all small sets and many random."""

import inspect
import random
from collections.abc import Iterable
from itertools import combinations
from types import ModuleType
from typing import Any

import pytest

from loom.core.room import materialize as module
from loom.core.room.keys import Council
from loom.core.room.materialize import Ledger, materialize
from loom.core.room.state import RoomState
from loom.core.room.statement import (
    Appoint,
    Ban,
    Capability,
    DeletePosts,
    Kept,
    Leave,
    Remove,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
    SignedStatement,
)
from tests.room.people import Writer, author, token
from tests.room.reference import reference

NAMES = ("ada", "bob", "cyd", "dan", "eve")
POST = bytes(32)


def told(state: RoomState) -> dict[str, Any]:
    """A RoomState as the reference tells it."""
    if not state.name:
        return {}
    return {
        "name": state.name,
        "policy": (state.history, state.retention_s),
        "channels": set(state.channels),
        "members": [(one.author, one.capabilities) for one in state.members.values()],
        "admitted": {
            one.author: one.by
            for one in state.members.values()
            if one.peer_id and one.author != WORLD.genesis.author
        },
        "officers": {one.author: (one.rank, one.capabilities) for one in state.officers.values()},
        "in office": {one.author for one in state.officers.values() if one.is_in_office},
        "removed": {who: one.statement_id for who, one in state.removed.items()},
        "left": state.left,
        "banned": state.banned,
        "pins": set(state.pins),
        "deleted": set(state.deleted),
        "counting": set(state.counting),
    }


WORLD = Writer()
COUNCIL = Council(2, tuple(sorted((author("ada"), author("bob"), author("cyd")))))


def small_world() -> list[SignedStatement]:
    """Twenty-five statements in which every rule of 14.4 can matter."""
    write = WORLD
    some = Capability.INVITE | Capability.REMOVE | Capability.ROLES | Capability.NAME
    bob = write.appoints("ada", "bob", some, number=1)
    cyd = write.appoints("ada", "cyd", number=2)
    dan_by_bob = write.appoints("bob", "dan", number=1)
    cyd_by_bob = write.says("bob", Remove(author("cyd"), (), 0, 0), 2)
    name = write.says("bob", SetName("bobs"), 3)
    fork = write.says("bob", SetName("forked"), 3)
    larger = max(name, fork, key=lambda one: one.id)
    admit = write.admits("bob", "eve", number=4)
    kept = tuple(sorted((Kept(dan_by_bob.id, 1), Kept(admit.id))))
    return [
        *(bob, cyd, dan_by_bob, cyd_by_bob, name, fork, admit),
        write.says("ada", Remove(author("bob"), kept, 0, 2), 3),
        write.says("ada", Remove(author("bob"), (), 0, 9), 4),
        write.says("cyd", Remove(author("bob"), (Kept(larger.id),), 0, 0), 1),
        write.appoints("ada", "bob", Capability.NAME, (Kept(larger.id),), since=4, number=5),
        write.says("ada", Ban(token("eve")[0], on=True), 6),
        write.says("cyd", Ban(token("eve")[0], on=False), 2),
        write.says("cyd", Ban(token("eve")[0], on=True), 3),
        write.admits("cyd", "eve", number=4),
        write.admits("cyd", "eve2", "eve", number=5),
        write.says("cyd", SetName("cyds"), 6),
        write.says("ada", SetName("adas"), 7),
        write.says("dan", SetName("dans"), 1),
        write.says("dan", Remove(author("eve"), (), 3, 0), 2),
        write.says("bob", Leave(7), 2),
        write.says("eve", SetName("eves"), 1),
        write.says("eve", Leave(1), 3),
        write.appoints("dan", "eve", number=3),
        write.says("dan", SetChannel("talk", "", restricted=False, on=True), 4),
    ]


SMALL = small_world()


def small_sets(largest: int) -> Iterable[list[SignedStatement]]:
    for size in range(largest + 1):
        for chosen in combinations(SMALL, size):
            yield [WORLD.genesis, *chosen]


def random_set(draw: random.Random) -> list[SignedStatement]:
    """Up to 24 statements of five people under few numbers, so that they collide."""
    made = [WORLD.genesis]
    speakers = [*map(author, NAMES), COUNCIL.author]
    for _ in range(draw.randrange(25)):
        number = draw.randrange(1, 7)
        made.append(WORLD.states(draw.choice(speakers), random_body(draw, made), number))
    draw.shuffle(made)
    return made


def random_body(draw: random.Random, made: list[SignedStatement]) -> Any:
    who, some = draw.choice(NAMES), draw.randrange(256)
    named = {one.id for one in draw.sample(made, min(len(made), draw.randrange(4)))}
    keep = tuple(Kept(one, draw.choice((255, 255, some))) for one in sorted(named))
    peer = token(draw.choice(NAMES))[0]
    flag = draw.random() < 0.6
    admit = WORLD.admits("ada", who, draw.choice(NAMES), number=1).body
    bodies = [
        *(Appoint(_keys(who), None, some | draw.choice((0, 63)), keep, draw.randrange(4)),) * 5,
        *(Remove(author(who), keep, draw.randrange(5), draw.randrange(5)),) * 3,
        *(Ban(peer, flag), admit, admit, SetName(f"name {some}"), Leave(some)),
        *(Appoint(None, COUNCIL, some | draw.choice((0, 63)), keep, draw.randrange(3)),) * 2,
        Remove(COUNCIL.author, keep, 0, draw.randrange(5)),
        SetPolicy(some, 0),
        SetChannel(f"channel {some % 3}", "", restricted=False, on=flag),
        *(SetPin(POST, flag), DeletePosts((POST, bytes([1] * 32)), flag)),
    ]
    return draw.choice(bodies)


def _keys(name: str) -> Any:
    body: Any = WORLD.admits("ada", name, number=1).body
    return body.keys


def differs(one: list[SignedStatement], of: Any = materialize) -> bool:
    return told(of(WORLD.room_id, one)) != reference(WORLD.room_id, one)


def test_all_sets_of_up_to_three_statements() -> None:
    for one in small_sets(3):
        assert not differs(one), one


@pytest.mark.long
def test_all_sets_of_up_to_four_statements() -> None:
    for one in small_sets(4):
        assert not differs(one), one


@pytest.mark.parametrize("seed", range(8))
def test_random_sets(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(60):
        one = random_set(draw)
        assert not differs(one), one


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_changes_nothing(seed: int) -> None:
    draw = random.Random(100 + seed)
    for _ in range(40):
        one = random_set(draw)
        ledger = Ledger(WORLD.room_id)
        for at, statement in enumerate(one, 1):
            ledger.add(statement)
            assert not ledger.add(statement)
            assert ledger.state == materialize(
                WORLD.room_id, sorted(one[:at], key=lambda each: each.id)
            )


@pytest.mark.parametrize("seed", range(4))
def test_who_is_in_no_office_changes_nothing_but_by_leaving(seed: int) -> None:
    draw = random.Random(200 + seed)
    for _ in range(60):
        one = random_set(draw)
        before = materialize(WORLD.room_id, one)
        outside = [name for name in NAMES if author(name) not in before.officers]
        bodies = [body for _ in range(8) if not isinstance(body := random_body(draw, one), Leave)]
        added = [WORLD.says(name, body, 6) for name in outside for body in bodies]
        after = materialize(WORLD.room_id, [*one, *added])
        assert told(after) == told(before)


@pytest.mark.parametrize("seed", range(4))
def test_forgetting_what_is_not_retained_changes_nothing(seed: int) -> None:
    draw = random.Random(300 + seed)
    for _ in range(60):
        one = random_set(draw)
        ledger = Ledger(WORLD.room_id, one)
        retained = [each for each in one if each.id in ledger.retained()]
        assert told(materialize(WORLD.room_id, retained)) == told(ledger.state)


FAULTS = {
    "a junior removes who was processed": ("whom not in self._processed and", ""),
    "a later removal replaces an earlier one": ("and whom not in self._removed", ""),
    "the rank is of the last appointment": (
        "first = self.appoints[author][0] if author in self.appoints else one.number",
        "first = one.number",
    ),
    "an appointment gives what its author has not": (
        "appoint.capabilities & most",
        "appoint.capabilities",
    ),
    "the removed act on": ("not office.removed and office.since", "office.since"),
    "what a keep list names is not taken": (
        "(each for each in same if each.id in kept)",
        "iter(())",
    ),
    "a junior's value replaces a senior's": (
        "self._values.setdefault(subject, value)",
        "self._values[subject] = value",
    ),
    "a ban is looked at only in its author's own admits": (
        'self._bans.get(admit.token[0], (False, b""))[0]',
        'counted.bans.get(admit.token[0], (False, b""))[0]',
    ),
    "numbers below since count": ("office.since <= number < last", "number < last"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str) -> None:
    right, wrong = FAULTS[fault]
    source = inspect.getsource(module)
    assert source.count(right) == 1
    planted = ModuleType("planted")
    exec(compile(source.replace(right, wrong), "planted", "exec"), planted.__dict__)  # noqa: S102
    assert any(differs(one, planted.materialize) for one in small_sets(3))
