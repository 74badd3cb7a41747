"""Three members through crashes and cuts of the network: at the end all have the same."""

import asyncio
import contextlib
import random

import pytest

from loom.api.room_commands import AppointMember, DeletePost, RemoveMember, RenameRoom
from loom.errors import LoomError
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, join, make, posts, say, state, stored

STEPS = 40


async def act(chance: random.Random, person: Person, n: int) -> None:
    """Something a member may do, or may not."""
    what = chance.random()
    if what < 0.7:
        await say(person, f"{person} {n}")
    elif what < 0.8 and (there := await posts(person)):
        await person.do(DeletePost(room=ROOM, post_id=chance.choice(there).post_id))
    elif what < 0.9:
        await person.do(
            AppointMember(room=ROOM, member="Bob", role=chance.choice(["helper", "moderator"]))
        )
    elif what < 0.95:
        await person.do(RenameRoom(room=ROOM, name=ROOM))
    else:
        await person.do(RemoveMember(room=ROOM, member="Nobody"))


@pytest.mark.parametrize("seed", range(6))
async def test_members_agree_after_crashes_and_cuts(world: World, seed: int) -> None:
    chance = random.Random(seed)
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    for n in range(STEPS):
        person = chance.choice(people)
        step = chance.random()
        if step < 0.12:
            person.lose_power_in(chance.randrange(60))
        elif step < 0.2:
            person.lose_power()
        elif step < 0.28:
            world.network.partition({person.host}, {one.host for one in people} - {person.host})
        elif step < 0.34:
            world.network.heal()
        elif step < 0.5:
            await asyncio.sleep(chance.choice([1.0, 30.0, 700.0]))
        if person.is_running:
            with contextlib.suppress(LoomError, TimeoutError):
                await asyncio.wait_for(act(chance, person, n), 60.0)
        for one in people:
            if not one.is_running and chance.random() < 0.5:
                one.heal()
                await one.bury()
                await one.start()
    world.network.heal()
    for one in people:
        one.heal()
        if not one.is_running:
            await one.bury()
            await one.start()
    await world.until(
        lambda: all(
            state(one) == state(people[0]) and stored(one) == stored(people[0]) for one in people
        ),
        within_s=3_000.0,
    )
    seen = [
        [(one.post_id, one.body, one.deleted) for one in await posts(person)] for person in people
    ]
    assert seen[0] == seen[1] == seen[2]
    assert seen[0]
