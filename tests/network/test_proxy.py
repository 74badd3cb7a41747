"""A node behind a real SOCKS server: what leaves the machine, counted on the cable.

The addresses are those for documentation (RFC 5737), which are nobody's own network. The server
sends from an address of its own, so what the node dials itself can be told apart.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
import pytest_asyncio

from loom.api.contact_commands import ShowConnectivity
from loom.api.profile_commands import Diagnose, Status
from loom.errors import NetworkError, ProxyNeeded, ProxyUnavailable
from tests.network.hosts import ALICE, BOB, Host, wired
from tests.network.talk import Talk, talking
from tests.network.wire import Wire

PUBLIC = ("203.0.113.1", "203.0.113.2")
SERVER = "203.0.113.9"
"""Where the server of the first host sends from."""
PROXY_PORT = 1_080
PROXY = f"socks5://127.0.0.1:{PROXY_PORT}"
BOUND_S = 60.0
ONION = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"
pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        shutil.which("microsocks") is None, reason="NOT RUN, no SOCKS server: install microsocks"
    ),
]


class Scene(NamedTuple):
    """Alice's node dials through the proxy, Bob's as ever; he does not know where she is."""

    talk: Talk
    wire: Wire
    hosts: tuple[Host, Host]

    def direct(self) -> int:
        """How often Alice's node itself asked for a connection to somewhere public."""
        return self.wire.begun[PUBLIC]


@contextmanager
def microsocks(host: Host) -> Iterator[None]:
    """A server on the host's loopback, from when it answers on."""
    listen = ("-i", "127.0.0.1", "-p", str(PROXY_PORT), "-b", SERVER)
    process = subprocess.Popen(
        [*host.prefix, "microsocks", *listen],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        try:
            yield
        finally:
            process.kill()


@pytest_asyncio.fixture
async def scene(hosts: tuple[Host, Host]) -> AsyncIterator[Scene]:
    """Both nodes run, and no proxy yet."""
    with wired(hosts, PUBLIC) as wire:
        hosts[0].add(SERVER)
        for host, private in zip(hosts, (ALICE, BOB), strict=True):
            host.add(private)
        with (
            hosts[0].node("alice", "--no-mdns", "--proxy", PROXY),
            hosts[1].node("bob", "--no-mdns"),
        ):
            async with talking(hosts) as talk:
                yield Scene(talk, wire, hosts)


async def test_two_people_talk_through_it(scene: Scene) -> None:
    alice = scene.talk.alice
    with microsocks(scene.hosts[0]):
        await until_on(scene)
        await alice.dial(PUBLIC[1])
        await scene.talk.say(10)
        await scene.talk.settled(BOUND_S)
        assert (await alice.peer()).address == f"{PUBLIC[1]}:7000"
        assert (await alice.client.send(ShowConnectivity())).paths[0].proxied
        status = await alice.client.send(Status())
        assert (status.proxy, status.proxy_state) == (PROXY, "on")
        checks = {one.name: one for one in (await alice.client.send(Diagnose())).checks}
        assert checks["proxy"].ok
    assert scene.direct() == 0
    assert scene.wire.begun[SERVER, PUBLIC[1]] > 0


@pytest.mark.long
async def test_a_proxy_that_dies_is_waited_for_and_never_gone_around(scene: Scene) -> None:
    alice = scene.talk.alice
    with microsocks(scene.hosts[0]):
        await until_on(scene)
        await alice.dial(PUBLIC[1])
        await scene.talk.say(1)
        await scene.talk.settled(BOUND_S)
    await alice.until_online(False, BOUND_S)
    await scene.talk.say(5)
    with pytest.raises(ProxyUnavailable):
        await alice.dial(PUBLIC[1])
    with pytest.raises(NetworkError):
        await alice.dial("bob.example")
    await alice.until(lambda: alice.warnings.count("proxy_unavailable") == 2, BOUND_S)
    found = await alice.client.send(ShowConnectivity())
    assert found.proxy_state == "failed"
    assert not found.paths[0].proxied
    assert found.paths[0].last_error == "proxy_unavailable"
    checks = {one.name: one for one in (await alice.client.send(Diagnose())).checks}
    assert not checks["proxy"].ok
    assert checks["proxy"].advice
    assert await alice.states() == ["delivered"] + ["queued"] * 5
    assert scene.direct() == 0
    with microsocks(scene.hosts[0]):
        await scene.talk.settled(BOUND_S)  # by itself
        assert (await alice.peer()).online
    assert scene.direct() == 0


async def test_ones_own_network_is_dialled_without_it(scene: Scene) -> None:
    await scene.talk.alice.dial(BOB)
    await scene.talk.say(3)
    await scene.talk.settled(BOUND_S)
    assert scene.wire.begun[ALICE, BOB] > 0
    assert scene.direct() == 0


async def test_an_onion_service_needs_a_proxy(scene: Scene) -> None:
    with pytest.raises(ProxyNeeded):
        await scene.talk.bob.dial(ONION)
    assert (await scene.talk.bob.peer()).known_addresses == []
    with microsocks(scene.hosts[0]):
        await until_on(scene)
        with pytest.raises(NetworkError):  # this proxy is not Tor
            await scene.talk.alice.dial(ONION)
    assert (await scene.talk.alice.peer()).known_addresses == [f"{ONION}:7000"]


async def until_on(scene: Scene) -> None:
    """Wait until Alice's node knows that the proxy is there."""
    alice = scene.talk.alice
    async with asyncio.timeout(BOUND_S):
        while (await alice.client.send(Status())).proxy_state != "on":  # noqa: ASYNC110
            await asyncio.sleep(0.2)
