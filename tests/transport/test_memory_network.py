"""The in-memory network: what TCP does, and faults that come the same way for a seed."""

import asyncio

import pytest

from loom.errors import ForeignAddress, PortInUse, Unreachable
from loom.model import Address
from loom.ports import Listener, Transport
from tests.memory_network import Faults, MemoryNetwork, MemoryTransport
from tests.transport.recorder import Acceptor, Recorder

ADA, BOB = "192.0.2.1", "192.0.2.2"
PORT = 4070
TEXT = bytes(range(256)) * 8


class Pieces(Recorder):
    """Remembers where the network split."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def data_received(self, data: bytes) -> None:
        self.sizes.append(len(data))
        super().data_received(data)


async def serve(network: MemoryNetwork, host: str = BOB) -> tuple[Listener, Acceptor]:
    accept = Acceptor()
    return await network.transport(host).listen([Address("0.0.0.0", PORT)], accept), accept  # noqa: S104


async def dial(network: MemoryNetwork, handler: Recorder | None = None) -> Recorder:
    recorder = handler or Recorder()
    await network.transport(ADA).dial(Address(BOB, PORT), recorder, 5.0)
    assert recorder.events.items[0] == "connected"
    return recorder


async def turns(count: int = 50) -> None:
    """Let the loop run; nothing here waits for time."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_it_is_a_transport() -> None:
    transport: Transport = MemoryNetwork().transport(ADA)
    assert isinstance(transport, MemoryTransport)


async def test_bytes_arrive_in_order_and_close_flushes() -> None:
    network = MemoryNetwork()
    _, accept = await serve(network)
    near = await dial(network)
    near.stream.write(TEXT)
    near.stream.write(b"end")
    near.stream.close()
    near.stream.write(b"too late")
    far = await accept.one()
    await far.until("closed")
    await near.until("closed")
    assert far.data == TEXT + b"end"
    assert near.stream.remote == Address(BOB, PORT)
    assert far.stream.remote.host == ADA
    near.stream.abort()
    await turns()
    assert near.events.items == ["connected", "closed"]
    assert far.events.items == ["connected", "data", "data", "closed"]


async def test_ports_and_addresses_are_checked_as_by_the_system() -> None:
    network = MemoryNetwork()
    listener, _ = await serve(network)
    bob = network.transport(BOB)
    with pytest.raises(PortInUse):
        await bob.listen([Address(BOB, PORT)], Acceptor())
    with pytest.raises(ForeignAddress):
        await bob.listen([Address(ADA, 0)], Acceptor())
    both = await bob.listen([Address("0.0.0.0", 0), Address("::", 0)], Acceptor())  # noqa: S104
    assert len({address.port for address in both.addresses} - {0}) == 1
    near = await dial(network)
    await listener.close()
    with pytest.raises(Unreachable):
        await dial(network)
    assert "closed" not in near.events.items, "open streams live on"
    again, _ = await serve(network)
    assert again.addresses[0].port == PORT


async def test_abort_drops_what_was_not_flushed() -> None:
    network = MemoryNetwork()
    _, accept = await serve(network)
    near = await dial(network)
    far = await accept.one()
    near.stream.write(TEXT)
    near.stream.abort()
    await far.until("closed")
    await near.until("closed")
    assert far.data == b""


async def test_pieces_depend_on_the_seed_alone() -> None:
    async def sizes(seed: int) -> list[int]:
        network = MemoryNetwork(seed)
        network.faults = Faults(chunk_max_bytes=100)
        pieces = Pieces()
        await network.transport(BOB).listen([Address(BOB, PORT)], lambda: pieces)
        near = await dial(network)
        near.stream.write(TEXT)
        assert await pieces.received(len(TEXT)) == TEXT
        return pieces.sizes

    first = await sizes(1)
    assert max(first) <= 100
    assert len(set(first)) > 5
    assert first == await sizes(1)
    assert first != await sizes(2)


