"""Real mDNS, on the loopback interface only. Other nodes on this machine do not disturb."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import AF_INET6, inet_aton, inet_pton

import ifaddr
import msgspec
import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from loom.discovery.mdns import SERVICE_TYPE, MdnsDiscovery
from loom.errors import DiscoveryUnavailable, InvalidAddress
from loom.ports import Advert, Discovery
from loom.wire.limits import ADVERT_ADDRESSES_MAX, ADVERTS_PER_S
from tests.transport.recorder import Seen

ROOT = Path(__file__).parents[2]
LOOPBACK = inet_aton("127.0.0.1")
PATIENCE_S = 15.0


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
    await discovery.start(finds)
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
    await discovery.start(finds)
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


async def test_a_flood_is_looked_at_slowly_and_nothing_odd_is_found(
    discovery: MdnsDiscovery, stranger: AsyncZeroconf
) -> None:
    found_at_s: list[float] = []
    finds = Seen[Advert]()

    def found(advert: Advert) -> None:
        found_at_s.append(asyncio.get_running_loop().time())
        finds(advert)

    async def announce(number: int, text: bytes, addresses: list[bytes]) -> None:
        name = f"{number}-{id(stranger):x}.{SERVICE_TYPE}"
        info = AsyncServiceInfo(
            SERVICE_TYPE, name, port=9, properties=text, server=f"{name}x", addresses=addresses
        )
        await stranger.async_register_service(info, cooperating_responders=True)

    await discovery.start(found)
    crowd = [bytes([10, 0, 0, n]) for n in range(ADVERT_ADDRESSES_MAX + 1)]
    await announce(0, b"\x03v=1", crowd)
    await announce(1, b"\xffcut short", [LOOPBACK])
    await announce(2, b"\x03\xff\xfe=\x00", [LOOPBACK])
    for number in range(3, ADVERTS_PER_S + 13):
        await announce(number, b"\x03v=1", [LOOPBACK])
    await finds.until(lambda adverts: len(adverts) >= ADVERTS_PER_S + 10)
    for early, late in zip(found_at_s, found_at_s[ADVERTS_PER_S:], strict=False):
        assert late - early > 0.9
    assert all(len(advert.addresses) <= ADVERT_ADDRESSES_MAX for advert in finds.items)


async def test_a_network_that_refuses_is_told_each_time() -> None:
    discovery = MdnsDiscovery(["192.0.2.250"])
    with pytest.raises(DiscoveryUnavailable, match="no interface"):
        await discovery.start(Seen[Advert]())
    with pytest.raises(DiscoveryUnavailable, match="no interface"):
        await discovery.announce([make_advert()])
    await discovery.stop()
    await discovery.announce([make_advert()])


async def test_discovery_comes_back_when_the_network_does(
    discovery: MdnsDiscovery, stranger: AsyncZeroconf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also an interface that goes away later ends nothing but its own announcement."""
    with monkeypatch.context() as patch:
        patch.setattr(ifaddr, "get_adapters", list)
        with pytest.raises(DiscoveryUnavailable):
            await discovery.start(Seen[Advert]())
    await discovery.announce([make_advert()])
    assert len(discovery._infos) == 1
    with monkeypatch.context() as patch:
        patch.setattr(AsyncZeroconf, "async_register_service", _gone)
        with pytest.raises(DiscoveryUnavailable, match="Network is down"):
            await discovery.announce([make_advert()])
    await discovery.announce([make_advert()])
    (info,) = discovery._infos
    assert await AsyncServiceInfo(SERVICE_TYPE, info.name).async_request(stranger.zeroconf, 5_000)


async def _gone(*args: object, **options: object) -> None:
    raise OSError(100, "Network is down")


def test_only_addresses_name_interfaces() -> None:
    with pytest.raises(InvalidAddress):
        MdnsDiscovery(["eth0"])


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
