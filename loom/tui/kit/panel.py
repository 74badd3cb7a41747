"""A screen of facts, fields and buttons in one column, by keyboard and by mouse."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer

from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.tui.drawing import DrawnApp
from loom.tui.editor import EDITS
from loom.tui.keys import EVERYWHERE, FORMS, READING, WRITING, is_text, writes
from loom.tui.kit.body import PanelBody
from loom.tui.kit.items import Field, Item, Stop, Text, press

TICK_S: Final = 0.25
_ALWAYS: Final = ("quit", "redraw")
"""What keys do while something works; a locking key is the app's own business."""


class Panel(Screen[Any]):
    """`items` says what it shows now; it is asked again after everything that happens.

    Many methods, because Textual calls its handlers by name, beside what each panel says and does.
    """

    AUTO_FOCUS = ""
    BINDINGS = []  # noqa: RUF012 - all keys go through `Keys`

    def __init__(self, owner: DrawnApp[Any], focus: str = "") -> None:
        """`focus` names the stop where the cursor begins; else it is the first one."""
        super().__init__()
        self.owner = owner
        self.body = PanelBody(owner.look)
        self.body.at = focus
        self._said = Text("")
        self._working = ""
        self._instead_of_quitting = ""
        self._ticks = 0
        self._timer: Timer | None = None
        self._does: Mapping[str, Callable[[], None]] = {
            "form_next": lambda: self.body.go(1),
            "form_previous": lambda: self.body.go(-1),
            "form_do": self._enter,
            "form_back": self._back,
            "how_to_quit": lambda: self.say(f"{owner.keys.words('quit')} quits."),
            "page_up": lambda: self.body.scroll_by(1 - self.body.view),
            "page_down": lambda: self.body.scroll_by(self.body.view - 1),
        }

    # --- what a panel says ---

    @property
    def heading(self) -> str:
        """The title."""
        raise NotImplementedError

    def items(self) -> list[Item]:
        """What stands here now."""
        raise NotImplementedError

    def picture(self) -> Sequence[str]:
        """What stands beside them where it fits."""
        return ()

    @property
    def foot(self) -> tuple[tuple[str, str], ...]:
        """Actions named at the lower edge beside the panel's own, and in which words."""
        return self.owner.foot

    @property
    def can_go_back(self) -> bool:
        """Whether there is something to go back to."""
        return False

    def back(self) -> None:
        """Go back, where `can_go_back`."""

    # --- for panels ---

    def show(self) -> None:
        """Draw what is there now."""
        if not self.is_attached or not self.body.size:
            return  # shown once it has a size
        picture = self.picture()
        self.body.title = self.heading
        self.body.foot = self._foot()
        self.body.picture = picture if self.body.fits_picture(picture) else ()
        self.body.items = self.items()
        self.body.said = self._progress() if self._working else self._said
        self.body.lay_out()

    def say(self, text: str, *, bad: bool = False) -> None:
        """One sentence below everything, until the next key."""
        self._said = Text(text, "bad" if bad else "notice")
        self.show()

    def refuse(self, field: Field, why: str) -> None:
        """Say below a field what is wrong with it, and put the cursor there."""
        field.error = why
        self.go_to(field)

    def go_to(self, stop: Stop) -> None:
        """Put the cursor there."""
        self.body.at = stop.name
        self.show()

    def work(
        self,
        work: Coroutine[Any, Any, None],
        words: str = "",
        *,
        field: Field | None = None,
        name: str = "panel",
        instead_of_quitting: str = "",
    ) -> None:
        """Do something beside the screen; an error is said below `field`, or below everything.

        Args:
            words: said meanwhile, with the time it takes; of all keys only those that quit or
                draw again do something then.
            instead_of_quitting: said then instead of quitting: it must not be interrupted.
        """
        if words:
            self._working, self._ticks = words, 0
            self._instead_of_quitting = instead_of_quitting
            self._timer = self._timer or self.set_interval(TICK_S, self._tick)
            self.say("")
        self.run_worker(self._done(work, field), name=name)

    # --- the terminal ---

    def compose(self) -> ComposeResult:
        """The body alone."""
        yield self.body

    def on_mount(self) -> None:
        """It can be drawn."""
        self.show()

    def on_screen_resume(self) -> None:
        """It is on top again."""
        self.show()

    def on_resize(self, event: events.Resize) -> None:
        """Other rows fit."""
        self.call_after_refresh(self.show)

    def caret(self) -> tuple[int, int] | None:
        """Where one writes."""
        return self.body.caret()

    def on_key(self, event: events.Key) -> None:
        """The bindings in force; in a field the rest is text."""
        event.stop()
        event.prevent_default()
        if self._working:
            if not writes(event.key):
                self._key_while_working(self.owner.keys.action(event.key, EVERYWHERE))
            return
        if not self.is_active:
            # Typed in one go with the key that opened or closed what is above.
            self.app.screen.post_message(events.Key(event.key, event.character))
            return
        self._said = Text("")
        here = self.body.here
        if isinstance(here, Field) and event.character and is_text(event):
            here.put(event.character)
            here.error = ""
            self.show()
            return
        places = (FORMS, WRITING) if isinstance(here, Field) else (FORMS,)
        action = self.owner.keys.action(event.key, *places, READING, EVERYWHERE) or ""
        if isinstance(here, Field) and action in EDITS:
            EDITS[action](here.editor)
            here.error = ""
        elif action in self._does:
            self._does[action]()
        elif self.owner.keys.action(event.key, EVERYWHERE):
            self.owner.everywhere(action)
        self.show()

    def _key_while_working(self, action: str | None) -> None:
        if action == "quit" and self._instead_of_quitting:
            self._working = self._instead_of_quitting
            self.show()
        elif action in _ALWAYS:
            self.owner.everywhere(action)

    def on_paste(self, event: events.Paste) -> None:
        """Into the field where the cursor is."""
        event.stop()
        here = self.body.here
        if self._working:
            return
        if not isinstance(here, Field):
            self.say("Nothing was pasted: go to a field first.")
            return
        here.put(event.text.rstrip("\r\n"))  # a copied line often ends in one
        here.error = ""
        self.show()

    def on_click(self, event: events.Click) -> None:
        """Go to a field; press anything else."""
        stop = self.body.stop_at(event.screen_y - self.body.region.y)
        if self._working or stop is None:
            return
        self._said = Text("")
        self.body.at = stop.name
        if not isinstance(stop, Field):
            self._press(stop)
        self.show()

    # --- inside ---

    def _foot(self) -> str:
        keys = self.owner.keys
        if self._working:
            can_quit = keys.words("quit") and not self._instead_of_quitting
            return f"{keys.words('quit')} quit" if can_quit else ""
        known = (
            ("form_next", "next"),
            ("form_do", "do"),
            ("form_back", "back" if self.can_go_back else ""),
            *self.foot,
        )
        words = [f"{keys.words(name)} {does}" for name, does in known if does and keys.words(name)]
        return f" {self.owner.look.signs['dot']} ".join(words)

    def _back(self) -> None:
        if self.can_go_back:
            self.back()

    def _enter(self) -> None:
        here = self.body.here
        if here is None:
            return
        if not isinstance(here, Field) or here.does is not None:
            self._press(here)
            return
        stops = self.body.stops
        after = stops[stops.index(here) + 1 :][:1]
        if after and not isinstance(after[0], Field):
            self._press(after[0])
        elif after:
            self.body.go(1)

    def _press(self, stop: Stop) -> None:
        try:
            press(stop)
        except LoomError as error:
            self.say(in_app(error), bad=True)

    def _tick(self) -> None:
        self._ticks += 1
        self.show()

    def _progress(self) -> Text:
        elapsed, dots = int(self._ticks * TICK_S), "." * (1 + self._ticks % 3)
        return Text(f"{self._working}  {elapsed} s {dots}", "notice")

    async def _done(self, work: Coroutine[Any, Any, None], field: Field | None) -> None:
        try:
            await work
        except LoomError as error:
            if field is not None:
                self.refuse(field, in_app(error))
            else:
                self.say(in_app(error), bad=True)
        finally:
            self._working = ""
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
        self.show()
