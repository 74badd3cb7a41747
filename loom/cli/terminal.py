"""What is asked and shown on the terminal itself, wherever stdin and stdout point."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, TextIO, cast

from loom.errors import InvalidInput, TerminalNeeded
from loom.printable import printable

TERMINAL = Path("/dev/tty")
LOOK_S: Final = 0.2


def can_show_app() -> bool:
    """Whether the standard streams are a terminal that can move its cursor."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    )


def has_terminal() -> bool:
    """Whether there is a terminal to ask on."""
    try:
        with TERMINAL.open("rb+", buffering=0):
            return True
    except OSError:
        return False


def ask_hidden(prompt: str, *, what: str, remedy: str) -> str:
    """A line that is not shown while typed.

    Raises:
        TerminalNeeded: with `what` needs it and the `remedy`.
        InvalidInput: bytes that are no text.
    """
    if not has_terminal():
        raise TerminalNeeded(what=what, remedy=remedy)
    from getpass import getpass

    with _interruptible():
        try:
            return getpass(prompt)
        except UnicodeDecodeError as error:
            raise InvalidInput(what=f"What was typed is not valid {error.encoding}") from None


def ask(prompt: str, *, what: str, remedy: str) -> str:
    """A line. Raises TerminalNeeded like `ask_hidden`."""
    with (
        _interruptible(),
        _opened("w", what, remedy) as screen,
        _opened("r", what, remedy) as keyboard,
    ):
        screen.write(prompt)
        screen.flush()
        line = keyboard.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


def confirm(question: str, otherwise: str) -> None:
    """Ask for a typed yes; `otherwise`: what is so without it.

    Raises:
        TerminalNeeded: nobody can be asked.
        InvalidInput: the answer is another one.
    """
    what, remedy = "Asking for confirmation", "Add --yes."
    answer = ask(f"{printable(question)} Type yes: ", what=what, remedy=remedy)
    if answer.strip().casefold() != "yes":
        raise InvalidInput(what=f"{otherwise}: the answer was not yes")


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
    """Ctrl-C and SIGTERM end a prompt at once, with the terminal as it was.

    Inside an event loop they would only be noted for later. One that comes in the moment in which
    the read begins is only noted, too: a timer breaks the read off, and it is looked for.
    """
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: _end,
        signal.SIGALRM: _nothing,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    timer = signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        for number, handler in before.items():
            signal.signal(number, handler)


def _nothing(number: int, _: object) -> None:
    pass


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)
