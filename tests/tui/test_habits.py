"""Muting for a time, the archive, favourites, the filter, and what came while one was away."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.conversation_commands import NoteLeaving, SetPreferences
from loom.api.conversation_views import Arrival
from loom.tui import times
from loom.tui.app import LoomApp
from tests.fakes import NOW_MS
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "20x5": (20, 5)}
Act = Callable[[LoomApp, Pilot[None], TalkingNode], Awaitable[None]]


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


def names_in_list(app: LoomApp) -> list[str]:
    return [app.model.conversations[number].name for number in app.model.order]


@pytest.fixture
def busy() -> TalkingNode:
    """Six conversations with habits of all kinds."""
    node = TalkingNode()
    for name in ("Zoë", "Bob", "Caro", "Dan", "Eve", "Ada"):
        node.add(name, online=name == "Ada", verified=name == "Ada", session="established")
        node.say(name, f"hello from {name}")
    decided: dict[str, dict[str, Any]] = {
        "Bob": {"favourite": True},
        "Caro": {"muted": True, "unread": 4},
        "Dan": {"archived": True},
        "Eve": {"unread": 2},
    }
    for name, habits in decided.items():
        node.contacts[name] = msgspec.structs.replace(node.contacts[name], **habits)
    return node


async def test_a_mute_that_ends_lets_its_messages_count(
    busy: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    until_ms = NOW_MS + 3_600_000
    view = msgspec.structs.replace(busy.contacts["Caro"], mute_until_ms=until_ms)
    busy.contacts["Caro"] = view
    now_ms = NOW_MS
    monkeypatch.setattr("loom.tui.model.now_ms", lambda: now_ms)
    async with opened(busy) as (app, _):
        app.turn_the_day()
        assert app.model.unread == 2
        said = app.chat.status.notice
        now_ms = until_ms
        app.turn_the_day()
        assert app.model.unread == 6
        assert app.chat.status.notice == said


async def test_favourites_come_first_and_the_archive_is_left_out(
    busy: TalkingNode, opened: Opened
) -> None:
    async with opened(busy) as (app, pilot):
        assert names_in_list(app) == ["Bob", "Ada", "Eve", "Caro", "Zoë"]
        busy.receive("Zoë", "I am new")
        await settle(pilot)
        assert names_in_list(app) == ["Bob", "Zoë", "Ada", "Eve", "Caro"]
        await pilot.press("alt+i")
        await settle(pilot)
        assert names_in_list(app) == ["Dan"]
        assert "Archive" in screen(app)
        await pilot.press("alt+i")
        await settle(pilot)
        view = busy.contacts["Dan"] = msgspec.structs.replace(busy.contacts["Dan"], archived=False)
        app.model.put(view)
        assert "Dan" in names_in_list(app)


async def test_next_unread_passes_by_what_is_muted(busy: TalkingNode, opened: Opened) -> None:
    async with opened(busy) as (app, pilot):
        await pilot.press("alt+a")
        await settle(pilot)
        assert app.model.open_ is not None
        assert app.model.open_.name == "Eve"
        await pilot.press("x")
        await settle(pilot)
        await app.send(SetPreferences(contact="Eve", muted=True))
        await settle(pilot)
        await pilot.press("alt+a")
        await settle(pilot)
        assert "Nothing is unread." in screen(app)


async def test_the_list_is_filtered_by_typing(busy: TalkingNode, opened: Opened) -> None:
    async with opened(busy) as (app, pilot):
        await pilot.press(*"begun", "f3", *"a")
        await settle(pilot)
        assert names_in_list(app) == ["Ada", "Caro"]
        await pilot.press("down", "enter")
        await settle(pilot)
        assert app.model.open_ is not None
        assert app.model.open_.name == "Caro"
        assert len(app.model.order) == 5
        await pilot.press("f3", *"ZOË")
        await settle(pilot)
        assert names_in_list(app) == ["Zoë"]
        await pilot.press("x")
        await settle(pilot)
        assert "nothing found" in screen(app)
        await pilot.press("enter")
        await settle(pilot)
        assert not app.chat.filter.is_active
        await pilot.press("f3", "b", "escape")
        await settle(pilot)
        assert len(app.model.order) == 5
        app.chat.navigation.open_(6)
        await settle(pilot)
        assert app.chat.composer.editor.text == "begun"


async def test_rows_at_the_bottom_and_the_filtered_list_can_be_clicked(
    busy: TalkingNode, opened: Opened
) -> None:
    async with opened(busy) as (app, pilot):
        assert text_of(app)[-1].startswith(" archived (1)")
        await pilot.click(offset=(3, 23))
        await settle(pilot)
        assert names_in_list(app) == ["Dan"]
        await pilot.click(offset=(3, 1))
        await settle(pilot)
        assert app.model.open_ is not None
        assert app.model.open_.name == "Dan"
        await pilot.click(offset=(3, 23))
        await settle(pilot)
        await pilot.press("f3", *"e")
        await settle(pilot)
        await pilot.click(offset=(3, 1))
        await settle(pilot)
        assert app.model.open_.name == "Eve"
        assert not app.chat.filter.is_active


async def test_what_came_while_one_was_away_is_said_once(busy: TalkingNode, opened: Opened) -> None:
    busy.arrivals = [
        Arrival(contact=name, contact_id=number, messages=number, mentions=number == 5)
        for number, name in ((6, "Ada"), (5, "\x1b[31mEve"), (2, "Bob"), (1, "Zoë"))
    ]
    async with opened(busy) as (app, pilot):
        words = "While you were away: Ada 6, \ufffd[31mEve 5 @, Bob 2, 1 others 1."
        assert app.chat.status.notice == words
        await pilot.press("x")
        assert app.chat.status.notice == ""
        app.post_message(events.AppFocus())
        await settle(pilot)
        assert app.chat.status.notice == ""
        app.post_message(events.AppBlur())
        await settle(pilot)
        assert any(isinstance(one, NoteLeaving) for one in busy.sent)
        app.post_message(events.AppFocus())
        await settle(pilot)
        # The open conversation is on the screen.
        assert app.chat.status.notice.startswith("While you were away: Bob 2") is False
        assert "Eve 5" in app.chat.status.notice


async def test_quitting_notes_that_nobody_looks(busy: TalkingNode, opened: Opened) -> None:
    async with opened(busy) as (_, pilot):
        await pilot.press("ctrl+q")
        await pilot.pause()
    assert isinstance(busy.sent[-1], NoteLeaving)


async def test_it_opens_what_was_open_last(busy: TalkingNode, opened: Opened) -> None:
    """It is Eve here, who wrote least lately; once it was always the newest."""
    busy.last_open_id = busy.contacts["Eve"].contact_id
    async with opened(busy) as (app, pilot):
        assert app.model.current == busy.last_open_id != app.model.newest
        assert app.chat.reader.window is not None
        await pilot.press("alt+up")
        await settle(pilot)
        shown = app.model.current
        await pilot.press("ctrl+q")
        await pilot.pause()
    assert shown is not None
    assert busy.sent[-1] == NoteLeaving(contact=f"#{shown}")


async def test_it_opens_the_newest_where_the_last_is_gone(
    busy: TalkingNode, opened: Opened
) -> None:
    busy.last_open_id = 999
    async with opened(busy) as (app, _):
        assert app.model.current == app.model.newest is not None


async def nothing(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """As it opens."""


async def filtering(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("f3", *"o", "down")


async def archive(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("alt+i")


async def muting(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("alt+q")


async def mentions(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    node.messages = [msgspec.structs.replace(one, mention=True) for one in node.messages]
    await pilot.press("alt+m")


async def marked_unread(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("x", "backspace", "alt+k")


async def person(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("f2")
    await settle(pilot)
    await pilot.press(*["down"] * 4)


ACTS = (nothing, filtering, archive, muting, mentions, marked_unread, person)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_it_looks_as_it_did(
    busy: TalkingNode, opened: Opened, act: Act, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: date(2026, 11, 18))
    async with opened(busy, SIZES[size]) as (app, pilot):
        await act(app, pilot, busy)
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"habits-{act.__name__.replace('_', '-')}-{size}", picture)
