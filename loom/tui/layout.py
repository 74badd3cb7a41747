"""One message as lines: date and new-message lines, time, name, body, state."""

import re
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from loom.api.views import MessageView
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.cells import cut, pad, width_of, wrap
from loom.tui.links import Link, find_links
from loom.tui.themes import Line, Piece

Block = list[Line]

STATE_WIDTH: Final = 3
NAME_WIDTH: Final = 12
_LINE_END_SPACES: Final = re.compile(r" +$", re.MULTILINE)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def lay_out(
    message: MessageView,
    before: MessageView | None,
    *,
    width: int,
    signs: Signs,
    is_first: bool = False,
    is_new: bool = False,
    is_selected: bool = False,
    is_match: bool = False,
) -> Block:
    """A message's lines, each at most `width` cells."""
    block: Block = []
    day = day_of(message.sent_at_ms)
    if (before is None and is_first) or (before is not None and day_of(before.sent_at_ms) != day):
        block.append(_rule(day_words(message.sent_at_ms), "rule", width, signs))
    if is_new:
        block.append(_rule("new", "new", width, signs))
    own = message.direction == "out"
    head = _head(message, width, signs, own=own)
    inset = sum(width_of(piece.text) for piece in head)
    mark = Piece(signs["selected"], "key") if is_selected else Piece(" ")
    body = _LINE_END_SPACES.sub("", printable(message.body, multiline=True))
    links = find_links(body)
    room = max(width - 1 - inset - STATE_WIDTH, 2)
    role = "match" if is_match else "text"
    for number, (start, end) in enumerate(wrap(body, room)):
        first = head if number == 0 else [Piece(" " * inset)]
        line = [mark, *first, *_pieces(body, start, end, links, role)]
        if number == 0 and own:
            used = sum(width_of(piece.text) for piece in line)
            sign = signs[message.state] if message.state in _STATES else ""
            gap = width - used - width_of(sign)
            line += [Piece(" " * max(gap, 0)), Piece(sign, _STATES.get(message.state, "state"))]
        block.append(line)
    return block


_STATES: Final = {
    "queued": "state",
    "sent": "state",
    "delivered": "state",
    "read": "read",
    "failed": "failed",
}


def _head(message: MessageView, width: int, signs: Signs, *, own: bool) -> Line:
    name = "you" if own else printable(message.contact)
    role = "me" if own else "them"
    dots = signs["ellipsis"]
    clock = Piece(clock_of(message.sent_at_ms), "time")
    if width >= 50:
        room = min(NAME_WIDTH, max(width_of(printable(message.contact)), 3))
        return [clock, Piece("  "), Piece(pad(name, room, dots), role), Piece("  ")]
    if width >= 30:
        return [clock, Piece(" "), Piece(pad(name, 5, dots), role), Piece(" ")]
    return [Piece(pad(name, 3, dots), role), Piece(" ")]


def _pieces(text: str, start: int, end: int, links: list[Link], role: str) -> Line:
    line: Line = []
    at = start
    for link in links:
        first, last = max(link.start, at), min(link.end, end)
        if first >= last:
            continue
        if first > at:
            line.append(Piece(text[at:first], role))
        line.append(Piece(text[first:last], "link", link.address))
        at = last
    if at < end:
        line.append(Piece(text[at:end], role))
    return line


def _rule(words: str, role: str, width: int, signs: Signs) -> Line:
    words = cut(f" {words} ", width, signs["ellipsis"])
    left = (width - width_of(words)) // 2
    right = width - width_of(words) - left
    return [
        Piece(signs["rule"] * left, role),
        Piece(words, "time" if role == "rule" else role),
        Piece(signs["rule"] * right, role),
    ]


@lru_cache(maxsize=4096)
def _moment(at_s: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(at_s).astimezone()
    except (ValueError, OverflowError, OSError):
        return None  # a clock far off is the sender's business


def clock_of(at_ms: int) -> str:
    """Hours and minutes in the reader's time zone."""
    moment = _moment(at_ms // 60_000 * 60)
    return "??:??" if moment is None else f"{moment:%H:%M}"


def day_of(at_ms: int) -> str:
    """The day in the reader's time zone, for comparing."""
    moment = _moment(at_ms // 60_000 * 60)
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def today() -> date:
    """The reader's."""
    return datetime.now().astimezone().date()


def when_words(at_ms: int) -> str:
    """As short as it goes: the time today, else the day, else the year; at most 6 cells."""
    moment = _moment(at_ms // 60_000 * 60)
    if moment is None:
        return ""
    now = today()
    if moment.date() == now:
        return f"{moment:%H:%M}"
    if moment.year == now.year:
        return f"{moment.day} {_MONTHS[moment.month - 1][:3]}"
    return str(moment.year)


def day_words(at_ms: int) -> str:
    """The day as one says it, whatever the locale."""
    moment = _moment(at_ms // 60_000 * 60)
    if moment is None:
        return "some day"
    year = "" if moment.year == today().year else f" {moment.year}"
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]}{year}"
