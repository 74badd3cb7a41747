"""Real mDNS, on the loopback interface only. Other nodes on this machine do not disturb."""

import asyncio
import secrets
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address
from itertools import count
from pathlib import Path
from socket import AF_INET6, inet_aton, inet_pton
from typing import cast

import ifaddr
import msgspec
import pytest
from zeroconf import (  # type: ignore[attr-defined]
    DNSOutgoing,
    DNSPointer,
    ServiceInfo,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from loom.discovery.browser import SERVICE_TYPE
from loom.discovery.intake import RESPONSE_MAX_BYTES, RESPONSES_PER_S, Intake
from loom.discovery.interfaces import Interfaces, address_on
from loom.discovery.mdns import MdnsDiscovery
from loom.errors import DiscoveryUnavailable, InvalidInput
from loom.ports import Advert, Discovery
from loom.wire.limits import ADVERT_ADDRESSES_MAX, ADVERTS_PER_S
from tests.transport.recorder import Seen

ROOT = Path(__file__).parents[2]
LOOPBACK = inet_aton("127.0.0.1")
PATIENCE_S = 60.0


def make_advert(tags: int = 16, addresses: tuple[bytes, ...] = (LOOPBACK,)) -> Advert:
    """One as a node builds it: version, nonce, tags in strings of 30; never the same again."""
    all_tags = secrets.token_bytes(8 * tags)
    strings = [all_tags[n : n + 240] for n in range(0, len(all_tags), 240)]
    return Advert(
        1 + secrets.randbelow(65_535),
        tuple(sorted(addresses)),
        (
            (b"v", b"1"),
            (b"n", secrets.token_bytes(16)),
            *((b"t%d" % n, string) for n, string in enumerate(strings)),
        ),
    )


@pytest.fixture
async def discovery() -> AsyncIterator[MdnsDiscovery]:
    """Loopback only, stopped at the end."""
    discovery = MdnsDiscovery(["127.0.0.1"])
    yield discovery
    await discovery.stop()


@pytest.fixture
async def stranger() -> AsyncIterator[AsyncZeroconf]:
    """Somebody on the same LAN with the same library."""
    async with AsyncZeroconf(interfaces=["127.0.0.1"]) as stranger:
        yield stranger


@asynccontextmanager
async def other_process(adverts: list[Advert]) -> AsyncIterator[Seen[Advert]]:
    """Another node, and what it finds."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.discovery.mdns_peer"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    finds = Seen[Advert]()

    async def read() -> None:
        async for line in stdout:
            finds(msgspec.json.decode(line, type=Advert))

    reading = asyncio.create_task(read())
    try:
        stdin.write(msgspec.json.encode(adverts) + b"\n")
        yield finds
        stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def test_two_processes_find_each_other(discovery: MdnsDiscovery) -> None:
    """Byte for byte, the largest advert included, and no node finds itself."""
    many = (LOOPBACK, inet_aton("192.0.2.7"), inet_pton(AF_INET6, "2001:db8::7"))
    ours, small, large = make_advert(), make_advert(), make_advert(128, many)
    finds = Seen[Advert]()
    await discovery.start(lambda advert, _: finds(advert))
    await discovery.announce([ours])
    async with other_process([small, large]) as others_finds:
        await finds.until(lambda found: {small, large} <= set(found))
        await others_finds.until(lambda found: ours in found)
    assert ours not in finds.items
    assert not {small, large} & set(others_finds.items)


async def test_a_new_announcement_has_new_names_and_stop_withdraws(
    discovery: MdnsDiscovery, stranger: AsyncZeroconf
) -> None:
    changes = Seen[tuple[str, str]]()

    def changed(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        changes((state_change.name, name))

    async def heard(change: str, names: set[str]) -> None:
        await changes.until(lambda seen: {(change, name) for name in names} <= set(seen))

    browser = AsyncServiceBrowser(stranger.zeroconf, SERVICE_TYPE, [changed])
    finds = Seen[Advert]()
    await discovery.start(lambda advert, _: finds(advert))
    hosts: set[str | None] = set()
    names: set[str] = set()
    for _ in range(2):
        await discovery.announce([make_advert(), make_advert(32)])
        assert len(discovery._infos) == 2
        now = {info.name for info in discovery._infos}
        hosts |= {info.server for info in discovery._infos}
        await heard("Added", now)
        await heard("Removed", names)
        assert not names & now
        names |= now
    assert len(hosts) == len(names) == 4
    await discovery.stop()
    await heard("Removed", names)
    await browser.async_cancel()


async def test_nothing_odd_is_found(discovery: MdnsDiscovery, stranger: AsyncZeroconf) -> None:
    finds = Seen[Advert]()

    async def announce(number: int, text: bytes, addresses: list[bytes]) -> None:
        name = f"{number}-{id(stranger):x}.{SERVICE_TYPE}"
        info = AsyncServiceInfo(
            SERVICE_TYPE, name, port=9, properties=text, server=f"{name}x", addresses=addresses
        )
        await stranger.async_register_service(info, cooperating_responders=True)

    await discovery.start(lambda advert, _: finds(advert))
    crowd = [bytes([127, 0, 1, n]) for n in range(ADVERT_ADDRESSES_MAX + 1)]
    await announce(0, b"\x03v=1", crowd)
    await announce(1, b"\xffcut short", [LOOPBACK])
    await announce(2, b"\x03\xff\xfe=\x00", [LOOPBACK])
    await announce(3, b"\x03v=1", [inet_aton("192.0.2.7")])
    last = 30
    for number in range(4, last + 1):
        await announce(number, b"\x03v=1", [LOOPBACK])
    await finds.until(lambda adverts: len(adverts) >= last - 3)
    assert all(advert.addresses == (LOOPBACK,) for advert in finds.items)


def _pointers(names: Iterable[str]) -> bytes:
    """One response with the names of adverts and nothing of their records."""
    response = DNSOutgoing(0x8400)
    for name in names:
        response.add_answer_at_time(DNSPointer(SERVICE_TYPE, 12, 1, 4_500, name), 0)
    [packet] = response.packets()
    return packet


def _receiver(discovery: MdnsDiscovery) -> Callable[[bytes, tuple[str, int]], None]:
    """Takes what a socket would have received."""
    assert discovery._mdns is not None
    protocol = discovery._mdns.zeroconf.engine.readers[0].transport.get_protocol()
    return cast("asyncio.DatagramProtocol", protocol).datagram_received


async def test_a_flood_of_names_does_not_fill_the_memory(
    discovery: MdnsDiscovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """zeroconf caches 10,000 records; its browser kept 190 bytes of every further name, too."""
    await discovery.start(_nobody)
    monkeypatch.setattr(discovery._intake, "_monotonic_s", count().__next__)  # no limit of packets
    receive = _receiver(discovery)

    def flood(rounds: int) -> int:
        for _ in range(rounds):
            names = [f"{secrets.token_hex(16)}.{SERVICE_TYPE}" for _ in range(25)]
            receive(_pointers(names), ("127.0.0.1", 5353))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = flood(500)
        assert flood(500) - full < 500_000
    finally:
        tracemalloc.stop()


async def test_responses_of_other_networks_huge_ones_and_too_many_are_dropped() -> None:
    second = 0.0
    intake = Intake(lambda: second)
    here = IPv4Address("127.0.0.1")
    assert not intake.admits(b"", here, 0), "before it knows its networks"
    intake.interfaces = Interfaces.here()
    assert not intake.admits(b"", IPv4Address("198.51.100.1"), 0)
    assert not intake.admits(bytes(RESPONSE_MAX_BYTES + 1), here, 0)
    passed = [intake.admits(bytes(RESPONSE_MAX_BYTES), here, 0) for _ in range(2 * RESPONSES_PER_S)]
    assert sum(passed) == RESPONSES_PER_S
    second = 1.0
    assert intake.admits(b"", here, 0)


async def test_a_contact_is_found_while_a_stranger_announces_without_end(
    discovery: MdnsDiscovery,
) -> None:
    """400 adverts a second once filled the queue for good, and each honest one was dropped."""
    finds = Seen[Advert]()
    await discovery.start(lambda advert, _: finds(advert))
    receive = _receiver(discovery)

    async def flood() -> None:
        while True:
            for _ in range(20):
                receive(_advert_of_a_stranger(), ("127.0.0.1", 5353))
            await asyncio.sleep(0.05)

    flooding = asyncio.create_task(flood())
    await finds.until(lambda found: len(found) >= 2 * ADVERTS_PER_S)
    ours = make_advert()
    async with other_process([ours]):
        await finds.until(lambda found: ours in found)
    flooding.cancel()


def _advert_of_a_stranger() -> bytes:
    host, name = f"{secrets.token_hex(16)}.local.", f"{secrets.token_hex(16)}.{SERVICE_TYPE}"
    info = ServiceInfo(
        SERVICE_TYPE, name, port=9, properties=b"\x03v=1", server=host, addresses=[LOOPBACK]
    )
    response = DNSOutgoing(0x8400)
    for record in (info.dns_pointer(), info.dns_service(), info.dns_text(), *info.dns_addresses()):
        response.add_answer_at_time(record, 0)
    [packet] = response.packets()
    return packet


async def test_a_network_that_refuses_is_an_error_each_time() -> None:
    discovery = MdnsDiscovery(["192.0.2.250"])
    with pytest.raises(DiscoveryUnavailable, match="no interface"):
        await discovery.start(_nobody)
    with pytest.raises(DiscoveryUnavailable, match="no interface"):
        await discovery.announce([make_advert()])
    await discovery.stop()
    await discovery.announce([make_advert()])


async def test_discovery_comes_back_when_the_network_does(
    discovery: MdnsDiscovery, stranger: AsyncZeroconf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an interface that disappears later ends nothing but its own announcement."""
    with monkeypatch.context() as patch:
        patch.setattr(ifaddr, "get_adapters", list)
        with pytest.raises(DiscoveryUnavailable):
            await discovery.start(_nobody)
    await discovery.announce([make_advert()])
    assert len(discovery._infos) == 1
    with monkeypatch.context() as patch:
        patch.setattr(AsyncZeroconf, "async_register_service", _gone)
        with pytest.raises(DiscoveryUnavailable, match="Network is down"):
            await discovery.announce([make_advert()])
    await discovery.announce([make_advert()])
    (info,) = discovery._infos
    assert await AsyncServiceInfo(SERVICE_TYPE, info.name).async_request(stranger.zeroconf, 5_000)


def _nobody(advert: Advert, nearby: tuple[bytes, ...]) -> None:
    """Tests of others may announce at the same time."""


async def _gone(*args: object, **options: object) -> None:
    raise OSError(100, "Network is down")


def test_an_interface_is_named_by_an_address_or_its_name() -> None:
    [name] = {
        one.name for one in ifaddr.get_adapters() if any(ip.ip == "127.0.0.1" for ip in one.ips)
    }
    assert str(address_on(name)) == str(address_on("127.0.0.1")) == "127.0.0.1"
    with pytest.raises(InvalidInput, match=r"neither an address such as 127\.0\.0\.1 nor"):
        MdnsDiscovery(["no such interface"])


def _adapter(*addresses: str) -> ifaddr.Adapter:
    ips = [
        ifaddr.IP((address, 0, 0) if ":" in address else address, 24, "") for address in addresses
    ]
    return ifaddr.Adapter("", "", ips)


def test_local_addresses_are_those_others_can_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = _adapter("127.0.0.1", "::1")
    lan = _adapter("192.0.2.7", "fe80::7", "2001:db8::7", "169.254.1.2")
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [loopback, lan])
    discovery: Discovery = MdnsDiscovery()
    v6 = inet_pton(AF_INET6, "2001:db8::7")
    expected = (v6, inet_aton("169.254.1.2"), inet_aton("192.0.2.7"))
    assert discovery.local_addresses() == expected
    assert MdnsDiscovery(["127.0.0.1"]).local_addresses() == (LOOPBACK,)
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [loopback])
    offline = MdnsDiscovery().local_addresses()
    assert offline == (inet_pton(AF_INET6, "::1"), LOOPBACK), "two nodes here still meet"


