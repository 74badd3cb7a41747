"""A walk through every key of every profile of keys: each does what the help says it does."""

import webbrowser
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.conversation_commands import SetPreferences
from loom.api.conversation_views import Preference
from loom.api.file_commands import AcceptFile, PauseFile
from loom.api.file_views import FileView
from loom.api.message_commands import Bookmark, Pin, RetryMessage, SendText
from loom.api.message_views import Quote
from loom.media.pictures import Picture
from loom.tui import clipboard
from loom.tui.app import LoomApp
from loom.tui.chat.window import Window
from loom.tui.keys import (
    ACTIONS,
    EVERYWHERE,
    FILES,
    FORMS,
    PICTURES,
    PLACES,
    PROFILES,
    READING,
    SELECTING,
    WRITING,
    Keys,
    writes,
)
from loom.tui.kit.chooser import Chooser
from loom.tui.screens import picture
from loom.tui.screens.adding import AddPanel
from loom.tui.screens.picture import PicturePanel
from loom.tui.screens.settings import SettingsPanel
from loom.tui.terminal_input import TerminalInput
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.sharing import SharingNode, gradient

COUNT = 300


class Walk:
    """The app and what it stands on; between two keys it stands as at the start."""

    def __init__(self, app: LoomApp, pilot: Pilot[None], node: SharingNode) -> None:
        self.app, self.pilot, self.node = app, pilot, node
        self.copied: list[str] = []
        self.opened: list[str] = []
        self.left = self.redrawn = 0

    @property
    def text(self) -> str:
        """What is written, with the cursor as |."""
        editor = self.app.chat.composer.editor
        return f"{editor.text[: editor.cursor]}|{editor.text[editor.cursor :]}"

    @property
    def window(self) -> Window:
        assert self.app.chat.reader.window is not None
        return self.app.chat.reader.window

    @property
    def screen(self) -> str:
        return "\n".join(text_of(self.app))

    @property
    def timeline(self) -> str:
        return "\n".join(row[24:] for row in text_of(self.app)[1:-3])

    @property
    def title(self) -> str:
        return text_of(self.app)[0][24:]

    def sent(self, kind: type) -> int:
        return sum(isinstance(one, kind) for one in self.node.sent)

    def write(self, text: str) -> None:
        editor = self.app.chat.composer.editor
        editor.set(text.replace("|", ""))
        editor.cursor = text.index("|")

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What would end the app or reach the terminal is only noted."""

        async def copy(text: str, _: Callable[[str], None]) -> str:
            self.copied.append(text)
            return "Copied."

        def redraw() -> None:
            self.redrawn += 1

        def leave() -> None:
            self.left += 1

        def opened(address: str) -> bool:
            self.opened.append(address)
            return True

        monkeypatch.setenv("DISPLAY", ":0")
        monkeypatch.setenv("VISUAL", "true")
        monkeypatch.setattr(webbrowser, "open", opened)
        monkeypatch.setattr(clipboard, "copy", copy)
        monkeypatch.setattr(self.app, "redraw", redraw)
        monkeypatch.setattr(self.app, "exit", leave)

    async def rest(self) -> None:
        await settle(self.pilot)

    async def start_anew(self) -> None:
        """Ada's newest messages, nothing written, nothing selected."""
        while self.app.screen is not self.app.chat:
            await self.app.pop_screen()
        self.app._is_covered = False
        self.left = self.redrawn = 0
        self.copied.clear()
        self.app.chat.selection.stop()
        self.app.chat.composer.end_cycle()
        self.app.chat.composer.editor.set("")
        self.app.chat.filter.end()
        if self.app.model.current != 2:
            self.app.chat.navigation.open_(2)
            await self.rest()
        await self.app.chat.reader.open_(2)
        self.node.sent.clear()


Arrange = Callable[[Walk], Awaitable[None]]


class Step(NamedTuple):
    """What stands there before a key, and what holds after it."""

    holds: Callable[[Walk], bool]
    arrange: Arrange | None = None


def shows(words: str) -> Step:
    return Step(lambda walk: words in walk.screen)


