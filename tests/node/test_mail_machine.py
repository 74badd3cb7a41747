"""Random weeks of two people and two anchors: crashes, walls, wipes, old copies put back.

Whatever happens, nothing is shown twice, no row goes without the other's Receipt, and two days
after both were up with the trouble over nothing waits any more, and both see the same: what the
reference says (`Weeks.shown`), written from PROTOCOL 6.1 to 6.3.
"""

import os
import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from loom.api.contact_commands import AnswerFarewell, SayFarewell, ShowContact
from loom.api.conversation_commands import SetTimer
from loom.api.events import SessionStarted
from loom.api.message_commands import DeleteMessages, EditMessage, Pin, React, SendText
from loom.api.message_views import MessageView
from loom.model import Direction
from loom.storage import farewells
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
    *["timer"] * 2,
    "farewell",
)
TIMERS_S = (0, 0, 3_600, 30 * DAY_S, 365 * DAY_S)
"""Some end while the schedule runs, some do not."""


class Weeks:
    """One schedule."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.said: dict[str, dict[str, MessageView]] = {}
        """By author, each text by id with its last wording; what was deleted for both is gone."""
        self.timers: dict[str, int] = {}
        """What each wants."""
        self.covered_ms = -1
        """What was sent until then, either side deleted for both."""
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
        self.timers = {alice.name: 0, bob.name: 0}
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
            case "timer":
                await self.set_timer(person)
            case "farewell":
                await self.farewell(person)
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
            expires_s = self.random.choice([None, None, *TIMERS_S])
            command = SendText(
                contact=self.other(person).name,
                body=f"{person.name} {self.texts}",
                expires_s=expires_s,
            )
            view = await person.do(command)
            if expires_s is None:
                holding = (await person.do(ShowContact(contact=command.contact))).timer.expires_s
                assert view.expires_s == holding
            self.said[person.name][view.message_id] = view

    async def set_timer(self, person: Person) -> None:
        """This side wants something else, if its machine is up."""
        if person.is_running:
            self.timers[person.name] = expires_s = self.random.choice(TIMERS_S)
            await person.do(SetTimer(contact=self.other(person).name, expires_s=expires_s))

    async def farewell(self, person: Person) -> None:
        """This side deletes the conversation for both, or does what the other asks."""
        if not person.is_running:
            return
        contact = self.other(person).name
        if (await person.do(ShowContact(contact=contact))).farewell:
            await person.do(AnswerFarewell(contact=contact, accept=True))
            return
        await person.do(SayFarewell(contact=contact))
        conversation_id = person.peer(self.other(person)).conversation_id
        covered = person.database.look(lambda db: farewells.of(db, conversation_id))
        assert covered is not None
        self.covered_ms = max(self.covered_ms, covered.before_ms)

    async def state(self, person: Person) -> None:
        """Something about one of the last messages, if this machine is up."""
        if not person.is_running:
            return
        contact, said = self.other(person).name, self.said[person.name]
        texts = [one for one in await person.history(self.other(person)) if one.kind == "text"]
        last = [one for one in texts if not one.deleted][-9:]
        for one in self.random.sample(last, min(len(last), 3)):
            message_id, emoji = one.message_id, self.random.choice(["", "x", "y", "z"])
            what = self.random.choice(["edit", "react", "pin", "delete"])
            if what == "edit" and message_id in said:
                body = said[message_id].body + " again"
                said[message_id] = replace(said[message_id], body=body)
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
        for person in self.people:
            contact = self.other(person).name
            if (await person.do(ShowContact(contact=contact))).farewell:
                await person.do(AnswerFarewell(contact=contact, accept=True))

    def shown(self, author: Person) -> tuple[dict[str, str], dict[str, str]]:
        """The reference: what lasts of what somebody said, on both sides; what only a reader has.

        The author's copy ends with its timer; the reader, who never reads, keeps one that came
        before for 30 days more.
        """
        now_ms = author.clock.now_ms()
        uncovered = {
            name: one
            for name, one in self.said[author.name].items()
            if one.sent_at_ms > self.covered_ms
        }
        ended = {
            name: one.body
            for name, one in uncovered.items()
            if one.expires_at_ms is not None and one.expires_at_ms <= now_ms
        }
        return {name: one.body for name, one in uncovered.items() if name not in ended}, ended

    async def check(self, person: Person) -> None:
        """What the other said is here, each once, and both see the same."""
        other = self.other(person)
        lasting, ended = self.shown(other)
        seen, theirs = await self.seen(person), await self.seen(other)
        both = seen.keys() & theirs.keys()
        assert {name: seen[name] for name in both} == {name: theirs[name] for name in both}
        bodies = {name: body for name, (_, body, *_) in seen.items()}
        received = {name: bodies[name] for name in seen if seen[name][0] is other}
        assert {name: received[name] for name in received if name not in ended} == lasting
        assert {name: one[1] for name, one in theirs.items() if one[0] is other} == lasting
        assert received.items() <= (lasting | ended).items()
        timer = (await person.do(ShowContact(contact=other.name))).timer
        assert timer.own_s == self.timers[person.name]
        assert timer.theirs_s == self.timers[other.name]

    async def seen(self, person: Person) -> dict[str, tuple[Any, ...]]:
        """What somebody sees, said from both sides alike; without what was deleted."""
        other = self.other(person)
        found = [one for one in await person.history(other) if not one.deleted]
        assert len({one.message_id for one in found}) == len(found)
        found = [one for one in found if one.kind == "text"]
        return {
            one.message_id: (
                person if one.direction == Direction.OUT else other,
                one.body,
                one.edited,
                one.expires_s,
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
