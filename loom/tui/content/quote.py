"""The line above an answer: the beginning of the message that it answers."""

from loom.api.message_views import MessageView, Quote
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.cells import cut
from loom.tui.content import text
from loom.tui.posts import PostQuoted
from loom.tui.themes import Line, Piece

GONE = "(gone)"


def line(message: MessageView, width: int, signs: Signs) -> Line:
    """At most `width` cells."""
    quote = message.quote
    is_told = quote is not None and not (quote.gone and isinstance(quote, PostQuoted))
    words = words_of(quote, message.contact) if quote is not None and is_told else GONE
    return [Piece(cut(f"{signs['quote']} {words}", width, signs["ellipsis"]), "quote")]


def words_of(quote: Quote, contact: str) -> str:
    """Whose it was and how it begins; `contact` is the other one of the conversation."""
    wrote = quote.author if isinstance(quote, PostQuoted) else contact
    who = "you" if quote.direction == "out" else printable(wrote)
    return f"{who}: {GONE if quote.gone else text.beginning(quote.body)}"
