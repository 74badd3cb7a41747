"""What stands in a panel, from top to bottom."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeGuard

from loom.tui.editor import Editor
from loom.tui.themes import Line

FIELD_MAX: Final = 1_024
"""Characters; the longest thing asked for is a token in a pasted mail."""


class Text(NamedTuple):
    """Something to read, wrapped; an empty one is an empty row."""

    text: str
    role: str = "text"


GAP: Final = Text("")


class Fact(NamedTuple):
    """A label and what is known."""

    label: str
    value: str
    role: str = "text"


class Grid(NamedTuple):
    """Parts in columns, as many in a row as fit and divide them well; `framed` with an edge."""

    parts: Sequence[str]
    gap: str = "  "
    framed: bool = False
    role: str = "title"


class Field:
    """Something to fill in. Enter calls `does`, or goes on to what stands below.

    `form` says what is asked for while nothing was typed.
    """

    def __init__(
        self,
        label: str,
        does: Callable[[], None] | None = None,
        *,
        form: str = "",
        secret: bool = False,
    ) -> None:
        self.label = self.name = label
        self.does = does
        self.form = form
        self.secret = secret
        self.editor = Editor(undoes=not secret)
        self.error = ""
        """What is wrong with it; stands below it until it is changed."""

    @property
    def text(self) -> str:
        """What was typed."""
        return self.editor.text

    def clear(self) -> None:
        """Forget it, and what was cut from it."""
        self.editor = Editor(undoes=not self.secret)
        self.error = ""

    def put(self, text: str) -> None:
        """Typed or pasted; a field is one line."""
        room = FIELD_MAX - len(self.text)
        self.editor.insert(text.replace("\r", " ").replace("\n", " ")[: max(room, 0)])


class Button(NamedTuple):
    """Something to do."""

    label: str
    does: Callable[[], None]
    hint: str = ""

    @property
    def name(self) -> str:
        """How the cursor finds it again."""
        return self.label


class Toggle(NamedTuple):
    """Something that is on or off; `does` is told which it shall be."""

    label: str
    is_on: bool
    does: Callable[[bool], None]
    hint: str = ""

    @property
    def name(self) -> str:
        """How the cursor finds it again."""
        return self.label


class Option(NamedTuple):
    """One of several, of which one is chosen."""

    group: str
    label: str
    is_on: bool
    does: Callable[[], None]
    hint: str = ""

    @property
    def name(self) -> str:
        """How the cursor finds it again."""
        return f"{self.group}: {self.label}"


class Row(NamedTuple):
    """A line of a list that leads somewhere."""

    name: str
    line: Line
    does: Callable[[], None]


Stop = Field | Button | Toggle | Option | Row
"""What the cursor stops at."""
Item = Text | Fact | Grid | Stop


def is_stop(item: Item) -> TypeGuard[Stop]:
    """Whether the cursor stops there."""
    return not isinstance(item, Text | Fact | Grid)


def press(stop: Stop) -> None:
    """What Enter, Space or a click does there."""
    match stop:
        case Toggle():
            stop.does(not stop.is_on)
        case Field():
            if stop.does is not None:
                stop.does()
        case Button() | Option() | Row():
            stop.does()
