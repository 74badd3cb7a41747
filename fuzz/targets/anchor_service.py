"""The service of an anchor: accounts, guests and pairings that ask for whatever, in any order."""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from fuzz.draw import Draw
from fuzz.target import Target
from loom.anchor import store
from loom.anchor.limits import AnchorLimits
from loom.anchor.peers import Peer, Queue, Role
from loom.anchor.service import Service
from loom.anchor.store import SCHEMA
from loom.core.queues import DoorKeys
from loom.wire.limits import (
    BLOB_SIZES,
    BULK_PUSHES_MAX,
    PUSHES_UNACKNOWLEDGED_MAX,
    SEALED_BUNDLE_BYTES,
)
from loom.wire.requests import (
    Ack,
    Answer,
    Displaced,
    Fetch,
    Have,
    Ids,
    Lay,
    Open,
    Pair,
    Push,
    Put,
    QueueUse,
    Request,
    Shut,
    Status,
    Stored,
    Subscribe,
    Unknown,
    Unpair,
    Work,
)
from tests.node.disk import Disk, OneThreadDatabase
from tests.node.harness import FakeClock
from tests.node.virtual_loop import VirtualLoop

STEPS_MAX: Final = 60
LIMITS: Final = AnchorLimits(
    queue_blobs=4, invite_blobs=2, queues=3, queue_bytes=200_000, bulk_queue_bytes=130_000
)
_IDS: Final = [bytes([n]) * 16 for n in range(4)]
_OPENED: Final = (
    ((_IDS[0], QueueUse.INBOUND), (_IDS[1], QueueUse.OUTBOUND)),
    ((_IDS[2], QueueUse.INVITE),),
)


def run(data: bytes) -> None:
    """Each request has one answer; what was answered ok is so; nobody reads what is not theirs."""
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_live(Draw(data), Path(folder)))


class _Line:
    """Remembers what a peer was told."""

    def __init__(self, world: "_World", role: Role) -> None:
        self._world = world
        self._role = role
        self.asked: dict[int, Request] = {}
        self.forbidden: set[int] = set()
        """Requests about a queue that this peer neither reads nor writes in that way."""
        self.answers: dict[int, list[Answer]] = {}
        self.pushes: list[Push] = []
        self.is_writable = True
        self.is_over = False
        self.done: list[tuple[Request, Answer]] = []
        """In the order in which they were answered."""

    def answer(self, number: int, answer: Answer) -> None:
        self.answers.setdefault(number, []).append(answer)
        self.done.append((self.asked[number], answer))

    def push(self, push: Push) -> None:
        self.pushes.append(push)
        held = self._world.service.queues.get(push.queue_id)
        reader = held and (held if held.use is QueueUse.OUTBOUND else held.account)
        if push.blob and reader not in (None, self._role):
            self._world.failed.append(AssertionError("pushed to somebody else"))

    def end(self) -> None:
        self.is_over = True


