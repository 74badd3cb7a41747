"""The conversations: what is drawn, and what each key does."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer

from loom.api.events import AnyEvent, ContactRemoved, MessageSent
from loom.front.slash import Run, by_name
from loom.printable import printable
from loom.tui.canvas import Scroll
from loom.tui.chat.about import About
from loom.tui.chat.attention import Attention
from loom.tui.chat.bars import RuleLine, StatusLine, TitleLine
from loom.tui.chat.beside import WIDTH_MIN, Beside
from loom.tui.chat.composer import Composer
from loom.tui.chat.conversations import ConversationList
from loom.tui.chat.deletion import Deletion
from loom.tui.chat.list_filter import ListFilter
from loom.tui.chat.navigation import Navigation
from loom.tui.chat.obstacle import Obstacle
from loom.tui.chat.outside import OutsideEditor
from loom.tui.chat.reader import Reader
from loom.tui.chat.selection import Selection
from loom.tui.chat.timeline import Timeline
from loom.tui.chat.writing import Writing
from loom.tui.commands import COMMANDS
from loom.tui.keys import EVERYWHERE, PLACES, READING, SELECTING, WRITING, is_text
from loom.tui.model import Changes
from loom.tui.owner import Owner
from loom.tui.pasted import pasted_token
from loom.tui.paths import pasted_paths
from loom.tui.posts import Post
from loom.wire.pairing import is_pairing_text

if TYPE_CHECKING:
    from loom.tui.chat.choices import Choices
    from loom.tui.chat.message_actions import MessageActions
    from loom.tui.chat.slash import SlashCommands

FRAME_S: Final = 1 / 250
"""Textual waits 1/60 s between two updates; these are so small that a tick need not wait."""
LEAVE_S: Final = 5.0
"""So long another machine's node may take to keep what was begun."""
EMPTY_S: Final = 0.2
"""A slow node is waited for no longer than this with an empty terminal."""


