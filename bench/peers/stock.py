"""Apps as Textual's own parts make them, each with one widget: `minimal`, `input` or `log`.

`log` adds one line for each byte on the pipe whose descriptor follows its name.
"""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Input, RichLog, Static

from bench import terminal
from bench.terminal import Terminal

READY = b"ready"
LINES = 300
LINE = "12:04  Ada    message {} says just a few ordinary words"


class Stock(App[None]):
    """One widget that fills what it needs."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


class Lines(Stock):
    """Text that scrolls, always at its end."""

    def __init__(self, descriptor: int) -> None:
        self._lines = RichLog()
        self._descriptor = descriptor
        self._said = 0
        super().__init__(self._lines)

    def on_ready(self) -> None:
        for _ in range(LINES):
            self._say()
        self._lines.write(READY.decode())
        asyncio.get_running_loop().add_reader(self._descriptor, self._told)

    def _told(self) -> None:
        for _ in os.read(self._descriptor, 100):
            self._say()

    def _say(self) -> None:
        self._said += 1
        self._lines.write(LINE.format(self._said))


@contextmanager
def opened(name: str, deadline_s: float, pass_fds: Sequence[int] = ()) -> Iterator[Terminal]:
    """A stock app on a terminal, painted."""
    command = [sys.executable, "-m", "bench.peers.stock", name, *map(str, pass_fds)]
    with terminal.opened(command, os.environ, deadline_s, pass_fds) as screen:
        screen.until(READY)
        yield screen


def main() -> None:
    """Show the app that was named until it is ended."""
    match sys.argv[1:]:
        case ["minimal"]:
            Stock(Static(READY.decode())).run()
        case ["input"]:
            Stock(Input(placeholder=READY.decode())).run()
        case ["log", descriptor]:
            Lines(int(descriptor)).run()


if __name__ == "__main__":
    main()
