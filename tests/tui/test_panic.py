"""The chord that destroys the profile: the first time it asks, the second time it does."""

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from loom.front.destroyed_words import REMAINS, destroyed_words
from loom.front.signs import Signs
from loom.tui.app import LoomApp
from loom.tui.screens.panic import PanicPanel
from tests.fakes import FakeProfiles
from tests.tui.conftest import prose_of, until
from tests.tui.talking import TalkingNode


def app_of(folder: Path, profiles: FakeProfiles | None, host: str = "") -> LoomApp:
    return LoomApp(
        TalkingNode("work"),
        profile="work",
        config=folder,
        profiles=profiles,
        signs=Signs(True),
        host=host,
    )


async def is_there(pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: pilot.app.screen.is_active)
    await pilot.pause()


async def test_the_chord_asks_and_its_last_key_again_destroys(tmp_path: Path) -> None:
    profiles = FakeProfiles()
    app = app_of(tmp_path, profiles)
    async with app.run_test(size=(80, 24)) as pilot:
        await is_there(pilot)
        await pilot.press("ctrl+x", "f12")
        assert isinstance(app.screen, PanicPanel)
        assert "F12 again, or held, destroys" in prose_of(app)
        assert profiles.destroyed == []
        await pilot.press("f12", "f12", "f12")  # held: more than one arrives
        await until(pilot, lambda: app.destroyed is not None)
    assert profiles.destroyed == [("work", True)]
    assert app.destroyed is not None
    words = " ".join(destroyed_words(app.destroyed))
    assert "/media/stick" in words
    assert REMAINS in words


async def test_any_other_key_destroys_nothing(tmp_path: Path) -> None:
    profiles = FakeProfiles()
    app = app_of(tmp_path, profiles)
    async with app.run_test(size=(80, 24)) as pilot:
        await is_there(pilot)
        await pilot.press("f12", "f12", "f12")  # without its first key it is no chord
        assert not isinstance(app.screen, PanicPanel)
        for key in ("escape", "enter"):
            await pilot.press("ctrl+x", "f12")
            assert isinstance(app.screen, PanicPanel)
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, PanicPanel))
        await pilot.press("f12")
        assert not isinstance(app.screen, PanicPanel)
    assert profiles.destroyed == []


async def test_a_profile_of_another_machine_is_not_destroyed_from_here(tmp_path: Path) -> None:
    profiles = FakeProfiles()
    app = app_of(tmp_path, profiles, host="box")
    async with app.run_test(size=(80, 24)) as pilot:
        await is_there(pilot)
        await pilot.press("ctrl+x", "f12", "f12")
        await until(pilot, lambda: "on box" in prose_of(app))
    assert profiles.destroyed == []
