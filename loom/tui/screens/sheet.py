"""A screen of its own: facts, fields and buttons in one column, perhaps a picture beside it."""

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen

from loom.api.events import AnyEvent
from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.printable import printable
from loom.tui import clipboard
from loom.tui.cells import cut, pad, width_of, wrap
from loom.tui.editor import Editor
from loom.tui.keys import EVERYWHERE, READING, WRITING, is_text
from loom.tui.themes import Line, Piece
from loom.tui.widgets.composer import shown
from loom.tui.widgets.lines import Lines, Look

if TYPE_CHECKING:
    from loom.tui.app import LoomApp

LABEL_WIDTH: Final = 15
BESIDE_MIN: Final = 32
"""A picture stands beside the column where so much is left for it."""
_MOVES: Final = {"up": -1, "shift+tab": -1, "down": 1, "tab": 1, "complete": 1}


class Item(NamedTuple):
    """One row. With a `name` it can be chosen: the sheet's `do_NAME` is what Enter does."""

    line: Line
    name: str = ""
    editor: Editor | None = None


def fact(label: str, value: str, role: str = "text") -> Item:
    """Something known."""
    return Item([Piece(pad(label, LABEL_WIDTH), "hint"), Piece(printable(value), role)])


def field(name: str, label: str, editor: Editor) -> Item:
    """Something to write."""
    return Item([Piece(pad(label, LABEL_WIDTH), "hint")], name, editor)


def button(name: str, label: str, hint: str = "") -> Item:
    """Something to do."""
    return Item([Piece(f"[ {printable(label)} ]", "key"), Piece(f"  {hint}", "hint")], name)


def paragraph(text: str, width: int, role: str = "text") -> list[Item]:
    """Sentences, wrapped."""
    text = printable(text)
    return [Item([Piece(text[start:end], role)]) for start, end in wrap(text, max(width, 10))]


GAP: Final = Item([])


