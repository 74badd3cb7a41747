"""A node behind a proxy: how long it waits, whom it keeps apart, and what it does without it."""

import asyncio

import pytest

from loom.api.contact_commands import ShowConnectivity
from loom.api.events import Warned
from loom.api.invite_commands import MakeInvite
from loom.api.profile_commands import Status
from loom.api.profiles import NodeOptions
from loom.errors import InvalidInput, ProxyUnavailable, Unreachable
from loom.model import Address
from loom.node.network import Network
from loom.node.proxy_watch import CHECK_AGAIN_S, CHECK_S
from loom.ports import StreamHandler
from loom.wire.limits import (
    LINK_CLEAR_TIMEOUT_S,
    PROXIED_CLEAR_TIMEOUT_S,
    PROXIED_CONNECT_TIMEOUT_S,
    PROXIED_HANDSHAKE_TIMEOUT_S,
    UNAUTHENTICATED_MAX,
)
from tests.memory_network import MemoryTransport
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_mail import wall
from tests.node.test_regressions_links import Stranger
from tests.transport.recorder import Recorder

TOR = Address("127.0.0.1", 9050)


class Proxy:
    """Stands between one host and the network, in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
        self.is_there = True
        self.dials: list[tuple[Address, float, bytes | None]] = []
        self.host = host
        dial, is_proxied = MemoryTransport.dial, MemoryTransport.is_proxied

        def proxied(transport: MemoryTransport, address: Address) -> bool:
            return transport.host == host or is_proxied(transport, address)

        async def check(transport: MemoryTransport) -> None:
            if transport.host == host:
                self.check()

        async def through(
            transport: MemoryTransport,
            address: Address,
            handler: StreamHandler,
            timeout_s: float,
            isolation: bytes | None = None,
        ) -> None:
            if transport.host == host:
                self.dials.append((address, timeout_s, isolation))
                self.check()
            await dial(transport, address, handler, timeout_s, isolation)

        monkeypatch.setattr(MemoryTransport, "is_proxied", proxied)
        monkeypatch.setattr(MemoryTransport, "check_proxy", check)
        monkeypatch.setattr(MemoryTransport, "dial", through)

    def check(self) -> None:
        """Raise where it is not there."""
        if not self.is_there:
            raise ProxyUnavailable(proxy=str(TOR), reason="nobody answers there")


async def behind(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[Person, Proxy]:
    """Alice, who has a proxy."""
    alice = await world.person("Alice")
    await alice.stop()
    proxy = Proxy(monkeypatch, alice.host)
    alice.options = NodeOptions(mdns=False, proxy=TOR)
    await alice.start()
    return alice, proxy


async def test_each_contact_is_kept_apart_and_has_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, proxy = await behind(world, monkeypatch)
    others = [await world.person(name) for name in ("Bob", "Carol")]
    for other in others:
        await alice.add(other)
        await other.add(alice)
        await alice.call(other)
        await world.until(lambda other=other: other.is_online(alice))  # type: ignore[misc]
    (_, first_s, bob), (_, second_s, carol) = proxy.dials
    assert first_s == second_s == PROXIED_CONNECT_TIMEOUT_S
    assert bob
    assert carol
    assert bob != carol
    link = alice.peer(others[0]).connection
    assert link is not None
    link.abort()
    await world.until(lambda: len(proxy.dials) == 3 and alice.is_online(others[0]))
    assert proxy.dials[2][2] == bob


async def test_somebody_far_has_time_to_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = await behind(world, monkeypatch)
    bob = await world.person("Bob")
    await alice.add(bob)
    silent = Address("192.0.2.66", 1)
    await world.network.transport(silent.host).listen([silent], Recorder)
    began_s = world.loop.time()
    calling = asyncio.create_task(alice.node.network.caller.call(alice.peer(bob), silent))
    await asyncio.wait([calling], timeout=PROXIED_HANDSHAKE_TIMEOUT_S - 0.5)
    assert not calling.done()
    with pytest.raises(Unreachable):
        await calling
    assert world.loop.time() - began_s < PROXIED_HANDSHAKE_TIMEOUT_S + 2.0


async def test_a_proxy_that_is_gone_is_told_once_and_its_return_ends_the_wait(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, proxy = await behind(world, monkeypatch)
    bob = await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    await alice.call(bob)
    await world.until(lambda: bob.is_online(alice))
    assert (await alice.do(Status())).proxy_state == "on"
    proxy.is_there = False
    link = alice.peer(bob).connection
    assert link is not None
    link.abort()
    await world.until(lambda: bool(_warnings(alice)), CHECK_S / 2)  # the dial that fails tells
    with pytest.raises(ProxyUnavailable):
        await alice.call(bob)
    await alice.say(bob, "later")
    await world.pass_time(6 * 3_600)
    assert len(_warnings(alice)) == 1
    found = await alice.do(ShowConnectivity())
    assert (found.proxy, found.proxy_state) == (f"socks5://{TOR}", "failed")
    assert found.paths[0].last_error == "proxy_unavailable"
    assert bob.received(alice) == []
    proxy.is_there = True
    await world.until(lambda: bob.received(alice) == ["later"], 2 * CHECK_AGAIN_S)
    assert (await alice.do(Status())).proxy_state == "on"


async def test_the_return_of_the_proxy_ends_the_wait_for_anchors_and_for_mail(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, proxy = await behind(world, monkeypatch)
    anchor = AnchorMachine(world, "far")
    anchor.host = "192.0.2.200"  # a private address that others tell is not dialled
    await anchor.start()
    bob = await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    await alice.call(bob)
    await anchor.serve(bob)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await anchor.serve(alice)
    await world.pass_time(5)
    await world.delivered(alice, bob)
    wall(world, alice, bob)
    proxy.is_there = False
    world.network.cut(alice.host)
    await alice.say(bob, "later")
    await world.pass_time(6 * 3_600)
    proxy.is_there = True
    [account] = alice.node.network.anchors.accounts.values()
    await world.until(lambda: account.line.is_up, 2 * CHECK_AGAIN_S)
    await world.until(lambda: bob.received(alice) == ["later"], 2 * CHECK_AGAIN_S)


async def test_a_proxy_that_is_not_there_at_the_start_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, proxy = await behind(world, monkeypatch)
    await alice.stop()
    proxy.is_there = False
    await alice.start()
    await world.until(lambda: bool(_warnings(alice)))


async def test_an_invite_does_not_tell_what_the_proxy_hides(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = await behind(world, monkeypatch)
    at = Address(alice.host, 4_070)

    async def tells() -> list[str]:
        return (await alice.do(MakeInvite(lifetime_s=3_600))).reached_at

    for proxy in (None, TOR):
        await alice.stop()
        alice.options = NodeOptions(mdns=False, listen=at, proxy=proxy)
        await alice.start()
        if proxy is None:
            assert await tells() == [str(at)]
        else:
            with pytest.raises(InvalidInput):
                await tells()


async def test_who_hides_behind_an_onion_service_dials_no_loopback_that_others_tell(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a node listens on loopback only, which else counts as its whole network."""
    alice, _ = await behind(world, monkeypatch)
    monkeypatch.setattr(Network, "_is_confined", property(lambda _: True))
    assert not alice.node.network.may_dial(Address("127.0.0.1", 5_432))
    await alice.stop()
    alice.options = NodeOptions(mdns=False)
    await alice.start()
    assert alice.node.network.may_dial(Address("127.0.0.1", 5_432))


async def test_an_onion_service_has_patience_and_all_places(world: World) -> None:
    """Everybody comes from loopback there, and slowly."""
    bob = await world.person("Bob")
    crowd = [Stranger() for _ in range(UNAUTHENTICATED_MAX + 5)]
    for n, one in enumerate(crowd):
        source = Address("127.0.0.1" if n % 2 else "::1", 50_000 + n)
        world.network.connect(source, bob.address, one)
    await world.pass_time(LINK_CLEAR_TIMEOUT_S + 1.0)
    assert [one.is_open for one in crowd] == [False] * 5 + [True] * UNAUTHENTICATED_MAX
    await world.pass_time(PROXIED_CLEAR_TIMEOUT_S)
    assert not any(one.is_open for one in crowd)


def _warnings(person: Person) -> list[Warned]:
    return [one for one in person.told(Warned) if one.code == "proxy_unavailable"]
