"""Who may link to an anchor, how many at a time, and what strangers get (PROTOCOL.md 10.2)."""

import asyncio
from typing import Any

import msgspec
import pytest

from loom.core.queues import DoorKeys
from loom.wire.framing import RecordKind
from loom.wire.requests import Displaced, Ok, Push, QueueUse, Status, Stored, Subscribe, Subscribed
from tests.anchor_machine import (
    AnchorMachine,
    AnchorPeer,
    account_of,
    linked,
    open_of,
    opened,
    paired,
    put_of,
    queue_of,
    secret_of,
    settled,
)
from tests.memory_network import Faults, MemoryStream
from tests.node.disk import OneThreadDatabase


def with_limits(machine: AnchorMachine, **changed: int) -> None:
    machine.anchor._door._limits = msgspec.structs.replace(machine.limits, **changed)


Written = dict[MemoryStream, bytearray]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Written:
    """What each end of a stream wrote, from now on."""
    found: Written = {}
    write = MemoryStream.write

    def noted(stream: MemoryStream, data: bytes) -> None:
        found.setdefault(stream, bytearray()).extend(data)
        write(stream, data)

    monkeypatch.setattr(MemoryStream, "write", noted)
    return found


async def test_a_stranger_gets_no_byte(machine: AnchorMachine, written: Written) -> None:
    stranger = AnchorPeer(machine, DoorKeys(secret_of("a"), secret_of("b")))
    assert not await stranger.dial()
    assert machine.network.streams[-1] not in written
    assert machine.anchor._door.refused == 1


async def test_a_replayed_opening_is_a_stranger_also_after_a_restart(
    machine: AnchorMachine, written: Written
) -> None:
    holder = await paired(machine)
    holder.close()
    opening = bytes(written[machine.network.streams[-2]][:1_290])
    for _ in range(2):
        await machine.restart()
        transport = machine.network.transport("10.0.0.66")
        replay = Replay(opening)
        await transport.dial(machine.address, replay, 5.0)
        await replay.is_over
        assert replay.received == b""


async def test_a_newer_link_of_a_key_takes_the_place_of_the_older(machine: AnchorMachine) -> None:
    """Both are told, so that two machines with one account do not fight without knowing why."""
    older = await paired(machine)
    await older.ask(Subscribe())
    newer = await linked(machine, account_of("ada"), "10.0.0.2")
    subscribed = await newer.ask(Subscribe())
    assert isinstance(subscribed, Subscribed)
    assert subscribed.displaces
    await settled()
    assert older.later == [(1, Displaced())]
    assert older.is_closed
    queue, writer = await opened(machine, newer, "in")
    put = put_of(queue, 1)
    await writer.ask(put)
    await settled()
    assert newer.pushes[-1] == Push(queue.queue_id, 0, put.blob)
    assert machine.anchor._door.links == 2


