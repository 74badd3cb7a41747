"""What another person wrote, on its way to a terminal."""

import unicodedata

from fuzz.draw import Draw
from fuzz.target import Target
from loom.printable import MARKS_MAX, printable

_PIECES = (
    *"\x1b\x9b\x07\u202e\u2066\u200d\u200c\u200b\ufe0f\ufe0e\u0301\u20dd\U0001f468\U0001f3fd",
    *"a\u0628\u0915\u094d \n\r\t\v\x85\u2028\u00ad\U000e0041\U000e0100\ud800\u034f\u3164\u180b",
)


def run(data: bytes) -> None:
    """Nothing that is shown moves a cursor, hides or reorders; showing it twice changes nothing."""
    draw = Draw(data)
    multiline = draw.flag()
    if draw.flag():
        text = "".join(draw.choice(_PIECES) for _ in range(draw.number(64)))
    else:
        encoding = draw.choice(("utf-8", "utf-16-le", "utf-32-le"))
        text = draw.rest().decode(encoding, "replace" if draw.flag() else "ignore")
    shown = printable(text, multiline=multiline)
    marks = 0
    for character in shown:
        category = unicodedata.category(character)
        assert category not in ("Cc", "Cs", "Co", "Zl", "Zp") or (multiline and character == "\n")
        assert category != "Cf" or character in "\u200c\u200d"
        marks = marks + 1 if category.startswith("M") and character not in "\ufe0e\ufe0f" else 0
        assert marks <= MARKS_MAX
    assert len(shown) <= 4 * len(text)
    assert printable(shown, multiline=multiline) == shown
    shown.encode()


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0\0\0hello",
        b"\1\0\0\0\x1b[2J\xe2\x80\xae",
        b"\0\1\x20" + bytes(range(32)),
        b"\1\1\x3f" + bytes(reversed(range(64))),
        "\0\0\0\0👩\u200d💻 e\u0301\u0301\u0301\u0301\u0301\u0301 نص हिन्दी".encode(),
    ),
    max_bytes=1_024,
    executions=3_000,
)
