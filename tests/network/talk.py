"""Two people who talk through their nodes, and what must be true whatever the network did."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from loom import open_profile
from loom.api.client import Client
from loom.api.contact_commands import Connect, ListPeers
from loom.api.contact_views import PeerView
from loom.api.events import (
    MessageDelivered,
    MessageReceived,
    PeerOffline,
    PeerOnline,
    SessionStarted,
    Warned,
)
from loom.api.message_commands import History, SendText
from tests.network.hosts import PORT, Host


class Side:
    """One of the two."""

    def __init__(self, client: Client, contact: str) -> None:
        self.client = client
        self.contact = contact
        self.said: list[str] = []
        self.heard: list[str] = []
        self.ticks = 0
        """How many of one's own messages have their receipt."""
        self.warnings: list[str] = []
        self._changed = asyncio.Event()

    async def say(self, count: int) -> None:
        """Send some texts."""
        for _ in range(count):
            text = f"{len(self.said)} for {self.contact}"
            self.said.append(text)
            await self.client.send(SendText(contact=self.contact, body=text))

    async def dial(self, host: str) -> None:
        """Connect to the other; returns once a link stands."""
        await self.client.send(Connect(contact=self.contact, host=host, port=PORT))

    async def peer(self) -> PeerView:
        """What is said of the other."""
        (found,) = (await self.client.send(ListPeers())).peers
        return found

    async def until(self, holds: Callable[[], bool], bound_s: float) -> float:
        """Wait until something holds that events bring about; how long it took."""
        began_s = asyncio.get_running_loop().time()
        async with asyncio.timeout(bound_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()
        return asyncio.get_running_loop().time() - began_s

    async def until_online(self, online: bool, bound_s: float) -> PeerView:
        """Wait until the other is shown as there, or not."""
        async with asyncio.timeout(bound_s):
            while (peer := await self.peer()).online is not online:
                self._changed.clear()
                await self._changed.wait()
        return peer

    async def states(self) -> list[str]:
        """The states of one's own messages, oldest first."""
        found = await self.client.send(History(contact=self.contact, limit=1_000))
        return [one.state for one in found.messages if one.direction == "out"]

    async def read(self) -> None:
        """Follow what happens, from the profile's beginning."""
        async for event in self.client.events(after=0):
            match event:
                case MessageReceived(body=body):
                    self.heard.append(body)
                case MessageDelivered():
                    self.ticks += 1
                case Warned(code=code):
                    self.warnings.append(code)
                case SessionStarted() | PeerOnline() | PeerOffline():
                    pass
                case _:
                    continue
            self._changed.set()


class Talk:
    """Both sides of one conversation."""

    def __init__(self, alice: Side, bob: Side) -> None:
        self.alice = alice
        self.bob = bob

    async def say(self, count: int) -> None:
        """Both send so many, at the same time."""
        await asyncio.gather(self.alice.say(count), self.bob.say(count))

    async def settled(self, bound_s: float) -> float:
        """Return once everything said has arrived and has its tick, everywhere just once, in order.

        Returns:
            How long it took.
        """
        began_s = asyncio.get_running_loop().time()
        async with asyncio.timeout(bound_s):
            for one, other in ((self.alice, self.bob), (self.bob, self.alice)):
                await one.until(lambda: one.ticks >= len(one.said), bound_s)  # noqa: B023
                await other.until(lambda: len(other.heard) >= len(one.said), bound_s)  # noqa: B023
        took_s = asyncio.get_running_loop().time() - began_s
        for one, other in ((self.alice, self.bob), (self.bob, self.alice)):
            assert other.heard == one.said
            found = await other.client.send(History(contact=other.contact, limit=1_000))
            assert [each.body for each in found.messages if each.direction == "in"] == one.said
            assert set(await one.states()) <= {"delivered"}
            assert one.ticks == len(one.said)
        return took_s


@asynccontextmanager
async def talking(hosts: tuple[Host, Host]) -> AsyncIterator[Talk]:
    """Alice's running node on the first host and Bob's on the second, followed by their people."""
    async with (
        open_profile("alice", home=hosts[0].loom) as alice,
        open_profile("bob", home=hosts[1].loom) as bob,
    ):
        talk = Talk(Side(alice, "Bob"), Side(bob, "Alice"))
        readers = [asyncio.create_task(side.read()) for side in (talk.alice, talk.bob)]
        try:
            yield talk
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)
