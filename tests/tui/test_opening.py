"""A link is opened after a question that shows where it leads."""

import webbrowser
from typing import Any

import pytest
from textual.pilot import Pilot

from loom.tui import clipboard, times
from loom.tui.app import LoomApp
from loom.tui.screens.opening import LinkPanel
from tests.tui.conftest import Opened, prose_of, settle
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_snapshots import DAY

MIXED = "look: https://user.bank.example@bаnk.example/" + "path/" * 30
PUNYCODE = "https://xn--bnk-6cd.example/"
SIZES = [(80, 24), (120, 40), (20, 5)]


async def asked(app: LoomApp, pilot: Pilot[None]) -> LinkPanel:
    app.chat.selection.stop()
    await pilot.press("escape", "o")
    await settle(pilot)
    assert isinstance(app.screen, LinkPanel)
    return app.screen


@pytest.mark.parametrize("size", SIZES, ids=lambda one: f"{one[0]}x{one[1]}")
async def test_the_question_looks_as_it_did(
    node: TalkingNode, opened: Opened, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(times, "today", lambda: DAY)
    node.say("Ada", MIXED)
    async with opened(node, size) as (app, pilot):
        await asked(app, pilot)
        compare(f"writing-link-{size[0]}x{size[1]}", app.export_screenshot(title="Loom"))


async def test_nothing_is_opened_before_somebody_says_so(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def copy(text: str, _: Any) -> str:
        done.append(f"copied {text}")
        return "Copied."

    def open_(address: str) -> bool:
        done.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", open_)
    monkeypatch.setattr(clipboard, "copy", copy)
    monkeypatch.setenv("DISPLAY", ":0")
    node.say("Ada", "see https://bаnk.example/")
    async with opened(node) as (app, pilot):
        panel = await asked(app, pilot)
        said = prose_of(app)
        assert PUNYCODE in said
        assert "bаnk.example" in said
        assert "The host mixes Cyrillic and Latin letters" in said
        panel.leave()
        await settle(pilot)
        assert done == []
        await asked(app, pilot)
        await pilot.press("enter")  # where something may deceive, that goes back
        await settle(pilot)
        assert done == []
        await asked(app, pilot)
        await pilot.press("shift+tab", "shift+tab", "enter")
        await settle(pilot)
        assert done == [PUNYCODE]
        assert app.screen is app.chat
        await asked(app, pilot)
        await pilot.press("shift+tab", "enter")
        await settle(pilot)
        assert done[1:] == [f"copied {PUNYCODE}"]


async def test_where_the_address_is_out_of_sight_enter_goes_back(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(webbrowser, "open", done.append)
    monkeypatch.setenv("DISPLAY", ":0")
    node.say("Ada", "see https://x.example/")
    async with opened(node, (20, 5)) as (app, pilot):
        await asked(app, pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert app.screen is app.chat
        assert done == []


async def test_without_a_desktop_it_can_only_be_copied(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    node.say("Ada", "see https://x.example/")
    async with opened(node) as (app, pilot):
        await asked(app, pilot)
        assert "Open it in the browser" not in prose_of(app)
        assert "Copy the address" in prose_of(app)
