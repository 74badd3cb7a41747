"""Textual's driver of a terminal, with what it lacks: whole pastes, and the terminal's end.

A terminal that vanishes sends SIGHUP only to the session it controls. Any other process reads an
end of file, over and over, and fails to write; Textual's driver then spins and in the end blocks.
"""

import os
import select
import sys
from codecs import getincrementaldecoder
from collections.abc import Callable
from typing import IO, Final, Protocol, cast

from textual.drivers.linux_driver import LinuxDriver

from loom.tui.terminal_input import TerminalInput

LOOK_S: Final = 0.1
"""How long an Esc may be the beginning of another key."""
KEEP_TITLE: Final = "\x1b[22;2t"
RESTORE_TITLE: Final = "\x1b[23;2t"
CHUNK_BYTES: Final = 65_536


class Leavable(Protocol):
    """An app whose user goes, or whose terminal does."""

    def leave(self) -> None:
        """Keep what was begun, then end."""
        ...


class TerminalDriver(LinuxDriver):
    """A terminal's keys and screen; its end is the end of the app."""

    def start_application_mode(self) -> None:
        """Take the terminal."""
        # The thread that writes is made in here, for this file.
        screen = _Screen(sys.__stderr__ or sys.stderr, self._lost)
        self._file = screen  # type: ignore[assignment]
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write(KEEP_TITLE)

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        self.write(RESTORE_TITLE)
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Pass on what is typed until the app stops listening or the terminal is gone."""
        typed = TerminalInput(debug=self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        while not self.exit_event.is_set():
            if not select.select([self.fileno], [], [], LOOK_S)[0]:
                messages = typed.quiet()
            elif data := self._read():
                messages = typed.feed(decode(data))
            else:
                self._lost()
                return
            for message in messages:
                self.process_message(message)

    def _get_terminal_size(self) -> tuple[int, int]:
        """The terminal's own: COLUMNS and LINES, which textual prefers, never change."""
        try:
            width, height = os.get_terminal_size(self.fileno)
        except OSError:
            width = height = 0
        return (width, height) if width and height else super()._get_terminal_size()

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, CHUNK_BYTES)
        except OSError:  # EIO: the same as an end, on some systems
            return b""

    def _lost(self) -> None:
        self._loop.call_soon_threadsafe(cast(Leavable, self._app).leave)


class _Screen:
    """Where Textual's thread writes; it drops everything once the terminal is gone."""

    def __init__(self, file: IO[str], lost: Callable[[], None]) -> None:
        self._file = file
        self._lost = lost
        self._is_there = True

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._file.fileno()

    def write(self, text: str) -> None:
        """Write, while the terminal is there."""
        self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        """Flush, while the terminal is there."""
        self._try(self._file.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self._is_there:
            try:
                act()
            except OSError:
                self._is_there = False
                self._lost()
