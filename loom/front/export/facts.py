"""What every format tells of a message, or of a post of a room, as harmless text."""

from datetime import datetime
from typing import Final

from loom.api.message_views import MessageView
from loom.api.room_views import PostView
from loom.front.file_words import size_words
from loom.front.identity_words import KINDS as IDENTITY_LINES
from loom.front.identity_words import identity_line
from loom.front.lasting import timer_words
from loom.front.room_lines import line_words, poll_lines, proposal_lines
from loom.printable import printable

NOTICE: Final = "Written by Loom on {}. This copy is not encrypted."
ME: Final = "you"
_OF_IDS: Final = frozenset("0123456789abcdef-")
_UNSENT: Final = {"queued": "not sent yet", "failed": "not delivered"}


Said = MessageView | PostView


def moment(at_ms: int) -> str:
    """Date, time and zone where this is written."""
    found = _moment(at_ms)
    return "an unknown day" if found is None else found.strftime("%Y-%m-%d %H:%M (UTC%z)")


def day(one: Said) -> str:
    """The day on which it was sent, in the zone where this is written."""
    found = _moment(one.sent_at_ms)
    return "unknown day" if found is None else f"{found:%Y-%m-%d}"


def clock(one: Said) -> str:
    """When it was sent on that day."""
    found = _moment(one.sent_at_ms)
    return "??:??" if found is None else f"{found:%H:%M}"


def is_own(one: Said) -> bool:
    """Whether oneself wrote it."""
    return one.own if isinstance(one, PostView) else one.direction == "out"


def author(one: Said) -> str:
    """Who wrote it, and in a room also in which channel."""
    if isinstance(one, PostView):
        return f"{_name(one.author, own=one.own)} #{printable(one.channel).strip()}"
    return _name(one.contact, own=is_own(one))


def is_said(one: Said) -> bool:
    """Whether `body` is somebody's text, and no remark in place of it."""
    if isinstance(one, PostView):
        return one.line is None and not one.deleted
    return one.kind in ("text", "file") and not one.deleted and one.state != "withdrawn"


def body(one: Said) -> str:
    """What it says, on as many lines as it has."""
    if isinstance(one, PostView):
        return _post_body(one)
    if one.state == "withdrawn":
        return "(withdrawn: its time ran out before it was delivered)"
    if one.deleted:
        return "(deleted)"
    if one.kind == "timer":
        return f"({timer_words(one.direction, one.contact, one.expires_s)})"
    if one.kind in IDENTITY_LINES:
        return f"({identity_line(one.kind, one.contact)})"
    said = printable(one.body, multiline=True)
    if one.file is None:
        return said
    name = f"[{printable(one.file.name)}, {size_words(one.file.size_bytes)}]"
    return f"{name}\n{said}" if said else name


def _post_body(post: PostView) -> str:
    if post.line is not None:
        return f"({printable(line_words(ME if post.own else post.author, post.line))})"
    if post.deleted:
        return "(expired)" if post.expired else "(deleted)"
    below = poll_lines(post.poll) if post.poll is not None else []
    below += proposal_lines(post.proposal) if post.proposal is not None else []
    file = post.file
    above = [] if file is None else [f"[{file.name}, {size_words(file.size_bytes)}]"]
    lines = [*above, *([post.body] if post.body else []), *below]
    return printable("\n".join(lines), multiline=True)


def quote(one: Said) -> str | None:
    """What it answers, on one line."""
    if one.quote is None:
        return None
    if one.quote.gone:
        return "a message that is gone"
    if isinstance(one, PostView):
        who = _name(one.quote.author, own=one.quote.own)
    else:
        who = _name(one.contact, own=one.quote.direction == "out")
    return f"{who}: {printable(one.quote.body)}"


def place(one: Said) -> str:
    """What names it among all others in a file; of a message by its author, too: both may have
    written the same id.
    """
    if isinstance(one, PostView):
        return f"post-{_id(one.post_id)}"
    return f"{'out' if is_own(one) else 'in'}-{_id(one.message_id)}"


def quoted_place(one: Said) -> str | None:
    """The `place` of what it answers; None: nothing, or that is gone."""
    if one.quote is None or one.quote.gone or one.reply_to is None:
        return None
    if isinstance(one, PostView):
        return f"post-{_id(one.reply_to)}"
    return f"{'out' if one.quote.direction == 'out' else 'in'}-{_id(one.reply_to)}"


def remarks(one: Said) -> list[str]:
    """What else is known of it: its file, edited, pinned, until when it is kept, reactions."""
    found = ["edited"] if one.edited and not one.deleted else []
    if one.file is not None:
        found.insert(0, f"file {printable(one.file.name)}, {size_words(one.file.size_bytes)}")
    if one.pinned:
        found.append("pinned")
    if isinstance(one, PostView):
        if one.thread is not None:
            found.append("in a thread")
        if one.answers:
            found.append("1 answer" if one.answers == 1 else f"{one.answers} answers")
        if one.doubled:
            found.append("one of two with the same number")
    elif is_own(one) and one.state in _UNSENT:
        found.append(_UNSENT[one.state])
    if one.expires_at_ms is not None:
        found.append(f"disappears {moment(one.expires_at_ms)}")
    for who, emoji in _reactions(one):
        if sign := printable(emoji).strip():
            found.append(f"{sign} {who}".strip())
    return found


def _reactions(one: Said) -> list[tuple[str, str]]:
    if isinstance(one, PostView):
        return [(_name(each.author, own=each.own), each.emoji) for each in one.reactions]
    return [
        (ME if each.contact is None else printable(each.contact), each.emoji)
        for each in one.reactions
    ]


def _name(name: str, *, own: bool) -> str:
    return ME if own else printable(name).strip()


def _id(text: str) -> str:
    return "".join(one for one in text if one in _OF_IDS)


def _moment(at_ms: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(at_ms / 1_000).astimezone()
    except (ValueError, OverflowError, OSError):
        return None  # a clock far off is the sender's business
