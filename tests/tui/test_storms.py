"""A window dragged about while people write: nothing is lost, and it ends as if opened so."""

import os
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.style import Style
from rich.text import Text

from loom.tui.app import LoomApp
from tests.tui.conftest import Opened, settle
from tests.tui.talking import TalkingNode
from tests.tui.test_bytes import Line, line
from tests.tui.test_tmux import Tmux, pytestmark, tmux

__all__ = ["line", "pytestmark", "tmux"]
RESIZES = 200
SIZES = ((80, 24), (120, 40), (20, 5), (1, 1), (59, 12), (60, 8), (200, 50))


def sizes(seed: int, count: int) -> Iterator[tuple[int, int]]:
    """Any size, now and then one where the layout changes, at last the first one."""
    draw = random.Random(seed)
    for _ in range(count):
        often = draw.random() < 0.3
        yield draw.choice(SIZES) if often else (draw.randint(1, 160), draw.randint(1, 50))
    yield 20, 5
    yield SIZES[0]


def picture(app: LoomApp) -> list[list[tuple[str, Style | None]]]:
    """Every cell's text and style."""
    return [
        [(letter, segment.style) for segment in strip for letter in segment.text]
        for strip in app.screen._compositor.render_strips()
    ]


def seen(tmux: Tmux) -> list[tuple[int, int, str, str]]:
    """Every letter with its place and look; the default colours are those of no colour at all."""
    console = Console()
    found = []
    for y, row in enumerate(tmux.screen(styled=True).splitlines()):
        text = Text.from_ansi(row)
        for x, letter in enumerate(text.plain):
            if letter != " ":
                style = str(text.get_style_at_offset(console, x))
                look = style.replace("on default", "").replace("default", "")
                found.append((y, x, letter, " ".join(look.split())))
    return found


@pytest.mark.long
async def test_two_hundred_resizes_while_messages_arrive(node: TalkingNode, opened: Opened) -> None:
    node.say("Ada", *(f"earlier {n} " + "and more words " * (n % 7) for n in range(150)))
    async with opened(node) as (app, pilot):
        await pilot.press(*"what I write")
        for n, (width, height) in enumerate(sizes(1, RESIZES)):
            await pilot.resize_terminal(width, height)
            if n % 5 == 0:
                node.receive("Ada", f"storm {n} " + "wind and rain " * (n % 11))
            if n % 23 == 0:
                await pilot.press("pageup" if n % 2 else "pagedown", "x")
        await pilot.press("ctrl+end")
        await settle(pilot)
        written = app.chat.composer.editor.text
        assert written == "what I write" + "x" * 9
        assert "storm 200" in "\n".join("".join(one[0] for one in row) for row in picture(app))
        app.chat.navigation.open_(2)  # the line above what is new goes where it stands in a new app
        await settle(pilot)
        after = picture(app)
        await app.chat.writing.store_draft()
    node.reopen()
    async with opened(node) as (app, pilot):
        assert app.chat.composer.editor.text == written
        assert picture(app) == after


def test_two_quick_changes_of_the_size_leave_nothing_cut_off(line: Line) -> None:
    """When the app looks, the size is what it was; the terminal had less room meanwhile."""
    line.process.send_signal(signal.SIGWINCH)
    written = line.answer()
    assert b"\x1b[2J" in written
    assert b"4 online" in written
    assert b"Person 5" in written


def test_a_real_terminal_shows_after_a_storm_what_a_full_redraw_shows(
    tmux: Tmux, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    telling = os.open(pipe, os.O_RDWR)
    try:
        folder = tmp_path / "config"
        tmux.start(f"exec {sys.executable} -m tests.tui.alone {folder} 3 3<{pipe}")
        tmux.until("4 online")
        tmux.type("what I write")
        tmux.until("> what I write")
        for number, (width, height) in enumerate(sizes(3, 40)):
            tmux.resize(max(width, 2), max(height, 2))
            if number % 3 == 0:
                os.write(telling, b"x")
        tmux.until("message 14 says")
        tmux.until("F1 help\n", row=23)
        for letter in "nowy":  # each goes the whole way, after what the storm left to be done
            tmux.type(letter)
            tmux.until(f"{letter}\n", row=22)
        painted = seen(tmux)
        # F5 writes every cell again; a letter shows that it was done, and another is taken back.
        tmux.type("F5", "z")
        tmux.until("> what I writenowyz")
        tmux.type("BSpace")
        tmux.until("> what I writenowy\n")
        assert seen(tmux) == painted
    finally:
        os.close(telling)
