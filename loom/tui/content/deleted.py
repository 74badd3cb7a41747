"""A message that was deleted for both, or withdrawn: what is left of it."""

from collections.abc import Sequence

from loom.api.message_views import MessageView
from loom.tui.content.manner import Manner, Said
from loom.tui.posts import Post
from loom.tui.themes import Line, Piece

WORDS = "(deleted)"
EXPIRED = "(expired)"
WITHDRAWN = "(disappeared before it arrived)"


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    words_left = WITHDRAWN if message.state == "withdrawn" else WORDS
    if isinstance(message, Post) and message.expired:
        words_left = EXPIRED
    shown = words_left if len(words_left) <= width else WORDS
    return [[Piece(shown, "gone")]]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return []


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return WORDS