def edits(before: str, after: str) -> Step:
    async def arrange(walk: Walk) -> None:
        walk.write(before)

    return Step(lambda walk: walk.text == after, arrange)


async def at_bob(walk: Walk) -> None:
    walk.app.chat.navigation.open_(1)
    await walk.rest()
    assert "Bob" in walk.title


async def bob_writes(walk: Walk) -> None:
    walk.node.receive("Bob", "now")
    await walk.rest()
    assert "Ada" in walk.title


async def scrolled_up(walk: Walk) -> None:
    walk.app.chat.navigation.scroll(-30)
    await walk.rest()
    assert not walk.window.follows


async def without_habits(walk: Walk) -> None:
    await walk.node.send(SetPreferences(contact="Ada", archived=False, favourite=False))
    await walk.rest()


async def bob_archived(walk: Walk) -> None:
    walk.app.model.show_archive(False)
    await walk.node.send(SetPreferences(contact="Bob", archived=True))
    await walk.rest()


async def one_line_up(walk: Walk) -> None:
    walk.app.chat.navigation.scroll(-1)
    await walk.rest()
    assert not walk.window.follows


async def sent_before(walk: Walk) -> None:
    editor = walk.app.chat.composer.editor
    editor.set("an older one")
    editor.take()
    editor.set("begun")


async def recalled(walk: Walk) -> None:
    await sent_before(walk)
    walk.app.chat.composer.editor.recall(-1)


async def cut(walk: Walk) -> None:
    walk.write("one two|")
    walk.app.chat.composer.editor.kill_word()


async def taken_back(walk: Walk) -> None:
    await cut(walk)
    walk.app.chat.composer.editor.undo()
    assert walk.text == "one two|"


async def unread_above(walk: Walk) -> None:
    walk.window.new_from = 240
    walk.window.redraw()


async def selecting(walk: Walk) -> None:
    walk.app.chat.selection.begin()
    await walk.rest()
    assert walk.window.selected is not None


async def selecting_own(walk: Walk) -> None:
    """The newest message is one's own."""
    newest = walk.window.messages[-1]
    walk.window.put(msgspec.structs.replace(newest, direction="out", body="last words"))
    await selecting(walk)


async def selecting_an_answer(walk: Walk) -> None:
    await selecting(walk)
    quote = Quote(direction="in", row_id=290, body="said 289")
    answer = msgspec.structs.replace(walk.window.messages[-1], reply_to="1", quote=quote)
    walk.window.put(answer)


async def selecting_a_link(walk: Walk) -> None:
    await selecting(walk)
    newest = walk.window.messages[-1]
    walk.window.messages[-1] = msgspec.structs.replace(newest, body="see https://x.example/a.")


async def selecting_a_hit(walk: Walk) -> None:
    hits = [one for one in reversed(walk.node.messages) if one.row_id in (200, 210, 220)]
    walk.app.chat.selection.found(hits[1], hits, ["said"])
    await walk.rest()
    assert walk.window.selected == 210


async def selecting_a_long_one(walk: Walk) -> None:
    await selecting(walk)
    newest = walk.window.messages[-1]
    walk.window.messages[-1] = msgspec.structs.replace(newest, body="\n".join(map(str, range(40))))
    walk.window.redraw()
    walk.app.chat.show_reading()
    assert "Show 25 more lines" in walk.timeline


async def selecting_above(walk: Walk) -> None:
    await selecting(walk)
    walk.app.chat.run("select_older")
    await walk.rest()
    assert walk.window.selected == COUNT - 1


async def selecting_a_failed_one(walk: Walk) -> None:
    await selecting(walk)
    newest = walk.window.messages[-1]
    walk.window.set_state(newest.message_id, "failed")


async def selecting_a_post(walk: Walk) -> None:
    room = walk.node.add_room("Orchard")
    walk.node.change_room(room)
    walk.node.post(room, "Bob", "which apples?", unread=False)
    await walk.rest()
    walk.app.chat.navigation.open_(walk.app.model.rooms.number_of(room, "general"))
    await walk.rest()
    await selecting(walk)