class SheetBody(Lines):
    """Draws a frame, the items that fit, the picture, and at the foot what was said."""

    def __init__(self, look: Look) -> None:
        super().__init__(look)
        self.title = ""
        self.items: list[Item] = []
        self.chosen = ""
        self.picture: Sequence[str] = ()
        self.said = ""
        self.is_bad = False
        self.foot = ""
        self.first = 0

    def column(self, picture: Sequence[str]) -> int:
        """How wide the items are with the picture beside them, or alone where it does not fit."""
        inner = max(self.size.width - 4, 1)
        room = inner - (width_of(picture[0]) + 2 if picture else 0)
        fits = room >= BESIDE_MIN and len(picture) <= self.size.height - 2
        return room if picture and fits else inner

    def put(self, items: list[Item], picture: Sequence[str]) -> None:
        """Other items; the chosen one stays chosen where it is still there."""
        inner = max(self.size.width - 4, 1)
        self.items = items
        self.picture = picture if self.column(picture) < inner else ()
        names = [item.name for item in items if item.name]
        if self.chosen not in names:
            self.chosen = names[0] if names else ""
        self.scroll_to_chosen()

    @property
    def rows(self) -> int:
        """How many items are visible."""
        return max(self.size.height - 2 - max(len(self._said_rows()) - 1, 0), 1)

    @property
    def place(self) -> int:
        """Where the chosen item stands."""
        return next((n for n, one in enumerate(self.items) if one.name == self.chosen), 0)

    def scroll_to_chosen(self) -> None:
        """Show the chosen item; with the first one, also what stands above it."""
        place, rows = self.place, self.rows
        is_first = not any(item.name for item in self.items[:place])
        top = 0 if is_first and place < rows else place
        last = max(len(self.items) - rows, 0)
        self.first = max(min(self.first, top, last), place - rows + 1, 0)
        self.refresh()

    def scroll(self, by: int) -> None:
        """Show other items."""
        self.first = max(0, min(self.first + by, len(self.items) - self.rows))
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        signs = self.look.signs
        said = self._said_rows()
        if y == 0:
            title = cut(f" {printable(self.title)} ", max(width - 3, 0), signs["ellipsis"])
            right = signs["rule"] * max(width - 3 - width_of(title), 0)
            return [
                Piece(f"{signs['corner_left']}{signs['rule']}", "wall"),
                Piece(title, "title"),
                Piece(f"{right}{signs['corner_right']}", "wall"),
            ]
        if said and y >= self.size.height - len(said):
            row = said[y - self.size.height + len(said)]
            return [Piece(" "), Piece(row, "bad" if self.is_bad else "notice")]
        if y == self.size.height - 1:
            foot = cut(f" {self.foot} ", max(width - 3, 0), signs["ellipsis"])
            right = signs["rule"] * max(width - 3 - width_of(foot), 0)
            return [
                Piece(f"{signs['foot_left']}{signs['rule']}", "wall"),
                Piece(foot, "hint"),
                Piece(f"{right}{signs['foot_right']}", "wall"),
            ]
        return self._inside(y - 1, max(width - 2, 0))

    def caret(self) -> tuple[int, int] | None:
        """See `Lines.caret`."""
        place = self.place
        if not self.items or self.items[place].editor is None:
            return None
        y = place - self.first
        if not 0 <= y < self.rows:
            return None
        item = self.items[place]
        label = sum(width_of(piece.text) for piece in item.line)
        x = 2 + label + 2 + width_of(self._before_cursor(item))
        region = self.region
        return min(region.x + x, region.right - 2), region.y + 1 + y

    def item_at(self, y: int) -> Item | None:
        """The item on a row of the body."""
        at = self.first + y - 1
        return self.items[at] if 1 <= y <= self.rows and 0 <= at < len(self.items) else None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Further down."""
        self.scroll(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Further up."""
        self.scroll(-1)

    def _inside(self, y: int, inner: int) -> Line:
        wall = Piece(self.look.signs["wall"], "wall")
        picture = Piece(self.picture[y], "qr") if y < len(self.picture) else Piece("")
        beside = width_of(self.picture[0]) + 1 if self.picture else 0
        room = max(inner - beside, 0)
        at = self.first + y
        line = self._item(self.items[at], room - 1) if at < len(self.items) else []
        line, used = _cut_line(line, max(room - 1, 0), self.look.signs["ellipsis"])
        gap = " " * max(room - 1 - used, 0)
        edge = " " if picture.text else " " * beside
        return [
            wall,
            *([Piece(" ")] if room else []),
            *line,
            Piece(gap),
            picture,
            Piece(edge),
            wall,
        ]

    def _item(self, item: Item, room: int) -> Line:
        is_chosen = item.name == self.chosen and item.name != ""
        if item.editor is None:
            if not is_chosen:
                return item.line
            return [
                Piece(piece.text, "current" if n == 0 else piece.role)
                for n, piece in enumerate(item.line)
            ]
        sign = Piece(f"{self.look.signs['prompt']} ", "prompt" if is_chosen else "hint")
        text = self._before_cursor(item) if is_chosen else ""
        rest = (
            shown(item.editor.text[item.editor.cursor :]) if is_chosen else shown(item.editor.text)
        )
        return [*item.line, sign, Piece(text + rest)]

    def _before_cursor(self, item: Item) -> str:
        """What is visible of the text before the cursor: its end."""
        if item.editor is None:
            return ""
        label = sum(width_of(piece.text) for piece in item.line)
        room = max(self.column(self.picture) - label - 4, 1)
        text = shown(item.editor.text[: item.editor.cursor])[-room * 2 :]
        while width_of(text) > room:
            text = text[1:]
        return text

    def _said_rows(self) -> list[str]:
        if not self.said:
            return []
        rows = [self.said[a:b] for a, b in wrap(self.said, max(self.size.width - 2, 2))]
        return rows[: max(self.size.height - 2, 1)]


def _cut_line(line: Line, width: int, ellipsis: str) -> tuple[Line, int]:
    kept: Line = []
    used = 0
    for piece in line:
        text = cut(piece.text, width - used, ellipsis)
        kept.append(Piece(text, piece.role))
        used += width_of(text)
    return kept, used


