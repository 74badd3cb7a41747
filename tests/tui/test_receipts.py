"""A read receipt leaves only when somebody looked at what it is for."""

import pytest
from textual import events

from loom.api.conversation_commands import MarkRead
from tests.tui.conftest import Opened, settle, until
from tests.tui.talking import TalkingNode


def marked(node: TalkingNode) -> list[int]:
    return [one.row_id for one in node.sent if isinstance(one, MarkRead)]


async def test_without_focus_events_a_key_counts_only_for_what_it_was_pressed_over(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("x")
        await settle(pilot)
        seen = marked(node)
        node.receive("Ada", "later than the key")
        await settle(pilot)
        assert marked(node) == seen
        await pilot.press("y")
        await settle(pilot)
        assert marked(node) == [*seen, 4]
        node.receive("Bob", "in the other one")
        await settle(pilot)
        await pilot.press("alt+a")
        await settle(pilot)
        assert app.model.open_ is not None
        assert app.model.open_.name == "Bob"
        assert marked(node) == [*seen, 4]
        await pilot.press("z")
        await settle(pilot)
        assert marked(node) == [*seen, 4, 5]


async def test_with_the_focus_what_is_shown_is_read_and_what_is_covered_is_not(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        app.post_message(events.AppFocus())
        await settle(pilot)
        before = marked(node)
        node.receive("Ada", "seen at once")
        await settle(pilot)
        assert marked(node) == [*before, 4]
        await pilot.press("f1")
        node.receive("Ada", "behind the help")
        await settle(pilot)
        assert marked(node) == [*before, 4]
        await pilot.press("escape")
        await until(pilot, lambda: marked(node) == [*before, 4, 5])
        app.post_message(events.AppBlur())
        await pilot.pause()
        node.receive("Ada", "nobody is there")
        await settle(pilot)
        assert marked(node) == [*before, 4, 5]


async def test_what_is_below_the_screen_is_not_read(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"message {n}" for n in range(60)), state="delivered")
    async with opened(node) as (_, pilot):
        await pilot.press("ctrl+home")
        await settle(pilot)
        node.sent.clear()
        await pilot.press("x")
        await settle(pilot)
        [row] = marked(node)
        assert row < 30


async def test_what_is_above_the_screen_is_not_read(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"message {n}" for n in range(1, 61)), state="delivered")
    async with opened(node) as (app, pilot):
        await pilot.press("x")
        await settle(pilot)
        [read] = [one for one in node.sent if isinstance(one, MarkRead)]
        assert read.row_id == 60
        assert read.from_row > 30
        assert app.model.conversations[1].contact.unread == read.from_row - 1
        await pilot.press("pageup")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert app.model.conversations[1].contact.unread < read.from_row - 10


async def test_what_rushes_by_is_not_read(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While mail of days comes in, the newest screen is not read again and again."""
    monkeypatch.setattr("loom.tui.chat.attention.CALM_S", 3_600.0)
    async with opened(node) as (app, pilot):
        app.post_message(events.AppFocus())
        await settle(pilot)
        before = marked(node)
        for n in range(60):
            node.receive("Ada", f"one of many {n}")
            if n % 20 == 19:
                await settle(pilot)
        await settle(pilot)
        assert marked(node) == before
        monkeypatch.undo()
        app.chat.attention.calm_down()
        await settle(pilot)
        [read] = [one for one in node.sent if isinstance(one, MarkRead)]
        assert (read.row_id, read.from_row > 40) == (63, True)


async def test_what_was_marked_unread_stays_so_until_one_comes_back(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        app.post_message(events.AppFocus())
        await settle(pilot)
        node.receive("Ada", "remind me of this")
        await settle(pilot)
        assert marked(node) == [4]
        app.chat.navigation.mark_unread(4)
        await settle(pilot)
        await pilot.press("x", "pageup", "pagedown")
        await settle(pilot)
        assert marked(node) == [4]
        assert app.model.conversations[2].contact.unread == 1
        app.chat.navigation.open_(1)
        await settle(pilot)
        app.chat.navigation.open_(2)
        await settle(pilot)
        assert marked(node) == [4, 4]
        assert app.model.conversations[2].contact.unread == 0