class _World:
    """An anchor's service on a real store, and the peers that are let in."""

    def __init__(self, database: OneThreadDatabase, disk: Disk, clock: FakeClock) -> None:
        self.disk = disk
        self.clock = clock
        self.roles: list[Role] = []
        self.peers: list[tuple[Peer, _Line]] = []
        self.failed: list[BaseException] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self.number = 0
        self.service = Service(
            database,
            clock,
            LIMITS,
            admit=self.roles.append,
            dismiss=self._dismiss,
            spawn=self._spawn,
        )
        self.service.room_bytes = 1 << 20

    def _dismiss(self, role: Role) -> None:
        if role in self.roles:
            self.roles.remove(role)
        for peer, line in self.peers:
            if peer.role is role:
                line.end()
        self._bury()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(error)

    def join(self, role: Role) -> None:
        """A link of a key, which takes the place of another."""
        for peer, line in self.peers:
            if peer.role is role:
                self.service.left(peer, displaced=True)
                line.end()
        self._bury()
        line = _Line(self, role)
        self.peers.append((Peer(role, line), line))

    def _bury(self) -> None:
        for peer, line in self.peers:
            if line.is_over:
                self.service.left(peer)
        self.peers = [one for one in self.peers if not one[1].is_over]

    def ask(self, peer: Peer, line: _Line, request: Request) -> None:
        self.number += 1
        line.asked[self.number] = request
        if not self._is_allowed(peer.role, request):
            line.forbidden.add(self.number)
        self.service.receive(peer, self.number, request)

    def _is_allowed(self, role: Role, request: Request) -> bool:
        """Said once more, without the product's own rule."""
        if not isinstance(request, Put | Have | Fetch | Work | Ack | Lay):
            return True
        queue = self.service.queues.get(request.queue_id)
        if queue is None or (queue.use is QueueUse.BULK and isinstance(request, Fetch | Lay)):
            return False
        reads = isinstance(request, Ack | Lay)
        is_guests = reads is (queue.use is QueueUse.OUTBOUND)
        return role is (queue if is_guests else queue.account)


