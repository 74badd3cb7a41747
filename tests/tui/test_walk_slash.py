"""A walk through every slash command, typed and from the palette."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from loom.api.contact_commands import BlockContact, RemoveContact, RenameContact
from loom.api.conversation_commands import MarkRead, SetPreferences, SetTimer
from loom.api.message_commands import Bookmark, Forward, Pin, SendText
from loom.front.signs import Signs
from loom.front.slash import Run, read_line
from loom.tui import clipboard
from loom.tui.app import LoomApp
from loom.tui.commands import COMMANDS
from loom.tui.kit.chooser import Chooser
from loom.tui.screens.person import ADDRESS, CLEAR, DELETE, RENAME, TIMER, PersonPanel
from loom.tui.settings import read_app_settings
from loom.tui.times import now_ms
from tests.fakes import TOKEN
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.people import PeopleNode
from tests.tui.sharing import SharingNode

Holds = Callable[[LoomApp, PeopleNode], bool]


class Step(NamedTuple):
    """What is typed after the command, and what holds then."""

    argument: str
    holds: Holds
    before: tuple[str, ...] = ()
    """Commands that come first."""
    opens: bool = False
    """Whether it only opens something, and so can be done again."""
    leaves: str = ""
    """The key that ends what it began."""


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


def shows(words: str, argument: str = "", before: tuple[str, ...] = ()) -> Step:
    return Step(argument, lambda app, _: words in screen(app), before, opens=True)


def at_field(name: str) -> Step:
    """The contact's screen, at the field where the missing word is written."""

    def holds(app: LoomApp, _: PeopleNode) -> bool:
        panel = app.screen
        return isinstance(panel, PersonPanel) and panel.body.at == name

    return Step("", holds, opens=True)


def title(app: LoomApp) -> str:
    return text_of(app)[0][24:]


def told(node: PeopleNode, kind: type) -> bool:
    return any(isinstance(one, kind) for one in node.sent)


def allowed(node: PeopleNode) -> list[bool | None]:
    return [one.muted for one in node.sent if isinstance(one, SetPreferences)]


def timers(node: PeopleNode) -> list[int]:
    return [one.expires_s for one in node.sent if isinstance(one, SetTimer)]


def muted_s(node: PeopleNode) -> float:
    """For how long the last command mutes."""
    last = [one for one in node.sent if isinstance(one, SetPreferences)][-1]
    return ((last.mute_until_ms or 0) - now_ms()) / 1_000


MUTED, STAR = Signs(True)["muted"], Signs(True)["favourite"]
ESC = "escape"