async def selecting_a_file(walk: Walk, **facts: Any) -> None:
    await selecting(walk)
    newest = walk.window.messages[-1]
    known: dict[str, Any] = {"state": "offered", "received_bytes": 0}
    file = FileView(
        file_id=newest.message_id,
        message_id=newest.message_id,
        contact="Ada",
        contact_id=2,
        direction="in",
        name="hut.png",
        size_bytes=400_000,
        media_type="image/png",
        **(known | facts),
    )
    walk.node.files = {file.file_id: file}
    walk.window.put(msgspec.structs.replace(newest, kind="file", file=file))


async def selecting_a_file_on_its_way(walk: Walk) -> None:
    await selecting_a_file(walk, state="receiving")


async def selecting_a_file_that_is_here(walk: Walk) -> None:
    await selecting_a_file(walk, state="done", is_here=True)


async def looking_at_a_picture(walk: Walk) -> None:
    """The middle one of three."""
    names = ("a.png", "b.png", "c.png")
    walk.node.files.clear()
    _, file, _ = [walk.node.keep("Ada", one, b"...") for one in names]
    walk.node.messages = walk.node.messages[:-3]
    walk.app.open_panel(PicturePanel(walk.app, file))
    await walk.rest()
    assert "b.png" in walk.screen
    await walk.pilot.pause()


async def looking_closer(walk: Walk) -> None:
    await looking_at_a_picture(walk)
    picture_of(walk)._zoom_by(2)
    await walk.pilot.pause()


def picture_of(walk: Walk) -> PicturePanel:
    assert isinstance(walk.app.screen, PicturePanel)
    return walk.app.screen


def looks(across: int, down: int) -> Step:
    """In which direction from the middle of the picture one looks then."""

    def holds(walk: Walk) -> bool:
        x, y = picture_of(walk)._middle
        return ((x > 0.5) - (x < 0.5), (y > 0.5) - (y < 0.5)) == (across, down)

    return Step(holds, looking_closer)


async def deleted(walk: Walk) -> None:
    await selecting(walk)
    walk.app.chat.run("delete_message")
    await walk.pilot.press("D")
    await walk.rest()
    assert "said 299" not in walk.timeline


def at(name: str) -> Step:
    """In the settings, where every stop is no field."""
    return Step(lambda walk: panel_of(walk).body.at == name, settings)


def panel_of(walk: Walk) -> SettingsPanel:
    assert isinstance(walk.app.screen, SettingsPanel)
    return walk.app.screen


async def settings(walk: Walk) -> None:
    walk.node.everybody = Preference()
    walk.app.open_panel(SettingsPanel(walk.app))
    await walk.rest()
    panel = panel_of(walk)
    panel.body.go(1)
    assert panel.body.at == "Typing"
    await walk.pilot.pause()


def typing_is_off(walk: Walk) -> bool:
    return any(isinstance(one, SetPreferences) and one.typing is False for one in walk.node.sent)


def decoded(data: bytes, width: int, height: int, *, is_unconfined: bool = False) -> Picture:
    """What the decoder would give, without starting one."""
    found = gradient(48, 44)
    return Picture(found.width, found.height, found.rgb, 480, 440, 1)


