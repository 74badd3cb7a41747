"""A proposal to a council: what would be done, why, how the votes stand; a click leads there."""

from collections.abc import Sequence

from loom.api.message_views import MessageView
from loom.front.room_lines import proposal_lines
from loom.printable import printable
from loom.tui.cells import wrap
from loom.tui.content import text
from loom.tui.content.manner import Manner, Said
from loom.tui.posts import Post
from loom.tui.themes import Line, Piece


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    found = message.proposal if isinstance(message, Post) else None
    reason: list[Line] = []
    if message.body or found is None:
        reason = text.lines(message, width, words, manner)
    if found is None:
        return reason
    what, *fate, state = map(printable, proposal_lines(found))
    role = "own_reaction" if found.own_vote else "reaction"
    rows = _rows(f"Proposal: {what}", "name", width) + reason
    for one in fate:
        rows += _rows(one, "warn", width)
    return rows + _rows(state, role, width)


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return text.links(message)


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return f"proposal: {text.preview(message)}" if message.body else "proposal"


def _rows(said: str, role: str, width: int) -> list[Line]:
    return [[Piece(said[start:end], role)] for start, end in wrap(said, width)]
