"""Processes of people who are never linked, and anchors between them; all of them are killed."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import ALONE, ARGON2, LIMIT_S, Daemon, Home, Running

ROUNDS = 5
SERVE = ("anchor", "serve", "--json")


def end(one: Running, number: signal.Signals) -> None:
    """End a process, and leave nothing of it open here."""
    with one.process:
        one.end(number)


class Box:
    """An anchor in a home of its own, at the port it got first."""

    def __init__(self, folder: Path, name: str) -> None:
        self.home = Home(folder)
        self.home.run("anchor", "init", "--name", name, *ARGON2).ok()
        self.port = 0
        self._process: Running | None = None

    def up(self) -> None:
        """Serve, until it is killed; its port may be another program's for a moment."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            process = self.home.start(*SERVE, "--listen", f"127.0.0.1:{self.port}")
            found = process.object()
            if found["type"] == "anchor.ready":
                self._process, self.port = process, int(found["port"])
                return
            end(process, signal.SIGTERM)
            assert found["code"] == "port_in_use", found
            assert time.monotonic() < deadline
            time.sleep(1)

    def kill(self) -> None:
        """As a power cut would."""
        if self._process is not None:
            end(self._process, signal.SIGKILL)
            self._process = None

    def text(self) -> str:
        """A pairing text."""
        return self.home.run("anchor", "pair", "--address", f"127.0.0.1:{self.port}").ok().stdout


@contextmanager
def boxes(folder: Path, count: int) -> Iterator[list[Box]]:
    """So many anchors that run."""
    made = [Box(folder / f"box{n}", f"box{n}") for n in range(count)]
    with ExitStack() as stack:
        for one in made:
            one.up()
            stack.callback(one.kill)
        yield made


class People:
    """Alice and Bob; each daemon is at another port, so no old address leads anywhere."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.daemons: dict[str, Daemon] = {}
        self.said: dict[str, list[str]] = {"alice": [], "bob": []}

    def up(self, name: str) -> None:
        """Start a daemon unless it runs."""
        if name not in self.daemons:
            self.daemons[name] = self.home.start_daemon(name, *ALONE)

    def down(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """End a daemon."""
        if name in self.daemons:
            end(self.daemons.pop(name), number)

    def say(self, name: str, text: str) -> None:
        """Queue a text."""
        self.home.run("-p", name, "send", self.other(name), text).ok()
        self.said[name].append(text)

    @staticmethod
    def other(name: str) -> str:
        """Whom somebody talks to."""
        return "bob" if name == "alice" else "alice"

    def received(self, name: str) -> list[str]:
        """What somebody got."""
        found = self.home.run("-p", name, "history", self.other(name), "-n", "5000", "--json").ok()
        return [one["body"] for one in found.objects if one.get("direction") == "in"]

    def until(self, name: str, expected: list[str]) -> None:
        """Wait until somebody has exactly this."""
        deadline = time.monotonic() + LIMIT_S
        while (found := self.received(name)) != expected:
            assert time.monotonic() < deadline, (found, expected)
            time.sleep(0.5)

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """What lies in mailboxes for the other."""
        found = self.home.run("-p", name, "anchors", "--json").ok().objects
        return [one for one in found if one["type"] == "waiting_mail"]

    def meet(self) -> None:
        """Be linked once, so that what they told of their anchors arrives."""
        self.up("alice")
        self.up("bob")
        port = self.daemons["bob"].port
        self.home.run("-p", "alice", "connect", "bob", f"127.0.0.1:{port}").ok()
        self.home.run("-p", "alice", "send", "bob", "met", "--wait", "30").ok()
        self.said["alice"].append("met")


@contextmanager
def people(home: Home) -> Iterator[People]:
    """Both; whatever runs at the end is ended."""
    both = People(home)
    try:
        yield both
    finally:
        for name in list(both.daemons):
            both.down(name, signal.SIGTERM)


@pytest.mark.long
def test_mail_outlives_the_kill_of_everybody(home: Home, tmp_path: Path) -> None:
    """Never are the two up at one time after they met."""
    with boxes(tmp_path, 1) as [box], people(home) as both:
        both.up("alice")
        home.run("-p", "alice", "anchor", "use", box.text()).ok()
        both.meet()
        both.down("bob")
        for text in ("one", "two", "three"):
            both.say("alice", text)
        deadline = time.monotonic() + LIMIT_S
        while sum(one["messages"] for one in both.waiting("alice")) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        both.down("alice")
        box.kill()
        both.up("bob")
        box.up()
        both.until("bob", both.said["alice"])
        both.say("bob", "an answer")
        time.sleep(8)  # the grace that a link is given, and the put
        both.down("bob")
        box.kill()
        box.up()
        both.up("alice")
        both.until("alice", ["an answer"])


@pytest.mark.long
def test_offline_spells_and_kills(home: Home, tmp_path: Path) -> None:
    """Two anchors, and everybody is killed at random; what was said is there, each once."""
    chance = random.Random(5)
    with boxes(tmp_path, 2) as anchors, people(home) as both:
        both.up("alice")
        home.run("-p", "alice", "anchor", "use", anchors[0].text()).ok()
        both.up("bob")
        home.run("-p", "bob", "anchor", "use", anchors[1].text()).ok()
        both.meet()
        for number in range(ROUNDS):
            name = chance.choice(["alice", "bob"])
            both.down(name, chance.choice([signal.SIGKILL, signal.SIGTERM]))
            if chance.random() < 0.4:
                box = chance.choice(anchors)
                box.kill()
                box.up()
            other = both.other(name)
            both.up(other)
            for n in range(3):
                both.say(other, f"{other} {number}.{n}")
            time.sleep(chance.uniform(0, 8))
            both.up(name)
        for name in ("alice", "bob"):
            both.up(name)
        for name in ("alice", "bob"):
            expected = sorted(both.said[both.other(name)])
            deadline = time.monotonic() + 2 * LIMIT_S
            while (found := sorted(both.received(name))) != expected:
                assert time.monotonic() < deadline, set(expected) - set(found)
                time.sleep(1)
