"""The screens that keep a profile safe as they looked when somebody looked at them."""

from pathlib import Path

import pytest

from loom.api.identity_views import IdentityView
from loom.front.signs import Signs
from loom.tui import times
from loom.tui.app import LoomApp
from tests.fakes import NOW_MS, TOKEN, FakeProfiles
from tests.tui.conftest import settle
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_safekeeping import go
from tests.tui.test_snapshots import DAY, SIZES

SCREENS: dict[str, tuple[str, ...]] = {
    "all": (),
    "identity": ("Identity",),
    "new-keys": ("Identity", "New keys"),
    "ending": ("Identity", "End this identity"),
    "unlocks": ("Ways to unlock",),
    "duress": ("Duress passphrase",),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
async def test_it_looks_as_it_did(
    tmp_path: Path, name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    node = TalkingNode()
    node.schedule = node.schedule.__class__(folder="", keep=0, opens_with="", last_ms=None)
    node.identity = IdentityView(
        number=1, fingerprint="ab" * 32, token=TOKEN, changed_at_ms=NOW_MS, untold=3
    )
    app = LoomApp(node, profile="work", config=tmp_path, profiles=FakeProfiles(), signs=Signs(True))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settle(pilot)
        await pilot.press(*"/safekeeping", "enter")
        await settle(pilot)
        for button in SCREENS[name]:
            await go(pilot, button)
        picture = app.export_screenshot(title="Loom")
    compare(f"safekeeping-{name}-{size}", picture)
