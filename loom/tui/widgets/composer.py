"""Where one writes, and what could complete it."""

from textual.message import Message

from loom.printable import printable
from loom.tui.cells import clusters, cut, width_of
from loom.tui.commands import Completion
from loom.tui.editor import Editor
from loom.tui.themes import Line, Piece
from loom.tui.widgets.lines import Lines, Look

ROWS_MAX = 8
INSET = 3
COMPLETIONS_MAX = 6


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


class Composer(Lines):
    """Draws an editor's rows around its cursor."""

    class Clicked(Message):
        """Somebody wants to write."""

    def __init__(self, look: Look, editor: Editor) -> None:
        super().__init__(look)
        self.editor = editor
        self.placeholder = ""
        self.is_active = True
        self._first = 0

    @property
    def text_width(self) -> int:
        """Cells of one row of text."""
        return max(self.size.width - INSET - 1, 2)

    def fit(self) -> None:
        """As many rows as the text needs, from one to eight."""
        if not self.size:
            return  # it fits itself once it has a width
        rows = len(self.editor.rows(self.text_width))
        height = max(1, min(rows, ROWS_MAX, self.screen.size.height // 3))
        row = self.editor.row(self.text_width)
        self._first = max(0, min(max(self._first, row - height + 1), row, rows - height))
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        prompt = self.look.signs["prompt"] if y + self._first == 0 else " "
        head = Piece(f" {prompt} ", "prompt" if self.is_active else "hint")
        text = self.editor.text
        if not text:
            words = cut(self.placeholder, max(width - INSET, 0), self.look.signs["ellipsis"])
            return [head, Piece(words, "hint")]
        rows = self.editor.rows(self.text_width)
        at = y + self._first
        if at >= len(rows):
            return [head]
        start, end = rows[at]
        return [head, Piece(shown(text[start:end]))]

    def on_click(self) -> None:
        """Say so."""
        self.post_message(self.Clicked())

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        if not self.is_active or not self.region:
            return None
        row = self.editor.row(self.text_width)
        start = self.editor.rows(self.text_width)[row][0]
        x = INSET + width_of(shown(self.editor.text[start : self.editor.cursor]))
        region = self.region
        return (
            min(region.x + x, region.right - 1),
            min(region.y + max(row - self._first, 0), region.bottom - 1),
        )


class Completions(Lines):
    """Ways to go on; no rows when there are none."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.completions: list[Completion] = []
        self.chosen: int | None = None

    def show(self, completions: list[Completion], chosen: int | None = None) -> None:
        """Offer these."""
        if (completions, chosen) == (self.completions, self.chosen):
            return
        self.completions, self.chosen = completions, chosen
        height = min(len(completions), COMPLETIONS_MAX)
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        first = max(0, (self.chosen or 0) - COMPLETIONS_MAX + 1)
        at = first + y
        if at >= len(self.completions):
            return []
        one = self.completions[at]
        room = max(width - 4, 1)
        label = cut(one.label, room, self.look.signs["ellipsis"])
        hint = cut(f"  {one.hint}", room - width_of(label), self.look.signs["ellipsis"])
        role = "current" if at == self.chosen else "text"
        return [Piece("   "), Piece(label, role), Piece(hint, "hint")]
