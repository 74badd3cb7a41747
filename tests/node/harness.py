"""Several people on one network in one event loop, each with a node and a real database."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from loom.api.command import Command
from loom.api.contact_commands import Connect, ImportToken
from loom.api.events import AnyEvent
from loom.api.message_commands import History, SendText
from loom.api.message_views import MessageView
from loom.api.profiles import NodeOptions
from loom.config import Paths
from loom.core.identity import Identity, phrase_from_entropy, seeds_from_phrase
from loom.discovery.static import StaticDiscovery
from loom.model import Address, Direction, MessageState, OwnProfile
from loom.node.device import Device
from loom.node.journal import Journal
from loom.node.key_pool import KeyPool
from loom.node.node import Node
from loom.node.own_profile import OwnProfileNow
from loom.node.parts import Parts
from loom.ports import Discovery
from loom.storage import addresses, events, machine, messages, outbox, own_profile
from loom.storage.addresses import AddressSource
from loom.storage.file_store import FileStore
from loom.wire.token import encode_token
from tests.memory_network import MemoryNetwork
from tests.node.disk import Disk, OneThreadDatabase
from tests.node.virtual_loop import VirtualLoop
from tests.people import NOW_MS

R = TypeVar("R")
E = TypeVar("E", bound=AnyEvent)

PORT = 4_070
HISTORY_MAX = 10_000


@cache
def identity_of(name: str) -> Identity:
    """Somebody's identity, the same in every test."""
    entropy = random.Random(name).randbytes(32)
    return Identity(seeds_from_phrase(phrase_from_entropy(entropy)))


async def nothing_outside(keyring_name: str) -> None:
    """Nothing of these profiles lies outside their folders."""


