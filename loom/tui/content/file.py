"""A file: its sign, name, size and kind, a thumbnail, its caption, and how far it got."""

from collections.abc import Sequence
from typing import Final

from loom.api.file_views import FileView
from loom.api.message_views import MessageView
from loom.front.file_words import (
    VOICE,
    kind_words,
    left_words,
    percent,
    rate_words,
    short_name,
    size_words,
    state_words,
    way_words,
)
from loom.printable import printable
from loom.tui.cells import cut, width_of, wrap
from loom.tui.content import text
from loom.tui.content.half_blocks import half_blocks
from loom.tui.content.manner import Manner, Said
from loom.tui.themes import Line, Piece

ROLE: Final = "file"
"""A click on a piece of this role does what the key does that takes or opens a file."""
GAP: Final = "  "
THUMBNAIL_COLUMNS: Final = 24
THUMBNAIL_ROWS: Final = 6
BAR_CELLS: Final = 12
BAR_CELLS_MIN: Final = 6
_STATES: Final = {"failed": "bad", "paused": "warn", "declined": "hint", "cancelled": "hint"}


def lines(message: MessageView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    """See `Kind.lines`."""
    file = message.file
    if file is None:
        return text.lines(message, width, words, manner)
    found = _head(file, width, words, manner)
    small = file.thumbnail
    if small is not None and manner.has_pictures:
        columns = min(THUMBNAIL_COLUMNS, width)
        found += half_blocks(small.rgb, small.width, small.height, columns, THUMBNAIL_ROWS)
    if message.body:
        found += text.lines(message, width, words, manner)
    return [*found, *state_lines(file, width, manner)]


def links(message: MessageView) -> list[str]:
    """See `Kind.links`."""
    return text.links(message)


def preview(message: Said) -> str:
    """See `Kind.preview`."""
    return text.beginning(said(message))


def said(message: Said) -> str:
    """Its name and caption as one text, for lists, searches and copies."""
    name = "" if message.file is None else printable(message.file.name)
    return ": ".join(one for one in (name, message.body) if one)


def state_lines(file: FileView, width: int, manner: Manner) -> list[Line]:
    """How far it got: a bar while it moves, else words."""
    if file.state == "receiving":
        return [_bar(file, width, manner)]
    words = state_words(file, take_key=manner.take_key, go_on_key=manner.go_on_key)
    way = way_words(file) if file.state == "done" else ""
    if way and width_of(f"{words} {manner.signs['dot']} {way}") <= width:
        words = f"{words} {manner.signs['dot']} {way}"
    role = _STATES.get(file.state, ROLE)
    return [[Piece(words[start:end], role)] for start, end in wrap(words, width)]


def _head(file: FileView, width: int, words: Sequence[str], manner: Manner) -> list[Line]:
    signs, kind = manner.signs, kind_words(file)
    sign = Piece(signs["voice" if kind == VOICE else "file"] + " ", "hint")
    facts: Line = [Piece(size_words(file.size_bytes), "hint"), Piece(GAP)]
    facts.append(Piece(kind, "warn" if file.is_executable else "hint"))
    room = width - width_of(sign.text)
    name = _fitting_name(file.name, max(room, 1), signs["ellipsis"])
    title = [sign, *text.marked(name, words, "file_name")]
    beside = width_of(name) + len(GAP) + sum(width_of(one.text) for one in facts)
    if beside <= room:
        return [[*title, Piece(GAP), *facts]]
    return [title, [Piece(cut("".join(one.text for one in facts), width), "hint")]]


def _fitting_name(name: str, room: int, ellipsis: str) -> str:
    length = room
    while width_of(short := short_name(name, length, ellipsis)) > room and length > 1:
        length -= 1
    return short


def _bar(file: FileView, width: int, manner: Manner) -> Line:
    """The bar, then as many of the facts beside it as there is room for."""
    signs = manner.signs
    cells = BAR_CELLS if width >= 4 * BAR_CELLS_MIN else BAR_CELLS_MIN
    full = percent(file) * cells // 100
    line = [Piece(signs["full"] * full, "bar"), Piece(signs["empty"] * (cells - full), "bar_rest")]
    used = cells
    for words in (
        f"{percent(file):>3}%",
        left_words(file, manner.rate_bytes_per_s),
        rate_words(manner.rate_bytes_per_s),
        way_words(file),
    ):
        if words and used + len(GAP) + width_of(words) <= width:
            line.append(Piece(f"{GAP}{words}", ROLE))
            used += len(GAP) + width_of(words)
    return line
