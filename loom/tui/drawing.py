"""An app that writes to the terminal only what changed (see loom/tui/canvas.py)."""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rich.color import ColorSystem
from rich.console import RenderableType
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

from loom.tui.canvas import Canvas
from loom.tui.driver import TerminalDriver

if TYPE_CHECKING:
    from rich.traceback import Trace

    from loom.tui.keys import Keys
    from loom.tui.lines import Look

R = TypeVar("R")

WITHOUT_MODES: Final = "\x1b[r\x1b[?6l\x1b[?1l\x1b>"
"""No scrolling region, origin or keypad of another program's."""


class DrawnApp(App[R], inherit_bindings=False):
    """Screens may have `caret()`, where one writes, and `moved()`, which rows moved.

    And `over()`: what draws pixels over cells that were all written again.
    """

    CSS_PATH = Path(__file__).parent / "styles" / "loom.tcss"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None

    def __init__(self) -> None:
        # The terminal's own colours from the start: only so NO_COLOR leaves its defaults alone.
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        # Textual's own pop-ups, which would be mounted and styled on every screen; there are none.
        self._disable_tooltips = self._disable_notifications = True
        self._canvas = Canvas()
        self._title = ""
        self.is_lent = False
        """Whether another program has the terminal."""
        self._first_key = ""
        """Of two that mean something together; the second has not come yet."""

    look: "Look"
    keys: "Keys"
    foot: tuple[tuple[str, str], ...] = (("quit", "quit"),)
    """Actions for everywhere that panels name at their foot, and in which words."""

    def everywhere(self, action: str) -> None:
        """Do an action of the keys that count everywhere, from a panel."""
        if action == "quit":
            self.leave()
        elif action == "redraw":
            self.redraw()

    async def on_event(self, event: events.Event) -> None:
        """Keys that mean something together arrive as one."""
        if isinstance(event, events.Key):
            first, self._first_key = self._first_key, ""
            if first and event.key == "escape":
                return
            if first and self.keys.is_bound(f"{first} {event.key}"):
                event = events.Key(f"{first} {event.key}", None)
            elif self.keys.begins(event.key):
                self._first_key = event.key
                return
            if self.take_key(event):
                return
        await super().on_event(event)

    def take_key(self, key: events.Key) -> bool:
        """Take a key before any screen has it; False: it is theirs."""
        return False

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice; of a terminal, our own."""
        found = super().get_driver_class()
        return TerminalDriver if found is LinuxDriver else found

    def leave(self) -> None:
        """Its user goes, or the terminal does."""
        self.exit()

    def _fatal_error(self) -> None:
        """A bug: say where, without the values, because they are what people wrote."""
        from rich.traceback import Traceback

        told = Traceback(show_locals=False, max_frames=8)
        _leave_out_values(told.trace)
        self._exit_renderables.append(told)
        self._close_messages_no_wait()

    def write_terminal(self, sequence: str) -> None:
        """Write a sequence that shows nothing: bell, clipboard."""
        if self._driver is not None and not self.is_headless and not self.is_lent:
            self._driver.write(sequence)

    def show_title(self, title: str) -> None:
        """Set the terminal's title; the one it had comes back at the end."""
        if (
            title != self._title
            and not self.is_lent
            and os.environ.get("TERM") not in ("linux", "dumb")
        ):
            self._title = title
            self.write_terminal(f"\x1b]2;{title}\a")

    def redraw(self) -> None:
        """Write every cell again."""
        self._canvas.forget()
        self.screen.refresh()

    @property
    def can_lend_terminal(self) -> bool:
        """Whether there is a terminal that another program could have."""
        return self._driver is not None and self._driver.can_suspend

    @contextmanager
    def lent_terminal(self) -> Iterator[None]:
        """Another program has the terminal, as it was before; nothing is drawn or read meanwhile.

        Textual's `suspend` does not take it back where the work in it was cancelled.
        """
        driver = self._driver
        assert driver is not None  # noqa: S101 - see `can_lend_terminal`
        driver.suspend_application_mode()
        self.is_lent = True
        try:
            with driver.no_automatic_restart(), _modes_kept():
                yield
        finally:
            driver.resume_application_mode()
            driver.write(WITHOUT_MODES)
            self.is_lent = False
            self.on_driver_signal_resume()

    def on_driver_signal_resume(self) -> None:
        """The process was stopped and goes on: a shell wrote on the terminal meanwhile."""
        title, self._title = self._title, ""
        if title:
            self.show_title(title)
        self.redraw()

    def on_resize(self) -> None:
        """Write every cell again, also when the size is the same after two quick changes.

        Textual ignores that, but the terminal was narrower for a moment and cut what it showed.
        """
        if self.screen_stack:
            self.redraw()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write only the cells that changed (see loom/tui/canvas.py)."""
        driver = self._driver
        is_ours = isinstance(renderable, ChopsUpdate | LayoutUpdate)
        if renderable is None or driver is None or self.is_headless or not is_ours:
            super()._display(screen, renderable)
            return
        if self._batch_count or not self._running or self._closed or self.is_lent:
            return
        width, height = self.size
        if self._canvas.size != (width, height):
            self._canvas = Canvas(self.console._color_system or ColorSystem.TRUECOLOR)  # noqa: SLF001
            self._canvas.resize(width, height)
            renderable = screen._compositor.render_full_update()  # noqa: SLF001
        if isinstance(renderable, LayoutUpdate):
            for y, strips in enumerate(renderable.strips):
                x = 0
                for strip in strips:
                    if y < height:
                        x = self._canvas.put(x, y, strip, width)
        elif isinstance(renderable, ChopsUpdate):
            self._put_chops(renderable, width, height)
        moved = screen.moved() if hasattr(screen, "moved") else None
        if moved is not None:
            self._canvas.scroll(moved)
        caret = screen.caret() if hasattr(screen, "caret") else None
        is_new = self._canvas.is_new
        sequence = self._canvas.update(caret, synchronized=self._sync_available)
        if is_new and hasattr(screen, "over"):
            sequence += screen.over()
        if sequence:
            driver.write(sequence)
            driver.flush()
        self.post_display_hook()

    def _put_chops(self, update: ChopsUpdate, width: int, height: int) -> None:
        for y, x1, x2 in update.spans:
            if y >= height:
                continue
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= x2 and end > x1:
                    self._canvas.put(x, y, strip, min(end, width))


@contextmanager
def _modes_kept() -> Iterator[None]:
    """A program that is killed leaves its own modes of the terminal behind."""
    terminal = (sys.__stdin__ or sys.stdin).fileno()
    modes = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)


def _leave_out_values(trace: "Trace") -> None:
    """Of each exception its type and place stay: its message may quote what people wrote."""
    for stack in trace.stacks:
        stack.exc_value, stack.notes, stack.syntax_error = "", [], None
        for one in stack.exceptions:
            _leave_out_values(one)
