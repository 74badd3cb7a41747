"""A profile goes to another machine from the app, and comes from one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from loom.api.contact_commands import ExportToken
from loom.api.move_views import MoveListening, MoveProgress, MoveWords
from loom.api.moving import Where
from loom.api.profiles import NodeOptions
from loom.api.view import View
from loom.app import LocalProfiles
from loom.app.assembly import create_profile
from loom.config import Settings, home_of, paths_of
from loom.core.identity import phrase_from_entropy
from loom.front.signs import Signs
from loom.model import Address
from loom.tui import times
from loom.tui.app import LoomApp
from loom.tui.door import DoorApp
from loom.tui.kit.panel import Panel
from loom.tui.screens.moving import DIFFERENT, SAME, MoveAway, MoveHere
from loom.tui.screens.unlock import Unlock
from tests.fakes import FakeProfiles
from tests.tui.conftest import prose_of, settle, until, until_shown
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_door import standing
from tests.tui.test_safekeeping import PASSPHRASE
from tests.tui.test_safekeeping import go as _go
from tests.tui.test_snapshots import DAY, SIZES

OFFLINE = NodeOptions(online=False, serve=False)
NEW = "another passphrase there"


async def go(pilot: Pilot[Any], name: str, *typed: str) -> None:
    """To a stop of the panel by the keys, and write there, or press it."""
    panel = pilot.app.screen
    assert isinstance(panel, Panel)
    for _ in panel.body.stops:
        if panel.body.at == name:
            break
        await pilot.press("tab")
    if typed:
        await _go(pilot, name, *typed)
    else:
        assert panel.body.at == name
        await pilot.press("enter")
        await pilot.pause()


class Other:
    """The person at the other machine, who says what they see."""

    def __init__(self) -> None:
        self.addresses: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self.words: list[str] = []
        self.progress: list[MoveProgress] = []

    def tell(self, view: View) -> None:
        match view:
            case MoveListening(addresses=addresses):
                self.addresses.set_result(addresses)
            case MoveWords(words=words):
                self.words = words
            case MoveProgress():
                self.progress.append(view)

    async def is_same(self) -> bool:
        return True


def machine(folder: Path) -> LocalProfiles:
    return LocalProfiles(Settings(home=folder))


def ada(folder: Path) -> LocalProfiles:
    """A machine with a profile, and the least memory for Argon2id there is."""
    settings = Settings(home=folder)
    phrase = phrase_from_entropy(bytes(32))
    create_profile(paths_of(home_of(settings), "ada"), "Ada", PASSPHRASE, phrase, 64)
    return LocalProfiles(settings)


async def token_of(profiles: LocalProfiles, passphrase: str) -> str:
    client = await profiles.unlock("ada", passphrase, OFFLINE)
    try:
        return (await client.send(ExportToken())).token
    finally:
        await client.close()


async def test_a_profile_is_sent_compared_closed_and_wiped(tmp_path: Path) -> None:
    old, new = ada(tmp_path / "old"), machine(tmp_path / "new")
    token = await token_of(old, PASSPHRASE)
    other = Other()
    where = Where(listen=Address("127.0.0.1", 0))
    taking = asyncio.create_task(new.move_here("ada", NEW, where, other, argon2_memory_mib=64))
    async with standing(old, tmp_path / "config", locked="ada", moves=True) as (door, pilot):
        assert isinstance(door.screen, MoveAway)
        await go(pilot, "Passphrase", PASSPHRASE)
        await go(pilot, "meet: The other one waits")
        await go(pilot, "Its address", (await other.addresses)[0])
        await go(pilot, "Begin")
        await until_shown(pilot, "Compare with the other screen")
        assert all(word in prose_of(door) for word in other.words)
        assert door.screen.body.at == DIFFERENT
        await go(pilot, SAME)
        await until_shown(pilot, "ada runs on the new machine now")
        assert (await taking).is_told
        assert other.progress[-1].done_bytes == other.progress[-1].size_bytes
        await go(pilot, "Passphrase", PASSPHRASE)
        await go(pilot, "Delete what is left here")
        await until(pilot, lambda: not old.list_profiles())
    assert await token_of(new, NEW) == token


async def test_a_profile_comes_and_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ada(tmp_path / "old"), machine(tmp_path / "new")
    take = new.move_here

    async def cheap(*arguments: Any, **options: Any) -> Any:
        return await take(*arguments, argon2_memory_mib=64, **options)

    monkeypatch.setattr(new, "move_here", cheap)
    other = Other()
    where = Where(listen=Address("127.0.0.1", 0))
    sending = asyncio.create_task(old.move_away("ada", PASSPHRASE, where, other))
    async with standing(new, tmp_path / "config") as (door, pilot):
        await go(pilot, "Move a profile here")
        assert isinstance(door.screen, MoveHere)
        await go(pilot, "Its name here", "ada")
        await go(pilot, "Passphrase", NEW)
        await go(pilot, "Repeat it", NEW)
        await go(pilot, "meet: The other one waits")
        await go(pilot, "Its address", (await other.addresses)[0])
        await go(pilot, "Begin")
        await until_shown(pilot, "Compare with the other screen")
        assert all(word in prose_of(door) for word in other.words)
        await go(pilot, SAME)
        await until_shown(pilot, "ada is here, with 0 contacts")
        await sending
        await go(pilot, "Open it")
        await until(pilot, lambda: isinstance(door.screen, Unlock))


async def test_other_words_move_nothing_and_it_can_begin_again(tmp_path: Path) -> None:
    profiles = FakeProfiles()
    profiles.add("work")
    profiles.met.set()
    async with standing(profiles, tmp_path, locked="work", moves=True) as (door, pilot):
        await go(pilot, "Begin")
        assert "Type the passphrase first" in prose_of(door)
        await go(pilot, "Passphrase", "correct horse")
        await go(pilot, "Begin")
        await until_shown(pilot, "Compare with the other screen")
        await go(pilot, DIFFERENT)
        await until_shown(pilot, "begin again on both machines")
        assert "Start over" in prose_of(door)
        assert "work" in profiles.nodes


async def test_while_the_other_machine_is_awaited_it_can_be_stopped(tmp_path: Path) -> None:
    profiles = FakeProfiles()
    profiles.add("work")
    async with standing(profiles, tmp_path, locked="work", moves=True) as (door, pilot):
        await go(pilot, "Passphrase", "correct horse")
        await go(pilot, "Begin")
        await until_shown(pilot, "192.0.2.7:4070")
        await go(pilot, "Stop")
        await until_shown(pilot, "It was stopped")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(door.screen, Unlock))


async def test_the_app_locks_to_be_moved(tmp_path: Path) -> None:
    node = TalkingNode("work")
    app = LoomApp(node, profile="work", config=tmp_path, profiles=FakeProfiles(), signs=Signs(True))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press(*"/safekeeping", "enter")
        await settle(pilot)
        await go(pilot, "Move to another machine")
        await until(pilot, lambda: not app.is_running)
    assert (app.locked, app.moves) == (True, True)


async def _shown(door: DoorApp, pilot: Pilot[Any], profiles: FakeProfiles, name: str) -> None:
    if name == "here":
        door.show_moving(None)
        await until_shown(pilot, "Move a profile here")
        return
    if name == "away":
        return
    await go(pilot, "Passphrase", "correct horse")
    await go(pilot, "Begin")
    await until_shown(pilot, "192.0.2.7:4070")
    if name == "waiting":
        return
    profiles.met.set()
    await until_shown(pilot, SAME)
    if name == "words":
        return
    await go(pilot, SAME)
    await until_shown(pilot, "Leave both machines on")
    if name == "moved":
        profiles.moved.set()
        await until_shown(pilot, "runs on the new machine now")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["away", "waiting", "words", "going", "moved", "here"])
async def test_it_looks_as_it_did(
    tmp_path: Path, name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    profiles = FakeProfiles()
    profiles.add("work")
    async with standing(profiles, tmp_path, SIZES[size], locked="work", moves=True) as (
        door,
        pilot,
    ):
        await _shown(door, pilot, profiles, name)
        await pilot.pause()
        picture = door.export_screenshot(title="Loom")
    compare(f"moving-{name}-{size}", picture)
