"""The line above an answer: the beginning of the message that it answers."""

from loom.api.views import MessageView, Quote
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.cells import cut
from loom.tui.content import text
from loom.tui.themes import Line, Piece

GONE = "(gone)"


def line(message: MessageView, width: int, signs: Signs) -> Line:
    """At most `width` cells."""
    quote = message.quote
    words = GONE if quote is None else words_of(quote, message.contact)
    return [Piece(cut(f"{signs['quote']} {words}", width, signs["ellipsis"]), "quote")]


def words_of(quote: Quote, contact: str) -> str:
    """Whose it was and how it begins; `contact` is the other one of the conversation."""
    who = "you" if quote.direction == "out" else printable(contact)
    return f"{who}: {GONE if quote.gone else text.preview(quote.body)}"
