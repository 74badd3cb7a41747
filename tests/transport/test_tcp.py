"""Real TCP, on loopback."""

import asyncio
import errno
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from random import Random

import pytest

from loom.errors import (
    ForeignAddress,
    InvalidAddress,
    LoomError,
    NetworkError,
    PortInUse,
    PortNotAllowed,
    Unreachable,
)
from loom.model import Address
from loom.ports import Listener, Stream, StreamHandler
from loom.transport import tcp
from loom.transport.tcp import TcpTransport
from loom.wire.limits import (
    READ_MIN_BYTES,
    TCP_SEGMENT_MAX_BYTES,
    TCP_UNANSWERED_MAX_S,
    WRITE_BUFFER_HIGH_BYTES,
)
from tests.transport.recorder import Acceptor, Recorder

V4, V6 = "127.0.0.1", "::1"
TRANSPORT = TcpTransport()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind((V6, 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(
    not has_ipv6(), reason="no ::1 here: switch IPv6 on (sysctl net.ipv6.conf.lo.disable_ipv6=0)"
)


@pytest.fixture
async def errors() -> list[BaseException]:
    """What reached the loop's exception handler."""
    caught: list[BaseException] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: caught.append(context["exception"]))
    return caught


@pytest.fixture
async def listening() -> AsyncIterator[tuple[Address, Acceptor]]:
    """A port on 127.0.0.1."""
    accept = Acceptor()
    listener = await TRANSPORT.listen([Address(V4, 0)], accept)
    yield listener.addresses[0], accept
    await listener.close()
    for handler in accept.handlers.items:
        handler.stream.abort()
        await handler.until("closed")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that another program listens on."""
    with socket.create_server((V4, 0)) as sock:
        yield sock.getsockname()[1]


async def dial(address: Address, handler: StreamHandler | None = None) -> Recorder:
    recorder = Recorder()
    await TRANSPORT.dial(address, handler or recorder, 5.0)
    return recorder


async def test_a_name_that_others_may_tell_leads_nowhere_on_this_machine(
    listening: tuple[Address, Acceptor], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, accept = listening
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: object, **options: object) -> object:
        if options.get("flags") == socket.AI_NUMERICHOST:
            return resolve(host, *arguments, **options)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (V4, address.port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Unreachable):
        await dial(Address("anchor.example", address.port))
    assert accept.handlers.items == []
    by_hand = await dial(Address("box", address.port))  # nobody else can tell such a name
    by_hand.stream.abort()
    await by_hand.until("closed")


async def test_both_ends_take_and_send_little_at_once_and_notice_silence(
    listening: tuple[Address, Acceptor],
) -> None:
    """Regressions: a new address was noticed after 90 s, a path without ICMP never passed, and
    one flooder's records were worked through by thousands.

    How a network behaves that makes this matter: tests/network.
    """
    address, accept = listening
    near = await dial(address)
    for end in (near, await accept.one()):
        stream = end.stream
        assert isinstance(stream, tcp._Connection)
        assert stream._transport.max_size == READ_MIN_BYTES  # type: ignore[attr-defined]
        sock = stream._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= TCP_SEGMENT_MAX_BYTES
        if sys.platform == "linux":
            patience_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert patience_ms == TCP_UNANSWERED_MAX_S * 1_000
    near.stream.abort()
    await near.until("closed")


async def test_bytes_arrive_and_close_flushes(listening: tuple[Address, Acceptor]) -> None:
    address, accept = listening
    near = await dial(address)
    far = await accept.one()
    near.stream.write(b"warp and ")
    near.stream.write(b"weft")
    assert await far.received(13) == b"warp and weft"
    assert near.stream.remote == address
    assert far.stream.remote.host == V4
    far.stream.write(b"x" * 3_000_000)
    far.stream.close()
    far.stream.write(b"too late")
    await near.until("closed")
    await far.until("closed")
    assert near.data == b"x" * 3_000_000
    near.stream.close()
    near.stream.abort()
    await asyncio.sleep(0)
    for handler in (near, far):
        assert handler.events.items[0] == "connected"
        assert handler.events.items.index("closed") == len(handler.events.items) - 1


@needs_ipv6
async def test_both_families_share_one_free_port() -> None:
    accept = Acceptor()
    listener = await TRANSPORT.listen([Address(V4, 0), Address(V6, 0)], accept)
    assert [address.host for address in listener.addresses] == [V4, V6]
    port = listener.addresses[0].port
    assert port == listener.addresses[1].port != 0
    for host in (V4, V6, "localhost"):
        near = await dial(Address(host, port))
        near.stream.close()
        await near.until("closed")
    await listener.close()
    assert {handler.stream.remote.host for handler in accept.handlers.items} == {V4, V6}
    with pytest.raises(Unreachable):
        await dial(Address(V6, port))


@needs_ipv6
async def test_a_free_port_that_is_taken_for_the_second_address_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    """The first free port offered is one where the second bind fails."""
    bind = tcp._bind
    offers = [taken]

    def unlucky(family: socket.AddressFamily, name: tcp._SocketName) -> socket.socket:
        if family == socket.AF_INET6 and name[1] == 0 and offers:
            name = (name[0], offers.pop(), *name[2:])
        return bind(family, name)

    monkeypatch.setattr(tcp, "_bind", unlucky)
    listener = await TRANSPORT.listen([Address(V6, 0), Address(V4, 0)], Acceptor())
    ports = {address.port for address in listener.addresses}
    assert offers == []
    assert len(ports) == 1
    assert ports != {taken}
    await listener.close()


async def test_a_port_in_use_is_refused_even_between_our_own(taken: int) -> None:
    with pytest.raises(PortInUse) as caught:
        await TRANSPORT.listen([Address(V4, taken)], Acceptor())
    assert caught.value.facts == {"host": V4, "port": taken}
    first = await TRANSPORT.listen([Address(V4, 0)], Acceptor())
    with pytest.raises(PortInUse):
        await TRANSPORT.listen(first.addresses, Acceptor())
    await first.close()


@needs_ipv6
def test_ipv6_never_takes_the_ipv4_port_too() -> None:
    """Else 0.0.0.0 and :: could not share a port where the system binds both by default."""
    with tcp._bind(socket.AF_INET6, (V6, 0)) as sock:
        assert sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


async def test_a_port_can_be_taken_again_at_once_after_use() -> None:
    """A restarted node keeps its port although old connections are in TIME_WAIT."""
    accept = Acceptor()
    listener = await TRANSPORT.listen([Address(V4, 0)], accept)
    address = listener.addresses[0]
    near = await dial(address)
    far = await accept.one()
    far.stream.close()  # the side that closes first is the one that waits
    await near.until("closed")
    await listener.close()
    again = await TRANSPORT.listen([address], Acceptor())
    assert again.addresses == [address]
    await again.close()


@pytest.mark.parametrize(
    "address",
    [
        Address("192.0.2.250", 0),
        Address("not a name", 0),
        Address("", 0),
        Address("a\0b", 0),
        Address("x" * 300, 0),
        Address(V4, 70_000),
        Address(V4, -1),
    ],
    ids=str,
)
async def test_no_address_of_this_machine(address: Address) -> None:
    with pytest.raises(InvalidAddress):
        await TRANSPORT.listen([address], Acceptor())
    with pytest.raises(InvalidAddress):
        await TRANSPORT.listen([], Acceptor())


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.EACCES, PortNotAllowed),
        (errno.EADDRNOTAVAIL, ForeignAddress),
        (errno.EMFILE, NetworkError),
    ],
)
async def test_what_the_system_refuses_is_said_as_it_is(
    number: int, error: type[LoomError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(family: socket.AddressFamily, name: tcp._SocketName) -> socket.socket:
        raise OSError(number, "refused")

    monkeypatch.setattr(tcp, "_bind", refuse)
    with pytest.raises(error) as caught:
        await TRANSPORT.listen([Address(V4, 80)], Acceptor())
    assert caught.type is error


@needs_ipv6
async def test_a_scoped_address_can_be_dialled_back() -> None:
    name = ("fe80::7", 4070, 0, socket.if_nametoindex(socket.if_nameindex()[0][1]))
    assert await tcp._resolve(tcp._address(name)) == [(socket.AF_INET6, name)]


async def test_a_missing_family_leaves_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = tcp._bind

    def without_ipv6(family: socket.AddressFamily, name: tcp._SocketName) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return bind(family, name)

    monkeypatch.setattr(tcp, "_bind", without_ipv6)
    listener = await TRANSPORT.listen([Address("::", 0), Address(V4, 0)], Acceptor())
    assert [address.host for address in listener.addresses] == [V4]
    await listener.close()
    with pytest.raises(InvalidAddress):
        await TRANSPORT.listen([Address("::", 0)], Acceptor())


async def test_a_refused_dial_is_unreachable_and_leaks_nothing() -> None:
    with socket.socket() as bound:  # bound and not listening: nobody else gets this port
        bound.bind((V4, 0))
        address = Address(V4, bound.getsockname()[1])
        handler = Recorder()
        with pytest.raises(Unreachable) as caught:
            await dial(address, handler)
    assert caught.value.facts == {"address": str(address)}
    assert handler.events.items == []
    gc.collect()  # an unclosed socket would warn here, and warnings are errors


@pytest.mark.parametrize(
    "address", [Address("", 1), Address("a\0b", 1), Address("x" * 300, 1), Address(V4, 70_000)]
)
async def test_no_address_at_all_is_unreachable(address: Address) -> None:
    with pytest.raises(Unreachable):
        await dial(address)


async def test_a_silent_host_is_unreachable_in_time() -> None:
    """A listener whose queue is full lets nobody in and says nothing."""
    with socket.socket() as silent, socket.socket() as first, socket.socket() as second:
        silent.bind((V4, 0))
        silent.listen(0)
        for sock in (first, second):
            sock.setblocking(False)
            sock.connect_ex(silent.getsockname())
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        handler = Recorder()
        with pytest.raises(Unreachable):
            await TRANSPORT.dial(Address(*silent.getsockname()), handler, 0.2)
        assert loop.time() - began_s < 30.0  # the kernel alone would try for minutes
        assert handler.events.items == []
    gc.collect()


async def test_a_cancelled_dial_leaks_nothing(listening: tuple[Address, Acceptor]) -> None:
    address, _ = listening
    for turns in range(6):
        handler = Recorder()
        task = asyncio.create_task(dial(address, handler))
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.cancel():
            with pytest.raises(asyncio.CancelledError):
                await task
            if handler.events.items:
                await handler.until("closed")
        else:
            handler.stream.abort()
            await handler.until("closed")
    gc.collect()


async def test_backpressure_holds_a_fast_writer(listening: tuple[Address, Acceptor]) -> None:
    address, accept = listening
    near = await dial(address)
    far = await accept.one()
    far.stream.pause_reading()
    sent = bytearray()
    random = Random(1)
    while "full" not in near.events.items:
        block = random.randbytes(WRITE_BUFFER_HIGH_BYTES)
        near.stream.write(block)
        sent += block
        assert len(sent) < 64_000_000, "no pressure"
    assert far.data == b""
    far.stream.resume_reading()
    await near.until("drained")
    near.stream.close()
    await far.until("closed")
    assert far.data == sent


async def test_abort_ends_at_once_although_the_other_side_reads_nothing(
    listening: tuple[Address, Acceptor],
) -> None:
    address, accept = listening
    near = await dial(address)
    far = await accept.one()
    far.stream.pause_reading()
    while "full" not in near.events.items:
        near.stream.write(b"x" * WRITE_BUFFER_HIGH_BYTES)
    near.stream.abort()
    assert "closed" not in near.events.items, "never from within the call"
    await near.until("closed")
    far.stream.resume_reading()
    await far.until("closed")
    assert near.events.items.count("closed") == far.events.items.count("closed") == 1


class Failing(Recorder):
    """Raises at one of its calls."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self._at = at

    def _fail(self, at: str) -> None:
        if at == self._at:
            raise RuntimeError(at)

    def connected(self, stream: Stream) -> None:
        super().connected(stream)
        self._fail("connected")

    def data_received(self, data: bytes) -> None:
        self._fail("data")

    def closed(self) -> None:
        super().closed()
        self._fail("closed")


@pytest.mark.parametrize("at", ["accept", "connected", "data", "closed"])
async def test_a_handler_that_raises_ends_only_its_own_stream(
    at: str, errors: list[BaseException]
) -> None:
    accept = Acceptor()
    failing = Failing(at)

    def refuse() -> StreamHandler:
        raise RuntimeError(at)

    makers: list[Callable[[], StreamHandler]] = [refuse if at == "accept" else lambda: failing]
    listener: Listener = await TRANSPORT.listen(
        [Address(V4, 0)], lambda: makers.pop()() if makers else accept()
    )
    near = await dial(listener.addresses[0])
    near.stream.write(b"hello")
    if at == "closed":
        near.stream.close()
    await near.until("closed")
    if at != "accept":
        await failing.until("closed")
    second = await dial(listener.addresses[0])
    far = await accept.one()
    second.stream.write(b"still here")
    assert await far.received(10) == b"still here"
    assert [str(error) for error in errors] == [at]
    await listener.close()
    second.stream.close()
    await far.until("closed")


async def test_open_streams_outlive_their_listener(listening: tuple[Address, Acceptor]) -> None:
    accept = Acceptor()
    listener = await TRANSPORT.listen([Address(V4, 0)], accept)
    near = await dial(listener.addresses[0])
    far = await accept.one()
    await listener.close()
    near.stream.write(b"on")
    assert await far.received(2) == b"on"
    near.stream.close()
    await far.until("closed")