STEPS = {
    "palette": shows("Commands"),
    "jump": shows("Go to conversation"),
    "search_here": shows("Search with Ada"),
    "contact": shows("Fingerprint"),
    "help": shows("Keys and commands: type to narrow"),
    "lock": shows("work is hidden, not locked"),
    "panic": shows("This profile ends with the demo."),
    "connectivity": shows("Listening at"),
    "redraw": Step(lambda walk: walk.redrawn == 1),
    "how_to_quit": shows("Ctrl-Q quits."),
    "quit": Step(lambda walk: walk.left == 1),
    "next": Step(lambda walk: "Bob" in walk.title),
    "previous": Step(lambda walk: "Ada" in walk.title, at_bob),
    "next_unread": Step(lambda walk: "Bob" in walk.title, bob_writes),
    "page_up": Step(lambda walk: "said 299" not in walk.timeline and "said 280" in walk.timeline),
    "page_down": Step(lambda walk: "said 288" in walk.timeline, scrolled_up),
    "line_up": Step(lambda walk: "said 299" not in walk.timeline and "said 298" in walk.timeline),
    "line_down": Step(lambda walk: walk.window.follows, one_line_up),
    "oldest": Step(lambda walk: "said 1\n" in walk.timeline),
    "newest": Step(lambda walk: "said 299" in walk.timeline, scrolled_up),
    "first_unread": Step(lambda walk: "said 239" in walk.timeline, unread_above),
    "mark_unread": Step(lambda walk: walk.node.contacts["Ada"].unread == 1),
    "mentions": shows("Messages that mention you"),
    "filter": Step(lambda walk: walk.app.chat.filter.is_active),
    "favourite": Step(lambda walk: walk.node.contacts["Ada"].favourite, without_habits),
    "mute_for": shows("For 8 hours"),
    "archive": Step(lambda walk: walk.node.contacts["Ada"].archived, without_habits),
    "archived": Step(lambda walk: walk.app.model.shows_archive, bob_archived),
    "send": Step(lambda walk: walk.sent(SendText) == 1 and walk.text == "|", sent_before),
    "newline": edits("one|", "one\n|"),
    "complete": edits("/hel|", "/help |"),
    "select": Step(lambda walk: walk.app.chat.selection.is_active),
    "expires": shows("This message disappears: choose"),
    "older_text": Step(lambda walk: walk.text == "an older one|", sent_before),
    "newer_text": Step(lambda walk: walk.text == "begun|", recalled),
    "left": edits("ab|", "a|b"),
    "right": edits("a|b", "ab|"),
    "up": edits("one\ntw|o", "on|e\ntwo"),
    "down": edits("on|e\ntwo", "one\ntw|o"),
    "word_left": edits("one two|", "one |two"),
    "word_right": edits("|one two", "one| two"),
    "home": edits("one\ntw|o", "one\n|two"),
    "end": edits("o|ne\ntwo", "one|\ntwo"),
    "backspace": edits("ab|c", "a|c"),
    "delete": edits("a|bc", "a|c"),
    "kill_to_end": edits("one| two", "one|"),
    "kill_to_start": edits("one |two", "|two"),
    "kill_word": edits("one two|", "one |"),
    "kill_word_right": edits("|one two", "| two"),
    "yank": Step(lambda walk: walk.text == "one two|", cut),
    "undo": Step(lambda walk: walk.text == "one two|", cut),
    "redo": Step(lambda walk: walk.text == "one |", taken_back),
    "edit_outside": Step(lambda walk: "An editor needs a terminal" in walk.screen),
    "swap_letters": edits("teh|", "the|"),
    "swap_words": edits("one| two", "two one|"),
    "search_sent": Step(lambda walk: "an older one" in walk.screen, sent_before),
    "select_newer": Step(lambda walk: walk.window.selected == COUNT, selecting_above),
    "select_older": Step(lambda walk: walk.window.selected == COUNT - 1, selecting),
    "mark": Step(lambda walk: walk.window.marked == {COUNT}, selecting),
    "fold": Step(lambda walk: "more lines" not in walk.timeline, selecting_a_long_one),
    "open_link": Step(lambda walk: "Open it in the browser" in walk.screen, selecting_a_link),
    "copy_link": Step(lambda walk: walk.copied == ["https://x.example/a"], selecting_a_link),
    "next_hit": Step(lambda walk: walk.window.selected == 200, selecting_a_hit),
    "previous_hit": Step(lambda walk: walk.window.selected == 220, selecting_a_hit),
    "reply": Step(lambda walk: "Answering yourself: last words" in walk.screen, selecting_own),
    "edit": Step(lambda walk: walk.text == "last words|", selecting_own),
    "thread": Step(lambda walk: "Orchard #general thread" in walk.title, selecting_a_post),
    "react": Step(lambda walk: "React: a name" in walk.screen, selecting),
    "follow_quote": Step(lambda walk: walk.window.selected == 290, selecting_an_answer),
    "show_message": Step(lambda walk: "Nobody has reacted" in walk.screen, selecting),
    "forward": Step(lambda walk: "Forward this message to" in walk.screen, selecting),
    "pin": Step(lambda walk: walk.sent(Pin) == 1 and "Pinned for both" in walk.screen, selecting),
    "bookmark": Step(lambda walk: walk.sent(Bookmark) == 1, selecting),
    "unsend": Step(lambda walk: "Delete this message for both?" in walk.screen, selecting_own),
    "copy": Step(lambda walk: walk.copied == ["said 299"], selecting),
    "unread_from_here": Step(
        lambda walk: walk.node.contacts["Ada"].unread == 2 and walk.window.new_from == COUNT - 1,
        selecting_above,
    ),
    "retry": Step(lambda walk: walk.sent(RetryMessage) == 1, selecting_a_failed_one),
    "delete_message": Step(lambda walk: "Delete this message here" in walk.screen, selecting),
    "undo_delete": Step(lambda walk: "said 299" in walk.timeline, deleted),
    "write": Step(lambda walk: not walk.app.chat.selection.is_active, selecting),
    "take_file": Step(lambda walk: walk.sent(AcceptFile) == 1, selecting_a_file),
    "save_file": Step(lambda walk: "Save it as" in walk.screen, selecting_a_file_that_is_here),
    "pause_file": Step(lambda walk: walk.sent(PauseFile) == 1, selecting_a_file_on_its_way),
    "end_file": Step(lambda walk: "Decline hut.png?" in walk.screen, selecting_a_file),
    "picture_next": Step(lambda walk: "c.png" in walk.screen, looking_at_a_picture),
    "picture_before": Step(lambda walk: "a.png" in walk.screen, looking_at_a_picture),
    "zoom_in": Step(lambda walk: "1.5x" in walk.screen, looking_at_a_picture),
    "zoom_out": Step(lambda walk: "1.5x" in walk.screen, looking_closer),
    "zoom_fit": Step(lambda walk: "2x" not in walk.screen, looking_closer),
    "picture_left": looks(-1, 0),
    "picture_right": looks(1, 0),
    "picture_up": looks(0, -1),
    "picture_down": looks(0, 1),
    "save_picture": Step(lambda walk: "Save it as" in walk.screen, looking_at_a_picture),
    "form_next": at("Late receipts"),
    "form_previous": at("Read receipts"),
    "form_do": Step(typing_is_off, settings),
    "form_back": Step(lambda walk: walk.app.screen is walk.app.chat, settings),
}
LAST = (
    *("fold", "mark_unread", "archive", "archived", "unread_from_here"),
    *("next_unread", "send", "copy", "pin", "bookmark", "retry", "thread"),
)
"""After these the conversations are not what they were."""