STEPS: dict[str, tuple[Step, ...]] = {
    "help": (shows("Keys and commands: type to narrow"),),
    "add": (
        shows("Invite or token"),
        Step(f"{TOKEN} Eva", lambda app, _: "Eva" in title(app) and "is added" in screen(app)),
        shows("This is not a valid Loom token", "nonsense Eva"),
    ),
    "pair": (shows("maple-river"),),
    "invite": (shows("when they paste it, you are contacts"),),
    "requests": (shows("No requests"),),
    "accept": (shows("No requests"), shows("No requests", "Eve")),
    "rooms": (shows("owner, 1 member"),),
    "room": (
        shows("Make a room"),
        shows("Room Club", before=("/open Club",)),
        shows("Make a room", "new"),
        shows("There is no room Garden here", "Garden"),
    ),
    "members": (
        shows("Club: 1 member", before=("/open Club",)),
        shows("There is no room Garden here", "Garden"),
    ),
    "channel": (
        shows("# general in Club", before=("/open Club",)),
        shows("There is no #plans here", "plans", ("/open Club",)),
    ),
    "appoint": (
        shows("Club: 1 member", before=("/open Club",)),
        shows("No member is called Eve", "Eve helper", ("/open Club",)),
    ),
    "ban": (
        shows("Club: 1 member", before=("/open Club",)),
        shows("No member is called Eve", "Eve", ("/open Club",)),
    ),
    "poll": (
        shows("A poll in # general", before=("/open Club",)),
        shows("> Lunch?", "Lunch?", ("/open Club",)),
    ),
    "open": (
        Step("Bob", lambda app, _: "Bob" in title(app)),
        shows("Go to conversation"),
        shows("There is no contact nobody", "nobody"),
    ),
    "search": (shows("Ada: see you at noon", "noon"), shows("Search everywhere")),
    "reply": (
        Step("yes", lambda app, node: "│ Ada: see you at noon" in screen(app)),
        shows("Answering Ada: see you at noon"),
    ),
    "edit": (
        Step("not yet", lambda app, node: "not yet  edited" in screen(app)),
        shows("Editing: will do"),
    ),
    "react": (
        Step("tada", lambda app, node: "see you at noon  🎉" in screen(app)),
        shows("React: a name, or the sign itself"),
        shows("There is no sign named nonsense", "nonsense"),
    ),
    "message": (shows("Nobody has reacted"),),
    "forward": (
        Step("Bob", lambda app, node: "Forwarded to Bob." in screen(app) and told(node, Forward)),
        shows("Forward this message to"),
        shows("There is no contact or room nobody", "nobody"),
    ),
    "pin": (Step("", lambda app, node: "will do  pinned" in screen(app) and told(node, Pin)),),
    "unpin": (Step("", lambda app, node: "  pinned" not in screen(app), ("/pin",)),),
    "pins": (shows("Nothing is pinned here"), shows("Pinned with Ada: 1", before=("/pin",))),
    "bookmark": (
        Step("", lambda app, node: "will do  bookmarked" in screen(app) and told(node, Bookmark)),
    ),
    "unbookmark": (Step("", lambda app, node: "  bookmarked" not in screen(app), ("/bookmark",)),),
    "bookmarks": (shows("Nothing is bookmarked"), shows("Bookmarks: 1", before=("/bookmark",))),
    "delete": (shows("Delete this message here"),),
    "unsend": (shows("Delete this message for both?"),),
    "contact": (shows("Fingerprint"),),
    "verify": (shows("The numbers are the same"),),
    "rename": (
        Step("Eva", lambda app, node: "Eva" in title(app) and told(node, RenameContact)),
        at_field(RENAME),
    ),
    "block": (Step("", lambda app, node: "blocked" in title(app) and told(node, BlockContact)),),
    "unblock": (Step("", lambda app, _: "blocked" not in title(app), ("/block",)),),
    "mute": (
        Step("", lambda app, node: MUTED in screen(app) and allowed(node) == [True]),
        Step("8h", lambda app, node: MUTED in screen(app) and muted_s(node) > 28_700),
        shows("is not a time", "soon"),
    ),
    "level": (
        Step("mentions", lambda _, node: node.contacts["Ada"].level == "mentions"),
        shows("Notify about"),
    ),
    "archive": (Step("", lambda app, _: "archived (1)" in screen(app)),),
    "unarchive": (Step("", lambda app, _: "archived" not in screen(app), ("/archive",)),),
    "archived": (
        shows("Nothing is archived."),
        Step("", lambda app, _: "back to the list" in screen(app), ("/archive",)),
    ),
    "favourite": (Step("", lambda app, _: STAR in screen(app)),),
    "unfavourite": (Step("", lambda app, _: STAR not in screen(app), ("/favourite",)),),
    "read": (Step("", lambda _, node: told(node, MarkRead)),),
    "unread": (Step("", lambda _, node: node.contacts["Ada"].unread == 1),),
    "mentions": (shows("Messages that mention you"),),
    "filter": (
        Step("bo", lambda app, _: app.model.order == [1] and app.chat.filter.is_active, leaves=ESC),
        Step("", lambda app, _: app.chat.filter.is_active, leaves=ESC),
    ),
    "unmute": (
        Step(
            "",
            lambda app, node: MUTED not in screen(app) and allowed(node) == [True, False],
            ("/mute",),
        ),
    ),
    "timer": (
        Step("1h", lambda _, node: timers(node) == [3_600]),
        Step("off", lambda _, node: timers(node) == [0]),
        shows("is not a time", "soon"),
        at_field(TIMER),
    ),
    "expires": (
        Step("1h", lambda app, _: "Disappears 1 hour after reading" in screen(app)),
        Step(
            "30s gone soon",
            lambda _, node: (
                [one.expires_s for one in node.sent if isinstance(one, SendText)] == [30]
            ),
        ),
        shows("is not a time", "soon"),
        shows("This message disappears: choose"),
    ),
    "remove": (
        Step(
            "Ada",
            lambda app, node: "Bob" in title(app) and told(node, RemoveContact),
        ),
        Step("Bob", lambda app, node: "Ada" in title(app) and told(node, RemoveContact)),
        shows("There is no contact nobody", "nobody"),
        at_field(DELETE),
    ),
    "farewell": (
        shows("does not ask you to delete", "keep"),
        shows("Write /farewell", "soon"),
        at_field(CLEAR),
    ),
    "peers": (shows("You are at"),),
    "connect": (
        shows("Connected; the address is remembered.", "127.0.0.1:4070"),
        at_field(ADDRESS),
        shows("nowhere", "nowhere"),
    ),
    "token": (shows("LOOM-AAAA"),),
    "connectivity": (shows("Listening at"),),
    "anchors": (shows("No anchor is in use"), shows("> LOOM-ABC", "LOOM-ABC")),
    "attach": (
        Step("", lambda app, _: "> /attach" in screen(app), leaves="ctrl+u"),
        shows("There is no file or folder nothing.txt", "/nothing.txt"),
        shows("Send pyproject.toml", "pyproject.toml"),
    ),
    "files": (shows("No files yet"),),
    "voice": (shows("Nothing is sent before you say so"),),
    "export": (
        shows("The copy is not encrypted"),
        shows("Write it as a web page", "html"),
        shows("There is no format nonsense", "nonsense"),
    ),
    "log": (shows("Refresh"),),
    "report": (Step("", lambda app, _: "Copied" in screen(app) and "Listening" in screen(app)),),
    "settings": (shows("[x] Read receipts"),),
    "profile": (
        Step("Alicia", lambda _, node: node.own.name == "Alicia"),
        shows("What contacts are told"),
    ),
    "status": (
        Step("in the mountains", lambda _, node: node.own.status == "in the mountains"),
        shows("What contacts are told"),
    ),
    "away": (Step("", lambda _, node: node.own.away),),
    "back": (Step("", lambda _, node: not node.own.away, ("/away",)),),
    "invisible": (Step("", lambda app, node: node.own.invisible and "invisible" in screen(app)),),
    "visible": (Step("", lambda _, node: not node.own.invisible, ("/invisible",)),),
    "notify": (
        Step("full", lambda app, _: read_app_settings(app.config).notify == "full"),
        shows("Notifications show"),
        shows("Write /notify full", "loudly"),
    ),
    "theme": (
        Step("dark", lambda app, _: app.look.theme.name == "dark"),
        shows("in use"),
        shows("There is no theme pink", "pink"),
    ),
    "keys": (
        Step("emacs", lambda app, _: app.keys.profile == "emacs"),
        shows("in use"),
        shows("There is no key profile vim", "vim"),
    ),
    "formatting": (
        Step("plain", lambda app, _: not app.look.is_formatted),
        shows("Texts are"),
        shows("Write /formatting formatted or /formatting plain", "loud"),
    ),
    "words": (shows("Check your 24 words"),),
    "backup": (shows("This profile ends with the demo"),),
    "unsent": (shows("No text waits for your word."),),
    "safekeeping": (shows("identity number 1 of your 24 words"),),
    "lock": (shows("work is hidden, not locked"),),
    "quit": (Step("", lambda app, _: not app.is_running),),
}


