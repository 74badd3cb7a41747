"""The line that says what somebody changed in a room."""

from collections.abc import Sequence

from loom.api.message_views import MessageView
from loom.front.room_lines import line_words
from loom.printable import printable
from loom.tui.cells import wrap
from loom.tui.content.manner import Manner, Said
from loom.tui.posts import Post
from loom.tui.themes import Line, Piece


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    said = words_of(message)
    return [[Piece(said[start:end], "hint")] for start, end in wrap(said, width)]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return []


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return message.body


def words_of(message: MessageView) -> str:
    """Who did what, without line breaks."""
    line = message.line if isinstance(message, Post) else None
    who = "you" if message.direction == "out" else message.contact
    return "" if line is None else printable(line_words(who, line))
