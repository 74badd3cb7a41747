"""What is being written: text, cursor, a kill ring of one, and what was sent before."""

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from loom.tui.cells import clusters, wrap

HISTORY_MAX: Final = 100


class Editor:
    """Readline's ways of editing; indexes are those of `text`."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.cursor = len(text)
        self.killed = ""
        self._sent: list[str] = []
        self._recalled: int | None = None
        self._aside = ""

    @property
    def size_bytes(self) -> int:
        """As UTF-8."""
        return len(self.text.encode())

    def set(self, text: str) -> None:
        """Replace everything; the cursor goes to the end."""
        self.text, self.cursor = text, len(text)

    def insert(self, text: str) -> None:
        """Typed or pasted. Line ends become newlines; control characters stay out."""
        clean = "".join(
            one
            for one in text.replace("\r\n", "\n").replace("\r", "\n")
            if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs")
        )
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
        self.cursor = self._before()

    def right(self) -> None:
        self.cursor = self._after()

    def home(self) -> None:
        """To the beginning of the line."""
        self.cursor = self.text.rfind("\n", 0, self.cursor) + 1

    def end(self) -> None:
        """To the end of the line."""
        end = self.text.find("\n", self.cursor)
        self.cursor = len(self.text) if end < 0 else end

    def word_left(self) -> None:
        at = self.cursor
        while at and not self.text[at - 1].isalnum():
            at -= 1
        while at and self.text[at - 1].isalnum():
            at -= 1
        self.cursor = at

    def word_right(self) -> None:
        at = self.cursor
        while at < len(self.text) and not self.text[at].isalnum():
            at += 1
        while at < len(self.text) and self.text[at].isalnum():
            at += 1
        self.cursor = at

    def vertical(self, by: int, width: int) -> bool:
        """To the row above (-1) or below (1); False: there is none."""
        rows = wrap(self.text, width)
        row = self.row(width)
        if not 0 <= row + by < len(rows):
            return False
        column = self.cursor - rows[row][0]
        start, end = rows[row + by]
        self.cursor = min(start + column, end)
        return True

    def row(self, width: int) -> int:
        """The row that the cursor stands in."""
        starts = [start for start, _ in wrap(self.text, width)]
        return bisect_right(starts, self.cursor) - 1

    # --- deleting ---

    def backspace(self) -> None:
        self._cut(self._before(), self.cursor)

    def delete(self) -> None:
        self._cut(self.cursor, self._after())

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
        end = at = self.cursor
        while at and self.text[at - 1].isspace():
            at -= 1
        while at and not self.text[at - 1].isspace():
            at -= 1
        self._kill(at, end)

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

    def _before(self) -> int:
        line = max(0, self.cursor - 64)
        found = clusters(self.text[line : self.cursor])
        return line + found[-1].start if found else 0

    def _after(self) -> int:
        found = clusters(self.text[self.cursor : self.cursor + 64])
        return self.cursor + found[0].end if found else self.cursor

    def _kill(self, start: int, end: int) -> None:
        if self.text[start:end]:
            self.killed = self.text[start:end]
        self._cut(start, end)

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start


EDITING: Final[Mapping[str, Callable[[Editor], None]]] = {
    "left": Editor.left,
    "ctrl+b": Editor.left,
    "right": Editor.right,
    "ctrl+f": Editor.right,
    "home": Editor.home,
    "ctrl+a": Editor.home,
    "end": Editor.end,
    "ctrl+e": Editor.end,
    "backspace": Editor.backspace,
    "ctrl+h": Editor.backspace,
    "delete": Editor.delete,
    "ctrl+d": Editor.delete,
    "ctrl+u": Editor.kill_to_start,
    "ctrl+k": Editor.kill_to_end,
    "ctrl+w": Editor.kill_word,
    "ctrl+y": Editor.yank,
}
"""What keys do in one line, where no key profile is in force."""

MOVING: Final[Mapping[str, int]] = {
    "up": -1,
    "ctrl+p": -1,
    "shift+tab": -1,
    "down": 1,
    "ctrl+n": 1,
    "tab": 1,
}
"""What keys go to what stands above or below."""