class FakeClock:
    """One person's clock: the loop's time, and a wall time that can be set."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.jumped_s = 0.0

    def now_ms(self) -> int:
        """Unix time in milliseconds; may jump."""
        return NOW_MS + int((self._loop.time() + self.jumped_s) * 1000)

    def monotonic_s(self) -> float:
        """Seconds since some start; never goes back."""
        return self._loop.time()


class Person:
    """Somebody's machine: it can lose power and start again."""

    def __init__(
        self,
        world: "World",
        name: str,
        identity: Identity,
        folder: Path,
        *,
        is_restored: bool = False,
    ) -> None:
        self.world = world
        self.name = name
        self.identity = identity
        self.host = f"10.0.0.{len(world.people) + 1}"
        self.clock = FakeClock(world.loop)
        self.disk = Disk()
        self.disk.lose_power = self.lose_power
        self.events: list[AnyEvent] = []
        """Everything a front end was told, over all starts."""
        self.options = NodeOptions(mdns=False)
        self.is_running = False
        self._is_restored = is_restored
        """From the words, on a new machine: not known there until its first start."""
        self._doom: asyncio.Handle | None = None
        self._folder = folder
        self._discovery = StaticDiscovery()
        self.pairing_discovery: Discovery = StaticDiscovery()
        self._ears: asyncio.Task[None] | None = None
        self._node: Node | None = None
        self._starting: asyncio.Task[None] | None = None
        self._database: OneThreadDatabase | None = None
        self._random = random.Random(f"{world.seed}/{name}/{self.host}")

    def __repr__(self) -> str:
        return self.name

    # --- the machine ---

    @property
    def path(self) -> Path:
        """The database's file."""
        return self._folder / "loom.db"

    def lose_conversations(self) -> None:
        """While off: every session is gone, as after a restored backup."""
        database = OneThreadDatabase.on(Disk(), self.path)
        database._writer.db.executescript(
            "DELETE FROM sessions; DELETE FROM prekeys; DELETE FROM laid_bundles"
        )
        machine.begin_epoch(database._writer.db)
        database.close()

    async def start(self) -> None:
        """Open the profile and meet the network; returns also when the power fails meanwhile."""
        await self.bury()
        self._folder.mkdir(exist_ok=True)
        paths = Paths(profile=self.name.lower(), folder=self._folder, log=self._folder / "loom.log")
        self._database = database = OneThreadDatabase.on(self.disk, paths.database)
        if self._is_restored:
            machine.begin_epoch(database._writer.db)
            self._is_restored = False
        journal = Journal(database, self.clock, database.read_now(events.last_seq))
        parts = Parts(
            database=database,
            identity=self.identity,
            clock=self.clock,
            journal=journal,
            profile=OwnProfileNow(
                database.read_now(own_profile.load) or OwnProfile(name=self.name)
            ),
            keys=KeyPool(),
            files=FileStore(paths.files),
            random=self._random.randbytes,
        )
        transport = self.world.network.transport(self.host)
        self._discovery = StaticDiscovery(addresses=[ip_address(self.host).packed])
        self._node = Node(
            parts,
            paths=paths,
            remove_traces=nothing_outside,
            transport=transport,
            discovery=self._discovery,
            pairing_discovery=self.pairing_discovery,
            options=self.options,
        )
        self.is_running = True
        self._ears = asyncio.create_task(self._listen(self._node), name=f"{self.name}'s ears")
        self._starting = asyncio.create_task(self._node.start(), name=f"{self.name} starts")
        await asyncio.wait([self._starting])
        if self.is_running:
            await self._starting

    async def stop(self) -> None:
        """An orderly end."""
        await self.node.close()
        self.is_running = False
        await self.bury()

    def lose_power(self) -> None:
        """Now. What is not committed never was; nobody hears of it."""
        if not self.is_running:
            return
        self.is_running = False
        self.database.is_dead = True
        self.world.network.crash(self.host)
        self.node.network.link_listener.stop()
        self.node.network.caller.stop()
        tasks = [task for device in self.node.roster.everyone() for task in device.context.tasks]
        tasks += [*self.node.expiry.tasks, *self.node.farewells.tasks]
        tasks += self.node.invites.tasks
        if self.node._maintenance is not None:
            tasks.append(self.node._maintenance)
        tasks += self.node.network.anchors._tasks
        for task in tasks:
            task.cancel()
        if self._starting is not None:
            self._starting.cancel()

    def lose_power_in(self, turns: int) -> None:
        """After so many turns of the loop, wherever everybody is then."""
        if self._doom is not None:
            self._doom.cancel()
        self._doom = self.world.loop.call_soon(self._count_down, turns)

    def _count_down(self, turns: int) -> None:
        if turns:
            self._doom = self.world.loop.call_soon(self._count_down, turns - 1)
        else:
            self.lose_power()

    def heal(self) -> None:
        """No more faults of this machine."""
        self.disk.heal()
        self.clock.jumped_s = 0.0
        if self._doom is not None:
            self._doom.cancel()

    async def bury(self) -> None:
        """Clear away what a dead machine left in this process."""
        self.disk.power_lost_before = self.disk.power_lost_after = None
        if self._node is not None and not self.is_running:
            await self._node.close()
            self._node = None
        if self._ears is not None and not self.is_running:
            self._ears.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ears
            self._ears = None

    async def crash(self) -> None:
        """Lose power and stay off."""
        self.lose_power()
        await self.bury()

    async def restart(self) -> None:
        """Lose power and come back."""
        await self.crash()
        await self.start()

    @property
    def node(self) -> Node:
        """The running node."""
        assert self._node is not None
        return self._node

    @property
    def database(self) -> OneThreadDatabase:
        """The open database."""
        assert self._database is not None
        return self._database

    @property
    def address(self) -> Address:
        """Where this person is."""
        return Address(self.host, self.node.network.port)

    async def _listen(self, node: Node) -> None:
        async for event in node.events():
            self.events.append(event)

    # --- the user ---

    async def do(self, command: Command[R]) -> R:
        """Carry out a command."""
        return await self.node.send(command)

    async def add(self, other: "Person") -> None:
        """Import the other's token."""
        await self.do(ImportToken(token=encode_token(other.identity.token), name=other.name))

    async def call(self, other: "Person") -> None:
        """Connect by hand; the address is remembered."""
        await self.do(Connect(contact=other.name, host=other.host, port=other.address.port))

    async def note_address(self, other: "Person") -> None:
        """Learn where the other is, and dial soon."""
        number, address = self.peer(other).device_id, other.address
        now_ms = self.clock.now_ms()
        await self.database.write(
            lambda db: addresses.remember(db, number, address, AddressSource.HAND, now_ms)
        )
        dialer = self.peer(other).dialer
        assert dialer is not None
        dialer.heard([address])

    async def say(self, other: "Person", *texts: str) -> list[MessageView]:
        """Send texts, one after the other."""
        return [await self.do(SendText(contact=other.name, body=text)) for text in texts]

    async def shout(self, other: "Person", *texts: str) -> list[MessageView]:
        """Send texts, all at once."""
        said = await asyncio.gather(*(self.say(other, text) for text in texts))
        return [one for [one] in said]

    async def history(self, other: "Person") -> list[MessageView]:
        """What this user sees of the conversation."""
        return (await self.do(History(contact=other.name, limit=HISTORY_MAX))).messages

    def told(self, kind: type[E]) -> list[E]:
        """The events of one kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    # --- behind the scenes ---

    def peer(self, other: "Person") -> Device:
        """The other in this person's node."""
        for peer in self.node.roster.values():
            if peer.person.peer_id == other.identity.peer_id:
                return peer
        raise AssertionError(f"{self} does not know {other}")

    def is_online(self, other: "Person") -> bool:
        """Whether a confirmed link stands."""
        return self.is_running and self.peer(other).connection is not None

    def best_session(self, other: "Person") -> bytes | None:
        """What this person sends on."""
        best = self.peer(other).sessions.best
        return None if best is None else best.session_id

    def texts(self, other: "Person", direction: Direction) -> list[tuple[str, MessageState]]:
        """What is committed of a conversation, in order."""
        number = self.peer(other).conversation_id
        found = self.database.look(lambda db: messages.page(db, number, HISTORY_MAX))
        return [(one.body, one.state) for one in found if one.direction is direction]

    def received(self, other: "Person") -> list[str]:
        """What the other said, as committed here."""
        return [body for body, _ in self.texts(other, Direction.IN)]

    def sent(self, other: "Person") -> list[str]:
        """What this person said, as committed here."""
        return [body for body, _ in self.texts(other, Direction.OUT)]

    def all_delivered(self, other: "Person") -> bool:
        """Nothing waits: every text has its tick, or failed, or was deleted for both."""
        waiting = (MessageState.QUEUED, MessageState.SENT)
        number = self.peer(other).conversation_id
        found = self.database.look(lambda db: messages.page(db, number, HISTORY_MAX))
        return self.queued(other) == 0 and not any(
            one.direction is Direction.OUT and one.state in waiting and one.deleted_at_ms is None
            for one in found
        )

    def queued(self, other: "Person") -> int:
        """How many outbox rows wait."""
        number = self.peer(other).device_id
        return self.database.look(lambda db: len(outbox.page(db, number, limit=1_000_000)))


