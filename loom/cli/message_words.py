"""How a message reads on a line.

What is known about it stands before the colon: a body cannot pose as a quote or a reaction.
"""

from typing import Final

from loom.api.events import WholeMessage
from loom.api.file_views import FileView
from loom.api.message_views import MessageView, Quote, Reaction
from loom.cli.output import body_words, sign
from loom.front.identity_words import KINDS as IDENTITY_LINES
from loom.front.identity_words import identity_line
from loom.front.lasting import lasting_words, timer_words
from loom.front.moments import when
from loom.printable import printable

EXCERPT_LENGTH: Final = 40
FILE_ID_LENGTH: Final = 8
"""Digits of a file's id that are shown, its last ones: the first ones are the time."""


def message_words(message: MessageView | WholeMessage, *, number: bool = False) -> str:
    """Its time, author, what became of it, and its text; the state of an own one at the end."""
    row = f"#{message.row_id}  " if number else ""
    if message.kind == "timer":
        words = timer_words(message.direction, message.contact, message.expires_s)
        return f"{row}{when(message.sent_at_ms)}  {words}"
    if message.kind in IDENTITY_LINES:
        return f"{row}{when(message.sent_at_ms)}  {identity_line(message.kind, message.contact)}"
    state = f"  {sign(message.state)}" if message.direction == "out" else ""
    return f"{row}{said_words(message, f'{when(message.sent_at_ms)}  ')}{state}"


def said_words(message: MessageView | WholeMessage, prefix: str = "") -> str:
    """The same without time and state."""
    name = printable(message.contact)
    author = f"you {sign('to')} {name}" if message.direction == "out" else name
    known = "; ".join(_known(message))
    end = ": " if message.body or message.file is None else ""
    return body_words(f"{prefix}{author}{f' ({known})' if known else ''}{end}", message.body)


def file_words(file: FileView) -> str:
    """A file: its id, whose it is, its name, size and state."""
    from loom.front.file_words import state_words  # with the sentences, which take memory

    return f"{file.file_id[-FILE_ID_LENGTH:]}  {whose(file)}: {_named(file)}, {state_words(file)}"


def whose(file: FileView) -> str:
    """From whom or to whom it is, and in which room."""
    if not file.room:
        name = printable(file.contact)
        return f"to {name}" if file.direction == "out" else name
    room = f"in {printable(file.room)}"
    return room if file.direction == "out" else f"{printable(file.contact)} {room}"


def _named(file: FileView) -> str:
    from loom.front.file_words import size_words

    return f"{printable(file.name)}, {size_words(file.size_bytes)}"


def excerpt(body: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(printable(body).split())
    return line if len(line) <= EXCERPT_LENGTH else f"{line[: EXCERPT_LENGTH - 3]}..."


def _known(message: MessageView | WholeMessage) -> list[str]:
    facts = [
        *([] if message.file is None else [file_offered(message.file)]),
        *([] if message.quote is None else [_quote_words(message.quote, message.contact)]),
        *(["withdrawn"] if message.state == "withdrawn" else []),
        *(["deleted"] if message.deleted and message.state != "withdrawn" else []),
        *(["edited"] if message.edited else []),
        *(["pinned"] if message.pinned else []),
        *(["bookmarked"] if message.bookmarked else []),
        *map(_reaction_words, message.reactions),
    ]
    is_unread = message.direction == "in" and message.state == "delivered"
    if message.expires_at_ms is not None and is_unread:
        facts.append(f"disappears {lasting_words(message.expires_s)} after reading")
    elif message.expires_at_ms is not None:
        facts.append(f"until {when(message.expires_at_ms)}")
    return facts


def file_offered(file: FileView) -> str:
    """What a message or a post offers."""
    return f"file {file.file_id[-FILE_ID_LENGTH:]}, {_named(file)}"


def _quote_words(quote: Quote, contact: str) -> str:
    if quote.gone:
        return "answers a message that is gone"
    return (
        f"answers {printable(contact) if quote.direction == 'in' else 'you'}: {excerpt(quote.body)}"
    )


def _reaction_words(reaction: Reaction) -> str:
    who = "you" if reaction.contact is None else printable(reaction.contact)
    return f"{printable(reaction.emoji)} {who}"
