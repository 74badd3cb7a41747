"""Dials through a proxy: what it is asked, and that nothing ever goes around it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from loom.errors import ProxyNeeded, ProxyUnavailable, Unreachable
from loom.model import Address
from loom.transport.socks import ProxiedTransport
from loom.transport.tcp import TcpTransport
from tests.transport.recorder import Acceptor, Recorder
from tests.transport.socks_server import REFUSED, Asked, SocksServer, socks_server

OUTSIDE = Address("203.0.113.7", 4070)
NAME = Address("anchor.example", 4070)
ONION = Address("2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion", 4070)
DIRECT = TcpTransport()


@pytest.fixture
async def listening() -> AsyncIterator[tuple[Address, Acceptor]]:
    """A port on 127.0.0.1, which is where the server leads to."""
    accept = Acceptor()
    listener = await DIRECT.listen([Address("127.0.0.1", 0)], accept)
    yield listener.addresses[0], accept
    await listener.close()
    for handler in accept.handlers.items:
        handler.stream.abort()
        await handler.until("closed")


@pytest.fixture
async def proxy(
    listening: tuple[Address, Acceptor],
) -> AsyncIterator[tuple[ProxiedTransport, SocksServer]]:
    """A transport with its proxy."""
    async with socks_server(listening[0]) as (server, at):
        yield ProxiedTransport(DIRECT, at), server


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts for which this machine's resolver was asked, beyond reading a number."""
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: object, **options: object) -> object:
        flags = options.get("flags", arguments[4] if len(arguments) > 4 else 0)
        assert isinstance(flags, int)
        if not flags & socket.AI_NUMERICHOST and not host[0].isdecimal():
            asked.append(host)
        return resolve(host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def dial(
    transport: ProxiedTransport,
    address: Address,
    isolation: bytes | None = b"",
    timeout_s: float = 30,
) -> Recorder:
    recorder = Recorder()
    await transport.dial(address, recorder, timeout_s, isolation)
    return recorder


@pytest.mark.parametrize("address", [OUTSIDE, Address("2001:db8::7", 1), NAME, ONION])
async def test_the_proxy_is_asked_for_the_address_as_it_is_written(
    address: Address,
    proxy: tuple[ProxiedTransport, SocksServer],
    listening: tuple[Address, Acceptor],
    looked_up: list[str],
) -> None:
    transport, server = proxy
    assert transport.is_proxied(address)
    near = await dial(transport, address)
    far = await listening[1].one()
    near.stream.write(b"there")
    assert await far.received(5) == b"there"
    far.stream.write(b"and back")
    assert await near.received(8) == b"and back"
    assert near.stream.remote == address
    (asked,) = server.asked.items
    assert (asked.host, asked.port) == (address.host, address.port)
    assert asked.is_name is (address in (NAME, ONION))
    assert looked_up == []
    near.stream.abort()
    await near.until("closed")


async def test_this_machines_own_networks_are_dialled_directly(
    proxy: tuple[ProxiedTransport, SocksServer], listening: tuple[Address, Acceptor]
) -> None:
    transport, server = proxy
    assert not transport.is_proxied(listening[0])
    near = await dial(transport, listening[0])
    await listening[1].one()
    assert server.asked.items == []
    near.stream.abort()
    await near.until("closed")


async def test_logins_keep_apart_what_must_not_share_a_circuit(
    proxy: tuple[ProxiedTransport, SocksServer], listening: tuple[Address, Acceptor]
) -> None:
    transport, server = proxy
    again = ProxiedTransport(DIRECT, transport._proxy)

    async def login(of: ProxiedTransport, to: Address, isolation: bytes | None) -> tuple[str, str]:
        near = await dial(of, to, isolation)
        near.stream.abort()
        await near.until("closed")
        return _login(server.asked.items[-1])

    first = await login(transport, NAME, b"one")
    assert await login(transport, NAME, b"one") == first
    others = [
        await login(transport, NAME, b"another contact"),
        await login(transport, OUTSIDE, b"one"),
        await login(transport, NAME, None),
        await login(transport, NAME, None),
        await login(again, NAME, b"one"),  # after a restart
    ]
    users, passwords = zip(first, *others, strict=True)
    assert len(set(users)) == len(set(passwords)) == 6
    assert {len(one) for one in (*users, *passwords)} == {32}


async def test_a_proxy_that_cannot_reach_somebody_says_no_word_about_itself(
    proxy: tuple[ProxiedTransport, SocksServer],
) -> None:
    transport, server = proxy
    server.reply = REFUSED
    with pytest.raises(Unreachable):
        await dial(transport, OUTSIDE)
    server.hangs = True
    with pytest.raises(Unreachable):
        await dial(transport, OUTSIDE, timeout_s=0.1)


@pytest.mark.parametrize(
    "bad", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x04\x00", b"\x05\xff"]
)
async def test_what_listens_there_may_be_no_proxy(
    bad: bytes, proxy: tuple[ProxiedTransport, SocksServer]
) -> None:
    transport, server = proxy
    await transport.check_proxy()
    server.greeting = bad
    with pytest.raises(ProxyUnavailable, match="SOCKS"):
        await transport.check_proxy()
    with pytest.raises(ProxyUnavailable, match="SOCKS"):
        await dial(transport, OUTSIDE)
    server.greeting, server.login_fails = None, True
    with pytest.raises(ProxyUnavailable, match="password"):
        await dial(transport, OUTSIDE)


async def test_without_its_proxy_nothing_is_dialled() -> None:
    """Not even what this machine could reach itself: here a name that means loopback."""
    accept = Acceptor()
    listener = await DIRECT.listen([Address("127.0.0.1", 0)], accept)
    with socket.socket() as bound:  # bound and not listening: refuses, and nobody else gets it
        bound.bind(("127.0.0.1", 0))
        transport = ProxiedTransport(DIRECT, Address(*bound.getsockname()))
        for host in ("localhost", "203.0.113.7", "127.1", ONION.host):
            with pytest.raises((ProxyUnavailable, Unreachable)):
                await dial(transport, Address(host, listener.addresses[0].port))
        with pytest.raises(ProxyUnavailable, match="nobody answers"):
            await transport.check_proxy()
    near = await dial(transport, listener.addresses[0])
    assert len(accept.handlers.items) <= 1
    await accept.one()
    assert len(accept.handlers.items) == 1
    near.stream.abort()
    await near.until("closed")
    await (await accept.one()).until("closed")
    await listener.close()


@pytest.mark.parametrize("host", [ONION.host, ONION.host.upper(), ONION.host + "."])
async def test_an_onion_service_needs_a_proxy(host: str, looked_up: list[str]) -> None:
    with pytest.raises(ProxyNeeded):
        await DIRECT.dial(Address(host, 4070), Recorder(), 5.0)
    assert looked_up == []


async def test_a_dial_that_is_given_up_leaves_no_connection(
    proxy: tuple[ProxiedTransport, SocksServer],
) -> None:
    transport, server = proxy
    server.hangs = True
    task = asyncio.create_task(dial(transport, OUTSIDE))
    await server.asked.until(bool)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await server.ended.until(bool)


def _login(asked: Asked) -> tuple[str, str]:
    return asked.user, asked.password