async def test_a_cut_line_closes_both_ends_after_byte_n() -> None:
    network = MemoryNetwork()
    network.faults = Faults(cut_after_bytes=100, chunk_max_bytes=30)
    _, accept = await serve(network)
    near = await dial(network)
    near.stream.write(TEXT)
    far = await accept.one()
    await far.until("closed")
    await near.until("closed")
    assert far.data == TEXT[:100]


async def test_a_dead_line_loses_the_rest_and_tells_nobody() -> None:
    network = MemoryNetwork()
    _, accept = await serve(network)
    near = await dial(network)
    network.streams[0].faults = Faults(drop_after_bytes=100)
    near.stream.write(TEXT)
    far = await accept.one()
    far.stream.write(b"the other way still works")
    await near.until("data")
    await turns()
    assert far.data == TEXT[:100]
    assert "closed" not in near.events.items + far.events.items


async def test_backpressure() -> None:
    network = MemoryNetwork()
    network.faults = Faults(buffer_bytes=1_000, chunk_max_bytes=300)
    _, accept = await serve(network)
    near = await dial(network)
    far = await accept.one()
    far.stream.pause_reading()
    near.stream.write(TEXT)
    assert near.events.items == ["connected", "full"]
    await turns()
    assert far.data == b""
    far.stream.resume_reading()
    assert await far.received(len(TEXT)) == TEXT
    assert near.events.items == ["connected", "full", "drained"]


async def test_delay_keeps_the_order() -> None:
    network = MemoryNetwork()
    network.faults = Faults(delay_s=0.01, chunk_max_bytes=1_000)
    _, accept = await serve(network)
    near = await dial(network)
    began_s = asyncio.get_running_loop().time()
    near.stream.write(TEXT)
    far = await accept.one()
    assert await far.received(len(TEXT)) == TEXT
    assert asyncio.get_running_loop().time() - began_s >= 0.02


async def test_who_refuses_or_is_not_there_is_unreachable() -> None:
    network = MemoryNetwork()
    await serve(network)
    network.refusing.add(BOB)
    with pytest.raises(Unreachable):
        await dial(network)
    network.refusing.clear()
    await dial(network)
    with pytest.raises(Unreachable):
        await network.transport(ADA).dial(Address("192.0.2.9", PORT), Recorder(), 5.0)


async def test_a_partition_holds_what_is_under_way_until_it_heals() -> None:
    network = MemoryNetwork()
    _, accept = await serve(network)
    near = await dial(network)
    far = await accept.one()
    network.partition({ADA}, {BOB})
    near.stream.write(b"later")
    await turns()
    assert far.data == b""
    with pytest.raises(Unreachable):
        await dial(network)
    network.heal()
    assert await far.received(5) == b"later"
    await dial(network)


async def test_a_crash_is_heard_by_the_others_alone() -> None:
    network = MemoryNetwork()
    _, accept = await serve(network)
    near = await dial(network)
    far = await accept.one()
    near.stream.write(b"lost")
    network.crash(BOB)
    await near.until("closed")
    await turns()
    assert far.events.items == ["connected"]
    with pytest.raises(Unreachable):
        await dial(network)
    await serve(network)
    await dial(network)


async def test_a_host_that_moves_is_found_at_its_new_address() -> None:
    network = MemoryNetwork()
    _, accept = await serve(network)
    near = await dial(network)
    far = await accept.one()
    network.move(BOB, "198.51.100.7")
    await near.until("closed")
    await far.until("closed")
    with pytest.raises(Unreachable):
        await dial(network)
    await network.transport(ADA).dial(Address("198.51.100.7", PORT), Recorder(), 5.0)


async def test_a_handler_that_raises_ends_its_stream() -> None:
    class Failing(Recorder):
        def data_received(self, data: bytes) -> None:
            raise RuntimeError("data")

    caught: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, c: caught.append(c["exception"]))
    network = MemoryNetwork()
    failing = Failing()
    await network.transport(BOB).listen([Address(BOB, PORT)], lambda: failing)
    near = await dial(network)
    near.stream.write(b"hello")
    await near.until("closed")
    await failing.until("closed")
    assert [str(error) for error in caught] == ["data"]
