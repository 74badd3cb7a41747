"""Random weeks of two people and two anchors: crashes, walls, wipes, old copies put back.

Whatever happens, nothing is shown twice, no row goes without the other's Receipt, and two days
after both were up with the trouble over nothing waits any more, and both see the same.
"""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from loom.api.commands import DeleteMessages, EditMessage, Pin, React
from loom.api.events import SessionStarted
from loom.model import Direction
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World

DAY_S = 86_400
STEPS = 20
SEEDS = 20 if os.environ.get("LOOM_TEST_LONG") else 2
HAPPENS = (
    *["say"] * 6,
    *["state"] * 5,
    *["stop", "start", "crash"] * 2,
    *["anchor"] * 3,
    *["link", "lose", "turns"],
)


class Weeks:
    """One schedule."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.said: dict[str, dict[str, str]] = {}
        """By author, the last wording by id; what was deleted for both is gone."""
        self.texts = 0
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
        self.said = {alice.name: {}, bob.name: {}}
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
            case "state":
                await self.state(person)
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
            self.texts += 1
            text = f"{person.name} {self.texts}"
            [said] = await person.say(self.other(person), text)
            self.said[person.name][said.message_id] = text

    async def state(self, person: Person) -> None:
        """Something about one of the last messages, if this machine is up."""
        if not person.is_running:
            return
        contact, said = self.other(person).name, self.said[person.name]
        last = [one for one in await person.history(self.other(person)) if not one.deleted][-9:]
        for one in self.random.sample(last, min(len(last), 3)):
            message_id, emoji = one.message_id, self.random.choice(["", "x", "y", "z"])
            what = self.random.choice(["edit", "react", "pin", "delete"])
            if what == "edit" and message_id in said:
                said[message_id] += " again"
                body = said[message_id]
                await person.do(EditMessage(contact=contact, message_id=message_id, body=body))
            elif what == "delete" and message_id in said:
                del said[message_id]
                command = DeleteMessages(contact=contact, message_ids=[message_id], for_both=True)
                await person.do(command)
            elif what == "pin":
                on = self.random.random() < 0.7
                await person.do(Pin(contact=contact, message_id=message_id, on=on))
            else:
                await person.do(React(contact=contact, message_id=message_id, emoji=emoji))

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

    async def check(self, person: Person) -> None:
        """What the other said is here, each once, and both see the same."""
        other = self.other(person)
        seen = await self.seen(person)
        assert seen == await self.seen(other)
        received = {name: body for name, (author, body, *_) in seen.items() if author is other}
        assert received == self.said[other.name]

    async def seen(self, person: Person) -> dict[str, tuple[Any, ...]]:
        """What somebody sees, said from both sides alike; without what was deleted."""
        other = self.other(person)
        found = [one for one in await person.history(other) if not one.deleted]
        assert len({one.message_id for one in found}) == len(found)
        return {
            one.message_id: (
                person if one.direction == Direction.OUT else other,
                one.body,
                one.edited,
                sorted((each.contact or person.name, each.emoji) for each in one.reactions),
                one.pinned,
            )
            for one in found
        }


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
            await weeks.check(person)
            assert len(person.told(SessionStarted)) <= 2 * weeks.faults + 2
    finally:
        await world.close()
