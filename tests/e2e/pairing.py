"""`loom pair --json` as a running process, and what one types into it."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.processes import LIMIT_S, Home, Running


class Pairing:
    """One `loom pair --json`, and what one types into it."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.view = running.until("pairing")

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.view['port']}"

    def type(self, line: str) -> None:
        """A line and Enter."""
        self.running.type(line)

    def sees(self, alias: str) -> None:
        """Wait until somebody is near."""
        deadline = time.monotonic() + LIMIT_S
        peers = self.view["peers"]
        while alias not in [one["alias"] for one in peers]:
            peers = self.running.until("pairing.peers", deadline - time.monotonic())["peers"]

    def words(self) -> list[str]:
        """The three words."""
        found: list[str] = self.running.until("pairing.words")["words"]
        return found

    def end(self) -> tuple[dict[str, Any], int]:
        """The last line and the exit code."""
        last: dict[str, Any] = {}
        while line := self.running.line():
            last = json.loads(line)
        return last, self.running.process.wait(LIMIT_S)


@contextmanager
def pairing(home: Home, *arguments: str) -> Iterator[Pairing]:
    """`loom pair --json`."""
    with home.running("pair", "--json", *arguments, typed=True) as running:
        yield Pairing(running)


def agree(*sides: Pairing) -> None:
    """Both compare and say the same."""
    assert sides[0].words() == sides[1].words()
    for side in sides:
        side.type("same")
    for side in sides:
        last, code = side.end()
        assert (last["type"], code) == ("pairing.done", 0), last


def contacts(home: Home, name: str) -> list[tuple[str, bool]]:
    """Who is known, and whether verified."""
    listed = home.run("-p", name, "contacts", "list", "--json").ok()
    return [(one["contact"], one["verified"]) for one in listed.objects]
