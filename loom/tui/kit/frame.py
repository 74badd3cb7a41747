"""The frame around a panel or a chooser: title above, keys below."""

from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.cells import cut, width_of
from loom.tui.themes import Line, Piece


def top(signs: Signs, title: str, width: int) -> Line:
    """The upper edge with the title in it."""
    return _edge(signs, "corner", Piece(printable(title), "title"), width)


def bottom(signs: Signs, foot: str, width: int) -> Line:
    """The lower edge; an empty `foot` leaves it whole."""
    return _edge(signs, "foot", Piece(foot, "hint"), width)


def inside(signs: Signs, line: Line, width: int) -> Line:
    """A line between the walls, in exactly `width` cells."""
    wall = Piece(signs["wall"], "wall")
    return [wall, *fit(line, width - 2, signs), wall]


def fit(line: Line, width: int, signs: Signs) -> Line:
    """The line in exactly `width` cells, cut where it is longer."""
    kept: Line = []
    used = 0
    for piece in line:
        text = cut(piece.text, max(width - used, 0), signs["ellipsis"])
        kept.append(Piece(text, piece.role, piece.link))
        used += width_of(text)
    return [*kept, Piece(" " * max(width - used, 0))]


def _edge(signs: Signs, name: str, words: Piece, width: int) -> Line:
    text = cut(f" {words.text} " if words.text else "", max(width - 3, 0), signs["ellipsis"])
    rest = signs["rule"] * max(width - 3 - width_of(text), 0)
    return [
        Piece(f"{signs[f'{name}_left']}{signs['rule']}", "wall"),
        Piece(text, words.role),
        Piece(f"{rest}{signs[f'{name}_right']}", "wall"),
    ]
