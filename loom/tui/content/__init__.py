"""How each kind of message is shown: one file for each kind, and the table of them."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from loom.api.message_views import MessageView
from loom.front.identity_words import KINDS as IDENTITY_LINES
from loom.tui.content import deleted, file, identity, line, poll, proposal, text, timer
from loom.tui.content.manner import Manner, Said
from loom.tui.themes import Line


class Kind(Protocol):
    """What the file of a kind has."""

    def lines(
        self, message: MessageView, width: int, words: Sequence[str], manner: Manner
    ) -> list[Line]:
        """The body in at most `width` cells a line, with the words found in it marked."""
        ...

    def links(self, message: MessageView) -> list[str]:
        """The addresses it leads to."""
        ...

    def preview(self, message: Said) -> str:
        """Its beginning on one line."""
        ...


KINDS: Final[dict[str, Kind]] = {
    "text": text,
    "timer": timer,
    "line": line,
    "poll": poll,
    "proposal": proposal,
    "file": file,
    **dict.fromkeys(IDENTITY_LINES, identity),
}


def kind_of(message: Said) -> Kind:
    """The kind that shows a message; what a later version calls by another name is a text."""
    return deleted if message.deleted else KINDS.get(message.kind, text)


def plain(messages: Iterable[MessageView]) -> str:
    """What copying them gives."""
    said = (one for one in messages if one.kind in ("text", "file") and not one.deleted)
    return "\n".join(one.body if one.file is None else file.said(one) for one in said)
