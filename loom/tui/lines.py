"""The base of every widget: lines of pieces, drawn in the theme of the moment."""

from typing import Self

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from loom.front.signs import Signs
from loom.tui.themes import Line, Piece, Theme


class Look:
    """How everything looks now; shared by all widgets."""

    def __init__(
        self, theme: Theme, signs: Signs, *, is_formatted: bool = True, has_colors: bool = True
    ) -> None:
        """`is_formatted`: whether the marks in texts change how they look."""
        self.theme = theme
        self.signs = signs
        self.is_formatted = is_formatted
        self.own_name = ""
        """Where a text mentions it, that stands out."""
        self.has_colors = has_colors
        self.take_key = self.go_on_key = ""
        """The keys that take or open a file, and go on with a paused one, as people write them."""
        self.pictures = "auto"
        """How pictures are shown: see `AppSettings.pictures`."""

    @property
    def has_pictures(self) -> bool:
        """Whether small pictures stand between the messages."""
        return self.has_colors and self.signs.unicode and self.pictures != "off"


class Lines(Widget):
    """Draws `line(y)`; never takes the focus, because screens handle keys."""

    can_focus = False
    ALLOW_SELECT = False

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.look = look
        self._strips: list[Strip | None] = []
        self._height = 0
        """Of what is being drawn; `size` is slow to ask for, row by row."""
        self._drawn: dict[tuple[Piece, ...], Strip] = {}
        self._drawn_before: dict[tuple[Piece, ...], Strip] = {}
        self._drawn_as: tuple[Theme, int] | None = None

    def line(self, y: int, width: int) -> Line:
        """The content of row `y`."""
        raise NotImplementedError

    def refresh(self, *regions: Region, **how: bool) -> Self:
        """See `Widget.refresh`."""
        self._strips = []
        self._drawn_before, self._drawn = self._drawn, {}
        return super().refresh(*regions, **how)

    def render_lines(self, crop: Region) -> list[Strip]:
        """See `Widget.render_lines`; without what Textual adds for borders and backgrounds."""
        width, height = self.size
        if self._drawn_as != (self.look.theme, width):
            self._strips, self._drawn, self._drawn_before = [], {}, {}
            self._drawn_as = self.look.theme, width
        self._height = height
        if len(self._strips) != height:
            self._strips = [None] * height
        found = []
        for y in range(crop.y, crop.bottom):
            strip = self._strips[y] if y < height else Strip.blank(width)
            if strip is None:
                strip = self._strips[y] = self._strip(y, width)
            found.append(strip)
        if crop.x or crop.width != width:
            return [strip.crop(crop.x, crop.right) for strip in found]
        return found

    def _strip(self, y: int, width: int) -> Strip:
        """Row `y`; a line that was drawn before, here or elsewhere, is not drawn again."""
        line = tuple(self.line(y, width))
        strip = self._drawn.get(line) or self._drawn_before.get(line)
        if strip is None:
            strip = self.look.theme.strip(list(line), width, unicode=self.look.signs.unicode)
            drawn = list(strip)
            for filter_ in self.app.get_line_filters():  # NO_COLOR
                strip = strip.apply_filter(filter_, self.background_colors[1])
            if any(piece.role == "qr" for piece in line):
                # A picture, not a decoration: without its own two colours it is inverted on dark
                # terminals, which many cameras cannot read.
                code = self.look.theme.style("qr")
                strip = Strip(
                    [
                        before if before.style == code else after
                        for before, after in zip(drawn, strip, strict=True)
                    ],
                    width,
                )
        self._drawn[line] = strip
        return strip

    def caret(self) -> tuple[int, int] | None:
        """Where one writes, in cells of the screen; None: not here."""
        return None
