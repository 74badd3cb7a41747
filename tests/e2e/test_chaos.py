"""Three people and two anchors, all of them killed and cut at random: every history is complete.

What somebody said, as their own history has it, is what the other has: each text once, in order.
`LOOM_CHAOS_MESSAGES` and `LOOM_CHAOS_ROUNDS` make it longer.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import permutations
from pathlib import Path

import pytest

from loom.api.client import Client
from loom.api.contact_commands import Connect
from loom.api.message_commands import History, SendText
from loom.api.profile_commands import Status
from loom.app import LocalProfiles
from loom.config import Settings
from loom.errors import LoomError
from tests.e2e.processes import ALONE, Daemon, Home, introduce
from tests.e2e.relay import HOST, Relay
from tests.e2e.test_mail import Box, end

MESSAGES = int(os.environ.get("LOOM_CHAOS_MESSAGES", "600"))
ROUNDS = int(os.environ.get("LOOM_CHAOS_ROUNDS", "6"))
SEED = int(os.environ.get("LOOM_CHAOS_SEED", "9"))
SETTLED_WITHIN_S = 240.0 + MESSAGES / 10
PAGE = 500
NAMES = ("alice", "bob", "eve")


class Person:
    """A profile, its node while it runs, and the way to it."""

    def __init__(self, home: Home, name: str) -> None:
        self.name = name
        self.way = Relay()
        self.kills = 0
        self._home = home
        self._daemon: Daemon | None = None
        self._client: Client | None = None

    @property
    def is_up(self) -> bool:
        """Its node runs."""
        return self._daemon is not None

    @property
    def client(self) -> Client:
        """Of the running node."""
        assert self._client is not None
        return self._client

    async def up(self) -> None:
        """Start the node unless it runs."""
        if self._daemon is None:
            self._daemon = await asyncio.to_thread(self._home.start_daemon, self.name, *ALONE)
            self.way.target = self._daemon.port
            profiles = LocalProfiles(Settings(home=self._home.loom))
            self._client = await profiles.attach(self.name)

    async def down(self, number: signal.Signals) -> None:
        """End the node."""
        if self._daemon is not None:
            self.kills += 1
            self.way.target = 0
            daemon, self._daemon = self._daemon, None
            client, self._client = self._client, None
            await asyncio.to_thread(end, daemon, number)
            if client is not None:
                await client.close()

    async def say(self, other: str, texts: Sequence[str]) -> list[str]:
        """Send all at once; those that were answered: the node may die meanwhile."""
        client = self.client
        answers = await asyncio.gather(
            *(client.send(SendText(contact=other, body=text)) for text in texts),
            return_exceptions=True,
        )
        for one in answers:
            if isinstance(one, BaseException) and not isinstance(one, LoomError):
                raise one
        return [
            text
            for text, one in zip(texts, answers, strict=True)
            if not isinstance(one, BaseException)
        ]

    async def history(self, other: str, direction: str) -> list[str]:
        """What went one way in the conversation, oldest first."""
        found: list[str] = []
        row = 0
        while True:
            command = History(contact=other, limit=PAGE, after_row=row, oldest=True)
            page = (await self.client.send(command)).messages
            found += [one.body for one in page if one.direction == direction]
            if len(page) < PAGE:
                return found
            row = page[-1].row_id


class Place:
    """An anchor behind a way that can be cut."""

    def __init__(self, folder: Path, name: str) -> None:
        self.box = Box(folder, name)
        self.way = Relay()
        self.kills = 0

    async def up(self) -> None:
        """Serve."""
        await asyncio.to_thread(self.box.up)
        self.way.target = self.box.port

    async def kill(self) -> None:
        """As a power cut would."""
        self.kills += 1
        self.way.target = 0
        await asyncio.to_thread(self.box.kill)

    async def serve(self, home: Home, name: str) -> None:
        """Somebody takes it into use."""
        at = ("--address", f"{HOST}:{self.way.port}")
        text = (await asyncio.to_thread(self.box.home.run, "anchor", "pair", *at)).ok().stdout
        (await asyncio.to_thread(home.run, "-p", name, "anchor", "use", text)).ok()


class Chaos:
    """All of them, and what was said."""

    def __init__(self, people: Sequence[Person], places: Sequence[Place]) -> None:
        self.people = people
        self.places = places
        self.things: list[Person | Place] = [*people, *places]
        self.chance = random.Random(SEED)
        self.answered: dict[tuple[str, str], list[str]] = {}
        self.cuts = 0
        self._number = 0

    async def meet(self) -> None:
        """Everybody is linked with everybody once, and knows where the others read."""
        for one in self.people:
            one.way.is_open = True
            await one.up()
        for one, other in permutations(self.people, 2):
            with suppress(LoomError):
                to = Connect(contact=other.name, host=HOST, port=other.way.port)
                await one.client.send(to)

    async def round(self, messages: int) -> None:
        """Things happen while people write."""
        for place in self.places:
            place.way.is_open = self.chance.random() < 0.8
        for person in self.people:
            person.way.is_open = self.chance.random() < 0.4
        async with asyncio.TaskGroup() as group:
            writing = [group.create_task(self._write(one, messages)) for one in self.people]
            for thing in self.things:
                if self.chance.random() < 0.5:
                    group.create_task(self._trouble(thing))
        await asyncio.gather(*writing)
        await asyncio.sleep(self.chance.uniform(0, 4))

    async def _write(self, one: Person, messages: int) -> None:
        if not one.is_up:
            if self.chance.random() < 0.3:
                return  # stays away for this round
            await one.up()
        for other in self.people:
            if other is one or not one.is_up:
                continue
            for _ in range(0, messages, 20):
                texts = [f"{one.name} {self._number + n}" for n in range(20)]
                self._number += len(texts)
                with suppress(AssertionError):  # killed meanwhile
                    said = await one.say(other.name, texts)
                    self.answered.setdefault((one.name, other.name), []).extend(said)

    async def _trouble(self, thing: Person | Place) -> None:
        await asyncio.sleep(self.chance.uniform(0, 1.5))
        if self.chance.random() < 0.4:
            self.cuts += 1
            thing.way.cut()
        elif isinstance(thing, Place):
            await thing.kill()
            await asyncio.sleep(self.chance.uniform(0, 2))
            await thing.up()
        else:
            await thing.down(self.chance.choice([signal.SIGKILL, signal.SIGTERM]))

    async def end(self) -> None:
        """The trouble is over."""
        for place in self.places:
            place.way.is_open = True
        await self.meet()

    async def settled(self) -> bool:
        """Nothing waits for its receipt."""
        return all([not (await one.client.send(Status())).queued for one in self.people])


@asynccontextmanager
async def chaos(home: Home, folder: Path) -> AsyncIterator[Chaos]:
    """Alice reads at one anchor, Bob at the other one, Eve has none."""
    for pair in (("alice", "eve"), ("bob", "eve")):
        await asyncio.to_thread(introduce, home, *pair)
    people = [Person(home, name) for name in NAMES]
    places = [Place(folder / name, name) for name in ("box0", "box1")]
    all_ = Chaos(people, places)
    try:
        for one in all_.things:
            await one.way.start()
            await one.up()
        for place, person in zip(places, people, strict=False):
            await place.serve(home, person.name)
        yield all_
    finally:
        for person in people:
            await person.down(signal.SIGTERM)
        for place in places:
            await place.kill()
        for one in all_.things:
            await one.way.stop()


@pytest.mark.long
@pytest.mark.timeout(60 + 60 * ROUNDS + 2 * int(SETTLED_WITHIN_S))
async def test_every_history_is_complete_whatever_dies(home: Home, tmp_path: Path) -> None:
    began_s = time.monotonic()
    async with chaos(home, tmp_path) as all_:
        await all_.meet()
        for _ in range(ROUNDS):
            await all_.round(max(MESSAGES // ROUNDS // 6, 20))
        stormy_s = time.monotonic() - began_s
        await all_.end()
        deadline_s = time.monotonic() + SETTLED_WITHIN_S
        while not await all_.settled():
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.5)
        total = 0
        for one, other in permutations(all_.people, 2):
            said = await one.history(other.name, "out")
            assert await other.history(one.name, "in") == said
            assert len(set(said)) == len(said)
            assert set(all_.answered.get((one.name, other.name), [])) <= set(said)
            total += len(said)
    kills = sum(one.kills for one in all_.things)
    print(  # noqa: T201
        f"{total} messages, {kills} kills, {all_.cuts} cuts: {stormy_s:.0f} s of trouble, "
        f"{time.monotonic() - began_s:.0f} s in all"
    )
    assert total >= MESSAGES // 2
