"""What holds in a room, computed by both implementations from the same random statements."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from loom.core.room.materialize import Ledger
from loom.core.room.statement import Capability, Remove, SetChannel, SignedStatement
from tests.interop.programs import program
from tests.room.people import author
from tests.room.test_materialize import SMALL, WORLD, random_set

BATCH = 50
SETS = int(os.environ.get("LOOM_ROOM_SETS", "600"))


def shown(statements: list[SignedStatement]) -> dict[str, Any] | None:
    """As the second implementation says it, with every order that the specification fixes."""
    ledger = Ledger(WORLD.room_id, statements)
    state = ledger.state
    if not state.name:
        return None
    return {
        "name": state.name,
        "policy": [state.history, state.retention_s],
        "channels": [[one.name, one.topic, one.is_restricted] for one in state.channels.values()],
        "members": [
            {
                "author": one.author.hex(),
                "rank": None if one.rank is None else list(one.rank),
                "capabilities": one.capabilities,
                "fingerprint": one.peer_id.hex(),
                "name": one.name,
                "from": str(one.from_order),
                "by": one.by.hex(),
            }
            for one in state.members.values()
        ],
        "officers": [
            [
                *(one.author.hex(), list(one.rank), one.capabilities, one.by.hex(), one.since),
                one.is_in_office,
            ]
            for one in state.officers.values()
        ],
        "removed": {
            author.hex(): [one.by.hex(), one.statement_id.hex(), one.posts]
            for author, one in state.removed.items()
        },
        "left": {author.hex(): posts for author, posts in state.left.items()},
        "banned": {peer_id.hex(): one.hex() for peer_id, one in state.banned.items()},
        "pins": [one.hex() for one in state.pins],
        "deleted": sorted(one.hex() for one in state.deleted),
        "counting": sorted(one.hex() for one in state.counting),
        "kept": sorted(one.hex() for one in ledger.retained()),
        "offered": [one.id.hex() for one in state.offered],
    }


def some_of_the_small_world(draw: random.Random) -> list[SignedStatement]:
    """Statements among which every rule matters, more of them than all sets are tried of."""
    return [WORLD.genesis, *draw.sample(SMALL, draw.randrange(5, len(SMALL) + 1))]


@pytest.mark.parametrize("seed", range(2))
def test_both_see_the_same_of_random_statements(seed: int, tmp_path: Path) -> None:
    draw = random.Random(1_000 + seed)
    with program(tmp_path) as one:
        for _ in range(SETS // BATCH // 2):
            sets = [
                random_set(draw) if draw.random() < 0.7 else some_of_the_small_world(draw)
                for _ in range(BATCH)
            ]
            heads = list({each.head: None for some in sets for each in some})
            places = {head: place for place, head in enumerate(heads)}
            theirs = one.do(
                "materialize",
                heads=[head.hex() for head in heads],
                sets=[[places[each.head] for each in some] for some in sets],
            )
            for some, their in zip(sets, theirs, strict=True):
                assert shown(some) == their, some


def a_large_set(draw: random.Random) -> list[SignedStatement]:
    """More officers, members and channels than are looked at: which of them is decided by rank."""
    names = [f"member {n}" for n in range(150)]
    officers = ["ada"]
    made = [WORLD.genesis]
    numbers = dict.fromkeys(["ada", *names], 0)

    def number(name: str) -> int:
        numbers[name] += 1
        return numbers[name]

    for name in names[:75]:
        by = draw.choice(officers[-20:])
        made.append(WORLD.appoints(by, name, Capability.ALL, number=number(by)))
        officers.append(name)
    made += [
        WORLD.admits(name, draw.choice(names), number=number(name))
        for name in draw.choices(officers[:20], k=500)
    ]
    for n in range(300):
        name, on = draw.choice(officers), draw.random() < 0.9
        channel = SetChannel(f"channel {draw.randrange(150)}", str(n), restricted=False, on=on)
        made.append(WORLD.says(name, channel, number(name)))
    made += [
        WORLD.says(name, Remove(author(draw.choice(names)), (), 0, 0), number(name))
        for name in draw.choices(officers, k=8)
    ]
    draw.shuffle(made)
    return made


def test_both_see_the_same_beyond_the_limits(tmp_path: Path) -> None:
    draw = random.Random(7)
    with program(tmp_path) as one:
        for _ in range(3):
            some = a_large_set(draw)
            [their] = one.do(
                "materialize",
                heads=[each.head.hex() for each in some],
                sets=[list(range(len(some)))],
            )
            state = Ledger(WORLD.room_id, some).state
            assert len([each for each in state.officers.values() if each.is_in_office]) > 50
            assert (len(state.channels), len(state.members)) == (64, 128)
            assert shown(some) == their