async def _live(draw: Draw, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    disk = Disk()
    database = OneThreadDatabase.on(disk, folder / "loom.db", SCHEMA)
    world = _World(database, disk, FakeClock(loop))
    now_s = world.clock.now_ms() // 1_000
    for number in range(2):
        await world.service.give_pairing(_keys(number), now_s + 3_600)
        world.join(world.roles[-1])
        peer, line = world.peers[-1]
        world.ask(peer, line, Pair(*_words(100 + number)))
        await _settle(world)
        world.join(next(one for one in world.roles if one.keys == _account(number)))
        for queue_id, use in _OPENED[number]:
            peer, line = world.peers[-1]
            world.ask(peer, line, Open(queue_id, *_words(queue_id[0]), use, 0))
        await _settle(world)
    for role in list(world.roles):
        world.join(role)
    lines = [line for _, line in world.peers]
    for _ in range(draw.number(STEPS_MAX)):
        await _step(world, draw)
        lines += [line for _, line in world.peers if line not in lines]
    disk.heal()
    await _settle(world)
    assert world.failed == []
    for line in lines:
        _check_answers(line)
    await _check_store(world, database)
    database.take_no_more()
    database.close()


async def _step(world: _World, draw: Draw) -> None:
    match draw.number(12):
        case 0:
            world.join(draw.choice(world.roles))
        case 1:
            await _settle(world)
        case 2:
            world.disk.is_full = draw.flag()
        case 3:
            await asyncio.sleep(draw.choice((0.001, 11.0, 3_700.0, 32 * 86_400.0)))
            with suppress(Exception):  # a full disk
                await world.service.prune(world.clock.now_ms() // 1_000)
        case 4 if world.peers:
            _, line = draw.choice(world.peers)
            line.is_writable = draw.flag()
            for peer, one in world.peers:
                if one is line and line.is_writable:
                    world.service.writable_again(peer)
        case _ if world.peers:
            peer, line = draw.choice(world.peers)
            for _ in range(1 + draw.number(4)):
                if not line.is_over:
                    world.ask(peer, line, _request(draw, peer.role, line))
            world.service.flush()


def _request(draw: Draw, role: Role, line: _Line) -> Request:
    queue_id = draw.choice(_IDS)
    if isinstance(role, Queue) and draw.number(4):
        queue_id = role.queue_id
    blob = draw.take(1) * draw.choice(BLOB_SIZES)
    ids = tuple(draw.take(1) * 12 for _ in range(draw.number(4)))
    match draw.number(13):
        case 0 | 1:
            use = draw.choice(tuple(QueueUse))
            until_s = draw.choice((0, 1_000, 4_000_000_000))
            number = queue_id[0] if draw.number(4) else draw.number(8)
            return Open(queue_id, *_words(number), use, until_s)
        case 2 | 3 | 4:
            return Put(queue_id, blob)
        case 5:
            return Subscribe()
        case 6:
            pushed = tuple(
                one.blob_id for one in line.pushes if one.queue_id == queue_id and one.blob
            )
            return Ack(queue_id, pushed[-200:])
        case 7:
            return Ack(queue_id, ids)
        case 8:
            return Have(queue_id, ids)
        case 9:
            return Lay(queue_id, draw.number(4), draw.take(1) * SEALED_BUNDLE_BYTES)
        case 10:
            return Fetch(queue_id)
        case 11:
            others: tuple[Request, ...] = (
                Shut(queue_id),
                Status(),
                Pair(*_words(draw.number(110))),
                Unpair(),
            )
            return draw.choice(others)
        case _:
            return Work(queue_id, blob[:12], draw.integer(64), draw.integer(64))


def _check_answers(line: _Line) -> None:
    """One answer each, but where the link ended, and a late word that it is displaced."""
    for number, request in line.asked.items():
        answers = line.answers.get(number, [])
        late = [one for one in answers if isinstance(one, Displaced)]
        assert len(late) <= isinstance(request, Subscribe)
        assert len(answers) - len(late) == 1 or (line.is_over and not answers), request
        if number in line.forbidden:
            assert answers in ([], [Unknown()]), request


async def _check_store(world: _World, database: OneThreadDatabase) -> None:
    """What is counted is there; what is answered by *have* and *status* is so."""
    contents = database.look(store.load)
    found = {row.queue_id: row for row in contents.queues}
    assert set(found) == set(world.service.queues)
    for queue_id, queue in world.service.queues.items():
        row = found[queue_id]
        assert (queue.blobs, queue.size_bytes) == (row.blobs, row.size_bytes)
        assert queue.is_bulk or queue.blobs <= LIMITS.blobs_of(QueueUse.INBOUND)
        assert queue.size_bytes <= max(LIMITS.queue_bytes, LIMITS.bulk_queue_bytes)
        assert queue.account.queues[queue.number] is queue
    assert world.service.size_bytes == sum(row.size_bytes for row in contents.queues)
    for account in world.service.accounts.values():
        for is_bulk, counted in ((False, account.size_bytes), (True, account.bulk_bytes)):
            held = [one.size_bytes for one in account.queues.values() if one.is_bulk is is_bulk]
            assert counted == sum(held)
        assert len(account.queues) <= LIMITS.queues
    for peer, line in world.peers:
        _check_reader(world, peer, line)


def _check_reader(world: _World, peer: Peer, line: _Line) -> None:
    reader = world.service._readers._readers.get(peer.role)
    if reader is not None and reader[0] is peer:
        assert reader[1].in_flight <= PUSHES_UNACKNOWLEDGED_MAX
        assert 0 <= reader[1]._bulk_in_flight <= BULK_PUSHES_MAX
    for request, answer in line.done:
        if isinstance(answer, Stored):
            assert len(answer.queues) <= LIMITS.queues
        if isinstance(request, Have) and isinstance(answer, Ids):
            assert set(answer.ids) <= set(request.ids)


async def _settle(world: _World) -> None:
    for _ in range(3):
        await asyncio.sleep(0.05)
    while world.tasks:
        await asyncio.wait(world.tasks)


def _words(number: int) -> tuple[bytes, bytes]:
    chance = random.Random(number)  # noqa: S311
    return chance.randbytes(32), chance.randbytes(32)


def _keys(number: int) -> DoorKeys:
    return DoorKeys(*_words(200 + number))


def _account(number: int) -> DoorKeys:
    return DoorKeys(*_words(100 + number))


TARGET = Target(
    run=run,
    seeds=tuple(random.Random(number).randbytes(300) for number in range(8)),  # noqa: S311
    executions=60,
    time_max_s=20.0,
    memory_max_mib=64,
)