def test_every_action_is_walked_through() -> None:
    assert set(STEPS) == {action.name for action in ACTIONS}


PLACES_OF_KEYS = (EVERYWHERE, READING, WRITING, SELECTING, FILES, PICTURES, FORMS)


@pytest.mark.parametrize("where", PLACES_OF_KEYS)
@pytest.mark.parametrize("profile", PROFILES)
async def test_every_key_does_what_the_help_says(
    opened: Opened, profile: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "pixels", decoded)
    node = SharingNode()
    node.add("Bob", online=False)
    node.add("Ada")
    node.say("Bob", "hello")
    node.say("Ada", *(f"said {n}" for n in range(1, COUNT)))
    async with opened(node) as (app, pilot):
        app.use_keys(profile)
        walk = Walk(app, pilot, node)
        walk.listen(monkeypatch)
        bound = [
            (action.name, key)
            for action, keys in app.keys.bindings()
            if action.where == where
            for key in keys
        ]
        assert bound
        for action, key in sorted(bound, key=lambda one: one[0] in LAST):
            step = STEPS[action]
            await walk.start_anew()
            if step.arrange is not None:
                await step.arrange(walk)
            if writes(key) and where in (EVERYWHERE, READING):
                await selecting(walk)  # where one writes, it would be written
            await pilot.press(*key.split())
            await walk.rest()
            assert step.holds(walk), f"{key} does not {action}:\n{walk.screen}"
        await walk.start_anew()
        await pilot.press(*"still here")
        await walk.rest()
        assert walk.text == "still here|"


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_keys_of_the_profile_hold_in_fields_and_choosers(
    opened: Opened, profile: str
) -> None:
    node = SharingNode()
    node.add("Ada")
    node.say("Ada", "hello")
    async with opened(node) as (app, pilot):
        app.use_keys(profile)
        back = next(key for key in app.keys.of("form_back") if not writes(key))
        for open_ in (app.chat.slash.show_add, app.chat.choices.palette):
            open_()
            await settle(pilot)
            await pilot.press(*"gjkq one", app.keys.of("kill_word")[0])
            await pilot.press(app.keys.of("left")[0], "x")
            assert "> gjkqx " in "\n".join(text_of(app))
            await pilot.press(back)
            await settle(pilot)
            assert app.screen is app.chat