class Sheet(Screen[None]):
    """Its items are asked for whenever something changed; what was typed outlives it."""

    AUTO_FOCUS = ""
    BINDINGS = []  # noqa: RUF012 - all keys go through `Keys`

    def __init__(self, desk: "LoomApp", chosen: str = "") -> None:
        super().__init__()
        self.desk = desk
        self.body = SheetBody(desk.look)
        self.body.chosen = chosen
        self._leaves = False
        """Whether it goes as soon as nothing lies over it."""

    # --- what a sheet says ---

    @property
    def heading(self) -> str:
        """What stands at the top."""
        raise NotImplementedError

    async def load(self) -> None:
        """Ask the node for what is shown."""

    def items(self, width: int) -> list[Item]:
        """The rows."""
        raise NotImplementedError

    def picture(self) -> Sequence[str]:
        """What stands beside them where it fits."""
        return ()

    def concerns(self, event: AnyEvent) -> bool:
        """Whether an event changes what is shown."""
        return False

    # --- for sheets ---

    def typed(self, name: str) -> Editor:
        """The text of a field, which waits here also while the sheet is closed."""
        return self.desk.room.slash.typed.setdefault(name, Editor())

    def forget(self, *names: str) -> None:
        """What was typed has been used."""
        for name in names:
            self.typed(name).set("")

    def say(self, text: str, *, bad: bool = False) -> None:
        """One sentence at the foot, until the next key."""
        self.body.said, self.body.is_bad = printable(text), bad
        self.body.scroll_to_chosen()

    def fail(self, error: LoomError) -> None:
        """What went wrong and what to do next."""
        self.say(in_app(error), bad=True)

    def begin(self, work: Coroutine[Any, Any, Any], name: str = "sheet") -> None:
        """Do something; an error is said here, and what is shown is asked for anew."""
        self.run_worker(self._tried(work), name=name, group=name)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard and say so."""

        async def copy() -> None:
            self.say(await clipboard.copy(text, self.desk.write_terminal))

        self.run_worker(copy(), name="copy")

    def look_again(self) -> None:
        """Something changed."""
        if not self.body.size:
            return  # it is asked again once it has a size
        picture = self.picture()
        keys = self.desk.keys
        move, do, back = "Tab", "Enter", "Esc"
        dot = self.desk.look.signs["dot"]
        self.body.title = self.heading
        self.body.foot = f"{move} next {dot} {do} do {dot} {back} back"
        if keys.words("help"):
            self.body.foot += f" {dot} {keys.words('help')} help"
        self.body.put(self.items(self.body.column(picture)), picture)

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """Events came."""
        if any(self.concerns(event) for event in happened):
            self.begin(self.load(), "load")

    # --- the terminal ---

    def compose(self) -> ComposeResult:
        """The body alone."""
        yield self.body

    def on_mount(self) -> None:
        """Ask for everything."""
        self.begin(self.load(), "load")

    def on_resize(self, event: events.Resize) -> None:
        """Other rows fit."""
        self.call_after_refresh(self.look_again)

    def caret(self) -> tuple[int, int] | None:
        """Where one writes."""
        return self.body.caret()

    def on_key(self, event: events.Key) -> None:
        """The bindings in force; the rest is text."""
        event.stop()
        event.prevent_default()
        if self.body.said:
            self.say("")
        key = event.key
        action = self.desk.keys.action(key, WRITING, READING, EVERYWHERE) or ""
        editor = self._editor()
        if key == "escape":
            self.abandon()
        elif key == "enter":
            self.do(self.body.chosen)
        elif key in _MOVES or action in _MOVES:
            self._move(_MOVES[key if key in _MOVES else action])
        elif action in ("page_up", "page_down"):
            self.body.scroll((self.body.rows - 1) * (1 if action == "page_down" else -1))
        elif (edit := getattr(Editor, action, None)) is not None and action:
            if editor is not None:
                edit(editor)
                self.look_again()
        elif self.desk.keys.action(key, EVERYWHERE):
            self._everywhere(action)
        elif editor is not None and event.character and is_text(event):
            editor.insert(event.character)
            self.look_again()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted line ends are spaces here."""
        event.stop()
        if (editor := self._editor()) is not None:
            editor.insert(" ".join(event.text.split()))
            self.look_again()

    def on_click(self, event: events.Click) -> None:
        """Choose a field, press a button."""
        item = self.body.item_at(event.screen_y - self.body.region.y)
        if item is None or not item.name:
            return
        self.body.chosen = item.name
        self.body.refresh()
        if item.editor is None:
            self.do(item.name)

    def abandon(self) -> None:
        """Leave, and forget what was typed here."""
        for item in self.body.items:
            if item.editor is not None:
                item.editor.set("")
        self.leave()

    def leave(self) -> None:
        """Back to where one came from."""
        if self.is_active:
            self.dismiss(None)
        else:
            self._leaves = True

    def on_screen_resume(self) -> None:
        """What lay over it is gone."""
        if self._leaves:
            self.call_later(self.leave)

    def do(self, name: str) -> None:
        """What Enter does on an item: `do_NAME`, or with NAME:ARGUMENT `do_NAME(ARGUMENT)`."""
        if name:
            method, colon, argument = name.partition(":")
            getattr(self, f"do_{method}")(*([argument] if colon else []))

    def _move(self, by: int) -> None:
        names = [item.name for item in self.body.items if item.name]
        if not names:
            self.body.scroll(by)
            return
        at = names.index(self.body.chosen) if self.body.chosen in names else 0
        self.body.chosen = names[max(0, min(at + by, len(names) - 1))]
        self.body.scroll_to_chosen()

    def _everywhere(self, action: str) -> None:
        room = self.desk.room
        if action not in ("help", "redraw", "quit"):
            self.leave()
        # What is chosen then comes back to the room, which outlives this sheet.
        room.call_later(room.run, action)

    def _editor(self) -> Editor | None:
        items, place = self.body.items, self.body.place
        return items[place].editor if items else None

    async def _tried(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except LoomError as error:
            self.fail(error)
        if self.is_running:
            self.look_again()
