"""The room one lives in: list, title, timeline, composer, status; and what its keys do."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer

from loom.api.events import AnyEvent, ContactRemoved
from loom.printable import printable
from loom.tui.canvas import Scroll
from loom.tui.keys import EVERYWHERE, PLACES, READING, SELECTING, WRITING, is_text
from loom.tui.model import Changes
from loom.tui.reader import Reader
from loom.tui.screens.reading import Reading
from loom.tui.screens.selecting import Selecting
from loom.tui.screens.writing import Writing
from loom.tui.widgets.bars import RuleLine, StatusLine, TitleLine
from loom.tui.widgets.composer import Completions, Composer
from loom.tui.widgets.conversations import ConversationList
from loom.tui.widgets.obstacle import Obstacle
from loom.tui.widgets.timeline import Timeline

if TYPE_CHECKING:
    from loom.tui.app import LoomApp
    from loom.tui.screens.choosing import Choosing
    from loom.tui.slash import Slash

FRAME_S: Final = 1 / 250
"""Textual waits 1/60 s between two updates; these are so small that a tick need not wait."""
EMPTY_S: Final = 0.2
"""A slow node is waited for no longer than this with an empty terminal."""


class ConversationScreen(Screen[None]):
    """Sends commands; what it shows changes when their events come."""

    AUTO_FOCUS = ""
    BINDINGS = []  # noqa: RUF012 - all keys go through `Keys`
    HORIZONTAL_BREAKPOINTS = [(0, "narrow"), (70, "normal"), (100, "wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "low"), (9, "high")]  # noqa: RUF012

    def __init__(self, desk: "LoomApp") -> None:
        super().__init__()
        self.desk = desk
        self._is_drawn = False
        self._frames: Timer | None = None
        look, model = desk.look, desk.model
        self.writing = Writing(self)
        self.reading = Reading(self)
        self.selecting = Selecting(self)
        self.reader = Reader(desk.send, model, look.signs, self.show_reading)
        self.list_ = ConversationList(look, model)
        self.title_ = TitleLine(look, model)
        self.timeline = Timeline(look)
        self.rule = RuleLine(look, model)
        self.obstacle = Obstacle(look, model)
        self.completions = Completions(look)
        self.composer = Composer(look, self.writing.editor)
        self.status = StatusLine(look, model)

    @cached_property
    def slash(self) -> "Slash":
        """What commands do; imported at the first one: the first paint waits for imports."""
        from loom.tui.slash import Slash

        return Slash(self)

    @cached_property
    def choosing(self) -> "Choosing":
        """What opens boxes to choose from, likewise."""
        from loom.tui.screens.choosing import Choosing

        return Choosing(self)

    def compose(self) -> ComposeResult:
        """List left, conversation right."""
        with Horizontal():
            yield self.list_
            with Vertical(id="room"):
                yield self.title_
                yield self.timeline
                yield self.rule
                yield self.obstacle
                yield self.completions
                yield self.composer
                yield self.status

    def on_mount(self) -> None:
        """Everything can be drawn now, but it would be empty: wait for what there is to show."""
        self.set_timer(EMPTY_S, self.draw)
        self.desk.begin()

    def draw(self) -> None:
        """From now on what changes is drawn; the first time all of it, at once."""
        if not self._is_drawn:
            self._is_drawn = True
            self._dirty_widgets.add(self)
            self._refresh_layout()

    @property
    def _update_timer(self) -> Timer:
        if self._frames is None:
            self._frames = self.set_interval(FRAME_S, self._on_timer_update, pause=True)
        return self._frames

    def _compositor_refresh(self) -> None:
        if self._is_drawn:
            super()._compositor_refresh()

    # --- what is shown ---

    async def begin(self) -> None:
        """Everything was loaded: open the newest conversation, or the open one again."""
        model = self.desk.model
        number = model.current or next(iter(model.order), None)
        if number is not None:
            await self.reader.open_(number)
            if not self.writing.editor.text:
                self.writing.editor.set(model.conversations[number].draft)
        self.show_all()
        self.draw()

    def show_events(self, happened: Sequence[AnyEvent], changes: Changes) -> None:
        """Events came; the model knows them already."""
        if self.reader.apply(happened):
            self.show_reading()
        if self.desk.model.current is None and self.reader.window is not None:
            self._leave_removed()
        for event in happened:
            if isinstance(event, ContactRemoved):
                self.say(f"{printable(event.contact)} and the whole conversation are deleted.")
        if changes.warning:
            self.say(changes.warning, bad=True)
        if changes.list_ or changes.title or changes.status:
            self.show_bars()

    def _leave_removed(self) -> None:
        """The open contact was deleted: go on with another."""
        self.selecting.stop()
        self.reader.close()
        self.writing.editor.set("")
        self.writing.edited(offer=False)
        if self.desk.model.order:
            self.reading.open_place(0)

    def show_reading(self) -> None:
        """The window changed."""
        self.timeline.window = self.reader.window
        self.timeline.welcome = self._welcome()
        self.timeline.look_again()
        self.show_bars()
        if self.reader.wants_pages(self.timeline.size.height):
            self.desk.work(self.reader.fill(self.timeline.size.height), "pages")
        self.looked_at()

    def show_bars(self) -> None:
        """List, title, rule and status."""
        window = self.reader.window
        self.rule.below = 0 if window is None or window.follows else window.arrived_below
        self.rule.selecting = self.selecting.help() if self.selecting.active else []
        self.status.help_key = self.desk.keys.words("help")
        self.status.size_bytes = self.writing.editor.size_bytes
        self.obstacle.fit()
        placeholder = "Only commands can be written" if self.obstacle.words else ""
        if placeholder != self.composer.placeholder:
            self.composer.placeholder = placeholder
            self.composer.refresh()
        self.status.fit()
        for bar in (self.list_, self.title_, self.rule):
            bar.refresh()
        unread = self.desk.model.unread
        self.desk.show_title(f"({unread}) Loom" if unread else "Loom")
        unknown = [
            number
            for number in self.list_.on_screen()
            if self.desk.model.conversations[number].preview is None
        ]
        if unknown and self.list_.display:
            self.desk.work(self.desk.look_up_previews(unknown), "previews")

    def show_all(self) -> None:
        """Theme, keys or size changed."""
        if self.reader.window is not None:
            self.reader.window.redraw()
        self.timeline.window = self.reader.window
        self.timeline.welcome = self._welcome()
        self.timeline.look_again()
        self.composer.fit()
        self.show_bars()

    def say(self, text: str, *, bad: bool = False) -> None:
        """One sentence, until the next key."""
        self.status.notice, self.status.is_bad = text, bad
        self.status.fit()

    def caret(self) -> tuple[int, int] | None:
        """Where one writes."""
        return self.composer.caret()

    def moved(self) -> Scroll | None:
        """How the timeline's lines moved since the last time."""
        return self.timeline.moved()

    def on_resize(self, event: events.Resize) -> None:
        """Other rows fit."""
        self.call_after_refresh(self.show_all)

    # --- keys ---

    def on_key(self, event: events.Key) -> None:
        """Every key is looked up in the bindings in force; the rest is text."""
        event.stop()
        event.prevent_default()
        if not self.is_active:
            # Typed in one go with the key that opened or closed what is above.
            self.app.screen.post_message(events.Key(event.key, event.character))
            return
        self.looked_at(by_hand=True)
        if self.status.notice:
            self.say("")
        before = self.writing.editor.text
        key, keys = event.key, self.desk.keys
        where = SELECTING if self.selecting.active else WRITING
        action = keys.action(key, where, READING, EVERYWHERE)
        if self.selecting.active and is_text(event) and not self.selecting.can(action or ""):
            action = None
        if action != "complete":
            self.writing.end_cycle()
        if self.selecting.active and self.selecting.answer(event):
            return
        if action is not None:
            self.run(action)
        elif self.selecting.active and key in PLACES:
            self.reading.open_place(int(key) - 1)
        elif event.character and is_text(event):
            self.selecting.stop()
            self.writing.insert(event.character)
        self._typed(before)

    def on_paste(self, event: events.Paste) -> None:
        """Any number of lines; nothing is sent by itself."""
        event.stop()
        self.selecting.stop()
        before = self.writing.editor.text
        self.writing.insert(event.text)
        self._typed(before)

    def _typed(self, before: str) -> None:
        if (text := self.writing.editor.text) != before:
            self.desk.typing.typed(text)

    @cached_property
    def actions(self) -> dict[str, Callable[[], None]]:
        """What each key and each row of the palette does, by the names in `loom/tui/keys.py`."""
        return {
            "palette": self.do_palette,
            "jump": self.do_jump,
            "search_here": self.do_search_here,
            "help": self.do_help,
            "contact": self.do_contact,
            "lock": self.do_lock,
            "connectivity": self.do_connectivity,
            "redraw": self.do_redraw,
            "how_to_quit": self.do_how_to_quit,
            "quit": self.do_quit,
            **self.writing.actions,
            **self.reading.actions,
            **self.selecting.actions,
        }

    def run(self, action: str) -> None:
        """Do what an action's name says."""
        self.actions[action]()

    def do_palette(self) -> None:
        self.choosing.palette()

    def do_jump(self) -> None:
        self.choosing.jump()

    def do_search_here(self) -> None:
        self.choosing.search(here=True)

    def do_help(self) -> None:
        self.choosing.help()

    def do_contact(self) -> None:
        if self.desk.model.open_ is None:
            self.say("Open a conversation first.", bad=True)
        else:
            self.slash.show_contact()

    def do_lock(self) -> None:
        self.desk.lock()

    def do_connectivity(self) -> None:
        from loom.tui.screens.connectivity import ConnectivityPanel

        self.desk.open_panel(ConnectivityPanel(self.desk))

    def do_redraw(self) -> None:
        self.desk.redraw()

    def do_how_to_quit(self) -> None:
        key = self.desk.keys.words("quit")
        self.say(f"{key or '/quit'} quits. Ctrl-C and Ctrl-Z do nothing here.")

    def do_quit(self) -> None:
        self.desk.work(self._quit(), "quit")

    # --- reading ---

    def looked_at(self, *, by_hand: bool = False) -> None:
        """What is on the screen counts as read if the terminal has the focus.

        Where the terminal never says so, somebody must press a key or the mouse over it.
        """
        focus, current = self.desk.has_focus, self.desk.model.current
        if not (focus or (focus is None and by_hand)) or not self.is_active or current is None:
            return
        row = self.reader.unseen_row(self.timeline.on_screen)
        if row is not None:
            self.desk.work(self.reader.mark_seen(current, row), "seen")

    def on_screen_resume(self) -> None:
        """What lay over it is gone."""
        self.looked_at()

    def on_conversation_list_chosen(self, event: ConversationList.Chosen) -> None:
        """A click in the list."""
        self.reading.open_(event.number)

    def on_title_line_clicked(self, event: TitleLine.Clicked) -> None:
        """A click on the title."""
        self.do_contact()

    def on_status_line_help_clicked(self, event: StatusLine.HelpClicked) -> None:
        """A click on the word."""
        self.do_help()

    def on_composer_clicked(self, event: Composer.Clicked) -> None:
        """A click where one writes."""
        self.selecting.stop()

    def on_timeline_scrolled(self, event: Timeline.Scrolled) -> None:
        """The wheel."""
        self.looked_at(by_hand=True)
        self.reading.scroll(event.by)

    def on_timeline_clicked(self, event: Timeline.Clicked) -> None:
        """A click on a message selects it."""
        self.looked_at(by_hand=True)
        self.selecting.point_at(event.row_id)

    # --- inside ---

    def _welcome(self) -> str:
        help_key = self.desk.keys.words("help")
        shown = f" {help_key} shows everything else." if help_key else ""
        if not self.desk.model.order:
            status = self.desk.model.status
            return "" if status is None else f"Nobody is here yet: /add adds a contact.{shown}"
        if self.reader.window is None:
            return ""  # nobody can be written to yet
        greeting = self.desk.greeting or "Nothing was said yet: write, and Enter sends it."
        return greeting + shown

    async def _quit(self) -> None:
        try:
            await self.selecting.delete_now()
            await self.writing.store_draft()
        finally:
            self.desk.exit()
