"""Random weeks of two people and two anchors: crashes, walls, wipes, old copies put back.

Whatever happens, nothing is shown twice, no row goes without the other's Receipt, and two days
after both were up with the trouble over nothing waits any more.
"""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from loom.api.events import SessionStarted
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World

DAY_S = 86_400
STEPS = 20
SEEDS = 20 if os.environ.get("LOOM_TEST_LONG") else 2
HAPPENS = (
    *["say"] * 6,
    *["stop", "start", "crash"] * 2,
    *["anchor"] * 3,
    *["link", "lose", "turns"],
)


class Weeks:
    """One schedule."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.said: dict[str, list[str]] = {}
        self.copies: dict[str, Path] = {}
        self.faults = 0

    async def begin(self) -> None:
        """Both know each other, and what each told of the anchors."""
        world = self.world
        self.anchors = [AnchorMachine(world, name) for name in ("one", "two")]
        for anchor in self.anchors:
            await anchor.start()
        self.people = await world.friends("Alice", "Bob")
        alice, bob = self.people
        self.said = {alice.name: [], bob.name: []}
        accounts = self.random.choice(
            [[(alice, 0)], [(alice, 0), (bob, 1)], [(alice, 0), (alice, 1)]]
        )
        for person, number in accounts:
            await self.anchors[number].serve(person)
        await world.until(lambda: bool(bob.peer(alice).mailer.mailboxes))
        await world.delivered(alice, bob)
        self.wall()

    def wall(self) -> None:
        """No link passes between the two."""
        alice, bob = self.people
        self.world.network.partition({alice.host}, {bob.host})
        self.world.network.cut(alice.host)

    def other(self, person: Person) -> Person:
        """Whom a person talks to."""
        return self.people[1 - self.people.index(person)]

    async def step(self) -> None:
        """Something happens, and then some time passes."""
        person, anchor = self.random.choice(self.people), self.random.choice(self.anchors)
        match self.random.choice(HAPPENS):
            case "say":
                await self.say(person)
            case "stop":
                if person.is_running:
                    await person.stop()
            case "start":
                await self.up(person)
            case "crash":
                await person.crash()
            case "turns":
                if person.is_running:
                    person.lose_power_in(self.random.randrange(400))
            case "anchor":
                await self.trouble(anchor)
            case "link":
                self.world.network.heal()
                if all(one.is_running for one in self.people):
                    await self.people[0].note_address(self.people[1])
                await self.world.pass_time(self.random.choice([1, 10, 60]))
                self.wall()
            case "lose":
                if person.is_running:
                    await person.stop()
                await person.bury()
                person.lose_conversations()
                self.faults += 1
        busy = any(one.is_running for one in self.people)
        await self.world.pass_time(
            self.random.choice([2, 20, 200, 3_000]) if busy else self.random.choice([60, DAY_S])
        )

    async def say(self, person: Person) -> None:
        """A few texts, if this machine is up."""
        if not person.is_running:
            return
        for _ in range(self.random.randrange(1, 4)):
            text = f"{person.name} {len(self.said[person.name])}"
            await person.say(self.other(person), text)
            self.said[person.name].append(text)

    async def up(self, person: Person) -> None:
        """Start it unless it runs."""
        if not person.is_running:
            await person.start()

    async def trouble(self, anchor: AnchorMachine) -> None:
        """Something becomes of an anchor."""
        if not anchor.is_running:
            await anchor.start()
            return
        match self.random.choice(["stop", "crash", "copy", "back", "lie"]):
            case "stop":
                await anchor.stop()
            case "crash":
                await anchor.crash()
            case "copy":
                self.copies[anchor.name] = await anchor.copy()
            case "back":
                if anchor.name in self.copies:
                    await anchor.put_back(self.copies[anchor.name])
                    self.faults += 1
            case "lie":
                await anchor.forget_some(self.random)
                self.faults += 1

    async def end(self) -> None:
        """The trouble is over: both are up, and two days pass."""
        for anchor in self.anchors:
            if not anchor.is_running:
                await anchor.start()
        for person in self.people:
            person.heal()
            await person.bury()
            await self.up(person)
        alice, bob = self.people
        await self.world.delivered(alice, bob, within_s=2.3 * DAY_S)

    def check(self, person: Person) -> None:
        """What the other said is here, each once."""
        other = self.other(person)
        assert Counter(person.received(other)) == Counter(self.said[other.name])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_weeks(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path, seed)
    weeks = Weeks(world, seed)
    try:
        await weeks.begin()
        for _ in range(STEPS):
            await weeks.step()
        await weeks.end()
        for person in weeks.people:
            weeks.check(person)
            assert len(person.told(SessionStarted)) <= 2 * weeks.faults + 2
    finally:
        await world.close()
