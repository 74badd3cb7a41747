"""What is being written: text, cursor, a kill ring of one, its undo, and what was sent before."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from loom.printable import printable
from loom.tui.cells import Row, Rows, clusters, width_of
from loom.tui.undo import By, Change, Undo

HISTORY_MAX: Final = 100
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NEAR: Final = 64
"""No cluster is longer; so far one looks for its beginning and end."""


class Editor:
    """Readline's ways of editing; indexes are those of `text`.

    Many methods, because each of these ways is one.
    """

    def __init__(self, text: str = "", *, undoes: bool = True) -> None:
        """`undoes`: whether what is changed can be taken back; a secret's traces are not kept."""
        self.text = text
        self.cursor = len(text)
        self.killed = ""
        self._undo = Undo()
        self._undoes = undoes
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
        """Begin with another text, of which nothing can be taken back; the cursor goes to its end.

        What was written in one conversation must not come back in another.
        """
        self.text, self.cursor = text, len(text)
        self._undo = Undo()

    def insert(self, text: str) -> None:
        """Typed or pasted. Line ends become newlines; control characters stay out."""
        clean = without_controls(text)
        self._change(self.cursor, self.cursor, clean, By.TYPING if len(clean) == 1 else By.ONE_STEP)

    def replace(self, start: int, text: str) -> None:
        """Put `text` in place of what stands between `start` and the cursor."""
        self._change(start, self.cursor, text)

    def rewrite(self, text: str) -> None:
        """Put `text` in place of everything, which can be taken back."""
        self._change(0, len(self.text), without_controls(text))

    def take(self) -> str:
        """The text, which leaves the editor and is remembered."""
        text = self.text
        self.remember(text)
        self.set("")
        return text

    def remember(self, text: str) -> None:
        """Keep a text where what was sent is found again."""
        if text.strip() and (not self._sent or self._sent[-1] != text):
            self._sent = [*self._sent, text][-HISTORY_MAX:]
        self._recalled = None

    def forget(self, is_gone: Callable[[str], bool]) -> None:
        """Drop what was sent before and is not to be found again."""
        self._sent = [one for one in self._sent if not is_gone(one)]
        self._recalled = None

    @property
    def sent(self) -> list[str]:
        """What was sent before, the oldest first."""
        return self._sent.copy()

    # --- taking back ---

    def undo(self) -> None:
        """Take the last step back: a word, a paste, a cut."""
        if (change := self._undo.back()) is not None:
            end = change.start + len(change.added)
            self.text = self.text[: change.start] + change.removed + self.text[end:]
            self.cursor = change.cursor

    def redo(self) -> None:
        """Do again what was taken back last."""
        if (change := self._undo.again()) is not None:
            end = change.start + len(change.removed)
            self.text = self.text[: change.start] + change.added + self.text[end:]
            self.cursor = change.start + len(change.added)

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
        self.cursor = self._line_end()

    def word_left(self) -> None:
        self.cursor = self._word_start(self.cursor)

    def word_right(self) -> None:
        self.cursor = self._word_end(self.cursor)

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
        self._change(self._before(self.cursor), self.cursor, "", By.ERASING)

    def delete(self) -> None:
        self._change(self.cursor, self._after(self.cursor), "", By.ERASING)

    def kill_to_start(self) -> None:
        self._kill(self.text.rfind("\n", 0, self.cursor) + 1, self.cursor)

    def kill_to_end(self) -> None:
        end = self._line_end()
        # At the end of a line, the line below joins it.
        self._kill(self.cursor, end + 1 if self.cursor == end else end)

    def kill_word(self) -> None:
        """Back to the space before, like a shell's Ctrl-W."""
        end = self.cursor
        self._kill(self._back_over(_is_no_space, self._back_over(str.isspace, end)), end)

    def kill_word_right(self) -> None:
        self._kill(self.cursor, self._word_end(self.cursor))

    def yank(self) -> None:
        """Bring back what was killed last."""
        self._change(self.cursor, self.cursor, self.killed)

    # --- changing places ---

    def swap_letters(self) -> None:
        """The characters around the cursor change places, at the end of a line the last two."""
        middle = self.cursor
        if middle == self._line_end():
            middle = self._before(middle)
        start, end = self._before(middle), self._after(middle)
        if start < middle < end and "\n" not in self.text[start:end]:
            self._change(start, end, self.text[middle:end] + self.text[start:middle])

    def swap_words(self) -> None:
        """The words around the cursor change places, behind the last one the last two."""
        end = self._word_end(self.cursor)
        start = self._word_start(end)
        if start < self.cursor and not any(map(_is_word, self.text[self.cursor : end])):
            end = self._back_over(_is_no_word, end)
            start = self._word_start(end)
        first_end = self._back_over(_is_no_word, start)
        first = self._word_start(first_end)
        if first < first_end <= start < end:
            words = self.text[start:end], self.text[first_end:start], self.text[first:first_end]
            self._change(first, end, "".join(words))

    # --- what was sent before ---

    def recall(self, by: int) -> None:
        """An older (-1) or newer (1) text; what was being written waits at the newest end."""
        at = len(self._sent) if self._recalled is None else self._recalled
        to = at + by
        if not 0 <= to <= len(self._sent) or to == at:
            return
        if at == len(self._sent):
            self._aside = self.text
        self.rewrite(self._aside if to == len(self._sent) else self._sent[to])
        self._recalled = to

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

    def _line_end(self) -> int:
        end = self.text.find("\n", self.cursor)
        return len(self.text) if end < 0 else end

    def _word_start(self, at: int) -> int:
        return self._back_over(_is_word, self._back_over(_is_no_word, at))

    def _word_end(self, at: int) -> int:
        return self._on_over(_is_word, self._on_over(_is_no_word, at))

    def _kill(self, start: int, end: int) -> None:
        if self.text[start:end]:
            self.killed = self.text[start:end]
        self._change(start, end, "")

    def _change(self, start: int, end: int, text: str, by: By = By.ONE_STEP) -> None:
        """The one place where a text becomes another one."""
        removed = self.text[start:end]
        if self._undoes and removed != text:
            self._undo.note(Change(start, removed, text, self.cursor), by)
        self.text = self.text[:start] + text + self.text[end:]
        self.cursor = start + len(text)


def without_controls(text: str) -> str:
    """Text from outside as it may stand in an editor: line ends are newlines."""
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


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
    "swap_letters": Editor.swap_letters,
    "swap_words": Editor.swap_words,
    "undo": Editor.undo,
    "redo": Editor.redo,
}
"""Actions of `loom/tui/keys.py` that change one text."""
