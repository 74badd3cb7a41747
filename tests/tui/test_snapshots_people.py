"""The screens about people as they looked when somebody looked at them; see test_snapshots.py."""

import pytest

from loom.tui import times
from tests.fakes import TOKEN
from tests.tui.conftest import Opened, settle, until_shown
from tests.tui.people import PeopleNode
from tests.tui.pictures import compare
from tests.tui.test_snapshots import DAY, SIZES

SCREENS = {
    "contact": ("/contact",),
    "verify": ("/verify",),
    "token": ("/token",),
    "add": ("/add",),
    "add-taken": (f"/add {TOKEN} Ada",),
    "pair": ("/pair",),
    "pair-words": ("/pair",),
    "peers": ("/peers",),
    "changed": ("/open Bob", "not to be sent"),
    "verify-changed": ("/open Bob", "/verify"),
    "held": ("/open Cyd", "not to be sent"),
    "held-contact": ("/open Cyd", "/contact"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
async def test_it_looks_as_it_did(
    opened: Opened, name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    monkeypatch.setattr("loom.tui.clipboard.can_paste", lambda: True)
    node = PeopleNode()
    node.add("Bob", online=False, session="none", identity_changed=True)
    node.add("Ada", session="established", display_name="Ada \x1b[31mL.")
    if name.startswith("held"):
        node.add("Cyd", session="none", identity_changed=True, identity_proven=True)
    node.say("Bob", "new phone")
    node.say("Ada", "see you at noon")
    async with opened(node, SIZES[size]) as (app, pilot):
        for typed in SCREENS[name]:
            await pilot.press(*typed, "enter")
            await settle(pilot)
        if name.startswith("pair"):
            node.near("stone-cabin")
            if name == "pair-words":
                node.show_words()
            await until_shown(pilot, "judge" if name == "pair-words" else "stone-cabin")
            await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"people-{name}-{size}", picture)


async def test_without_utf_8(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loom.tui.clipboard.can_paste", lambda: True)
    node = PeopleNode()
    node.add("Ada", session="established")
    async with opened(node, SIZES["120x40"], unicode=False) as (app, pilot):
        await pilot.press(*"/verify", "enter")
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare("people-verify-ascii", picture)
