"""Adding, verifying, changing and removing people, and what the screens say when it fails."""

from pathlib import Path
from typing import TypeVar

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual.geometry import Size
from textual.pilot import Pilot

from loom.api.contact_commands import (
    BlockContact,
    Connect,
    ImportToken,
    RemoveContact,
    RenameContact,
    VerifyContact,
)
from loom.api.conversation_commands import SetPreferences
from loom.api.message_commands import SendText
from loom.errors import InvalidInput, InvalidToken
from loom.front.signs import Signs
from loom.tui import clipboard
from loom.tui.app import LoomApp
from loom.tui.kit.body import PanelBody
from loom.tui.kit.chooser import Chooser
from loom.tui.kit.items import Button, Fact, Field, Grid, Option, Row, Text, Toggle
from loom.tui.kit.panel import Panel
from loom.tui.lines import Look
from loom.tui.screens.adding import AddPanel, read_token
from loom.tui.screens.peers import PeersPanel
from loom.tui.screens.person import PersonPanel
from loom.tui.screens.token import TokenPanel
from loom.tui.screens.verifying import SAME_NUMBER, SAME_WORDS, VerifyPanel
from loom.tui.themes import BUILT_IN, Piece, Theme
from tests.fakes import TOKEN
from tests.tui.conftest import Opened, prose_of, settle, text_of, until
from tests.tui.people import PeopleNode
from tests.tui.test_remote_text import NASTY, check

T = TypeVar("T")


@pytest.fixture
def people() -> PeopleNode:
    """Ada, whose identity is as it was, and Bob, whose is not."""
    node = PeopleNode()
    node.add("Bob", online=False, session="none", identity_changed=True)
    node.add("Ada", session="established")
    node.say("Bob", "new phone")
    node.say("Ada", "see you at noon")
    return node


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


def is_back(app: LoomApp) -> bool:
    """Whether the conversation is on the screen again."""
    return app.screen is app.chat


async def run(pilot: Pilot[None], *keys: str) -> None:
    """Press keys; a word of several characters is typed."""
    for key in keys:
        await pilot.press(*([key] if key in NAMED or "+" in key else key))
        await settle(pilot)


NAMED = (
    "enter",
    "space",
    "tab",
    "shift+tab",
    "escape",
    "up",
    "down",
    "pageup",
    "pagedown",
    "f1",
    "f2",
)


async def choose(app: LoomApp, pilot: Pilot[None], name: str) -> None:
    """Go to a stop with Tab."""
    panel = app.screen
    assert isinstance(panel, Panel)
    for _ in range(40):
        if panel.body.at == name:
            return
        await pilot.press("tab")
    raise AssertionError(f"there is no {name}")


def sent(node: PeopleNode, kind: type[T]) -> list[T]:
    return [one for one in node.sent if isinstance(one, kind)]


async def test_a_changed_identity_blocks_writing_until_verified(
    people: PeopleNode, opened: Opened
) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "alt+down", "secret", "enter")
        assert "The identity of Bob has changed" in screen(app)
        assert "/verify" in screen(app)
        assert "Nothing was sent; your text stays here." in screen(app)
        assert app.chat.composer.editor.text == "secret"
        assert not sent(people, SendText)
        await run(pilot, "ctrl+u", "/verify", "enter")
        assert isinstance(app.screen, VerifyPanel)
        assert "00000  00001  00002  00003" in screen(app)
        assert "abandon  abandon  abandon  about" in screen(app)
        assert "█" in screen(app)
        await choose(app, pilot, "They differ")
        await run(pilot, "enter", "tab")
        assert "Nothing was changed." in prose_of(app)
        assert "Meet Bob, add the token that Bob shows you" in prose_of(app)
        await choose(app, pilot, SAME_NUMBER)
        await run(pilot, "enter")
        assert is_back(app)
        assert "Bob is verified." in screen(app)
        await run(pilot, "/verify", "enter")
        await choose(app, pilot, "Mark as not verified")
        await run(pilot, "enter")
        assert "Bob is verified" not in screen(app)
        assert not people.contacts["Bob"].verified
        await choose(app, pilot, SAME_NUMBER)
        await run(pilot, "enter", "hello", "enter")
        assert [one.body for one in sent(people, SendText)] == ["hello"]
        assert "has changed" not in screen(app)