async def test_emacs_keys_move_in_choosers_and_forms(opened: Opened) -> None:
    node = SharingNode()
    node.add("Ada")
    async with opened(node) as (app, pilot):
        app.use_keys("emacs")
        await pilot.press("alt+x")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        await pilot.press("ctrl+n", "ctrl+n", "ctrl+p")
        assert app.screen.box.at == 1
        await pilot.press("ctrl+g")
        app.chat.slash.show_add()
        await settle(pilot)
        await pilot.press("ctrl+n")
        assert isinstance(app.screen, AddPanel)
        assert app.screen.body.at == "Name here"
        await pilot.press("ctrl+g")
        await settle(pilot)
        assert len(app.screen_stack) == 1


async def test_a_digit_opens_the_conversation_at_that_place(opened: Opened) -> None:
    node = SharingNode()
    for n in range(9):
        node.add(f"Person {n}")
        node.say(f"Person {n}", "hello")
    async with opened(node) as (app, pilot):
        for place, digit in enumerate(PLACES):
            await pilot.press("escape", digit)
            await settle(pilot)
            assert app.model.current == app.model.order[place]
            assert not app.chat.selection.is_active
        await pilot.press(*PLACES)
        assert app.chat.composer.editor.text == PLACES


LETTERS = {"up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F"}
NUMBERS = {"delete": 3, "pageup": 5, "pagedown": 6, "f5": 15, "f9": 20, "f12": 24}
PLAIN = {
    "enter": "\r",
    "tab": "\t",
    "escape": "\x1b",
    "backspace": "\x7f",
    "space": " ",
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "underscore": "_",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "less_than_sign": "<",
    "greater_than_sign": ">",
}
MODIFIERS = {"shift": 2, "alt": 3, "ctrl": 5}


def sequence_of(key: str) -> str:
    """What xterm, and tmux with it, send for a key, or for two that mean something together."""
    if " " in key:
        return "".join(map(sequence_of, key.split()))
    modifier, _, last = key.rpartition("+")
    number = MODIFIERS.get(modifier, 0)
    if last in LETTERS:
        return f"\x1b[1;{number}{LETTERS[last]}" if number else f"\x1b[{LETTERS[last]}"
    if last in NUMBERS:
        return f"\x1b[{NUMBERS[last]};{number}~" if number else f"\x1b[{NUMBERS[last]}~"
    plain = PLAIN.get(last, last)
    if modifier == "shift":
        return f"\x1b[{ord(plain)};2u"  # only where extended keys are reported
    if modifier == "ctrl":
        return chr(ord(plain) & 0x1F)
    return f"\x1b{plain}" if modifier else plain


@pytest.mark.parametrize("profile", PROFILES)
def test_every_bound_key_arrives_as_itself_or_as_one_that_does_the_same(profile: str) -> None:
    """Alt-< once arrived as `<` and was written; so was `^p` while Alt-P was held."""
    keys = Keys(profile)
    for action, bound in keys.bindings():
        for key in bound:
            typed = TerminalInput()
            found = [*typed.feed(sequence_of(key) * 2), *typed.quiet()]
            arrived = [one.key for one in found if isinstance(one, events.Key)]
            if " " in key:
                assert all(map(keys.begins, arrived[::2]))
                arrived = [" ".join(arrived[n : n + 2]) for n in range(0, len(arrived), 2)]
            does = [keys.action(one, action.where) for one in arrived]
            # The second Esc waits for what may follow it.
            assert does == [action.name] * (1 if key == "escape" else 2), (key, arrived)
