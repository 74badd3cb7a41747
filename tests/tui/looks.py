"""How things look, for tests of what draws them."""

from loom.front.signs import Signs
from loom.tui.lines import Look
from loom.tui.themes import BUILT_IN, Theme


def look(signs: Signs) -> Look:
    """The theme of the terminal."""
    return Look(Theme("terminal", BUILT_IN["terminal"]), signs)
