"""A message that was deleted for both: what is left of it."""

from collections.abc import Sequence

from loom.api.views import MessageView
from loom.tui.themes import Line, Piece

WORDS = "(deleted)"


def lines(
    message: MessageView,
    width: int,
    words: Sequence[str],
    *,
    is_formatted: bool,
    own_name: str = "",
) -> list[Line]:
    """See `Kind.lines`."""
    return [[Piece(WORDS, "gone")]]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return []


def preview(body: str) -> str:
    """See `Kind.preview`."""
    return WORDS
