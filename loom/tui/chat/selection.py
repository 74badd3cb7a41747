"""Selecting messages, and what can be done with them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.events import Key
from textual.timer import Timer

from loom.api.message_commands import RetryMessage
from loom.api.message_views import MessageView
from loom.tui import clipboard, content
from loom.tui.chat.bars import Hint
from loom.tui.chat.deletion import Deletion
from loom.tui.chat.file_actions import FileActions
from loom.tui.chat.navigation import Navigation
from loom.tui.chat.reader import Reader
from loom.tui.chat.timeline import Timeline
from loom.tui.chat.whereabouts import Whereabouts
from loom.tui.keys import FILES, is_text
from loom.tui.links import is_pasted
from loom.tui.owner import Owner
from loom.tui.posts import Post

if TYPE_CHECKING:  # imported when it is used, for a fast first paint
    from loom.tui.chat.message_actions import MessageActions

ONE_WORD_S: Final = 1.0
"""Letters closer together than this may be typed in one go, as the beginning of a word."""
HOLD_S: Final = 0.4
"""So long a letter waits for another one, with which it begins a word and does nothing."""
AT_ONCE: Final = frozenset(
    (
        *("select_newer", "select_older", "mark", "next_hit", "previous_hit", "write"),
        *("page_up", "page_down", "line_up", "line_down", "oldest", "newest", "first_unread"),
        *("delete_message", "unsend", "end_file", "palette", "search_here", "help"),
    )
)
"""What only moves, asks, or opens a box that takes what is typed: no letter for it waits."""


COMMAND_OF: Final = {"show_message": "message", "delete_message": "delete"}
"""What an action is called where it is typed."""
OF_FILES: Final = ("take_file", "save_file", "pause_file", "end_file")
HELP: Final = (
    ("open_link", "open link"),
    ("fold", "more/less"),
    ("retry", "send again"),
    ("reply", "answer"),
    ("edit", "edit"),
    ("thread", "thread"),
    ("react", "react"),
    ("copy", "copy"),
    ("delete_message", "delete"),
    ("forward", "forward"),
    ("pin", "pin"),
    ("mark", "mark"),
)
"""What is named while messages are selected, as far as there is room."""


class Selection:
    """Active while the composer is not.

    Many methods, because selecting is one thing with the keys, the mouse and what they may do.

    Args:
        acts: what can be done with messages.
        pick: lets one of several links be picked.
        changed: something is selected now, or nothing any more.
        changed_where: it is known now where the selected message is.
        moved: another message is.
    """

    def __init__(
        self,
        owner: Owner,
        reader: Reader,
        timeline: Timeline,
        navigation: Navigation,
        deletion: Deletion,
        *,
        acts: "Callable[[], MessageActions]",
        pick: Callable[[list[str], Callable[[str], None]], None],
        changed: Callable[[], None],
        changed_where: Callable[[], None],
        moved: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._reader = reader
        self._timeline = timeline
        self._navigation = navigation
        self._deletion = deletion
        self._acts = acts
        self._files = FileActions(owner)
        self._pick = pick
        self._changed = changed
        self._moved = moved
        self.is_active = False
        self._hits: Sequence[MessageView] = ()
        """What a search found, newest first, and the words it looked for."""
        self._words: Sequence[str] = ()
        self._at: int | None = None
        """Which hit one is at, or goes to; None once the search was left."""
        self._goes_to: int | None = None
        """The hit that is still being loaded."""
        self.is_new = False
        """Whether no key was pressed since Esc began it."""
        self._run = ""
        """The last letters that did something here, in case they began a word."""
        self._run_s = 0.0
        self._left: list[MessageView] = []
        """What was selected when a slash command was begun."""
        self.hold_s = HOLD_S
        self._held: Callable[[], None] | None = None
        """What the last letter does unless another one follows."""
        self._hold: Timer | None = None
        self.whereabouts = Whereabouts(
            owner, lambda: self._chosen() if self.is_active else [], changed_where
        )
        self.actions: Mapping[str, Callable[[], None]] = {
            "select": self.begin,
            "select_newer": lambda: self._select(1),
            "select_older": lambda: self._select(-1),
            "mark": self.mark,
            "fold": lambda: self.fold(self._selected),
            "copy": self.copy,
            "open_link": lambda: self._with_link(self._open_link),
            "copy_link": lambda: self._with_link(self._copy),
            "next_hit": lambda: self._go_to_hit(1),
            "previous_hit": lambda: self._go_to_hit(-1),
            "reply": lambda: self._write(acts().reply),
            "edit": lambda: self._unless_refused("edit", lambda: self._write(acts().edit)),
            "thread": lambda: acts().thread(self._chosen()),
            "react": lambda: acts().react(self._chosen()),
            "show_message": lambda: acts().show_message(self._chosen()),
            "forward": lambda: acts().forward(self._chosen()),
            "pin": lambda: acts().pin(self._chosen()),
            "bookmark": lambda: acts().bookmark(self._chosen()),
            "unsend": lambda: self._unless_refused("unsend", lambda: acts().unsend(self._chosen())),
            "follow_quote": self._follow_quote,
            "unread_from_here": self._mark_unread,
            "retry": self.retry,
            "delete_message": lambda: deletion.ask(self._chosen()),
            "undo_delete": deletion.undo,
            "write": self.stop,
            **{name: partial(self._with_file, name) for name in OF_FILES},
        }

    def action_of_file(self, key: str) -> str | None:
        """What a key does with the selected file before it means what it does with any message."""
        action = self._owner.keys.action(key, FILES) if self.is_active else None
        return action if action and self._files.verb(action, self._chosen()) else None

    def click_file(self, row_id: int) -> None:
        """The words about a file were clicked: take or open it; else they are a message."""
        self.act_now()
        self.point_at(row_id)
        if self._files.verb("take_file", self._chosen()):
            self._with_file("take_file")

    def _with_file(self, action: str) -> None:
        self._files.do(action, self._chosen())

    def _mark_unread(self) -> None:
        if chosen := self._chosen():
            self._navigation.mark_unread(chosen[0].row_id)
            self.stop()

    # --- selecting ---

    def begin(self) -> None:
        """From writing to selecting, at the lowest message."""
        if self._reader.window is not None and self._reader.window.messages:
            self._start()
            self.is_new = True
            self._run = ""
            self._select(0)

    def point_at(self, row_id: int) -> None:
        """Select a message."""
        if row_id == self._goes_to:
            self._goes_to = None
        if self._reader.window is not None:
            self._start()
            self._reader.window.point_at(row_id)
            self._moved()

    def toggle(self, row_id: int) -> None:
        """A message was clicked: select it; the selected one: back to writing."""
        self.act_now()
        window = self._reader.window
        if self.is_active and window is not None and window.selected == row_id:
            self.stop()
        else:
            self.point_at(row_id)

    def stop(self) -> None:
        """Back to writing; the draft is as it was."""
        self._take_held()
        if not self.is_active:
            return
        self.is_active = False
        self._at = self._goes_to = None
        if self._reader.window is not None:
            self._reader.window.unselect()
        self._changed()
        self._moved()

    @property
    def selected(self) -> Sequence[MessageView]:
        """What is selected, or was when the slash command was begun that is being written."""
        return self._chosen() if self.is_active else self._left

    def write(self, key: Key) -> str:
        """Back to writing with a key that does nothing here; returns what was typed so far."""
        text, chosen = self._typed(key), self._chosen()
        self.stop()
        self._left = chosen if text.startswith("/") else []
        return text

    def forget(self) -> None:
        """The command was carried out; the next one is about something else."""
        self._left = []

    def wrote(self, text: str) -> None:
        """The composer has another text: what was selected counts for commands only."""
        if text and not text.startswith("/"):
            self._left = []

    def leave(self) -> None:
        """Another place is about to be shown; on the way to a hit, keys keep their meaning."""
        self._left = []
        if self._goes_to is None:
            self.stop()

    def act(self, key: Key, action: str, does: Callable[[], None]) -> None:
        """Do what a key says; a letter may turn out to begin a word."""
        self.is_new = False
        if not (key.character and is_text(key)):
            self._run = ""
            does()
            return
        self._run = self._word_so_far(key) + key.character
        self._run_s = key.time
        if action in AT_ONCE:
            does()
        else:
            self._held = does
            self._hold = self._timeline.set_timer(self.hold_s, self.act_now)

    @property
    def holds(self) -> bool:
        """Whether a letter waits for what follows."""
        return self._held is not None

    def begins_word(self, key: Key) -> bool:
        """Whether the letter before did nothing yet and begins a word with this one."""
        return self.holds and bool(key.character) and is_text(key)

    def act_now(self) -> None:
        """No letter followed: do what the last one says."""
        if (does := self._take_held()) is not None:
            does()

    def _take_held(self) -> Callable[[], None] | None:
        does, self._held = self._held, None
        if self._hold is not None:
            self._hold.stop()
            self._hold = None
        return does

    def _typed(self, key: Key) -> str:
        """The text of a key that does nothing here, with what was typed in one go before it.

        A slash after what only moved begins a command.
        """
        before = "" if key.character == "/" and not self.holds else self._word_so_far(key)
        return before + (key.character or "")

    def _word_so_far(self, key: Key) -> str:
        return self._run if self.holds or key.time - self._run_s < ONE_WORD_S else ""

    def fold(self, row_id: int) -> None:
        """Show a long message whole, or its beginning again."""
        if self._reader.window is not None:
            self._reader.window.fold(row_id, self._timeline.size.height)
            self._moved()

    def mark(self) -> None:
        """Select this message together with others, or no longer."""
        if self._reader.window is not None:
            self._reader.window.mark()
            self._moved()

    def takes(self, action: str) -> bool:
        """Whether a letter for this action does it, or says why not; any other is text."""
        return self.can(action) or bool(self._acts().why_not(action, self._chosen()))

    def _unless_refused(self, action: str, does: Callable[[], None]) -> None:
        if why := self._acts().why_not(action, self._chosen()):
            self._owner.say(why)
        else:
            does()

    def can(self, action: str) -> bool:
        """Whether an action has something to act on."""
        match action:
            case name if name in OF_FILES:
                return bool(self._files.verb(name, self._chosen()))
            case "undo_delete":
                return self._deletion.can_undo
            case "retry":
                return any(one.state == "failed" for one in self._chosen())
            case "fold":
                window = self._reader.window
                return window is not None and window.can_fold(self._selected)
            case "open_link" | "copy_link":
                return bool(self._links())
            case "next_hit" | "previous_hit":
                return self._at is not None
        return self._acts().can(COMMAND_OF.get(action, action), self._chosen())

    def _start(self) -> None:
        self.is_active = True
        self._left = []
        self._deletion.ask([])
        self._changed()

    def _select(self, by: int) -> None:
        if self._reader.window is not None:
            self._reader.window.select(by, self._timeline.size.height)
            self._moved()

    @property
    def _selected(self) -> int:
        window = self._reader.window
        return 0 if window is None or window.selected is None else window.selected

    def _chosen(self) -> list[MessageView]:
        return [] if self._reader.window is None else self._reader.window.chosen()

    def _write(self, about: Callable[[Sequence[MessageView]], None]) -> None:
        """Go on in the composer, about the selected message."""
        chosen = self._chosen()
        self.stop()
        about(chosen)

    def _follow_quote(self) -> None:
        chosen = self._chosen()
        if len(chosen) == 1 and chosen[0].reply_to is not None:
            self._acts().follow(chosen)
        else:
            self.stop()

    # --- copying and links ---

    def copy(self) -> None:
        """Put the text on the clipboard."""
        if chosen := self._chosen():
            self._copy(content.plain(chosen))

    def _copy(self, text: str) -> None:
        async def copy() -> None:
            self._owner.say(await clipboard.copy(text, self._owner.write_terminal))

        self._owner.work(copy(), "copy")

    def _with_link(self, use: Callable[[str], None]) -> None:
        """Use the link of the selected messages; of several, the one that is picked."""
        found = self._links()
        if not found:
            self._owner.say("There is no link in it.")
        elif len(found) == 1:
            use(found[0])
        else:
            self._pick(found, use)

    def _links(self) -> list[str]:
        found = [link for one in self._chosen() for link in content.kind_of(one).links(one)]
        return list(dict.fromkeys(found))

    def _open_link(self, address: str) -> None:
        if is_pasted(address):
            self._owner.show_add(address)
            return

        from loom.tui.screens.opening import LinkPanel

        self._owner.open_panel(LinkPanel(self._owner, address))

    # --- hits of a search ---

    def found(self, hit: MessageView, hits: Sequence[MessageView], words: Sequence[str]) -> None:
        """Show a hit, and go from it to the others."""
        self._start()
        self._hits, self._words, self._at = hits, words, hits.index(hit)
        self._goes_to = hit.row_id
        if isinstance(hit, Post):
            shown = self._navigation.show_post(hit.room_id, hit.row_id, words)
            self._owner.work(shown, "reading")
        else:
            self._navigation.open_(hit.contact_id, hit.row_id, words)

    def _go_to_hit(self, by: int) -> None:
        at = self._at
        if at is None:
            self._owner.say("Search first.")
        elif 0 <= at + by < len(self._hits):
            self.found(self._hits[at + by], self._hits, self._words)
        else:
            self._owner.say("That was the oldest hit." if by > 0 else "That was the newest hit.")

    # --- sending again ---

    def retry(self) -> None:
        """Send what failed again."""
        failed = [one for one in self._chosen() if one.state == "failed"]
        if not failed:
            self._owner.say("Only a failed message can be sent again.")
            return
        for one in failed:
            command = RetryMessage(contact=f"#{one.contact_id}", message_id=one.message_id)
            self._owner.work(self._owner.send(command), "retry")

    # --- deleting ---

    def answer(self, key: Key) -> bool:
        """Take a key as the answer to whether to delete; False: it means something else."""
        is_answer = self._files.answer(key) or self._deletion.answer(key)
        if is_answer:
            self._run = ""
        return is_answer

    # --- what is said about it ---

    def help(self) -> list[Hint]:
        """What can be done with the selected messages."""
        keys, chosen = self._owner.keys, self._chosen()
        of_file = [(name, self._files.verb(name, chosen)) for name in OF_FILES]
        names = [one for one in of_file if one[1]]
        taken = {key for name, _ in names for key in keys.of(name)}
        names += [
            (name, does) for name, does in HELP if self.can(name) and not taken & {*keys.of(name)}
        ]
        hints = []
        if self._at is not None:
            hints.append(Hint(f"hit {self._at + 1} of {len(self._hits)}"))
            names = [("next_hit", "older"), ("previous_hit", "newer"), *names[:1]]
        if len(chosen) > 1:
            hints.append(Hint(f"{len(chosen)} messages"))
        names.append(("write", "back"))
        can = (Hint(f"{keys.words(name)} {does}", name) for name, does in names if keys.words(name))
        return [*hints, *can]
