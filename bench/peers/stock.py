"""Apps as Textual's own parts make them, each of one widget: `minimal`, `input` or `log`.

`log` adds one line for each byte on the pipe whose descriptor follows its name. Each imports what
it shows and nothing else, because its start is measured.
"""

import asyncio
import os
import sys

from textual.app import App, ComposeResult
from textual.widget import Widget

READY = "ready"
LINES = 300
LINE = "12:04  Ada    message {} says just a few ordinary words"


class Stock(App[None]):
    """One widget that fills what it needs."""

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


def _minimal() -> App[None]:
    from textual.widgets import Static

    return Stock(Static(READY))


def _input() -> App[None]:
    from textual.widgets import Input

    return Stock(Input(placeholder=READY))


def _log(descriptor: int) -> App[None]:
    """Text that scrolls, always at its end."""
    from textual.widgets import RichLog

    lines = RichLog()
    said = 0

    def say() -> None:
        nonlocal said
        said += 1
        lines.write(LINE.format(said))

    def told() -> None:
        for _ in os.read(descriptor, 100):
            say()

    class Log(Stock):
        def on_ready(self) -> None:
            for _ in range(LINES):
                say()
            lines.write(READY)
            asyncio.get_running_loop().add_reader(descriptor, told)

    return Log(lines)


def main() -> None:
    """Show the app that was named until it is ended."""
    match sys.argv[1:]:
        case ["minimal"]:
            _minimal().run()
        case ["input"]:
            _input().run()
        case ["log", descriptor]:
            _log(int(descriptor)).run()


if __name__ == "__main__":
    main()