async def test_eight_use_one_invite_and_the_ninth_takes_the_place_of_the_first(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    queue = queue_of("invite")
    await holder.ask(open_of(queue, QueueUse.INVITE))
    joiners = [await linked(machine, queue.door, f"10.0.2.{n}") for n in range(9)]
    await settled()
    assert [one.is_closed for one in joiners] == [True] + [False] * 8


async def test_guests_of_an_account_are_limited_and_the_longest_idle_goes(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    with_limits(machine, guest_links=3)
    guests = [(await opened(machine, holder, str(n)))[1] for n in range(3)]
    await asyncio.sleep(5)
    await guests[0].ask(put_of(queue_of("0"), 1))
    late = (await opened(machine, holder, "late"))[1]
    await settled()
    assert [one.is_closed for one in (*guests, late)] == [False, True, False, False]


async def test_an_account_always_gets_in_and_a_guest_takes_nobodys_place(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    with_limits(machine, links=2)
    _, guest = await opened(machine, holder, "in")
    await holder.ask(open_of(queue_of("other")))
    other = AnchorPeer(machine, queue_of("other").door)
    await other.dial()
    await settled()
    assert other.is_closed
    assert not guest.is_closed
    with_limits(machine, links=3)
    await paired(machine, "bob")
    await settled()
    assert not holder.is_closed


async def test_a_link_without_a_request_or_subscription_ends_after_a_minute(
    machine: AnchorMachine,
) -> None:
    holder = await paired(machine)
    _, guest = await opened(machine, holder, "in")
    await holder.ask(Subscribe())
    ends = []
    for seconds in (55, 20):
        await asyncio.sleep(seconds)
        ends.append((guest.is_closed, holder.is_closed))
    assert ends == [(False, False), (True, False)]


async def test_a_subscribed_link_lives_on_with_one_packet_in_30_seconds(
    machine: AnchorMachine, written: Written
) -> None:
    holder = await paired(machine)
    await holder.ask(Subscribe())
    await asyncio.sleep(1)
    written.clear()
    await asyncio.sleep(3_000)
    assert not holder.is_closed
    assert all(len(data) <= 101 * 82 for data in written.values())


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (RecordKind.ANSWER, b"\0\0\0\1\x91\1"),
        (RecordKind.PUSH, bytes(20)),
        (RecordKind.REQUEST, b""),
        (RecordKind.REQUEST, b"\0\0\0\1\x91\xcc\x0a"),
        (RecordKind.ENVELOPE, bytes(4_096)),
    ],
)
async def test_what_no_peer_sends_ends_its_link_and_no_other(
    machine: AnchorMachine, kind: RecordKind, body: bytes
) -> None:
    holder = await paired(machine)
    _, guest = await opened(machine, holder, "in")
    guest.send_record(kind, body)
    await settled()
    assert guest.is_closed
    assert isinstance(await holder.ask(Status()), Stored)


async def test_a_reader_that_takes_nothing_in_costs_little_memory(machine: AnchorMachine) -> None:
    """Pushes wait on disk while its buffer is full, and go on when it reads again."""
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    puts = [put_of(queue, n, 61_440) for n in range(20)]
    for put in puts:
        assert await writer.ask(put) == Ok()
    await holder.ask(Subscribe())
    holder.pause_reading()
    await settled()
    pushing = machine.anchor._service._readers._readers[machine.anchor._service.accounts[1]][1]
    assert pushing.in_flight < 20
    holder.resume_reading()
    await asyncio.sleep(1)
    assert [one.blob for one in holder.pushes] == [put.blob for put in puts]


async def test_a_peer_that_asks_faster_than_the_disk_waits(machine: AnchorMachine) -> None:
    """Its requests are not read before some of those that came are answered."""
    machine.network.faults = Faults(chunk_max_bytes=65_536)  # as a socket is read
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    visit = list(machine.anchor._door._visits)[-1]
    answers = [writer.send(put_of(queue, n, 61_440)) for n in range(30)]
    await asyncio.sleep(0.000_5)
    assert visit._unanswered_bytes <= 256 * 1024 + 2 * 61_500
    assert [await one for one in answers] == [Ok()] * 30


@pytest.mark.parametrize("asked", [Status(), Subscribe()])
async def test_a_holder_that_asks_a_lot_at_once_gets_few_large_answers_at_a_time(
    machine: AnchorMachine, asked: Status | Subscribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One read holds 700 requests of 5 bytes, whose answers would take 40 MiB and seconds of the
    readers that all others wait for."""
    machine.network.faults = Faults(chunk_max_bytes=65_536)  # as a socket is read
    holder = await paired(machine)
    most, under_way = 0, 0
    read = OneThreadDatabase.read

    async def counted(self: OneThreadDatabase, work: Any) -> Any:
        nonlocal most, under_way
        under_way += 1
        most = max(most, under_way)
        try:
            return await read(self, work)
        finally:
            under_way -= 1

    monkeypatch.setattr(OneThreadDatabase, "read", counted)
    answers = [holder.send(asked) for _ in range(700)]
    assert len([await one for one in answers]) == 700
    assert most <= 8


class Replay:
    """Sends bytes, and hears what comes."""

    def __init__(self, data: bytes) -> None:
        self.received = b""
        self.is_over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._data = data

    def connected(self, stream: object) -> None:
        stream.write(self._data)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.received += data

    def writable(self, ready: bool) -> None:
        """Nothing more is written."""

    def closed(self) -> None:
        self.is_over.set_result(None)
