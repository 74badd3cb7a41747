"""What another person wrote, laid out as a message."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.api.message_views import MessageView
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.cells import width_of
from loom.tui.chat.layout import lay_out
from loom.tui.content import code, markdown, text
from loom.tui.content.manner import Manner
from loom.tui.lines import Look
from loom.tui.themes import BUILT_IN, Theme
from loom.wire.limits import TEXT_MAX_BYTES

_LANGUAGES = tuple(code._LEXERS)
_PIECES = (
    *"*_`[](){}<>\\~!#@$%&/|-+=:;\"' \n\taA0é日\u0301\u200d\u202e\x1b",
    *(
        "```",
        "~~~",
        "```python\n",
        "**",
        "__",
        "](",
        "https://",
        "https://a.example/(",
        "xn--",
        "/*",
    ),
    *("'''", '"""', "<!--", "${", "$(", "<<A\n", "\n    ", "LOOM-", "\U0001f468\u200d\U0001f469"),
)

_LOOK = Look(Theme("terminal", BUILT_IN["terminal"]), Signs(True))
_FORMATTED, _PLAIN = Manner(Signs(True)), Manner(Signs(True), is_formatted=False)


def run(data: bytes) -> None:
    """A row is never too wide, formatting changes no character, and it all takes bounded time."""
    draw = Draw(data)
    width, unit = 2 + draw.number(120), draw.number(12)
    pieces = "".join(draw.choice(_PIECES) for _ in range(unit))
    if draw.flag():
        pieces = f"```{draw.choice(_LANGUAGES)}\n{pieces}"
    if draw.flag() and pieces:
        pieces *= TEXT_MAX_BYTES // len(pieces.encode(errors="replace")) // (1 + draw.number(64))
    body = pieces + draw.rest().decode(errors="replace")
    body = body.encode(errors="replace")[:TEXT_MAX_BYTES].decode(errors="ignore")
    message = MessageView(
        message_id="1",
        contact="Ada",
        contact_id=1,
        direction="in",
        body=body,
        state="read",
        sent_at_ms=0,
        stored_at_ms=0,
        row_id=1,
    )
    formatted = text.lines(message, width, ["a"], _FORMATTED)
    plain = text.lines(message, width, ["a"], _PLAIN)
    for row, other in zip(formatted, plain, strict=True):
        shown = "".join(piece.text for piece in row)
        assert shown == "".join(piece.text for piece in other)
        assert width_of(shown) <= width
        for piece in row:
            assert piece.link.isascii()
            assert piece.link.isprintable() or not piece.link
    for address in text.links(message):
        assert address.isascii()
        assert address.isprintable()
    at = 0
    harmless = printable(body, multiline=True)
    for start, end, _ in markdown.spans(harmless):
        assert at <= start <= end <= len(harmless)
        at = end
    lay_out(message, None, width=max(width, 10), look=_LOOK)


TARGET = Target(
    run=run,
    seeds=(
        b"\x3c\x05\x00\x01\x02\x03\x04\x00\x00*a* **b** `c` [d](https://e.example)",
        b"\x3c\x02\x00\x00\x01\x01\x00",
        b"\x20\x08" + bytes(range(32)),
        b"\x50\x00\x01\x0b\x00def f(x):\n    return 'a'\n",
        b"\x14\x03\x2a\x2b\x2c\x00\x01\x01",
    ),
    max_bytes=1_024,
    executions=150,
)
