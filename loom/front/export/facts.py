"""What every format tells of a message, as harmless text."""

from datetime import datetime
from typing import Final

from loom.api.views import MessageView
from loom.front.lasting import timer_words
from loom.printable import printable

NOTICE: Final = "Written by Loom on {}. This copy is not encrypted."
ME: Final = "you"
_UNSENT: Final = {"queued": "not sent yet", "failed": "not delivered"}


def moment(at_ms: int) -> str:
    """Date, time and zone where this is written."""
    found = _moment(at_ms)
    return "an unknown day" if found is None else found.strftime("%Y-%m-%d %H:%M (UTC%z)")


def day(message: MessageView) -> str:
    """The day on which it was sent, in the zone where this is written."""
    found = _moment(message.sent_at_ms)
    return "unknown day" if found is None else f"{found:%Y-%m-%d}"


def clock(message: MessageView) -> str:
    """When it was sent on that day."""
    found = _moment(message.sent_at_ms)
    return "??:??" if found is None else f"{found:%H:%M}"


def author(message: MessageView) -> str:
    """Who wrote it."""
    return ME if message.direction == "out" else printable(message.contact).strip()


def is_said(message: MessageView) -> bool:
    """Whether `body` is somebody's text, and no remark in place of it."""
    return message.kind == "text" and not message.deleted and message.state != "withdrawn"


def body(message: MessageView) -> str:
    """What it says, on as many lines as it has."""
    if message.state == "withdrawn":
        return "(withdrawn: its time ran out before it was delivered)"
    if message.deleted:
        return "(deleted)"
    if message.kind == "timer":
        return f"({timer_words(message.direction, message.contact, message.expires_s)})"
    return printable(message.body, multiline=True)


def quote(message: MessageView) -> str | None:
    """What it answers, on one line."""
    if message.quote is None:
        return None
    if message.quote.gone:
        return "a message that is gone"
    who = ME if message.quote.direction == "out" else printable(message.contact)
    return f"{who}: {printable(message.quote.body)}"


def remarks(message: MessageView) -> list[str]:
    """What else is known of it: edited, pinned, until when it is kept, reactions."""
    found = ["edited"] if message.edited and not message.deleted else []
    if message.pinned:
        found.append("pinned")
    if message.direction == "out" and message.state in _UNSENT:
        found.append(_UNSENT[message.state])
    if message.expires_at_ms is not None:
        found.append(f"disappears {moment(message.expires_at_ms)}")
    for one in message.reactions:
        who = ME if one.contact is None else printable(one.contact)
        if sign := printable(one.emoji).strip():
            found.append(f"{sign} {who}".strip())
    return found


def _moment(at_ms: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(at_ms / 1_000).astimezone()
    except (ValueError, OverflowError, OSError):
        return None  # a clock far off is the sender's business
