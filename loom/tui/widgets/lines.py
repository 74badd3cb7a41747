"""The base of every widget: lines of pieces, drawn in the theme of the moment."""

from textual.strip import Strip
from textual.widget import Widget

from loom.tui.signs import Signs
from loom.tui.themes import Line, Theme


class Look:
    """How everything looks now; shared by all widgets."""

    def __init__(self, theme: Theme, signs: Signs) -> None:
        self.theme = theme
        self.signs = signs


class Lines(Widget):
    """Draws `line(y)`; never takes the focus, because screens handle keys."""

    can_focus = False
    ALLOW_SELECT = False

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look

    def line(self, y: int, width: int) -> Line:
        """What stands on row `y`."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """See `Widget.render_line`."""
        width = self.size.width
        return self.look.theme.strip(self.line(y, width), width, unicode=self.look.signs.unicode)

    def caret(self) -> tuple[int, int] | None:
        """Where one writes, in cells of the screen; None: not here."""
        return None
