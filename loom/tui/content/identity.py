"""The line that says what became of the contact's identity."""

from collections.abc import Sequence

from loom.api.message_views import MessageView
from loom.front.identity_words import identity_line
from loom.tui.cells import wrap
from loom.tui.content.manner import Manner, Said
from loom.tui.themes import Line, Piece

PREVIEW = "identity changed"


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    said = identity_line(message.kind, message.contact)
    role = "warn" if message.kind == "identity_moved" else "bad"
    return [[Piece(said[start:end], role)] for start, end in wrap(said, width)]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return []


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return PREVIEW