async def test_a_code_that_was_read_is_compared(
    people: PeopleNode, opened: Opened, tmp_path: Path
) -> None:
    pytest.importorskip("zxingcpp")
    number = "".join(f"{n:05}" for n in range(12))
    picture, other = tmp_path / "my code.png", tmp_path / "other.png"
    segno.make(number, error="l").save(str(picture), scale=5)
    segno.make(number[::-1], error="l").save(str(other), scale=5)
    async with opened(people) as (app, pilot):
        await run(pilot, "/verify", "enter")
        await choose(app, pilot, "Their code")
        app.screen.post_message(events.Paste(str(other)))
        await run(pilot, "enter")
        await until(pilot, lambda: "Nothing was changed." in prose_of(app))
        assert not people.contacts["Ada"].verified
        app.screen.post_message(events.Paste(f"'{picture}'"))
        await run(pilot, "enter")
        await until(pilot, lambda: "Ada is verified." in prose_of(app))
        assert (people.contacts["Ada"].verified, people.contacts["Ada"].verified_by) == (True, "qr")
        await run(pilot, "/verify", "enter")
        assert "Ada is verified by QR code since" in prose_of(app)
        await run(pilot, "escape", "f2")
        assert "verified by QR code since" in prose_of(app)


async def test_what_was_compared_is_told(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/verify", "enter")
        await choose(app, pilot, SAME_WORDS)
        await run(pilot, "enter")
        assert [(one.confirm, one.by) for one in sent(people, VerifyContact)][-1] == (True, "words")


async def test_comparing_confirms_nothing_by_itself(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/verify", "enter", "enter", "escape")
        assert [one.confirm for one in sent(people, VerifyContact)] == [False]
        assert "not verified" in text_of(app)[0]


async def test_everything_about_a_contact(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "f2")
        assert isinstance(app.screen, PersonPanel)
        for words in (
            "Status          not verified",
            "abab abab abab",
            "post-quantum, established",
            "Reached         online, direct",
            "127.0.0.1:4070, you connected at",
            "0 unread, 0 not confirmed yet",
        ):
            assert words in screen(app)
        await choose(app, pilot, "Muted")
        await run(pilot, "enter")
        assert "[x] Muted" in screen(app)
        await choose(app, pilot, "Read receipts")
        await run(pilot, "space")
        assert "[ ] Read receipts" in screen(app)
        await choose(app, pilot, "Typing")
        await run(pilot, "enter", "enter")
        assert "[x] Typing" in screen(app)
        asked = [(one.muted, one.read_receipts, one.typing) for one in sent(people, SetPreferences)]
        assert asked == [
            (True, None, None),
            (None, False, None),
            (None, None, False),
            (None, None, True),
        ]
        await choose(app, pilot, "Wait until I verify")
        await run(pilot, "enter")
        assert "[x] Wait until I verify" in screen(app)
        assert sent(people, SetPreferences)[-1].verify_first
        await choose(app, pilot, "Blocked")
        await run(pilot, "enter")
        assert "blocked, not verified" in screen(app)
        assert "HOST:PORT" not in screen(app)
        await run(pilot, "enter")
        assert [one.blocked for one in sent(people, BlockContact)] == [True, False]
        assert "What they sent during the block arrives" in screen(app)
        await choose(app, pilot, "Verify")
        await run(pilot, "enter")
        assert isinstance(app.screen, VerifyPanel)


async def test_a_refused_name_can_be_typed_again(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/rename", "enter", "enter")
        assert "That name cannot be used: it is empty." in screen(app)
        assert "New name        > " in screen(app)
        await run(pilot, "Ada L", "enter")
        assert [one.name for one in sent(people, RenameContact)] == ["", "Ada L"]
        assert "┌─ Ada L ─" in screen(app)
        await run(pilot, "escape")
        assert "Ada L" in text_of(app)[0]


async def test_removing_asks_for_the_name(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/remove", "enter", "Bob", "enter")
        assert "Nothing was deleted: that is not the name." in screen(app)
        assert not sent(people, RemoveContact)
        await run(pilot, "ctrl+u", "ada", "enter")
        await settle(pilot)
        assert is_back(app)
        assert [one.contact for one in sent(people, RemoveContact)] == ["#2"]
        assert "Ada and the whole conversation are deleted." in screen(app)
        assert not any("Ada" in row for row in text_of(app)[:-1])


async def test_calling_an_address(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/peers", "enter")
        assert isinstance(app.screen, PeersPanel)
        assert "● Ada" in screen(app)
        assert "○ Bob" in screen(app)
        await run(pilot, "enter", "nowhere", "enter")
        assert isinstance(app.screen, PersonPanel)
        assert "nowhere is not an address." in screen(app)
        assert "Connect to      > nowhere" in screen(app)
        await run(pilot, "ctrl+u", "[2001:db8::7]:4070", "enter")
        [called] = sent(people, Connect)
        assert (called.contact, called.host, called.port) == ("#2", "2001:db8::7", 4070)
        assert "the address is remembered" in screen(app)
        await run(pilot, "escape", "escape", "/connect 192.0.2.7:x", "enter")
        assert app.chat.composer.editor.text == "/connect 192.0.2.7:x"
        assert "192.0.2.7:x is not an address." in screen(app)


async def test_adding_by_paste(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/add", "enter")
        assert isinstance(app.screen, AddPanel)
        await run(pilot, "nonsense", "tab", "Carol", "enter")
        assert "it does not start with LOOM-, and no such file" in prose_of(app)
        assert "Copy the whole token again" in prose_of(app)
        assert "> Carol" in screen(app)
        app.screen.on_paste(events.Paste(f"{TOKEN[:60]}\n  {TOKEN[60:]}\n"))
        await run(pilot, "enter")
        assert is_back(app)
        assert [(one.token, one.name) for one in sent(people, ImportToken)] == [(TOKEN, "Carol")]
        assert text_of(app)[0].find("Carol") > 0
        assert "Carol is added" in screen(app)
        await run(pilot, "/add", "enter")
        assert isinstance(app.screen, AddPanel)
        assert TOKEN not in screen(app).split("To somebody who")[0]


async def test_an_abandoned_token_is_forgotten(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/add", "enter", "LOOM-half", "tab", "Dave", "escape", "/add", "enter")
        assert "LOOM-half" not in screen(app)
        assert "Dave" not in screen(app)
        await run(pilot, "LOOM-half", "escape", f"/add {TOKEN} Carol", "enter")
        assert "Carol is added" in screen(app)
        await run(pilot, "/add", "enter")
        assert "LOOM-half" not in screen(app)


async def test_a_typed_command_that_fails_is_not_lost(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/add wrong Carol", "enter")
        assert isinstance(app.screen, AddPanel)
        assert "This is not a valid Loom token" in screen(app)
        assert "Invite or token > wrong" in screen(app)
        assert "Name here       > Carol" in screen(app)


async def test_a_new_identity_of_a_known_person_asks_for_the_name(
    people: PeopleNode, opened: Opened
) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, f"/add {TOKEN} Ada", "enter")
        assert "You have another Ada already." in screen(app)
        await run(pilot, "Bob", "enter")
        assert "Nothing was replaced: that is not the name." in screen(app)
        assert people.contacts["Ada"].identity_changed is False
        await run(pilot, "ctrl+u", "Ada", "enter")
        await settle(pilot)
        assert is_back(app)
        assert "The identity of Ada has changed" in screen(app)


async def test_the_own_token_is_shown_and_copied(
    people: PeopleNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    async with opened(people) as (app, pilot):
        written: list[str] = []
        monkeypatch.setattr(app, "write_terminal", written.append)
        await run(pilot, "/token", "enter", "enter")
        assert isinstance(app.screen, TokenPanel)
        assert "LOOM-AAAA" in screen(app)
        assert "█" in screen(app)
        assert written == [clipboard.osc52(TOKEN)]
        assert "Copied" in screen(app)
        await pilot.resize_terminal(60, 20)
        await settle(pilot)
        assert "█" not in screen(app)
        assert "also shows it as a QR code" in screen(app)


@pytest.mark.parametrize("no_color", [False, True])
async def test_a_qr_code_is_dark_on_light_on_every_terminal(
    people: PeopleNode, opened: Opened, monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    async with opened(people) as (app, pilot):
        await run(pilot, "/token", "enter")
        code = [
            segment.style
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if "█" in segment.text
        ]
        assert code
        for style in code:
            assert style is not None
            assert style.color is not None
            assert style.bgcolor is not None
            assert (style.color.name, style.bgcolor.name) == ("#000000", "#ffffff")


async def test_events_reach_an_open_sheet(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "f2")
        people._set("Ada", "verified", verified=True)
        await settle(pilot)
        assert "Status          verified" in screen(app)
        await run(pilot, "enter")
        assert isinstance(app.screen, VerifyPanel)
        people._answer(RemoveContact(contact="Ada"))
        await settle(pilot)
        assert is_back(app)


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (60, 20)])
async def test_any_size_works(people: PeopleNode, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(people, size, unicode=False) as (app, pilot):
        for typed in ("/contact", "/verify", "/token", "/add", "/peers"):
            await run(pilot, typed, "enter", "down", "x", "pagedown", "pageup", "up")
            assert isinstance(app.screen, Panel)
            assert len(text_of(app)) == size[1]
            assert screen(app).isascii()
            await run(pilot, "escape")
        app.chat.composer.editor.set("")


async def test_clicks_choose_and_press(people: PeopleNode, opened: Opened) -> None:
    async with opened(people, (80, 40)) as (app, pilot):
        await pilot.click(offset=(30, 0))
        await settle(pilot)
        assert isinstance(app.screen, PersonPanel)
        row = next(y for y, row in enumerate(text_of(app)) if "[ ] Muted" in row)
        await pilot.click(offset=(5, row))
        await settle(pilot)
        assert "[x] Muted" in screen(app)
        row = next(y for y, row in enumerate(text_of(app)) if "New name" in row)
        await pilot.click(offset=(5, row))
        await run(pilot, "x")
        assert "New name        > x" in screen(app)


def test_a_token_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ada.token"
    file.write_text(TOKEN + "\n")
    assert read_token(str(file)).strip() == TOKEN
    file.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")
    assert read_token(str(file)).strip() == TOKEN
    file.write_bytes(b"\xff\xfe")
    for wrong in (str(file), str(tmp_path), "", "missing"):
        with pytest.raises((InvalidToken, InvalidInput)):
            read_token(wrong)


async def test_the_clipboard_is_read_where_something_gives_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not clipboard.can_paste()
    with pytest.raises(InvalidInput):
        await clipboard.paste()
    tool = tmp_path / "pbpaste"
    tool.write_text(f"#!/bin/sh\necho {TOKEN}\n")
    tool.chmod(0o755)
    assert clipboard.can_paste()
    assert (await clipboard.paste()).strip() == TOKEN


@settings(max_examples=60, deadline=None)
@given(text=NASTY, width=st.integers(1, 100), picture=st.booleans())
def test_nothing_remote_breaks_a_panel(text: str, width: int, picture: bool) -> None:
    class Body(PanelBody):
        @property
        def size(self) -> Size:
            return Size(width, 24)

    body = Body(Look(Theme("terminal", BUILT_IN["terminal"]), Signs(True)))
    body.title, body.said, body.foot = text, Text(text), "Esc back"
    filled = Field("New name")
    filled.put(text)
    filled.error = text
    body.picture = ["█" * 20] * 12 if picture and body.fits_picture(["█" * 20] * 12) else ()
    body.items = [
        Text(text),
        Fact("Their own name", text),
        Grid([text, "12345"], framed=True),
        Row("row", [Piece(text)], print),
        Button(text, print, text),
        Toggle("Muted", True, print, text),
        Option("theme", text, False, print),
        filled,
    ]
    for stop in body.stops:
        body.at = stop.name
        body.lay_out()
        check([body.line(y, width) for y in range(24)], width)


async def test_keys_for_everywhere_work_over_a_sheet(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/add", "enter", "LOOM-half", "f1")
        assert isinstance(app.screen, Chooser)
        assert any("Forms and lists" in one.label for one in app.screen.box.choices)
        await run(pilot, "escape")
        assert isinstance(app.screen, AddPanel)
        await run(pilot, "ctrl+p")
        assert isinstance(app.screen, Chooser)
        await run(pilot, "escape")
        assert "Invite or token > LOOM-half" in screen(app)
        await run(pilot, "ctrl+p", "online")
        await run(pilot, "enter")
        await pilot.pause()
        await settle(pilot)
        assert isinstance(app.screen, PeersPanel)
        assert app.screen_stack == [app.chat, app.screen]


async def test_a_blocked_contact_says_how_to_go_on(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/block", "enter")
        await settle(pilot)
        await run(pilot, "hi", "enter")
        assert "Ada is blocked: nothing comes or goes. /unblock" in screen(app)
        assert not sent(people, SendText)
        await run(pilot, "ctrl+u", "/unblock", "enter")
        await settle(pilot)
        assert "What Ada sent during the block arrives" in screen(app)
        assert "is blocked" not in screen(app)


async def test_the_cursor_begins_where_it_was_wanted_once_there_is_something(
    people: PeopleNode, opened: Opened
) -> None:
    """Verifying begins on a button that confirms nothing, however late the node answers."""
    async with opened(people) as (app, pilot):
        panel = VerifyPanel(app, 2)
        assert panel.items() == []
        app.open_panel(panel)
        panel.show()
        await settle(pilot)
        assert panel.body.at == "Compare later"


async def test_from_the_own_token_to_adding_theirs(people: PeopleNode, opened: Opened) -> None:
    async with opened(people) as (app, pilot):
        await run(pilot, "/token", "enter")
        await choose(app, pilot, "Add theirs")
        await run(pilot, "enter")
        assert isinstance(app.screen, AddPanel)
        await run(pilot, "half")
        await choose(app, pilot, "Show it as a QR code")
        await run(pilot, "enter")
        await choose(app, pilot, "Add theirs")
        await run(pilot, "enter")
        assert isinstance(app.screen, AddPanel)
        assert "> half" in screen(app)
        await run(pilot, "escape")
        assert is_back(app)
