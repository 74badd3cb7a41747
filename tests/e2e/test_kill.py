"""Two daemons under kill -9: nothing is lost, nothing doubled, each sender's order is kept."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from loom.api.client import Client
from loom.api.contact_commands import Connect
from loom.api.events import MessageDelivered, MessageReceived
from loom.api.message_commands import History, SendText
from loom.config import Settings, home_of, paths_of
from loom.control.client import attach
from loom.errors import ControlError, NodeNotRunning
from tests.e2e.processes import Daemon, Home, history

MESSAGES = 1_000
KILLS = 8
IN_FLIGHT = 32
LIMIT_S = 100.0


class Side:
    """One person: a daemon that may die at any moment, and a script that keeps sending."""

    def __init__(self, home: Home, profile: str, contact: str) -> None:
        self.home = home
        self.profile = profile
        self.contact = contact
        self.socket = paths_of(home_of(Settings(home=home.loom)), profile).socket
        self.to_send = list(range(MESSAGES))
        self.unsure: set[int] = set()
        """Numbers whose answer a kill swallowed: stored once or not at all."""
        self.daemon: Daemon | None = None
        self.port = 0
        self.up = asyncio.Event()

    @property
    def sent(self) -> int:
        """How many numbers were stored for sure."""
        return MESSAGES - len(self.to_send) - len(self.unsure)

    def start(self) -> None:
        """Run the node, always at the same port."""
        self.daemon = self.home.start_daemon(
            self.profile, "--listen", f"127.0.0.1:{self.port}", "--no-mdns"
        )
        self.port = self.daemon.port

    def kill(self) -> None:
        """Without any warning."""
        if self.daemon is not None:
            self.daemon.process.kill()
            self.daemon.process.communicate()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Attached to the running daemon."""
        client = await attach(self.socket)
        try:
            yield client
        finally:
            await client.close()

    async def say_everything(self, said: asyncio.Condition) -> None:
        """Store each number once, whatever happens to the daemon meanwhile."""
        while self.to_send or self.unsure:
            await self.up.wait()
            try:
                async with self.client() as client:
                    await self._find_out(client)
                    while self.to_send and not self.unsure:
                        await self._say(client)
                        async with said:
                            said.notify_all()
            except (ControlError, NodeNotRunning):
                continue  # it was killed before it answered

    async def _say(self, client: Client) -> None:
        numbers, self.to_send = self.to_send[:IN_FLIGHT], self.to_send[IN_FLIGHT:]
        self.unsure.update(numbers)
        commands = [SendText(contact=self.contact, body=str(number)) for number in numbers]
        answers = await asyncio.gather(*map(client.send, commands), return_exceptions=True)
        for number, answer in zip(numbers, answers, strict=True):
            if not isinstance(answer, BaseException):
                self.unsure.discard(number)
            elif not isinstance(answer, ControlError):
                raise answer

    async def _find_out(self, client: Client) -> None:
        """Of what died unanswered, only what the history does not hold is sent again."""
        if self.unsure:
            page = await client.send(History(contact=self.contact, limit=2 * MESSAGES))
            stored = {int(one.body) for one in page.messages if one.direction == "out"}
            self.to_send[:0] = sorted(self.unsure - stored)
            self.unsure.clear()

    async def all_delivered_and_received(self) -> list[int]:
        """Wait for every receipt and every message; the numbers as events told them."""
        delivered: set[str] = set()
        received: list[int] = []
        async with self.client() as client:
            async for event in client.events(after=0):
                if isinstance(event, MessageDelivered):
                    assert event.message_id not in delivered
                    delivered.add(event.message_id)
                elif isinstance(event, MessageReceived):
                    received.append(int(event.body))
                if len(delivered) >= MESSAGES and len(received) >= MESSAGES:
                    break
        return received


@pytest.mark.long
async def test_a_thousand_messages_each_way_survive_kill_9(home: Home) -> None:
    chance = random.Random(20261120)
    sides = [Side(home, "alice", "Bob"), Side(home, "bob", "Alice")]
    said = asyncio.Condition()

    def total() -> int:
        return sum(side.sent for side in sides)

    async def restart(side: Side) -> None:
        side.up.clear()
        side.kill()
        await asyncio.to_thread(side.start)
        side.up.set()

    async def kill_at_random_moments() -> None:
        for moment in sorted(chance.sample(range(50, 2 * MESSAGES - 50), KILLS)):
            async with said:
                await said.wait_for(lambda at=moment: total() >= at)  # type: ignore[misc]
            await asyncio.sleep(chance.uniform(0, 0.3))
            victims = chance.choice([sides[:1], sides[1:], sides])
            await asyncio.gather(*map(restart, victims))

    try:
        async with asyncio.timeout(LIMIT_S):
            for side in sides:
                await restart(side)
            for side, other in (sides, sides[::-1]):
                async with side.client() as client:
                    where = Connect(contact=side.contact, host="127.0.0.1", port=other.port)
                    await client.send(where)
            async with asyncio.TaskGroup() as group:
                group.create_task(kill_at_random_moments(), name="killer")
                for side in sides:
                    group.create_task(side.say_everything(said), name=side.profile)
            heard = await asyncio.gather(*(side.all_delivered_and_received() for side in sides))
        for side in sides:
            assert side.daemon is not None
            assert side.daemon.end() == 0
    finally:
        for side in sides:
            side.kill()
    kept = {side: history(home, side.profile, side.contact, "-n", "9999") for side in sides}
    for (author, reader), told in zip((sides, sides[::-1]), heard[::-1], strict=True):
        said_by_author = [one for one in kept[author] if one["direction"] == "out"]
        seen_by_reader = [one for one in kept[reader] if one["direction"] == "in"]
        assert {one["state"] for one in said_by_author} == {"delivered"}
        for field in ("body", "message_id", "sent_at_ms"):
            assert [one[field] for one in seen_by_reader] == [one[field] for one in said_by_author]
        numbers = [int(one["body"]) for one in seen_by_reader]
        assert sorted(numbers) == list(range(MESSAGES))
        assert told == numbers