class ChatScreen(Screen[None]):
    """Sends commands; what it shows changes when their events come.

    Many methods, because Textual calls its handlers by name; what keys do is in its parts.
    """

    AUTO_FOCUS = ""
    BINDINGS = []  # noqa: RUF012 - all keys go through `Keys`
    HORIZONTAL_BREAKPOINTS = [(0, "narrow"), (70, "normal"), (100, "wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "low"), (9, "high")]  # noqa: RUF012

    def __init__(self, owner: Owner) -> None:
        super().__init__()
        self._owner = owner
        self._is_drawn = False
        self._frames: Timer | None = None
        """Runs while messages come faster than anybody reads."""
        look, model = owner.look, owner.model
        self.reader = Reader(owner.send, model, look, self.show_reading)
        self.list_ = ConversationList(look, model)
        self.title_ = TitleLine(look, model)
        self.timeline = Timeline(look)
        self.beside = Beside(owner, look, model, owner.send, self._arranged)
        self.attention = Attention(
            owner,
            [(self.reader, self.timeline), (self.beside.reader, self.beside.timeline)],
            is_shown=lambda: self.is_active,
        )
        self.rule = RuleLine(look, model)
        self.obstacle = Obstacle(look, model)
        self.status = StatusLine(look, model)
        self.writing = Writing(
            owner,
            self.obstacle,
            self.status,
            values=lambda kind: self.slash.values(kind),
            run=self._run_command,
            to_newest=self.reader.to_newest,
            pick=lambda title, names, use: self.choices.names(title, names, use),
            edit_last=lambda: self.acts.edit_last(),
        )
        self.composer = self.writing.composer
        self.outside = OutsideEditor(
            owner,
            self.composer,
            pick=lambda title, names, use: self.choices.names(title, names, use),
        )
        self.navigation = Navigation(
            owner,
            self.reader,
            self.timeline,
            leave=self._leave,
            arrive=self._arrive,
            moved=self.show_reading,
        )
        self.deletion = Deletion(owner, self.reader, self.timeline, self.unsay)
        self.selection = Selection(
            owner,
            self.reader,
            self.timeline,
            self.navigation,
            self.deletion,
            acts=lambda: self.acts,
            pick=lambda links, use: self.choices.names("Links", links, use),
            changed=self._show_who_has_the_keys,
            changed_where=self.show_bars,
            moved=self.show_reading,
        )
        self.filter = ListFilter(
            owner,
            self.list_,
            open_=self.navigation.open_,
            instead=lambda: self.choices.jump(),
            changed=self._show_who_has_the_keys,
        )
        self.actions: Mapping[str, Callable[[], None]] = {
            **self.composer.actions,
            **self.outside.actions,
            **self.navigation.actions,
            **self.selection.actions,
            "select": self._select,
            "search_sent": self._search_sent,
            "palette": lambda: self.choices.palette(),
            "jump": lambda: self.choices.jump(),
            "search_here": lambda: self.choices.search(here=True),
            "mentions": lambda: self.choices.mentions(),
            "filter": lambda: self.filter.begin(),
            "favourite": lambda: self.slash.switch("favourite"),
            "archive": lambda: self.slash.switch("archived"),
            "archived": self.show_archive,
            "mute_for": lambda: self.slash.choose_mute(),
            "expires": lambda: self.slash.choose_expiry(),
            "help": lambda: self.choices.help(),
            "contact": self._show_contact,
            "connectivity": lambda: self.slash.begin(by_name(COMMANDS)["connectivity"]),
            "lock": lambda: owner.lock(),
            "panic": lambda: owner.ask_to_destroy(),
            "redraw": lambda: owner.redraw(),
            "how_to_quit": self._say_how_to_quit,
            "quit": self.quit,
        }
        """What each action of `loom/tui/keys.py` does here."""

    @cached_property
    def choices(self) -> "Choices":
        """What opens lists to choose from; imported at the first one, for a fast first paint."""
        from loom.tui.chat.choices import Choices

        return Choices(
            self._owner,
            run=self.run,
            begin=lambda command: self.slash.begin(command),
            is_possible=lambda command: self.slash.is_possible(command),
            go_to=self.navigation.open_,
            found=self.selection.found,
            go_to_post=lambda room, row_id: self._owner.work(
                self.navigation.show_post(room, row_id), "reading"
            ),
        )

    @cached_property
    def acts(self) -> "MessageActions":
        """What can be done with messages, likewise."""
        from loom.tui.chat.message_actions import MessageActions

        return MessageActions(
            self._owner,
            self.reader,
            self.writing,
            self.navigation,
            self.deletion,
            selected=lambda: self.selection.selected,
            point_at=self.selection.point_at,
            choices=lambda: self.choices,
            found=lambda hit, hits: self.selection.found(hit, hits, ()),
        )

    @cached_property
    def slash(self) -> "SlashCommands":
        """What slash commands do, likewise."""
        from loom.tui.chat.slash import SlashCommands

        return SlashCommands(
            self._owner,
            self.choices,
            self.navigation,
            self.acts,
            self.writing,
            quit_=self.quit,
            filter_=self.filter.begin,
            show_archive=self.show_archive,
        )

    def compose(self) -> ComposeResult:
        """List left, conversation right."""
        with Horizontal():
            yield self.list_
            yield self.beside
            with Vertical(id="conversation"):
                yield self.title_
                yield self.timeline
                yield self.rule
                yield self.obstacle
                yield self.writing.about
                yield self.writing.completions
                yield self.composer
                yield self.status

    def on_mount(self) -> None:
        """Everything can be drawn now, but it would be empty: wait for what there is to show."""
        self.set_timer(EMPTY_S, self._draw_empty)
        self._owner.begin()

    def _draw_empty(self) -> None:
        """Nothing came yet: show what can be done meanwhile."""
        if not self._is_drawn:
            self.show_bars()
            self.draw()

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
        """Everything was loaded: open the conversation that was open last, or the newest one."""
        model = self._owner.model
        number = model.current or model.newest
        if number is not None:
            await self.reader.open_(number)
            await self.writing.take_up(number)
        self._learn_members()
        self.show_all()
        self.draw()

    def _learn_members(self) -> None:
        """Of the open room: the title names them, and one may mention them."""
        room = self._owner.model.rooms.room_of(self._owner.model.current)
        if room is not None and not room.members:
            self._owner.work(self._owner.load_members(room.view.room_id), "members")

    def show_events(self, happened: Sequence[AnyEvent], changes: Changes) -> None:
        """Events came; the model knows them already."""
        self.attention.came(happened)
        self.writing.forget_deleted(happened, self.reader.own_bodies)
        self.deletion.follow(happened)
        if self.reader.apply(happened):
            self.show_reading()
        if self.reader.stale_roots:
            self._owner.work(self.reader.count_answers(), "answers")
        self.beside.apply(happened)
        if len(self._owner.screen_stack) > 1:
            self.choices.follow(happened)
        if self._owner.model.current is None and self.reader.window is not None:
            self._leave_removed()
        self.selection.whereabouts.sent_on(
            {event.message_id for event in happened if isinstance(event, MessageSent)}
        )
        for event in happened:
            if isinstance(event, ContactRemoved):
                self.say(f"{printable(event.contact)} and the whole conversation are deleted.")
        if changes.warning:
            self.say(changes.warning, bad=True)
        elif changes.said:
            self.say(changes.said)
        if changes.list_ or changes.title or changes.status:
            self.show_bars()

    def show_reading(self) -> None:
        """The window changed."""
        self.timeline.window = self.reader.window
        self.timeline.look_again()
        self.show_bars()
        if self.reader.wants_pages(self.timeline.size.height):
            self._owner.work(self.reader.fill(self.timeline.size.height), "pages")
        self.attention.look()

    def show_bars(self) -> None:
        """List, title, rule, status, and what is shown while there are no messages."""
        if (welcome := self._welcome()) != self.timeline.welcome:
            self.timeline.welcome = welcome
            self.timeline.look_again()
        window, model = self.reader.window, self._owner.model
        self.selection.whereabouts.look()
        self.rule.below = 0 if window is None or window.follows else window.arrived_below
        self.rule.selecting = self.selection.help() if self.selection.is_active else []
        self.status.where = self.selection.whereabouts.words
        self.status.help_key = self._owner.keys.words("help")
        self.writing.about.key = self._owner.keys.words("select")
        self.writing.about.timer_key = self._owner.keys.words("expires")
        self.writing.about.fit()
        self.status.size_bytes = self.composer.editor.size_bytes
        self.obstacle.fit()
        placeholder = "Only commands work here" if self.obstacle.words else ""
        if placeholder != self.composer.placeholder:
            self.composer.placeholder = placeholder
            self.composer.refresh()
        self.status.fit()
        for bar in (self.list_, self.title_, self.rule):
            bar.refresh()
        title = f"Loom on {model.host}" if model.host else "Loom"
        self._owner.show_title(f"({model.unread}) {title}" if model.unread else title)
        unknown = [
            number
            for number in self.list_.on_screen()
            if (one := model.conversations.get(number)) is not None and one.preview is None
        ]
        if unknown and self.list_.display:
            self._owner.work(self._owner.look_up_previews(unknown), "previews")

    def show_all(self) -> None:
        """Theme, keys or size changed."""
        if self.reader.window is not None:
            self.reader.window.redraw()
        self.timeline.window = self.reader.window
        self.timeline.look_again()
        self.composer.fit()
        self.show_bars()
        self.beside.redraw()
        self._show_beside()

    def _show_beside(self) -> None:
        """The channel of an open thread, if there is room for both."""
        model = self._owner.model
        here = model.channel if self.size.width >= WIDTH_MIN else None
        is_thread = here is not None and here.root is not None
        number = model.place if is_thread else None
        if number is not None or self.beside.display:
            self._owner.work(self.beside.follow(here, number), "beside")

    def _arranged(self) -> None:
        """The open conversation has another width; Textual does not always tell it so."""
        self.timeline.on_resize()
        self.composer.fit()
        self.show_bars()

    def say(self, text: str, *shorter: str, bad: bool = False) -> None:
        """One sentence, until the next key; a shorter wording where it has no room."""
        self.status.notice, self.status.shorter, self.status.is_bad = text, shorter, bad
        self.status.fit()

    def unsay(self, text: str) -> None:
        """Say this sentence no longer."""
        if self.status.notice == text:
            self.say("")

    def caret(self) -> tuple[int, int] | None:
        """Where one writes."""
        return self.list_.caret() if self.filter.is_active else self.composer.caret()

    def moved(self) -> Scroll | None:
        """How the timeline's lines moved since the last time."""
        return self.timeline.moved()

    def on_resize(self, event: events.Resize) -> None:
        """Other rows fit."""
        self.call_after_refresh(self.show_all)

    def _show_who_has_the_keys(self) -> None:
        self.composer.is_active = not (self.selection.is_active or self.filter.is_active)
        self.composer.refresh()
        self.list_.refresh()

    def _welcome(self) -> str:
        help_key = self._owner.keys.words("help")
        shown = f" {help_key} shows everything else." if help_key else ""
        if not self._owner.model.recent:
            status = self._owner.model.status
            ways = "/pair for somebody here, /invite or /add for others"
            return "" if status is None else f"No contacts yet: {ways}.{shown}"
        if self.reader.window is None:
            return ""  # nobody can be written to yet
        if self._owner.model.channel is not None:
            return f"No posts here yet. Write one; Enter sends it.{shown}"
        greeting = self._owner.greeting or "No messages yet. Write one; Enter sends it."
        return greeting + shown

    # --- keys ---

    def on_key(self, event: events.Key) -> None:
        """Every key is looked up in the bindings in force; the rest is text."""
        event.stop()
        event.prevent_default()
        is_word = self.is_active and self.selection.begins_word(event)
        if not is_word:
            self.selection.act_now()
        if not self.is_active:
            # Typed in one go with the key that opened or closed what is above.
            self.app.screen.post_message(events.Key(event.key, event.character))
            return
        self.attention.look(by_hand=True)
        if self.status.notice:
            self.say("")
        if self.filter.key(event):
            return
        selects, before = self.selection.is_active, self.composer.editor.text
        where = SELECTING if selects else WRITING
        action = self.selection.action_of_file(event.key) or self._owner.keys.action(
            event.key, where, READING, EVERYWHERE
        )
        if action != "complete":
            self.composer.end_cycle()
        if selects and self.selection.answer(event):
            return
        if action is not None and selects and is_text(event):
            action = action if not is_word and self.selection.takes(action) else None
        if selects:
            self._key_while_selecting(event, action)
        elif action is not None:
            self.run(action)
        elif event.character and is_text(event):
            self.composer.insert(event.character)
        self._typed(before)

    def _key_while_selecting(self, event: events.Key, action: str | None) -> None:
        """A letter acts, or shows that somebody types: then those right before it were text too."""
        if action is not None:
            self.selection.act(event, action, self.actions[action])
        elif event.key in PLACES and self.selection.is_new:
            self.navigation.open_place(int(event.key) - 1)
        elif event.character and is_text(event):
            self.composer.insert(self.selection.write(event))

    def on_paste(self, event: events.Paste) -> None:
        """Any number of lines; nothing is sent by itself. A text of Loom's own is asked about."""
        event.stop()
        if self.filter.is_active:
            self.filter.paste(event.text)
            return
        self.selection.act_now()
        self.selection.stop()
        if (token := pasted_token(event.text)) and not self.composer.editor.text:
            if is_pairing_text(token):
                self.slash.show_anchors(token, writes=True)
            else:
                self.slash.show_add(token=token, writes=True)
            return
        before = self.composer.editor.text
        if not before and self._owner.model.here is not None and self._asks_to_send(event.text):
            return
        self.composer.insert(event.text)
        self._typed(before)

    def _asks_to_send(self, text: str) -> bool:
        """Files that were dropped or pasted by their paths are asked about; False: it is a text."""
        if self.obstacle.words or not (paths := pasted_paths(text)):
            return False
        self.slash.show_sending(paths, partial(self.composer.insert, text))
        return True

    def run(self, action: str) -> None:
        """Do what an action's name says."""
        self.actions[action]()

    async def _run_command(self, run: Run) -> None:
        await self.slash.run(run)
        self.selection.forget()

    def quit(self) -> None:
        """Keep what was begun, then end."""
        self._owner.work(self._quit(), "quit")

    def _typed(self, before: str) -> None:
        if (text := self.composer.editor.text) != before:
            if text.startswith("/") and not before.startswith("/"):
                self.acts.begin_command()
            self._owner.typing.typed(text)
            self.selection.wrote(text)

    def _select(self) -> None:
        if self.writing.completions.completions:
            self.writing.completions.show([])
        elif self.writing.leave_message() or self.navigation.leave_thread():
            pass
        else:
            self.selection.begin()

    def _search_sent(self) -> None:
        if self._sent_texts():
            self.choices.sent(self._sent_texts, self.composer.rewrite)
        else:
            self.say("Nothing was sent yet.")

    def _sent_texts(self) -> list[str]:
        """Sent since the start, then what this conversation shows of it."""
        window = self.reader.window
        shown = [] if window is None else window.messages
        own = [one.body for one in shown if one.direction == "out" and one.kind == "text"]
        bodies = [*filter(None, own), *self.composer.editor.sent]
        return list(dict.fromkeys(reversed(bodies)))

    def _show_contact(self) -> None:
        if (channel := self._owner.model.channel) is not None:
            self.slash.rooms.show(channel.room.room_id)
        elif self._owner.model.open_ is None:
            self.say("Open a conversation first.", bad=True)
        else:
            self.slash.show_contact()

    def _say_how_to_quit(self) -> None:
        key = self._owner.keys.words("quit")
        self.say(f"{key or '/quit'} quits. Ctrl-C and Ctrl-Z do nothing here.")

    async def _quit(self) -> None:
        # A machine that does not answer keeps nobody here.
        try:
            async with asyncio.timeout(LEAVE_S if self._owner.model.host else None):
                await self.outside.end()
                await self.deletion.finish_now()
                await self.writing.store_draft()
                await self._owner.note_leaving()
        except TimeoutError:
            pass
        finally:
            self._owner.exit()

    # --- from one conversation to another ---

    async def _leave(self, number: int) -> None:
        """Another place is about to be shown, perhaps in another conversation."""
        self.selection.leave()
        await self.deletion.finish_now()
        if number != self._owner.model.current:
            await self.writing.change_conversation(number)

    def _arrive(self, hit: int | None) -> None:
        """It is shown."""
        if hit is not None:
            self.selection.point_at(hit)
        else:
            self.selection.stop()
        self.composer.edited(offer=False)
        self._learn_members()
        self.show_all()

    def show_rooms(self) -> None:
        """A room is another now, or is gone."""
        self._show_beside()
        if self._owner.model.current is None and self.reader.window is not None:
            self._leave_removed()
        self.show_bars()

    def _leave_removed(self) -> None:
        """The open contact or channel is gone: go on with another."""
        self.selection.stop()
        self.reader.close()
        self.composer.set("")
        if (number := self._owner.model.newest) is not None:
            self.navigation.open_(number)

    # --- reading ---

    def on_screen_resume(self) -> None:
        """What lay over it is gone."""
        self.attention.look()
        self.status.fit()

    def on_conversation_list_chosen(self, event: ConversationList.Chosen) -> None:
        """A click in the list."""
        if self.filter.is_active:
            self.filter.end()
        self.navigation.open_(event.number)

    def show_archive(self) -> None:
        """The archived conversations in the list, or the others again."""
        model = self._owner.model
        if not self.list_.display:
            self.choices.jump()
            return
        model.show_archive(not model.shows_archive)
        if model.shows_archive and not model.order:
            self.say("Nothing is archived.")
            model.show_archive(False)
        self.show_bars()

    def on_conversation_list_archive_chosen(self) -> None:
        """A click on the line that leads to the archive, or back."""
        self.show_archive()

    def on_conversation_list_requests_chosen(self) -> None:
        """A click on the last line of the list."""
        self.slash.show_requests()

    def on_title_line_clicked(self, event: TitleLine.Clicked) -> None:
        """A click on the title."""
        self._show_contact()

    def on_status_line_help_clicked(self, event: StatusLine.HelpClicked) -> None:
        """A click on the word."""
        self.choices.help()

    def on_rule_line_clicked(self, event: RuleLine.Clicked) -> None:
        """A click on what can be done with the selection."""
        self.selection.act_now()
        self.run(event.action)

    def on_about_left(self) -> None:
        """A click on the words that leave the message, or change the timer."""
        if not self.writing.leave_message():
            self.slash.choose_expiry()

    def on_about_clicked(self, event: About.Clicked) -> None:
        """A click on the message that one answers or edits."""
        self.navigation.go_to(event.about.contact_id, event.about.row_id)

    def on_composer_clicked(self, event: Composer.Clicked) -> None:
        """A click where one writes."""
        self.selection.stop()

    def on_beside_chosen(self, event: Beside.Chosen) -> None:
        """A click in the channel beside the thread: go there, or to another thread of it."""
        self.attention.look(by_hand=True)
        if event.opens_thread:
            self.acts.thread([event.post])
        else:
            self.navigation.go_to(event.post.contact_id, event.post.row_id)

    def on_timeline_scrolled(self, event: Timeline.Scrolled) -> None:
        """The wheel."""
        self.attention.look(by_hand=True)
        self.navigation.scroll(event.by)

    def on_timeline_clicked(self, event: Timeline.Clicked) -> None:
        """A click on a message selects it."""
        self.attention.look(by_hand=True)
        message = self.reader.window and self.reader.window.message(event.row_id)
        if event.role == "fold":
            self.selection.fold(event.row_id)
        elif message and message.file is not None and event.role == "file":
            self.selection.click_file(event.row_id)
        elif message and event.role == "quote":
            self.acts.follow([message])
        elif isinstance(message, Post) and event.role in ("thread", "unread"):
            self.acts.thread([message])
        elif message and event.role in ("reaction", "own_reaction"):
            self.acts.show_message([message])
        else:
            self.selection.toggle(event.row_id)
