"""A machine with an anchor on it, in memory and virtual time, and a peer that asks it."""

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar

from loom.anchor.anchor import Anchor, AnchorParts, prepare
from loom.anchor.limits import AnchorLimits
from loom.anchor.store import SCHEMA
from loom.api.anchor_commands import PairAnchor
from loom.api.command import Command
from loom.core.anchor_gate import anchor_credentials
from loom.core.link import Link
from loom.core.link_ends import LinkInitiator
from loom.core.link_events import CloseReason, LinkAuthenticated, RecordReceived
from loom.core.queues import (
    DoorKeys,
    QueueKeys,
    derive_account_keys,
    derive_pairing_keys,
    derive_queue_keys,
)
from loom.links.direct import DirectLink
from loom.model import Address
from loom.ports import Clock, Transport
from loom.wire.framing import RecordKind
from loom.wire.limits import ENVELOPE_BUCKETS
from loom.wire.pairing import decode_pairing_text
from loom.wire.requests import (
    Answer,
    Limits,
    Ok,
    Open,
    Pair,
    Push,
    Put,
    QueueUse,
    Request,
    decode_answer,
    decode_push,
    encode_request,
)
from tests.memory_network import MemoryNetwork
from tests.node.disk import Disk, OneThreadDatabase

R = TypeVar("R")
PORT = 4_071
MASK_KEY = bytes(range(50, 66))
DAY_S = 86_400


class AnchorMachine:
    """It can lose power, be wiped, set back to an old copy, and start again."""

    def __init__(
        self,
        network: MemoryNetwork,
        clock: Clock,
        folder: Path,
        *,
        host: str = "10.0.0.200",
        limits: AnchorLimits | None = None,
    ) -> None:
        self.network = network
        self.clock = clock
        self.folder = folder
        self.host = host
        self.own_addresses = [host]
        self.limits = limits or AnchorLimits()
        self.disk = Disk()
        self.disk.lose_power = self.lose_power
        self.is_running = False
        self.mask_key = MASK_KEY
        self._random = Random(f"anchor {host}")
        self.random: Callable[[int], bytes] = self._random.randbytes
        self._anchor: Anchor | None = None
        self._database: OneThreadDatabase | None = None

    @property
    def address(self) -> Address:
        """Where it listens."""
        return Address(self.host, PORT)

    @property
    def anchor(self) -> Anchor:
        """The one that runs."""
        assert self._anchor is not None
        return self._anchor

    @property
    def database(self) -> OneThreadDatabase:
        """Its store."""
        assert self._database is not None
        return self._database

    @property
    def path(self) -> Path:
        """The database's file."""
        return self.folder / "loom.db"

    def transport_of(self, host: str) -> Transport:
        """How a host dials it."""
        return self.network.transport(host)

    async def start(self) -> None:
        """Open it, made at first, and listen."""
        self.folder.mkdir(exist_ok=True)
        is_new = not self.path.exists()
        self._database = OneThreadDatabase.on(self.disk, self.path, SCHEMA)
        if is_new:
            self._database.write_now(lambda db: prepare(db, MASK_KEY, "anchor"))
        self._anchor = Anchor(
            AnchorParts(
                name="anchor",
                folder=self.folder,
                database=self._database,
                limits=self.limits,
                clock=self.clock,
                random=self._random.randbytes,
                transport=self.network.transport(self.host),
                local_addresses=lambda: self.own_addresses,
            )
        )
        await self._anchor.start(self.address)
        self.is_running = True

    async def stop(self) -> None:
        """An orderly end."""
        self.is_running = False
        await self.anchor.close()

    def lose_power(self) -> None:
        """End as kill -9 would."""
        if self.is_running:
            self.is_running = False
            self.network.crash(self.host)
            self.database.is_dead = True
            for task in list(self.anchor._tasks):
                task.cancel()

    async def restart(self) -> None:
        """Lose power, and start again."""
        self.lose_power()
        await self.bury()
        await self.start()

    async def bury(self) -> None:
        """What is left of a run that lost power: its file stays as it was committed."""
        if self._database is not None and self._database.is_dead:
            with contextlib.suppress(Exception):
                self._database._writer.db.close()
            for reader in (self._database._reader, self._database._long_reader):
                reader.close()
            self._database = None
        await asyncio.sleep(0)

    async def wipe(self) -> None:
        """Start again with nothing but the mask key."""
        self.lose_power()
        await self.bury()
        shutil.rmtree(self.folder)
        await self.start()

    async def copy(self) -> Path:
        """A copy of the folder as it is now; for `restore`."""
        await self.database.checkpoint()
        target = self.folder.with_name(f"{self.folder.name} copy {self._random.getrandbits(32)}")
        shutil.copytree(self.folder, target)
        return target

    async def restore(self, copy: Path) -> None:
        """Start again from an old copy."""
        self.lose_power()
        await self.bury()
        shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder)
        await self.start()

    async def send(self, command: Command[R]) -> R:
        """What its owner asks."""
        return await self.anchor.send(command)

    async def pairing_text(self, expires_s: int = 3_600) -> str:
        """A text for one account."""
        at = [(self.address.host, self.address.port)]
        return (await self.send(PairAnchor(addresses=at, expires_s=expires_s))).text