def test_every_command_is_walked_through() -> None:
    assert set(STEPS) == {command.name for command in COMMANDS}
    for command in COMMANDS:
        given = {bool(step.argument) for step in STEPS[command.name]}
        assert given == ({True, False} if command.arguments else {False}), command


def test_every_alias_is_its_command() -> None:
    for command in COMMANDS:
        for alias in (command.name, *command.aliases):
            assert read_line(f"/{alias} Bob", COMMANDS) == Run(command, "Bob")


TYPED, PALETTE = "typed", "palette"
WALKS = [
    pytest.param(name, step, ways, id=f"{name}-{step.argument[:12]}-{'-'.join(ways)}")
    for name, steps in STEPS.items()
    for step in steps
    for ways in (
        [(TYPED,)]
        if step.argument
        else [(TYPED, PALETTE)]
        if step.opens
        else [(TYPED,), (PALETTE,)]
    )
]


@pytest.mark.parametrize(("name", "step", "ways"), WALKS)
async def test_every_command_does_what_the_help_says(
    opened: Opened,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    step: Step,
    ways: tuple[str, ...],
) -> None:
    async def copy(text: str, _: Callable[[str], None]) -> str:
        return "Copied."

    monkeypatch.setattr(clipboard, "copy", copy)
    node = SharingNode()
    node.add_room("Club")
    node.add("Bob", online=False)
    node.add("Ada")
    node.say("Bob", "call me when you are back")
    node.say("Ada", "see you at noon")
    node.say("Ada", "will do", direction="out")
    async with opened(node) as (app, pilot):
        for typed in step.before:
            await pilot.press(*typed, "enter")
            await settle(pilot)
        for way in ways:
            if way == PALETTE:
                await pilot.press("ctrl+p")
                await settle(pilot)
                assert isinstance(app.screen, Chooser)
                hints = [one.hint.split() for one in app.screen.box.choices]
                app.screen.box.move(next(n for n, one in enumerate(hints) if f"/{name}" in one))
            else:
                app.chat.composer.insert(f"/{name} {step.argument}".strip())
            await pilot.press("enter")
            if name == "quit":
                await pilot.pause()
                assert step.holds(app, node)
                return
            await settle(pilot)
            assert step.holds(app, node), screen(app)
            if step.leaves:
                await pilot.press(step.leaves)
                await settle(pilot)
            # Back where one was: by Esc, or by going on.
            for _ in range(3):
                if app.screen is not app.chat:
                    await pilot.press("enter" if name == "lock" else "escape")
                    await settle(pilot)
            assert app.screen is app.chat
            while app.chat.selection.is_active:
                await pilot.press("escape")
        await pilot.press("ctrl+u", *"here")
        await settle(pilot)
        assert app.chat.composer.editor.text == "here"
        assert name in ("reply", "expires") or not told(node, SendText)


@pytest.mark.long
@pytest.mark.parametrize("size", [(20, 5), (1, 1)])
async def test_every_command_survives_the_smallest_screens(
    opened: Opened, size: tuple[int, int]
) -> None:
    node = SharingNode()
    node.add("Ada")
    node.say("Ada", "see you at noon")
    async with opened(node, size) as (app, pilot):
        for command in COMMANDS:
            if command.name == "quit":
                continue
            app.chat.composer.insert(f"/{command.name}")
            await pilot.press("enter", "pagedown", "down", "x", "backspace")
            await settle(pilot)
            assert len(text_of(app)) == size[1], command
            while app.screen is not app.chat:
                await app.pop_screen()
            await pilot.press("ctrl+u")
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "see you at noon" in screen(app)
        await pilot.press(*"still here")
        assert app.chat.composer.editor.text == "still here"
