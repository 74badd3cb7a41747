"""One message as lines: date and new-message lines, time, name, body, state."""

from collections.abc import Iterator, Sequence
from typing import Final

from loom.api.message_views import MessageView
from loom.front.lasting import left_words
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.cells import cut, pad, width_of, wrap
from loom.tui.content import kind_of, quote, reactions
from loom.tui.content.manner import Manner
from loom.tui.identicon import WIDTH as ICON_WIDTH
from loom.tui.identicon import identicon
from loom.tui.lines import Look
from loom.tui.posts import Post, author_of
from loom.tui.themes import Line, Piece
from loom.tui.times import clock_of, day_of, day_words, now_ms

Block = list[Line]

STATE_WIDTH: Final = 3
EDGE: Final = 1
"""Cells between the state and the edge."""
NAME_WIDTH: Final = 12
GAP: Final = 2
"""Cells between what stands beside each other."""
COUNTED_S: Final = 86_400
"""How long a message still lasts is counted down from here on; before that its timer is shown."""
RUN_MS: Final = 5 * 60_000
"""Messages of one sender closer than this share a time and a name."""
AUTHOR_WIDTH: Final = 8
AUTHOR_WIDTH_WIDE: Final = 10
"""Cells of a name where several people write."""
ICONS_FROM: Final = 70
"""In a timeline that wide, what their keys draw stands beside authors' names."""
DOUBLED: Final = "Its author signed two posts under one number: people may see different ones."
ROWS_MAX: Final = 20
FOLDED_ROWS: Final = 15
"""Of a body of more than `ROWS_MAX` rows, so many are shown at first."""


def lay_out(
    message: MessageView,
    before: MessageView | None,
    *,
    width: int,
    look: Look,
    is_first: bool = False,
    is_new: bool = False,
    is_selected: bool = False,
    is_marked: bool = False,
    is_unfolded: bool = False,
    words: Sequence[str] = (),
    rate_bytes_per_s: int = 0,
) -> Block:
    """A message's lines, each at most `width` cells; `words` are what a search found in it."""
    block: Block = []
    signs = look.signs
    is_day = is_first if before is None else day_of(before.sent_at_ms) != day_of(message.sent_at_ms)
    if is_day:
        block.append(date_rule(message, width, signs))
    if is_new:
        block.append(_rule("new", "new", width, signs))
    own = message.direction == "out"
    goes_on = not (is_day or is_new or is_selected) and _goes_on(message, before)
    head = _head(message, width, look, own=own)
    inset = width_of_line(head)
    mark = signs["selected"] if is_selected else signs["marked"] if is_marked else " "
    room = max(width - 1 - inset - _state_width(message) - EDGE, 2)
    manner = Manner(
        signs,
        look.is_formatted,
        look.own_name,
        look.has_pictures,
        look.take_key,
        look.go_on_key,
        rate_bytes_per_s,
    )
    rows = kind_of(message).lines(message, room, words, manner)
    rows = _folded(rows, room, is_unfolded=is_unfolded)
    for number, body in enumerate(_bodies(message, rows, room, signs)):
        first = head if number == 0 and not goes_on else [Piece(" " * inset)]
        line = [Piece(mark, "key"), *first, *body]
        if number == 0 and own:
            used = width_of_line(line)
            sign = signs[message.state] if message.state in _STATES else ""
            gap = width - used - width_of(sign) - EDGE
            line += [Piece(" " * max(gap, 0)), Piece(sign, _STATES.get(message.state, "state"))]
        block.append(line)
    return block


def _bodies(message: MessageView, rows: list[Line], width: int, signs: Signs) -> Iterator[Line]:
    """What it answers, what it says, and what became of it."""
    if isinstance(message, Post) and message.doubled:
        yield from ([Piece(DOUBLED[a:b], "bad")] for a, b in wrap(DOUBLED, width))
    if message.reply_to is not None and not message.deleted:
        yield quote.line(message, width, signs)
    *before, last = rows
    yield from before
    marks = marks_of(message, width, signs)
    if marks and not folds(last) and width_of_line(last) + GAP + width_of_line(marks) <= width:
        yield [*last, Piece(" " * GAP), *marks]
        return
    yield last
    if marks:
        yield marks


