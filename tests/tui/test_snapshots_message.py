"""What becomes of messages, as it looked when somebody looked at it (see `test_snapshots`)."""

from datetime import date

import pytest
from textual.pilot import Pilot

from loom.tui import times
from loom.tui.app import LoomApp
from tests.tui.conftest import Opened, settle
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode

DAY = date(2026, 11, 18)
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "20x5": (20, 5)}


def talk(node: TalkingNode) -> None:
    """Answers, edits, reactions, pins, bookmarks, and what is gone."""
    node.say("Ada", "bring the maps please, all of them, we will need every single one")
    maps = node.messages[-1]
    answer = node.answer("Ada", "all of them are in the car", maps.message_id, "out")
    node.react(node.react(maps, "👍", None), "👍", "Ada")
    node.react(node.edit(answer, "all of them are in the car now"), "🎉", "Ada")
    node.say("Ada", "the code of the gate is 4711")
    node.pin(node.messages[-1], True, "Ada")
    node._put(node.by_id(node.messages[-1].message_id), bookmarked=True)
    node.say("Ada", "never mind")
    gone = node.messages[-1]
    node.answer("Ada", "what was it?", gone.message_id, "out")
    node.delete_for_both(gone)
    node.say("Ada", "too soon", direction="out")
    node.delete_for_both(node.messages[-1])
    node.answer("Ada", "\x1b[31m[b]" + "so long " * 40, node.messages[0].message_id)
    hostile = node.react(node.messages[-1], "\u202e" + "👨‍👩‍👧" * 9, "Ada")
    node.react(hostile, "[red]", None)


ACTS = {
    "message-life": (),
    "message-selected": ("escape", *("up",) * 4),
    "message-answering": ("escape", *("up",) * 4, "r"),
    "message-editing": ("escape", *("up",) * 5, "e"),
    "message-unsend": ("escape", *("up",) * 5, "x"),
    "message-react": ("escape", *("up",) * 4, "plus", *"roc"),
    "message-forward": ("escape", *("up",) * 4, "f", "down", "enter"),
    "message-pins": (*"/pins", "enter"),
    "message-details": ("escape", *("up",) * 5, "v"),
}


async def act(app: LoomApp, pilot: Pilot[None], keys: tuple[str, ...]) -> str:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    await settle(pilot)
    return app.export_screenshot(title="Loom")


@pytest.fixture(autouse=True)
def day(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day on which everything was said."""
    monkeypatch.setattr(times, "today", lambda: DAY)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ACTS)
async def test_messages_look_as_they_did(
    node: TalkingNode, opened: Opened, name: str, size: str
) -> None:
    talk(node)
    async with opened(node, SIZES[size]) as (app, pilot):
        picture = await act(app, pilot, ACTS[name])
    compare(f"{name}-{size}", picture)


@pytest.mark.parametrize("name", ["message-life", "message-react"])
async def test_messages_look_as_they_did_in_ascii(
    node: TalkingNode, opened: Opened, name: str
) -> None:
    talk(node)
    async with opened(node, SIZES["80x24"], unicode=False) as (app, pilot):
        picture = await act(app, pilot, ACTS[name])
    compare(f"{name}-ascii", picture)


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_messages_look_as_they_did_in_colours(
    node: TalkingNode, opened: Opened, theme: str
) -> None:
    talk(node)
    async with opened(node, SIZES["80x24"]) as (app, pilot):
        app.use_theme(theme)
        picture = await act(app, pilot, ())
    compare(f"message-life-{theme}", picture)


async def test_messages_look_as_they_did_without_colours(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    talk(node)
    async with opened(node, SIZES["80x24"]) as (app, pilot):
        picture = await act(app, pilot, ())
    compare("message-life-mono", picture)
