"""Two people at home behind NAT, and an anchor that both reach: the words of the README, typed.

Both homes have the same private network, and both people the same address in it, as happens with
routers of one make. The other addresses are those for documentation (RFC 5737).
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import ARGON2, LIMIT_S, Home, Running, history, new_profile
from tests.network import hosts as network
from tests.network.hosts import Host, behind_nat, several_hosts
from tests.network.wire import Wire

PRIVATE = "192.168.1.2"
PUBLIC = ("203.0.113.1", "198.51.100.1")
SERVER = "192.0.2.9"
AT = f"{SERVER}:4070"
NODE = ("--listen", "0.0.0.0:7000", "--json")


class Scene:
    """The three machines, and what runs on them."""

    def __init__(self, alice: Host, bob: Host, server: Host, wires: tuple[Wire, ...]) -> None:
        self.alice = alice
        self.bob = bob
        self.server = server
        self.wires = wires
        self._running: dict[Host, Running] = {}

    def up(self, host: Host) -> None:
        """Start the node, or the anchor."""
        if host is self.server:
            anchor = host.start("anchor", "serve", "--listen", AT, "--json")
            self._running[host] = anchor
            assert anchor.object()["type"] == "anchor.ready"
        else:
            self._running[host] = host.start_daemon(self.name(host), *NODE)

    def kill(self, host: Host) -> None:
        """As a power cut would."""
        one = self._running.pop(host)
        with one.process:
            one.end(signal.SIGKILL)

    def end(self) -> None:
        """Kill what still runs."""
        for host in list(self._running):
            self.kill(host)

    def name(self, host: Host) -> str:
        """Whose machine it is."""
        return "alice" if host is self.alice else "bob"

    def say(self, host: Host, text: str, *options: str) -> None:
        """Send the other a text."""
        name = self.name(host)
        host.run("-p", name, "send", self.other(name), text, *options).ok()

    @staticmethod
    def other(name: str) -> str:
        """What somebody calls the other."""
        return "Bob" if name == "alice" else "Ally"

    def conversation(self, host: Host) -> list[tuple[str, str]]:
        """Who said what, as the screen shows it."""
        name = self.name(host)
        return [(one["direction"], one["body"]) for one in history(host, name, self.other(name))]

    def contact(self, host: Host) -> dict[str, Any]:
        """What somebody knows of the other; nothing at all before they have them."""
        found = host.run("-p", self.name(host), "contacts", "list", "--json").ok().objects
        return found[0] if found else {}


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Two homes and a server; nobody has a profile yet."""
    made = Home(folder / "made")
    with several_hosts(made, folder, "abs") as (alice, bob, server):
        server.ip("address", "add", f"{SERVER}/32", "dev", "lo")
        server.set("net/ipv4/ip_forward", "1")
        with (
            behind_nat(alice, PRIVATE, PUBLIC[0], server, "eth0") as hers,
            behind_nat(bob, PRIVATE, PUBLIC[1], server, "eth1") as his,
        ):
            found = Scene(alice, bob, server, (hers, his))
            try:
                yield found
            finally:
                found.end()
        for host in (alice, bob, server):
            assert "Traceback" not in host.said()


def until(holds: Callable[[], bool], said: Callable[[], object]) -> None:
    """Wait for it."""
    deadline_s = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline_s, said()
        time.sleep(0.3)


@pytest.mark.long
@pytest.mark.timeout(280)
def test_two_behind_nat_talk_after_one_paste(tmp_path: Path) -> None:
    if lacking := network.missing():
        pytest.skip(f"NOT RUN, two people behind NAT: {lacking}")
    with scene(tmp_path) as at:
        at.server.run("anchor", "init", "--name", "box", *ARGON2).ok()
        at.up(at.server)
        for host, name in ((at.alice, "Alice"), (at.bob, "Bob")):
            new_profile(host, name)
            at.up(host)
        text = at.server.run("anchor", "pair", "--address", AT).ok().stdout.strip()
        at.alice.run("anchor", "use", text).ok()
        invite = at.alice.run("invite").ok().stdout.strip()

        at.bob.run("token", "import", invite, "--name", "Ally").ok()
        at.say(at.bob, "here I am", "--wait", "60")
        at.say(at.alice, "welcome", "--wait", "60")
        assert at.contact(at.alice)["contact"] == "Bob"
        assert at.contact(at.bob)["joining"] is None

        at.kill(at.bob)
        for one in ("one", "two", "three"):
            at.say(at.alice, one)
        until(lambda: waits(at) == 3, lambda: waits(at))
        at.kill(at.server)
        at.say(at.alice, "four")
        at.up(at.server)
        at.up(at.bob)
        said = ["one", "two", "three", "four"]
        until(lambda: len(at.conversation(at.bob)) == 6, lambda: at.conversation(at.bob))
        at.say(at.bob, "all there", "--wait", "60")
        talk = [("out", "here I am"), ("in", "welcome"), *(("in", one) for one in said)]
        assert at.conversation(at.bob) == [*talk, ("out", "all there")]
        mirrored = [("in" if way == "out" else "out", one) for way, one in at.conversation(at.bob)]
        assert at.conversation(at.alice) == mirrored
        assert {to for wire in at.wires for _, to in wire.begun} == {SERVER}


def waits(at: Scene) -> int:
    """How much lies in the anchor for Bob, as Alice is told."""
    [found] = at.alice.run("-p", "alice", "anchors", "--json").ok().objects[1:] or [{}]
    return int(found.get("messages", 0))