def marks_of(message: MessageView, width: int, signs: Signs) -> Line:
    """Reactions with their counts, then what was done to a message, as far as there is room."""
    if message.deleted:
        return []
    marks: Line = []
    if message.expires_s and message.kind != "timer":  # first: what is cut off is said last
        left_s = left_s_of(message)
        lasts = left_words(message.expires_s if left_s is None else left_s)
        marks.append(Piece(f"{signs['timer']} {lasts}", "time"))
    for group in reactions.grouped(message.reactions):
        sign = reactions.written(group.emoji, signs)
        words = f"{sign} {group.many}" if group.many > 1 else sign
        marks.append(Piece(words, "own_reaction" if group.is_own else "reaction"))
    if isinstance(message, Post) and message.answers:
        new = f", {message.unread_answers} new" if message.unread_answers else ""
        words = f"{message.answers} {'answer' if message.answers == 1 else 'answers'}{new}"
        marks.append(Piece(words, "unread" if new else "thread"))
    done = {
        "edited": message.edited,
        "pinned": message.pinned,
        "bookmarked": message.bookmarked,
    }
    marks += [Piece(words, "state") for words, is_so in done.items() if is_so]
    line: Line = []
    for mark in marks:
        gap = [Piece(" " * GAP)] if line else []
        if width_of_line([*line, *gap, mark]) > width:
            break
        line += [*gap, mark]
    return line


def left_s_of(message: MessageView) -> float | None:
    """For how long a message is still there, if that is short and its timer runs already."""
    counts = message.direction == "out" or message.state == "read"
    if message.expires_at_ms is None or not counts:
        return None
    left_s = (message.expires_at_ms - now_ms()) / 1_000
    return max(left_s, 0.0) if left_s < COUNTED_S else None


def width_of_line(line: Line) -> int:
    return sum(width_of(piece.text) for piece in line)


def can_fold(block: Block) -> bool:
    """Whether a message has a line that shows more or less of it."""
    return any(map(folds, block))


def folds(line: Line) -> bool:
    """Whether this line shows more or less of its message."""
    return any(piece.role == "fold" for piece in line)


def _folded(rows: list[Line], room: int, *, is_unfolded: bool) -> list[Line]:
    """The beginning of a long body; all of it where a search found something further down."""
    hidden = rows[FOLDED_ROWS:]
    if len(rows) <= ROWS_MAX or any(piece.role == "match" for row in hidden for piece in row):
        return rows
    if is_unfolded:
        return [*rows, [Piece("Show less", "fold")]]
    words = f"Show {len(hidden)} more lines"
    words = words if width_of(words) <= room else f"{len(hidden)} more"
    return [*rows[:FOLDED_ROWS], [Piece(words, "fold")]]


def date_rule(message: MessageView, width: int, signs: Signs) -> Line:
    """The line that says on which day a message was sent."""
    return _rule(day_words(message.sent_at_ms), "rule", width, signs)


def _goes_on(message: MessageView, before: MessageView | None) -> bool:
    """Whether time and name are those of the message before."""
    return (
        before is not None
        and author_of(before) == author_of(message)
        and "line" not in (before.kind, message.kind)
        and 0 <= message.sent_at_ms - before.sent_at_ms < RUN_MS
    )


_STATES: Final = {
    "queued": "state",
    "sent": "state",
    "delivered": "state",
    "read": "read",
    "failed": "failed",
    "withdrawn": "state",
}


def _head(message: MessageView, width: int, look: Look, *, own: bool) -> Line:
    name = "you" if own else printable(message.contact)
    role = "me" if own else "them"
    dots = look.signs["ellipsis"]
    clock = Piece(clock_of(message.sent_at_ms), "time")
    if message.kind == "line":
        line = message.line if isinstance(message, Post) else None
        is_known = line is None or not line.earlier
        return [clock if is_known else Piece(" " * width_of(clock.text)), Piece(" ")]
    if isinstance(message, Post) and width >= ICONS_FROM:
        name = pad(name, AUTHOR_WIDTH_WIDE, dots)
        icon = [Piece(" " * ICON_WIDTH)] if own else identicon(message.author_id, look)
        return [clock, Piece(" "), *icon, Piece(" "), Piece(name, role), Piece(" ")]
    if isinstance(message, Post) and width >= 50:
        return [clock, Piece(" "), Piece(pad(name, AUTHOR_WIDTH, dots), role), Piece(" ")]
    if width >= 50:
        room = min(NAME_WIDTH, max(width_of(printable(message.contact)), 3))
        return [clock, Piece("  "), Piece(pad(name, room, dots), role), Piece("  ")]
    if width >= 30:
        return [clock, Piece(" "), Piece(pad(name, 5, dots), role), Piece(" ")]
    return [Piece(pad(name, 3, dots), role), Piece(" ")]


def _state_width(message: MessageView) -> int:
    """Of a post it is not known who has it, so no state stands beside it."""
    return 0 if isinstance(message, Post) else STATE_WIDTH


def _rule(words: str, role: str, width: int, signs: Signs) -> Line:
    words = cut(f" {words} ", width, signs["ellipsis"])
    left = (width - width_of(words)) // 2
    right = width - width_of(words) - left
    return [
        Piece(signs["rule"] * left, role),
        Piece(words, "time" if role == "rule" else role),
        Piece(signs["rule"] * right, role),
    ]
