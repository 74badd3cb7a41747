"""What is being written: text, cursor, a kill ring of one, and what was sent before."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from loom.printable import printable
from loom.tui.cells import Row, Rows, clusters, width_of

HISTORY_MAX: Final = 100
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NEAR: Final = 64
"""No cluster is longer; so far one looks for its beginning and end."""


class Editor:
    """Readline's ways of editing; indexes are those of `text`.

    Many methods, because each of these ways is one.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.cursor = len(text)
        self.killed = ""
        self._sent: list[str] = []
        self._recalled: int | None = None
        self._aside = ""
        self._rows = Rows()
        self._column: tuple[int, int] | None = None
        """Where the cursor went up or down to, and the column that it aims at."""

    @property
    def size_bytes(self) -> int:
        """As UTF-8."""
        return len(self.text.encode())

    def set(self, text: str) -> None:
        """Replace everything; the cursor goes to the end."""
        self.text, self.cursor = text, len(text)

    def insert(self, text: str) -> None:
        """Typed or pasted. Line ends become newlines; control characters stay out."""
        clean = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        self.text = self.text[: self.cursor] + clean + self.text[self.cursor :]
        self.cursor += len(clean)

    def replace(self, start: int, text: str) -> None:
        """Put `text` in place of what stands between `start` and the cursor."""
        self.text = self.text[:start] + text + self.text[self.cursor :]
        self.cursor = start + len(text)

    def take(self) -> str:
        """The text, which leaves the editor and is remembered."""
        text = self.text
        if text.strip() and (not self._sent or self._sent[-1] != text):
            self._sent = [*self._sent, text][-HISTORY_MAX:]
        self._recalled = None
        self.set("")
        return text

    # --- moving ---

    def left(self) -> None:
        self.cursor = self._before(self.cursor)

    def right(self) -> None:
        self.cursor = self._after(self.cursor)

    def home(self) -> None:
        """To the beginning of the line."""
        self.cursor = self.text.rfind("\n", 0, self.cursor) + 1

    def end(self) -> None:
        """To the end of the line."""
        end = self.text.find("\n", self.cursor)
        self.cursor = len(self.text) if end < 0 else end

    def word_left(self) -> None:
        self.cursor = self._back_over(_is_word, self._back_over(_is_no_word, self.cursor))

    def word_right(self) -> None:
        self.cursor = self._on_over(_is_word, self._on_over(_is_no_word, self.cursor))

    def vertical(self, by: int, width: int) -> bool:
        """To the row above (-1) or below (1), as near to the column as it goes; False: no row."""
        rows = self.rows(width)
        row = self.row(width)
        if not 0 <= row + by < len(rows):
            return False
        if self._column is not None and self._column[0] == self.cursor:
            column = self._column[1]
        else:
            column = width_of(self.text[rows[row][0] : self.cursor])
        self.point_at(row + by, column, width)
        self._column = self.cursor, column
        return True

    def point_at(self, row: int, column: int, width: int) -> None:
        """As near to a row and a column of cells as it goes."""
        rows = self.rows(width)
        row = max(0, min(row, len(rows) - 1))
        start, end = rows[row]
        # The end of a row without a space or newline is the beginning of the next row.
        goes_on = rows[row + 1 : row + 2] and rows[row + 1][0] == end
        self.cursor, used = start, 0
        for cluster in clusters(self.text[start:end]):
            used += cluster.width
            if used > column or (goes_on and start + cluster.end == end):
                break
            self.cursor = start + cluster.end

    def rows(self, width: int) -> list[Row]:
        """The text's rows, see `wrap`."""
        return self._rows.of(self.text, width)

    def row(self, width: int) -> int:
        """The row that the cursor stands in."""
        return bisect_right(self.rows(width), self.cursor, key=lambda row: row[0]) - 1

    # --- deleting ---

    def backspace(self) -> None:
        self._cut(self._before(self.cursor), self.cursor)

    def delete(self) -> None:
        self._cut(self.cursor, self._after(self.cursor))

    def kill_to_start(self) -> None:
        end = self.cursor
        self.home()
        self._kill(self.cursor, end)

    def kill_to_end(self) -> None:
        start = self.cursor
        self.end()
        end = self.cursor
        # At the end of a line, the line below joins it.
        self._kill(start, end + 1 if start == end else end)

    def kill_word(self) -> None:
        """Back to the space before, like a shell's Ctrl-W."""
        end = self.cursor
        self._kill(self._back_over(_is_no_space, self._back_over(str.isspace, end)), end)

    def kill_word_right(self) -> None:
        start = self.cursor
        self.word_right()
        self._kill(start, self.cursor)

    def yank(self) -> None:
        """Bring back what was killed last."""
        self.insert(self.killed)

    # --- what was sent before ---

    def recall(self, by: int) -> None:
        """An older (-1) or newer (1) text; what was being written waits at the newest end."""
        at = len(self._sent) if self._recalled is None else self._recalled
        to = at + by
        if not 0 <= to <= len(self._sent) or to == at:
            return
        if at == len(self._sent):
            self._aside = self.text
        self._recalled = to
        self.set(self._aside if to == len(self._sent) else self._sent[to])

    # --- inside ---

    def _before(self, at: int) -> int:
        """Where the cluster before begins."""
        start = max(0, at - _NEAR)
        found = clusters(self.text[start:at])
        return start + found[-1].start if found else 0

    def _after(self, at: int) -> int:
        """Where the cluster behind ends."""
        found = clusters(self.text[at : at + _NEAR])
        return at + found[0].end if found else at

    def _back_over(self, kind: Callable[[str], bool], at: int) -> int:
        """Where the clusters that begin with such a character begin."""
        while at and kind(self.text[before := self._before(at)]):
            at = before
        return at

    def _on_over(self, kind: Callable[[str], bool], at: int) -> int:
        """Where the clusters that begin with such a character end."""
        while at < len(self.text) and kind(self.text[at]):
            at = self._after(at)
        return at

    def _kill(self, start: int, end: int) -> None:
        if self.text[start:end]:
            self.killed = self.text[start:end]
        self._cut(start, end)

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start


def shown(text: str) -> str:
    """Text being written as it can be drawn; every character keeps its place."""
    if text.isascii() and text.isprintable():
        return text
    parts = []
    for start, end, _ in clusters(text):
        one = text[start:end]
        if one == "\t":
            parts.append(" ")
        elif printable(text[start : end + 1]).startswith(one):  # what follows may keep a joiner
            parts.append(one)
        else:
            parts.append(printable(one) or "\N{REPLACEMENT CHARACTER}")
    return "".join(parts)


def _is_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _is_no_word(character: str) -> bool:
    return not _is_word(character)


def _is_no_space(character: str) -> bool:
    return not character.isspace()


EDITS: Final[Mapping[str, Callable[[Editor], None]]] = {
    "left": Editor.left,
    "right": Editor.right,
    "word_left": Editor.word_left,
    "word_right": Editor.word_right,
    "home": Editor.home,
    "end": Editor.end,
    "backspace": Editor.backspace,
    "delete": Editor.delete,
    "kill_to_end": Editor.kill_to_end,
    "kill_to_start": Editor.kill_to_start,
    "kill_word": Editor.kill_word,
    "kill_word_right": Editor.kill_word_right,
    "yank": Editor.yank,
}
"""Actions of `loom/tui/keys.py` that change one text."""
