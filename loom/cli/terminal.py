"""What is asked and shown on the terminal itself, wherever stdin and stdout point."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from loom.errors import TerminalNeeded

TERMINAL = Path("/dev/tty")


def can_show_app() -> bool:
    """Whether the standard streams are a terminal that can move its cursor."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    )


def has_terminal() -> bool:
    """Whether there is somebody to ask."""
    try:
        with TERMINAL.open("rb+", buffering=0):
            return True
    except OSError:
        return False


def ask_hidden(prompt: str, *, what: str, remedy: str) -> str:
    """A line that is not shown while typed.

    Raises:
        TerminalNeeded: with `what` needs it and the `remedy`.
    """
    if not has_terminal():
        raise TerminalNeeded(what=what, remedy=remedy)
    from getpass import getpass

    with _interruptible():
        return getpass(prompt)


def ask(prompt: str, *, what: str, remedy: str) -> str:
    """A line. Raises TerminalNeeded like `ask_hidden`."""
    with _opened("w", what, remedy) as screen, _opened("r", what, remedy) as keyboard:
        screen.write(prompt)
        screen.flush()
        with _interruptible():
            line = keyboard.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


def show(text: str, *, what: str, remedy: str) -> None:
    """Write to the terminal only. Raises TerminalNeeded like `ask_hidden`."""
    with _opened("w", what, remedy) as terminal:
        terminal.write(text)


def _opened(mode: str, what: str, remedy: str) -> TextIO:
    if not has_terminal():
        raise TerminalNeeded(what=what, remedy=remedy)
    try:
        return cast("TextIO", TERMINAL.open(mode, encoding="utf-8", errors="replace"))
    except OSError as error:
        raise TerminalNeeded(what=what, remedy=remedy) from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a prompt at once; inside an event loop it would only be noted for later."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
