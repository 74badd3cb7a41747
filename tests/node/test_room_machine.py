"""Three to six members through crashes, partitions, mailboxes: at the end all have the same."""

import asyncio
import contextlib
import random
from typing import Any

import pytest

from loom.api.room_commands import (
    AppointMember,
    DeletePost,
    EditPost,
    PinPost,
    ReactToPost,
    RemoveMember,
    RenameRoom,
    SetRoomChannel,
)
from loom.core.room.materialize import Ledger
from loom.core.room.state import RoomState
from loom.core.room.statement import decode_statement
from loom.errors import LoomError
from loom.storage import room_statements, rooms
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, join, kept, make, posts, say, state, stored

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


NAMES = ("Ada", "Bob", "Cyd", "Dan", "Eve", "Fay")
STAFF = ("Ada", "Bob", "Cyd")
SIGNS = ("\N{SNOWMAN}", "\N{THUMBS UP SIGN}", "")
LOOK_S, LOOKS = 1_800.0, 60
"""More than a day: mailboxes are compared daily."""


def materialized(person: Person) -> RoomState:
    """What holds after the statements that are committed."""

    def read(db: Any) -> RoomState:
        row = rooms.every(db)[0]
        found = [decode_statement(one.data) for one in room_statements.every(db, row.room)]
        return Ledger(row.room_id, found).state

    return person.database.look(read)


def every_post(person: Person) -> list[tuple[bytes, int, bytes]]:
    """Author, number and id of all that is committed: edits and reactions, too."""
    return person.database.look(kept)


def inside(people: list[Person]) -> list[Person]:
    """Those who are members by what Ada, whom nobody removes, has."""
    now = {one.peer_id for one in materialized(people[0]).members.values()}
    return [one for one in people if one.identity.peer_id in now]


async def moderate(chance: random.Random, person: Person, n: int) -> None:
    """What an officer may do, about somebody, something, or the room."""
    whom = chance.choice(NAMES[1:])
    known = await posts(person)
    post_id = chance.choice(known).post_id if known else ""
    on = chance.random() < 0.7
    await person.do(
        chance.choice(
            [
                RemoveMember(room=ROOM, member=whom, ban=on),
                AppointMember(room=ROOM, member=whom, role=chance.choice(["helper", "moderator"])),
                SetRoomChannel(room=ROOM, channel=f"talk-{n % 3}", topic=str(person), on=on),
                PinPost(room=ROOM, post_id=post_id, on=on),
                DeletePost(room=ROOM, post_id=post_id),
                DeletePost(room=ROOM, post_id=post_id),
                PinPost(room=ROOM, post_id=post_id),
            ]
        )
    )


async def write(chance: random.Random, person: Person, n: int) -> None:
    """What any member may do."""
    known = await posts(person)
    own = [one.post_id for one in known if one.own]
    what = chance.random()
    if what < 0.6 or not own:
        await say(person, f"{person} {n}")
    elif what < 0.8:
        post_id = chance.choice(known).post_id
        await person.do(ReactToPost(room=ROOM, post_id=post_id, emoji=chance.choice(SIGNS)))
    else:
        post_id = chance.choice(own)
        await person.do(EditPost(room=ROOM, post_id=post_id, body=f"{person}, {n}"))


def partition(chance: random.Random, world: World, people: list[Person]) -> None:
    """Officers on both sides; anchors are reached by everybody."""
    sides: tuple[set[str], set[str]] = ({people[0].host}, {people[1].host})
    for person in people[2:]:
        chance.choice(sides).add(person.host)
    world.network.partition(*sides)


async def trouble(
    chance: random.Random, world: World, people: list[Person], anchors: list[AnchorMachine]
) -> None:
    """Power, network or an anchor fails, or time passes."""
    what, person = chance.random(), chance.choice(people)
    if what < 0.2:
        person.lose_power_in(chance.randrange(60))
    elif what < 0.3:
        person.lose_power()
    elif what < 0.5:
        partition(chance, world, people)
    elif what < 0.6:
        world.network.heal()
    elif what < 0.7 and anchors:
        anchor = chance.choice(anchors)
        await anchor.crash()
        await anchor.start()
    else:
        await asyncio.sleep(chance.choice([1.0, 30.0, 700.0]))


async def meet(world: World, count: int) -> tuple[list[Person], list[AnchorMachine]]:
    """Each has come by the invite of Ada, Bob or Cyd; some read at one of two anchors."""
    people = [await world.person(name) for name in NAMES[:count]]
    await make(people[0])
    for at, joiner in enumerate(people[1:], 1):
        await join(world, people[0 if at < len(STAFF) else at % len(STAFF)], joiner)
        if at >= len(STAFF) and at % len(
            STAFF
        ):  # else they are alone once their officer is removed
            await people[0].add(joiner)
            await joiner.add(people[0])
            await people[0].note_address(joiner)
        if joiner.name in STAFF:
            await people[0].do(AppointMember(room=ROOM, member=joiner.name, role="moderator"))
    anchors = []
    for name, served in (("one", people[::2]), ("two", people[1:2])):
        anchor = AnchorMachine(world, name)
        await anchor.start()
        for person in served:
            await anchor.serve(person)
        anchors.append(anchor)
    return people, anchors


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("count", [4, pytest.param(6, marks=pytest.mark.long)])
async def test_officers_on_both_sides_of_a_partition_end_with_one_room(
    world: World, count: int, seed: int
) -> None:
    chance = random.Random(f"{seed}/{count}")
    people, anchors = await meet(world, count)
    for n in range(STEPS):
        if chance.random() < 0.3:
            await trouble(chance, world, people, anchors)
        for person in people:
            if not person.is_running:
                continue
            does = moderate if person.name in STAFF and chance.random() < 0.15 else write
            with contextlib.suppress(LoomError, TimeoutError):
                await asyncio.wait_for(does(chance, person, n), 60.0)
        for one in people:
            if not one.is_running and chance.random() < 0.5:
                one.heal()
                await one.start()
    world.network.heal()
    for one in people:
        one.heal()
        if not one.is_running:
            await one.start()

    def is_alike() -> bool:
        there = inside(people)
        first = materialized(there[0]), every_post(there[0])
        return all((materialized(one), every_post(one)) == first for one in there)

    for _ in range(LOOKS):
        await world.pass_time(LOOK_S)
        if is_alike():
            break
    assert is_alike()
    seen = [
        [
            (
                one.post_id,
                one.body,
                one.deleted,
                one.edited,
                one.pinned,
                sorted((each.author_id, each.emoji) for each in one.reactions),
            )
            for one in await posts(person)
        ]
        for person in inside(people)
    ]
    assert seen[0]
    assert all(one == seen[0] for one in seen)