class Reachable(Protocol):
    """An anchor that peers dial: in memory, or a process."""

    clock: Clock
    random: Callable[[int], bytes]
    mask_key: bytes

    @property
    def address(self) -> Address:
        """Where it listens."""
        ...

    def transport_of(self, host: str) -> Transport:
        """How a host dials it."""
        ...


class AnchorPeer:
    """One end that dialled an anchor, and what came back."""

    def __init__(self, machine: "Reachable", keys: DoorKeys, host: str = "10.0.0.1") -> None:
        self.pushes: list[Push] = []
        self.pushed = asyncio.Event()
        """A push came, or the link ended."""
        self.later: list[tuple[int, Answer]] = []
        """Answers to requests that were answered before."""
        self.is_closed = False
        self._machine = machine
        self._keys = keys
        self._host = host
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._link = DirectLink(self, machine.clock, self._initiate, dialled=True)

    async def dial(self) -> bool:
        """Connect; whether the anchor let this key in."""
        transport = self._machine.transport_of(self._host)
        await transport.dial(self._machine.address, self._link, 5.0)
        return await self._confirmed

    def send(self, request: Request) -> "asyncio.Future[Answer]":
        """Ask, and do not wait."""
        self._number += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        self._link.send_record(RecordKind.REQUEST, encode_request(self._number, request))
        return future

    def send_record(self, kind: RecordKind, body: bytes) -> None:
        """Send whatever."""
        self._link.send_record(kind, body)

    async def ask(self, request: Request) -> Answer:
        """Ask, and wait for the answer."""
        return await self.send(request)

    def pause_reading(self) -> None:
        """Take nothing more in."""
        self._link.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._link.resume_reading()

    def close(self) -> None:
        """Hang up."""
        self._link.abort()

    # --- Opening and Owner ---

    def authenticated(self, link: DirectLink, event: LinkAuthenticated) -> None:
        """Only a responder's."""

    def confirmed(self, link: DirectLink) -> None:
        link.hand_over(self)
        self._confirmed.set_result(True)

    def closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        self._end()

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        for record in records:
            if record.kind is RecordKind.PUSH:
                self.pushes.append(decode_push(record.body))
                self.pushed.set()
                continue
            assert record.kind is RecordKind.ANSWER
            number, answer = decode_answer(record.body)
            future = self._waiting.pop(number, None)
            if future is None:
                self.later.append((number, answer))
            elif not future.done():
                future.set_result(answer)

    def writable_again(self, link: DirectLink) -> None:
        """Nothing waits here."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        self._end()

    def _end(self) -> None:
        self.is_closed = True
        self.pushed.set()
        if not self._confirmed.done():
            self._confirmed.set_result(False)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError())
                future.exception()  # nobody may wait for it

    def _initiate(self) -> Link:
        clock, random = self._machine.clock, self._machine.random
        day = clock.now_ms() // 1_000 // DAY_S
        return LinkInitiator(
            anchor_credentials(self._keys, self._machine.mask_key, random(16), day),
            ephemeral_seed=random(32),
            kem_seed=random(64),
            now_s=clock.monotonic_s(),
        )


def secret_of(name: str) -> bytes:
    """32 bytes, the same for the same name."""
    return Random(name).randbytes(32)


def queue_of(name: str) -> QueueKeys:
    """The keys of a queue."""
    return derive_queue_keys(secret_of(f"queue {name}"))


def account_of(name: str) -> DoorKeys:
    """The keys of an account."""
    return derive_account_keys(secret_of(f"account {name}"))


def envelope(label: object, size: int = ENVELOPE_BUCKETS[0]) -> bytes:
    """Fixed bytes of an envelope's length that differ per label."""
    return Random(f"envelope {label}").randbytes(size)


def put_of(queue: QueueKeys, label: object, size: int = ENVELOPE_BUCKETS[0]) -> Put:
    """A put of an envelope."""
    return Put(queue.queue_id, queue.seal_blob(1_900_000_000, envelope(label, size)))


def open_of(queue: QueueKeys, use: QueueUse = QueueUse.INBOUND, until_s: int = 0) -> Open:
    """What makes a queue."""
    return Open(queue.queue_id, queue.door.tag, queue.door.link, use, until_s)


async def linked(machine: Reachable, keys: DoorKeys, host: str = "10.0.0.1") -> AnchorPeer:
    """A peer that was let in."""
    peer = AnchorPeer(machine, keys, host)
    assert await peer.dial()
    return peer


async def paired(machine: AnchorMachine, name: str = "ada") -> AnchorPeer:
    """The link of a new account."""
    return await paired_by(machine, await machine.pairing_text(), name)


async def paired_by(machine: Reachable, text: str, name: str) -> AnchorPeer:
    """The link of a new account, made by this text."""
    pairing = decode_pairing_text(text)
    peer = await linked(machine, derive_pairing_keys(pairing.secret))
    keys = account_of(name)
    assert isinstance(await peer.ask(Pair(keys.tag, keys.link)), Limits)
    peer.close()
    return await linked(machine, keys)


async def opened(
    machine: Reachable, holder: AnchorPeer, name: str, use: QueueUse = QueueUse.INBOUND
) -> tuple[QueueKeys, AnchorPeer]:
    """A new queue, and its guest."""
    queue = queue_of(name)
    assert await holder.ask(open_of(queue, use)) == Ok()
    return queue, await linked(machine, queue.door, "10.0.1.1")


async def settled() -> None:
    """What is under way has arrived."""
    for _ in range(5):
        await asyncio.sleep(0.01)