class World:
    """People and the network between them. `faults` and `partition` are the network's."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.seed = seed
        self.network = MemoryNetwork(seed)
        self.people: list[Person] = []
        self.anchors: list[Any] = []
        """The machines of `anchor_machine.py`."""
        self.folder = folder
        random.seed(seed)  # the jitter of every delay

    async def person(self, name: str, identity: Identity | None = None) -> Person:
        """Somebody new, running; with an identity of before, restored from the words."""
        place = self.folder / f"{name.lower()}{len(self.people)}"
        identity = identity or identity_of(name)
        is_restored = any(one.identity.peer_id == identity.peer_id for one in self.people)
        person = Person(self, name, identity, place, is_restored=is_restored)
        self.people.append(person)
        await person.start()
        return person

    async def friends(self, *names: str) -> list[Person]:
        """People who have each other's tokens and addresses and are connected."""
        people = [await self.person(name) for name in names]
        await self.introduce(people)
        return people

    async def introduce(self, people: Sequence[Person]) -> None:
        """Everybody imports everybody's token; the first to be named dials."""
        for one in people:
            for other in people:
                if one is not other:
                    await one.add(other)
        for n, one in enumerate(people):
            for other in people[n + 1 :]:
                await one.call(other)
                await self.until(lambda a=one, b=other: b.is_online(a))  # type: ignore[misc]

    def mute(self, one: Person, other: Person) -> None:
        """From now on nothing of `one` reaches `other` on today's streams; nobody is told."""
        for stream in self.network.streams:
            if (stream.local.host, stream.remote.host) == (one.host, other.host):
                stream.faults = msgspec.structs.replace(stream.faults, drop_after_bytes=0)

    def move(self, person: Person, host: str) -> None:
        """Give somebody another address."""
        self.network.move(person.host, host)
        person.host = host

    async def until(self, condition: Callable[[], bool], within_s: float = 120.0) -> None:
        """Go on once it holds; the time is the loop's, not real."""
        deadline_s = self.loop.time() + within_s
        async with asyncio.timeout(within_s + 1.0):
            while not condition():
                assert self.loop.time() < deadline_s, "it never came to this"
                await self.loop.quiet()

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass for everybody."""
        await asyncio.sleep(seconds)

    async def delivered(self, *people: Person, within_s: float = 120.0) -> None:
        """Wait until nothing waits between these people."""
        await self.until(
            lambda: all(
                one.all_delivered(other) for one in people for other in people if one is not other
            ),
            within_s,
        )

    async def close(self) -> None:
        """End everybody."""
        for anchor in self.anchors:
            await anchor.stop()
        for person in self.people:
            if person.is_running:
                await person.stop()
            await person.bury()