def test_only_addresses_of_the_network_an_advert_came_from_are_nearby(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A contact once chose where a node connects: its loopback ports, other networks, itself."""
    loopback = _adapter("127.0.0.1")
    lan, other = _adapter("192.0.2.7", "2001:db8::7", "fe80::7"), _adapter("198.51.100.7")
    lan.index = 3
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [loopback, lan, other])
    here = Interfaces.here()
    neighbour, there = IPv4Address("192.0.2.9"), inet_aton("192.0.2.9")
    v6 = inet_pton(AF_INET6, "2001:db8::9")
    elsewhere = [
        *("127.0.0.1", "127.0.0.2", "198.51.100.9", "203.0.113.1", "0.0.0.0"),  # noqa: S104
        *("192.0.2.0", "192.0.2.255", "192.0.2.7", "224.0.0.251"),
    ]
    claimed = (v6, there, *map(inet_aton, elsewhere))
    assert here.nearby(claimed, neighbour, 0) == (v6, there)
    assert here.nearby(claimed, IPv6Address("fe80::9"), 3) == (v6, there)
    assert here.nearby(claimed, IPv6Address("fe80::9"), 9) == ()
    assert here.nearby(claimed, IPv4Address("203.0.113.1"), 0) == ()
    itself = (inet_aton("192.0.2.7"),)
    assert here.nearby(itself, IPv4Address("192.0.2.7"), 0) == itself, "another profile here"
    assert here.nearby((LOOPBACK,), IPv4Address("127.0.0.1"), 0) == (LOOPBACK,)
    pinned = Interfaces.here([LOOPBACK])
    assert pinned.nearby(claimed, neighbour, 0) == ()
    assert not pinned.reach(neighbour, 0)
