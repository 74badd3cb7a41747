"""What each role looks like. A theme is a table of rich styles; only widgets ask for them."""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from rich.color import Color
from rich.errors import StyleSyntaxError
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from loom.errors import InvalidInput
from loom.printable import printable
from loom.tui.cells import clusters, width_of


class Piece(NamedTuple):
    """Some text in one role, perhaps a link."""

    text: str
    role: str = "text"
    link: str = ""


Line = list[Piece]

# The terminal's own colours: right on light and dark backgrounds, and cheap to write. What matters
# less is dim: bright black is the background's own colour on some palettes.
TERMINAL: Final = {
    "text": "",
    "time": "dim",
    "me": "bold",
    "them": "bold cyan",
    "state": "dim",
    "read": "cyan",
    "failed": "bold red",
    "rule": "dim",
    "new": "bold cyan",
    "link": "underline",
    "fold": "cyan",
    "file": "cyan",
    "file_name": "bold",
    "bar": "cyan",
    "bar_rest": "dim",
    "strong": "bold",
    "emphasis": "italic",
    "strong_emphasis": "bold italic",
    "mark": "dim",
    "code": "cyan",
    "code_keyword": "bold magenta",
    "code_string": "green",
    "code_number": "yellow",
    "code_name": "bold cyan",
    "code_comment": "dim",
    "match": "reverse",
    "quote": "dim",
    "thread": "dim",
    "gone": "dim italic",
    "reaction": "",
    "own_reaction": "bold",
    "mention": "bold yellow",
    "selected": "bold reverse",
    "current": "reverse",
    "open": "reverse",
    "name": "bold",
    "preview": "dim",
    "unread": "bold yellow",
    "online": "green",
    "offline": "dim",
    "wall": "dim",
    "title": "bold",
    "good": "green",
    "bad": "bold red",
    "warn": "yellow",
    "status": "dim",
    "notice": "yellow",
    "key": "bold cyan",
    "prompt": "bold cyan",
    "hint": "dim",
    "qr": "#000000 on #ffffff",
}
_PAINTED_DARK: Final = TERMINAL | {
    "text": "#d8dee9 on #1d2128",
    "time": "#97a1b1",
    "me": "bold #eceff4",
    "them": "bold #88c0d0",
    "state": "#97a1b1",
    "read": "#88c0d0",
    "failed": "bold #ff8787",
    "rule": "#6c7486",
    "quote": "#97a1b1",
    "thread": "#97a1b1",
    "gone": "italic #97a1b1",
    "mention": "bold #ebcb8b",
    "new": "bold #88c0d0",
    "open": "bold #eceff4 on #39414f",
    "preview": "#97a1b1",
    "unread": "bold #ebcb8b",
    "online": "#87d787",
    "offline": "#97a1b1",
    "wall": "#6c7486",
    "good": "#87d787",
    "bad": "bold #ff8787",
    "warn": "#ebcb8b",
    "status": "#97a1b1",
    "notice": "#ebcb8b",
    "key": "bold #88c0d0",
    "prompt": "bold #88c0d0",
    "hint": "#97a1b1",
    "fold": "#88c0d0",
    "file": "#88c0d0",
    "file_name": "bold #eceff4",
    "bar": "#88c0d0",
    "bar_rest": "#97a1b1",
    "mark": "#97a1b1",
    "code": "#8fbcbb",
    "code_keyword": "#b48ead",
    "code_string": "#a3be8c",
    "code_number": "#ebcb8b",
    "code_name": "#88c0d0",
    "code_comment": "#97a1b1",
}
_PAINTED_LIGHT: Final = TERMINAL | {
    "text": "#24292f on #fbfbf9",
    "time": "#5c646d",
    "me": "bold #24292f",
    "them": "bold #0b5d83",
    "state": "#5c646d",
    "read": "#0b5d83",
    "failed": "bold #b31d28",
    "rule": "#858d96",
    "quote": "#5c646d",
    "thread": "#5c646d",
    "gone": "italic #5c646d",
    "mention": "bold #8a5a00",
    "new": "bold #0b5d83",
    "open": "bold #24292f on #dfe4ea",
    "preview": "#5c646d",
    "unread": "bold #8a5a00",
    "online": "#00732a",
    "offline": "#5c646d",
    "wall": "#858d96",
    "good": "#00732a",
    "bad": "bold #b31d28",
    "warn": "#8a5a00",
    "status": "#5c646d",
    "notice": "#8a5a00",
    "key": "bold #0b5d83",
    "prompt": "bold #0b5d83",
    "hint": "#5c646d",
    "fold": "#0b5d83",
    "file": "#0b5d83",
    "file_name": "bold #24292f",
    "bar": "#0b5d83",
    "bar_rest": "#5c646d",
    "mark": "#5c646d",
    "code": "#0b5d83",
    "code_keyword": "#8250a0",
    "code_string": "#00732a",
    "code_number": "#8a5a00",
    "code_name": "#0b5d83",
    "code_comment": "#5c646d",
}
BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "terminal": TERMINAL,
    "dark": _PAINTED_DARK,
    "light": _PAINTED_LIGHT,
}
DEFAULT: Final = "terminal"
ICON: Final = "icon: "
"""A role that begins so goes on with the colours, the same in every theme."""


