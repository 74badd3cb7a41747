"""The line that says who set the timer of the conversation."""

from collections.abc import Sequence

from loom.api.message_views import MessageView
from loom.front.lasting import timer_words
from loom.tui.cells import wrap
from loom.tui.content.manner import Manner, Said
from loom.tui.themes import Line, Piece

PREVIEW = "set when messages disappear"


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    said = timer_words(message.direction, message.contact, message.expires_s)
    return [[Piece(said[start:end], "hint")] for start, end in wrap(said, width)]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return []


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return PREVIEW
