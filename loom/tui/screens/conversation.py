"""The room one lives in: list, title, timeline, composer, status; and what its keys do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer

from loom.api.commands import (
    DeleteMessages,
    RetryMessage,
    SendText,
    SetDraft,
)
from loom.api.events import AnyEvent
from loom.errors import LoomError, describe
from loom.tui import clipboard
from loom.tui.canvas import Scroll
from loom.tui.commands import (
    Completion,
    Refused,
    Run,
    Say,
    complete_command,
    read_line,
)
from loom.tui.editor import Editor
from loom.tui.emoji import complete_emoji
from loom.tui.keys import EVERYWHERE, PLACES, READING, SELECTING, WRITING, is_text
from loom.tui.model import Changes
from loom.tui.reader import Reader
from loom.tui.screens.choosing import Choosing
from loom.tui.slash import Slash
from loom.tui.widgets.bars import RuleLine, StatusLine, TitleLine
from loom.tui.widgets.composer import Completions, Composer
from loom.tui.widgets.conversations import ConversationList
from loom.tui.widgets.timeline import Timeline
from loom.wire.limits import TEXT_MAX_BYTES

if TYPE_CHECKING:
    from loom.tui.app import LoomApp

DRAFT_S: Final = 1.0
"""A draft is kept when nothing was typed for so long."""

_EDITS: Final = {
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
}


class ConversationScreen(Screen[None]):
    """Sends commands; what it shows changes when their events come."""

    AUTO_FOCUS = ""
    BINDINGS = []  # noqa: RUF012 - all keys go through `Keys`
    HORIZONTAL_BREAKPOINTS = [(0, "narrow"), (60, "normal"), (100, "wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "low"), (9, "high")]  # noqa: RUF012

    def __init__(self, desk: "LoomApp") -> None:
        super().__init__()
        self.desk = desk
        look, model = desk.look, desk.model
        self.editor = Editor()
        self.reader = Reader(desk.send, model, look.signs, self.show_reading)
        self.slash = Slash(self)
        self.choosing = Choosing(self)
        self.list_ = ConversationList(look, model)
        self.title_ = TitleLine(look, model)
        self.timeline = Timeline(look)
        self.rule = RuleLine(look, model)
        self.completions = Completions(look)
        self.composer = Composer(look, self.editor)
        self.status = StatusLine(look, model)
        self.selecting = False
        self._draft_timer: Timer | None = None
        self._cycle: list[Completion] = []
        self._doomed: str | None = None
        self._pressed = False

    def compose(self) -> ComposeResult:
        """List left, conversation right."""
        with Horizontal():
            yield self.list_
            with Vertical(id="room"):
                yield self.title_
                yield self.timeline
                yield self.rule
                yield self.completions
                yield self.composer
                yield self.status

    def on_mount(self) -> None:
        """Everything can be drawn now."""
        self.desk.begin()

    # --- what is shown ---

    async def begin(self) -> None:
        """Everything was loaded: open the newest conversation, or the open one again."""
        model = self.desk.model
        number = model.current or next(iter(model.order), None)
        if number is not None:
            await self.reader.open_(number)
            if not self.editor.text:
                self.editor.set(model.conversations[number].draft)
        self.show_all()

    def show_events(self, happened: Sequence[AnyEvent], changes: Changes) -> None:
        """Events came; the model knows them already."""
        if self.reader.apply(happened):
            self.show_reading()
        if self.desk.model.current is None and self.reader.window is not None:
            self.reader.close()
        if changes.warning:
            self.say(changes.warning, bad=True)
        if changes.list_ or changes.title or changes.status:
            self.show_bars()

    def show_reading(self) -> None:
        """The window changed."""
        self.timeline.window = self.reader.window
        self.timeline.welcome = self._welcome()
        self.timeline.look_again()
        self.show_bars()
        self.desk.work(self.reader.fill(self.timeline.size.height), "pages")
        self.looked_at()

    def show_bars(self) -> None:
        """List, title, rule and status."""
        window = self.reader.window
        self.rule.below = 0 if window is None or window.follows else window.arrived_below
        self.rule.selecting = self._selection_help() if self.selecting else ""
        self.status.help_key = self.desk.keys.words("help")
        self.status.size_bytes = self.editor.size_bytes
        for bar in (self.list_, self.title_, self.rule, self.status):
            bar.refresh()
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
        self.status.refresh()

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
        self._pressed = True
        if self.status.notice:
            self.say("")
        key, keys = event.key, self.desk.keys
        where = SELECTING if self.selecting else WRITING
        action = keys.action(key, where, READING, EVERYWHERE)
        if action != "complete":
            self._cycle = []
        if action != "delete_message":
            self._doomed = None
        if action is not None:
            self.run(action)
        elif self.selecting and key in PLACES:
            self.open_place(int(key) - 1)
        elif not self.selecting and event.character and is_text(event):
            self.editor.insert(event.character)
            self._edited()
        self.looked_at()

    def on_paste(self, event: events.Paste) -> None:
        """Any number of lines; nothing is sent by itself."""
        event.stop()
        self._stop_selecting()
        self.editor.insert(event.text)
        self._edited()

    def run(self, action: str) -> None:
        """Do what an action's name says."""
        if action in _EDITS:
            _EDITS[action](self.editor)
            self._edited()
        else:
            getattr(self, f"do_{action}")()

    def do_send(self) -> None:
        text = self.editor.text
        if not text.strip():
            return
        read = read_line(text)
        match read:
            case Refused(why):
                self.say(why, bad=True)
            case Run():
                self.editor.take()
                self._edited()
                self.desk.work(self.slash.run(read), "command")
            case Say(words):
                self._send(words)

    def do_newline(self) -> None:
        self.editor.insert("\n")
        self._edited()

    def do_complete(self) -> None:
        offered = self._cycle or self._ways_on()
        if not offered:
            return
        again = bool(self._cycle) and self.completions.chosen is not None
        chosen = ((self.completions.chosen or 0) + 1) % len(offered) if again else 0
        one = offered[chosen]
        self.editor.replace(one.start, one.text)
        self._edited(offer=False)
        self._cycle = offered if len(offered) > 1 else []
        self.completions.show(self._cycle, chosen if self._cycle else None)

    def do_up(self) -> None:
        self.editor.vertical(-1, self.composer.text_width)
        self._edited(offer=False)

    def do_down(self) -> None:
        self.editor.vertical(1, self.composer.text_width)
        self._edited(offer=False)

    def do_older_text(self) -> None:
        self.editor.recall(-1)
        self._edited()

    def do_newer_text(self) -> None:
        self.editor.recall(1)
        self._edited()

    def do_palette(self) -> None:
        self.choosing.palette()

    def do_jump(self) -> None:
        self.choosing.jump()

    def do_search_here(self) -> None:
        self.choosing.search(here=True)

    def do_help(self) -> None:
        self.choosing.help()

    def do_redraw(self) -> None:
        self.desk.redraw()

    def do_quit(self) -> None:
        self.desk.work(self._quit(), "quit")

    # --- reading ---

    def do_next(self) -> None:
        self._open_neighbour(1)

    def do_previous(self) -> None:
        self._open_neighbour(-1)

    def do_next_unread(self) -> None:
        found = self.desk.model.next_unread()
        if found is None:
            self.say("Nothing is unread.")
        else:
            self.open_(found.number)

    def do_page_up(self) -> None:
        self._scroll(-(self.timeline.size.height - 1))

    def do_page_down(self) -> None:
        self._scroll(self.timeline.size.height - 1)

    def do_line_up(self) -> None:
        self._scroll(-1)

    def do_line_down(self) -> None:
        self._scroll(1)

    def do_oldest(self) -> None:
        self.desk.work(self.reader.to_oldest(self.timeline.size.height), "reading")

    def do_newest(self) -> None:
        self.desk.work(self.reader.to_newest(), "reading")

    def do_first_unread(self) -> None:
        window = self.reader.window
        new_from = None if window is None else window.new_from
        if window is None or new_from is None:
            self.say("Nothing was unread here.")
            return
        window.show(new_from, self.timeline.size.height)
        self.show_reading()

    def open_(self, number: int, row_id: int | None = None) -> None:
        """Show another conversation, or a place in one."""
        self.desk.work(self._open(number, row_id), "reading")

    def open_place(self, place: int) -> None:
        """Show the conversation at a place of the list."""
        found = self.desk.model.at(place)
        if found is not None:
            self.open_(found.number)

    def looked_at(self) -> None:
        """Somebody may be looking: what is on the screen counts as read."""
        focus = self.desk.has_focus
        if (focus or (focus is None and self._pressed)) and self.is_current:
            self.desk.work(self.reader.mark_seen(), "seen")

    def on_conversation_list_chosen(self, event: ConversationList.Chosen) -> None:
        """A click in the list."""
        self._pressed = True
        self.open_(event.number)

    def on_timeline_scrolled(self, event: Timeline.Scrolled) -> None:
        """The wheel."""
        self._scroll(event.by)

    def on_timeline_clicked(self, event: Timeline.Clicked) -> None:
        """A click on a message selects it."""
        if self.reader.window is not None:
            self._start_selecting()
            self.reader.window.unselect()
            self.reader.window.selected = event.row_id
            self.show_all()

    # --- selecting ---

    def do_select(self) -> None:
        if self.completions.completions:
            self.completions.show([])
            return
        if self.reader.window is not None and self.reader.window.messages:
            self._start_selecting()
            self._select(0)

    def do_select_newer(self) -> None:
        self._select(1)

    def do_select_older(self) -> None:
        self._select(-1)

    def do_write(self) -> None:
        self._stop_selecting()

    def do_copy(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.copy(chosen.body)
            self._stop_selecting()

    def do_retry(self) -> None:
        chosen = self._chosen()
        if chosen is None or chosen.state != "failed":
            self.say("Only a failed message can be sent again.")
            return
        command = RetryMessage(contact=f"#{chosen.contact_id}", message_id=chosen.message_id)
        self.desk.work(self.desk.send(command), "retry")
        self._stop_selecting()

    def do_delete_message(self) -> None:
        chosen = self._chosen()
        if chosen is None:
            return
        if self._doomed != chosen.message_id:
            self._doomed = chosen.message_id
            self.say("Once more to delete it here, on this machine only.")
            return
        self._doomed = None
        command = DeleteMessages(contact=f"#{chosen.contact_id}", message_ids=[chosen.message_id])
        self.desk.work(self.desk.send(command), "delete")

    def copy(self, text: str) -> None:
        """Put a text on the clipboard and say so."""

        async def copy() -> None:
            self.say(await clipboard.copy(text, self.desk.write_terminal))

        self.desk.work(copy(), "copy")

    # --- inside ---

    def _welcome(self) -> str:
        help_key = self.desk.keys.words("help")
        shown = f" {help_key} shows everything else." if help_key else ""
        if not self.desk.model.order:
            status = self.desk.model.status
            return "" if status is None else f"Nobody is here yet: /add TOKEN NAME adds one.{shown}"
        greeting = self.desk.greeting or "Nothing was said yet: write, and Enter sends it."
        return greeting + shown

    def _edited(self, *, offer: bool = True) -> None:
        self.completions.show(self._ways_on() if offer else [])
        self.composer.fit()
        size = self.editor.size_bytes
        if size != self.status.size_bytes:
            before, self.status.size_bytes = self.status.size_bytes, size
            if max(size, before) * 2 > TEXT_MAX_BYTES:
                self.status.refresh()
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(DRAFT_S, self._keep_draft)

    def _ways_on(self) -> list[Completion]:
        text, cursor = self.editor.text, self.editor.cursor
        found = complete_command(text, cursor, self.slash.values)
        return found or (complete_emoji(text, cursor) if self.desk.look.signs.unicode else [])

    def _send(self, text: str) -> None:
        current = self.desk.model.current
        if current is None:
            self.say("Open a conversation first.", bad=True)
            return
        size = len(text.encode())
        if size > TEXT_MAX_BYTES:
            self.say(f"Too long by {size - TEXT_MAX_BYTES} bytes; nothing was sent.", bad=True)
            return
        written = self.editor.take()
        self._edited()

        async def send() -> None:
            try:
                await self.desk.send(SendText(contact=f"#{current}", body=text))
            except LoomError as error:
                if not self.editor.text and self.desk.model.current == current:
                    self.editor.set(written)
                    self._edited()
                self.say(" ".join(describe(error)), bad=True)
            else:
                await self.reader.to_newest()

        self.desk.work(send(), "send")

    async def _open(self, number: int, row_id: int | None) -> None:
        self._stop_selecting()
        if number != self.desk.model.current:
            await self._store_draft()
            self.editor.set(self.desk.model.conversations[number].draft)
        await self.reader.open_(number, row_id)
        if row_id is not None and self.reader.window is not None:
            self.reader.window.show(row_id, self.timeline.size.height)
        self._edited(offer=False)
        self.show_all()

    def _open_neighbour(self, by: int) -> None:
        model = self.desk.model
        if model.order:
            at = model.order.index(model.current) if model.current in model.order else -1
            self.open_place(max(0, min(at + by, len(model.order) - 1)))

    def _scroll(self, by: int) -> None:
        if self.reader.window is not None:
            self.reader.window.scroll(by, self.timeline.size.height)
            self.show_reading()

    def _select(self, by: int) -> None:
        if self.reader.window is not None:
            self.reader.window.select(by, self.timeline.size.height)
            self.show_reading()

    def _start_selecting(self) -> None:
        self.selecting = True
        self.composer.is_active = False
        self.composer.refresh()

    def _stop_selecting(self) -> None:
        if not self.selecting:
            return
        self.selecting = False
        self.composer.is_active = True
        if self.reader.window is not None:
            self.reader.window.unselect()
        self.composer.refresh()
        self.show_reading()

    def _chosen(self) -> Any:
        window = self.reader.window
        return None if window is None else window.message(window.selected)

    def _selection_help(self) -> str:
        keys = self.desk.keys
        names = (("copy", "copy"), ("delete_message", "delete"), ("write", "back"))
        words = [f"{keys.words(name)} {does}" for name, does in names if keys.words(name)]
        chosen = self._chosen()
        if chosen is not None and chosen.state == "failed" and keys.words("retry"):
            words.insert(0, f"{keys.words('retry')} send again")
        return f" {self.desk.look.signs['dot']} ".join(words)

    def _keep_draft(self) -> None:
        self.desk.work(self._store_draft(), "draft")

    async def _store_draft(self) -> None:
        current = self.desk.model.open_
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        text = self.editor.text
        if current is None or current.draft == text:
            return
        self.desk.model.change(current.number, draft=text)
        await self.desk.send(SetDraft(contact=f"#{current.number}", body=text))

    async def _quit(self) -> None:
        try:
            await self._store_draft()
        finally:
            self.desk.exit()