class Theme:
    """A table of styles, ready to draw with."""

    def __init__(self, name: str, table: dict[str, str]) -> None:
        self.name = name
        base = Style.parse(table["text"]) + Style(
            color=None if _names_color(table["text"]) else Color.default(),
            bgcolor=None if " on " in f" {table['text']} " else Color.default(),
        )
        self._styles = {role: base + Style.parse(style) for role, style in table.items()}

    def style(self, role: str) -> Style:
        """The look of a role; an unknown one is plain text."""
        if role.startswith(ICON):
            return _icon_style(role)
        return self._styles.get(role) or self._styles["text"]

    def strip(self, line: Line, width: int, role: str = "text", *, unicode: bool = True) -> Strip:
        """The line in exactly `width` cells, and nothing in it but what can be shown.

        Without `unicode`, what is not ASCII becomes question marks as wide as it was.
        """
        segments: list[Segment] = []
        used = 0
        for piece in line:
            text = _harmless(piece.text)
            if not unicode and not text.isascii():
                text = "".join(
                    text[start:end] if text[start:end].isascii() else "?" * cells
                    for start, end, cells in clusters(text)
                )
            cells = width_of(text)
            if used + cells > width:
                text, cells = _crop(text, width - used)
            if text:
                style = self.style(piece.role if piece.role != "text" else role)
                if piece.link:
                    style = style + Style(link=piece.link)
                segments.append(Segment(text, style))
                used += cells
        if used < width:
            segments.append(Segment(" " * (width - used), self.style(role)))
        return Strip(segments, width)


def load_theme(name: str, folder: Path | None = None) -> Theme:
    """A theme that is built in, or `NAME.toml` of the folder: roles and rich styles.

    Raises:
        InvalidInput: there is none, or it is not a theme.
    """
    if name in BUILT_IN:
        return Theme(name, BUILT_IN[name])
    if name not in theme_names(folder) or folder is None:
        raise InvalidInput(what=f"There is no theme {printable(name)[:64]}")
    import tomllib

    try:
        table = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
        unknown = sorted(set(table) - set(TERMINAL))
        if unknown:
            raise InvalidInput(what=f"The theme {name} has an unknown role {unknown[0]}")
        return Theme(name, TERMINAL | {role: str(style) for role, style in table.items()})
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        StyleSyntaxError,
        RecursionError,
    ) as error:
        raise InvalidInput(what=f"The theme {name} cannot be read") from error


def theme_names(folder: Path | None = None) -> list[str]:
    """Those built in, then those dropped into the folder."""
    dropped = sorted(file.stem for file in folder.glob("*.toml")) if folder is not None else []
    return [*BUILT_IN, *(name for name in dropped if name not in BUILT_IN)]


def _names_color(style: str) -> bool:
    return Style.parse(style).color is not None


@lru_cache(maxsize=4096)
def _icon_style(role: str) -> Style:
    return Style.parse(role.removeprefix(ICON))


@lru_cache(maxsize=4096)
def _harmless(text: str) -> str:
    return printable(text)


def _crop(text: str, width: int) -> tuple[str, int]:
    end = used = 0
    for cluster in clusters(text):
        if used + cluster.width > width:
            break
        used, end = used + cluster.width, cluster.end
    return text[:end], used
