"""The app on a terminal, attached to a running node that has a session with another."""

import asyncio
import atexit
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import terminal
from bench.peers import loom_cli
from bench.terminal import Terminal
from loom.api.client import Client
from loom.api.contact_commands import Connect
from loom.api.message_commands import SendText
from loom.app import open_profiles
from loom.config import Settings

SAID = 60
DEADLINE_S = 900.0
SETTLE_S = 0.5


class Scene:
    """Two daemons, Ada's and Bob's, that have talked; Bob is at hand."""

    def __init__(self, stack: ExitStack) -> None:
        homes = {
            name: Path(stack.enter_context(TemporaryDirectory())) / name for name in ("ada", "bob")
        }
        for home in homes.values():
            home.mkdir(mode=0o700)
        tokens = {name: loom_cli.create(home, name) for name, home in homes.items()}
        loom_cli.add_contact(homes["ada"], "ada", tokens["bob"], "bob")
        loom_cli.add_contact(homes["bob"], "bob", tokens["ada"], "ada")
        self.environment = loom_cli.environment(homes["ada"])
        ports = {
            name: stack.enter_context(
                loom_cli.daemon(loom_cli.environment(home), DEADLINE_S, "--no-mdns")
            )[1]
            for name, home in homes.items()
        }
        self._runner = stack.enter_context(asyncio.Runner())
        self._clients = {name: self._runner.run(_attached(home)) for name, home in homes.items()}
        self._runner.run(
            self._clients["ada"].send(Connect(contact="bob", host="127.0.0.1", port=ports["bob"]))
        )
        for number in range(SAID):
            self._say("bob" if number % 2 else "ada", f"what was said {number}")
        self.say("the last words of the conversation")

    def say(self, body: str) -> None:
        """Bob writes to Ada."""
        self.last = body.encode()
        self._say("bob", body)

    def _say(self, who: str, body: str) -> None:
        to = "ada" if who == "bob" else "bob"
        self._runner.run(self._clients[who].send(SendText(contact=to, body=body)))


async def _attached(home: Path) -> Client:
    return await open_profiles(Settings(home=home)).attach(home.name)


@cache
def scene() -> Scene:
    """One for all rows, because making it takes seconds."""
    stack = ExitStack()
    atexit.register(stack.close)
    return Scene(stack)


@contextmanager
def opened() -> Iterator[Terminal]:
    """The app with its conversation painted."""
    with terminal.opened(loom_cli.LOOM, scene().environment, DEADLINE_S) as screen:
        screen.until(scene().last, b"online")
        screen.until_quiet(SETTLE_S, SETTLE_S)
        yield screen
