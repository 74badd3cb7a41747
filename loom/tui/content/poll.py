"""A poll of a room: the question, and each option with who chose it; a click on one leads there."""

from collections.abc import Sequence

from loom.api.message_views import MessageView
from loom.api.room_views import PollOption, PollView
from loom.printable import printable
from loom.tui.cells import wrap
from loom.tui.content import text
from loom.tui.content.manner import Manner, Said
from loom.tui.posts import Post
from loom.tui.themes import Line, Piece


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    question = text.lines(message, width, words, manner)
    poll = message.poll if isinstance(message, Post) else None
    if poll is None:
        return question
    rows = [*question, *(row for one in poll.options for row in _option(one, poll, width))]
    hint = _hint(poll)
    return [*rows, *([Piece(hint[a:b], "hint")] for a, b in wrap(hint, width))]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return text.links(message)


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return f"poll: {text.preview(message)}"


def _option(option: PollOption, poll: PollView, width: int) -> list[Line]:
    mark = ("[x]" if option.own else "[ ]") if poll.many else "(x)" if option.own else "( )"
    names = f": {', '.join(map(printable, option.chosen_by))}" if option.chosen_by else ""
    said = f"{mark} {printable(option.text)}  {option.count}{names}"
    role = "own_reaction" if option.own else "reaction"
    return [[Piece(said[start:end], role)] for start, end in wrap(said, width)]


def _hint(poll: PollView) -> str:
    voters = {0: "nobody chose yet", 1: "one chose"}.get(poll.voters, f"{poll.voters} chose")
    if poll.closed:
        return f"closed; {voters}"
    return f"{voters}{'; several may be chosen' if poll.many else ''}"
