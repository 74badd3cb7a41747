"""Disappearing messages and farewells as they looked when somebody looked at them."""

import pytest
from textual.pilot import Pilot

from loom.tui import times
from loom.tui.app import LoomApp
from loom.tui.chat import layout
from tests.fakes import NOW_MS
from tests.tui.conftest import Opened, settle
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_snapshots import DAY, SIZES, Act


async def counted_down(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """Timers that run for minutes, days and hours, and one of a message that nobody has read."""
    node.say("Ada", "burn this", "the plan for the week")
    node.say("Ada", "my part of it", direction="out", state="delivered")
    node.say("Ada", "for your eyes only", state="delivered")
    lasting = ((3_600, 2_730), (7 * 86_400, 6 * 86_400), (86_400, 7_300), (300, 30 * 86_400))
    for one, (lasts_s, left_s) in zip(node.messages[-4:], lasting, strict=True):
        node._put(one, expires_s=lasts_s, expires_at_ms=NOW_MS + left_s * 1_000)
    app.has_focus = False
    await pilot.press("alt+down")
    await settle(pilot)
    app.has_focus = False
    app.chat.navigation.open_(2)


async def timer_of_one(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("alt+x", *"2h", "enter", *"the code is 4711")


async def timer_of_an_answer(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("escape", "up", "r")
    await settle(pilot)
    await pilot.press("alt+x", *"2h", "enter", *"the code is 4711")


async def choosing_a_timer(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press("alt+x")


async def farewell_waits(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    """Of the open contact and of another one, after the sentence that told of it."""
    node.ask_farewell("Bob", "conversation")
    node.ask_farewell("Ada", "contact")
    await settle(pilot)
    await pilot.press("a")


async def farewell_asked(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    node.ask_farewell("Ada", "conversation")
    await settle(pilot)
    await pilot.press(*"/farewell", "enter")


async def deleting_it_all(app: LoomApp, pilot: Pilot[None], node: TalkingNode) -> None:
    await pilot.press(*"/farewell", "enter")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "act",
    [
        counted_down,
        timer_of_one,
        timer_of_an_answer,
        choosing_a_timer,
        farewell_waits,
        farewell_asked,
        deleting_it_all,
    ],
    ids=lambda act: act.__name__,
)
async def test_what_ends_looks_as_it_did(
    node: TalkingNode, opened: Opened, act: Act, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    monkeypatch.setattr(layout, "now_ms", lambda: NOW_MS)
    async with opened(node, SIZES[size]) as (app, pilot):
        await act(app, pilot, node)
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"lasting-{getattr(act, '__name__', '').replace('_', '-')}-{size}", picture)
