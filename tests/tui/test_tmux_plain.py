"""A terminal without UTF-8, colours or a mouse: everything is there all the same."""

import re
import sys

from tests.tui.test_tmux import Tmux, pytestmark, tmux

__all__ = ["pytestmark", "tmux"]
STYLE = re.compile(r"\x1b\[([\d;]*)m")
PLAIN = {"", "0", "1", "2", "4", "7", "39", "49", "22", "24", "27"}
"""Bold, dim, underlined, reverse and back; every other number is a colour."""
BLACK_ON_WHITE = frozenset({"38", "48", "5", "16", "231"})
"""A QR code's own: no camera reads one in the colours of a dark terminal."""


def check(tmux: Tmux, colours: frozenset[str] = frozenset()) -> None:
    """What is on the screen is ASCII and without colours, or with these alone."""
    screen = tmux.screen(styled=True)
    assert screen.isascii(), screen
    assert {
        one for found in STYLE.findall(screen) for one in found.split(";")
    } <= PLAIN | colours, screen


def test_neither_utf_8_nor_colours_nor_a_mouse(tmux: Tmux) -> None:
    tmux.start(f"env LC_ALL=C NO_COLOR=1 COLUMNS=80 LINES=24 {sys.executable} -m loom demo")
    tmux.until("Ada is a program on this machine")
    check(tmux)
    tmux.type("echo the needle", "Enter")
    tmux.until("Ada  the needle")
    screen = tmux.until("**\n")
    assert any("you  echo the needle" in row and row.endswith("**") for row in screen.splitlines())
    check(tmux)
    for command, words in (
        ("C-p", "Commands"),
        ("F1", "Keys and commands"),
        ("F2", "Fingerprint"),
        ("C-t", "Listening at"),
    ):
        tmux.type(command)
        tmux.until(words)
        check(tmux)
        tmux.type("Escape")
        tmux.gone(words)
    tmux.type("/verify", "Enter")
    tmux.until("The numbers are the same")
    check(tmux)
    tmux.resize(120, 50)
    tmux.until("##############")  # the QR code
    check(tmux, BLACK_ON_WHITE)
    tmux.type("Tab", "Enter")
    tmux.until("Ada is verified.")
    tmux.until("Ada - verified")
    tmux.type("C-q")
    tmux.until("Both profiles are gone.")
