"""Backups made, verified, scheduled and restored from the app, over real profiles."""

from pathlib import Path
from typing import Any

import pytest

from loom.api.backup_commands import ShowBackupSchedule
from loom.api.backup_views import LostRows, ScheduleView
from loom.api.contact_commands import ExportToken, ListContacts
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles
from loom.config import Settings
from loom.front.signs import Signs
from loom.model import Address
from loom.passphrases import MIN_CHARACTERS
from loom.storage.backup_file import HEADER_BYTES, SEALED_CHUNK_BYTES
from loom.tui import times
from loom.tui.app import LoomApp
from loom.tui.screens import backups, restoring
from loom.tui.screens.backups import BackupsPanel
from loom.tui.screens.restoring import RestoreBackup
from loom.tui.screens.unlock import Unlock
from tests.fakes import NOW_MS, FakeProfiles
from tests.tui.conftest import prose_of, settle, until, until_shown
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_door import standing
from tests.tui.test_moving import go as go_to
from tests.tui.test_safekeeping import PHRASE, go, opened, profiles
from tests.tui.test_snapshots import DAY, SIZES

__all__ = ["profiles"]  # a fixture

OWN = "a passphrase of the backup"
NEW = "another passphrase there"
OFFLINE = NodeOptions(online=False, serve=False)
ONLINE = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False, serve=False)


async def make(pilot: Any, path: Path) -> None:
    """In the screen where one is made: to this file."""
    await go_to(pilot, "File or folder")
    await pilot.press("ctrl+u")
    await go(pilot, "File or folder", str(path))


async def test_one_is_made_and_verified_and_the_screen_says_where_it_is(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    path = tmp_path / "stick" / "ada.loom"
    path.parent.mkdir()
    async with opened(profiles, tmp_path) as (app, pilot):
        await pilot.press(*"/backup", "enter")
        await settle(pilot)
        assert "there is none yet" in prose_of(app)
        await go(pilot, "Make one now")
        await make(pilot, path)
        await go(pilot, "Make it")
        await until_shown(pilot, "is written")
        assert "It opens with the 24 words" in prose_of(app)
        await go(pilot, "Verify it")
        await go(pilot, "Verify")
        await until(pilot, lambda: app.screen.body.at == "24 words")  # type: ignore[attr-defined]
        await go(pilot, "24 words", PHRASE.replace("art", "abandon"))
        await go(pilot, "Verify")
        await until_shown(pilot, "These words cannot be used")
        await pilot.press("ctrl+u")
        await go(pilot, "24 words", PHRASE)
        await go(pilot, "Verify")
        await until_shown(pilot, "It is whole")
        assert "with 1 contact" in prose_of(app)
        await pilot.press("escape")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, BackupsPanel)
        assert "the last one" in prose_of(app)
        assert "ada.loom ]" in prose_of(app)
        path.unlink()
        await go(pilot, "Make one now")
        await pilot.press("escape")
        await settle(pilot)
        assert "not there now" in prose_of(app)


async def test_a_passphrase_of_its_own_opens_it_and_what_is_there_is_not_replaced(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    path = tmp_path / "ada.loom"
    path.write_text("something else")
    async with opened(profiles, tmp_path) as (app, pilot):
        await pilot.press(*"/backup", "enter")
        await settle(pilot)
        await go(pilot, "Make one now")
        await make(pilot, path)
        await go(pilot, "holds: Contacts and rooms only")
        await go(pilot, "opens: A passphrase of its own does")
        await go(pilot, "Make it")
        assert "write another name" in prose_of(app)
        path.unlink()
        await go(pilot, "Its passphrase", "short")
        await go(pilot, "Make it")
        assert f"at least {MIN_CHARACTERS} characters" in prose_of(app)
        await pilot.press("ctrl+u")
        await go(pilot, "Its passphrase", OWN)
        await go(pilot, "Repeat it", f"{OWN}!")
        await go(pilot, "Make it")
        assert "The two passphrases differ" in prose_of(app)
        assert not path.exists()
        await go(pilot, "Repeat it", OWN)
        await go(pilot, "Make it")
        await until_shown(pilot, "It opens with its own passphrase")
    assert await profiles.backup_opens_with(path) == "passphrase"
    found = await profiles.verify_backup(path, OWN)
    assert found.backup.contacts_only
    assert found.backup.contacts == 1


async def test_one_a_day_is_made_at_once_and_none_any_more_keeps_it(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    folder = tmp_path / "daily"
    async with opened(profiles, tmp_path, options=ONLINE) as (app, pilot):
        await pilot.press(*"/backup", "enter")
        await settle(pilot)
        await go(pilot, "Make one a day")
        await go(pilot, "Folder", str(folder))
        await go(pilot, "Make one a day")
        assert "There is no such folder" in prose_of(app)
        folder.mkdir()
        await go_to(pilot, "How many stay")
        await pilot.press("ctrl+u")
        await go(pilot, "How many stay", "many")
        await go(pilot, "Make one a day")
        assert "Write a number" in prose_of(app)
        await pilot.press("ctrl+u")
        await go(pilot, "How many stay", "3")
        await go(pilot, "Make one a day")
        await until_shown(pilot, "From now on one is made every day")
        assert (await app.send(ShowBackupSchedule())).keep == 3
        await until(pilot, lambda: list(folder.glob("*.loom")))
        await go(pilot, "Make none any more")
        await until_shown(pilot, "None is made any more")
        assert (await app.send(ShowBackupSchedule())).folder == ""
    [made] = folder.iterdir()
    assert (await profiles.verify_backup(made, PHRASE)).lost == []


async def test_no_backup_is_said_at_the_start_with_the_way_to_one(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    async with opened(profiles, tmp_path) as (app, _):
        assert "There is no backup yet: /backup makes one" in prose_of(app)


async def test_a_backup_is_restored_where_no_profile_is(
    profiles: LocalProfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ada.loom"
    async with opened(profiles, tmp_path) as (app, pilot):
        token = (await app.send(ExportToken())).token
        await pilot.press(*"/backup", "enter")
        await settle(pilot)
        await go(pilot, "Make one now")
        await make(pilot, path)
        await go(pilot, "Make it")
        await until_shown(pilot, "is written")
    new = LocalProfiles(Settings(home=tmp_path / "new"))
    restore = new.restore_backup

    async def cheap(*arguments: Any, **options: Any) -> Any:
        return await restore(*arguments, argon2_memory_mib=64, **options)

    monkeypatch.setattr(new, "restore_backup", cheap)
    async with standing(new, tmp_path / "config") as (door, pilot):
        await go_to(pilot, "Restore a backup")
        assert isinstance(door.screen, RestoreBackup)
        await go_to(pilot, "File", str(tmp_path / "nothing"))
        await go_to(pilot, "Restore")
        await until_shown(pilot, "cannot be read")
        await pilot.press("ctrl+u")
        await go_to(pilot, "File", str(path))
        await go_to(pilot, "Restore")
        await until_shown(pilot, "24 words")
        await go_to(pilot, "24 words", PHRASE)
        await go_to(pilot, "Its name here", "Ada")
        await go_to(pilot, "Passphrase", NEW)
        await go_to(pilot, "Repeat it", NEW)
        await go_to(pilot, "Restore")
        await until_shown(pilot, "ada is restored")
        assert PHRASE.split()[-1] not in prose_of(door).split()
        await go_to(pilot, "Open it")
        await until(pilot, lambda: isinstance(door.screen, Unlock))
    client = await new.unlock("ada", NEW, OFFLINE)
    assert (await client.send(ExportToken())).token == token
    assert [one.contact for one in (await client.send(ListContacts())).contacts] == ["Bob"]
    await client.close()


async def test_a_damaged_backup_says_so_and_makes_no_profile(
    profiles: LocalProfiles, tmp_path: Path
) -> None:
    path = tmp_path / "ada.loom"
    async with opened(profiles, tmp_path) as (_, pilot):
        await pilot.press(*"/backup", "enter")
        await settle(pilot)
        await go(pilot, "Make one now")
        await make(pilot, path)
        await go(pilot, "Make it")
        await until_shown(pilot, "is written")
    raw = bytearray(path.read_bytes())
    raw[HEADER_BYTES + SEALED_CHUNK_BYTES + 100] ^= 1
    path.write_bytes(raw)
    new = LocalProfiles(Settings(home=tmp_path / "new"))
    async with standing(new, tmp_path / "config") as (_, pilot):
        await go_to(pilot, "Restore a backup")
        await go_to(pilot, "File", str(path))
        await go_to(pilot, "Restore")
        await until_shown(pilot, "24 words")
        await go_to(pilot, "24 words", PHRASE)
        await go_to(pilot, "Its name here", "Ada")
        await go_to(pilot, "Passphrase", NEW)
        await go_to(pilot, "Repeat it", NEW)
        await go_to(pilot, "Restore")
        await until_shown(pilot, "cannot be restored")
        assert new.list_profiles() == []
        await pilot.press("escape")
        await until_shown(pilot, "Welcome to Loom")


async def _shown(app: LoomApp, pilot: Any, name: str, path: Path) -> None:
    """One of the screens of an open profile."""
    await pilot.press(*"/backup", "enter")
    await settle(pilot)
    if name == "all":
        return
    if name in ("making", "made"):
        await go(pilot, "Make one now")
        await make(pilot, path)
        if name == "made":
            await go(pilot, "Make it")
            await until_shown(pilot, "is written")
    elif name == "daily":
        await go(pilot, "Make one a day")
        await go(pilot, "opens: A passphrase of its own does")
    else:
        await go(pilot, "Verify one")
        await go(pilot, "File", str(path))
        await go(pilot, "Verify")
        await until_shown(pilot, "24 words")
        await go(pilot, "24 words", PHRASE)
        await go(pilot, "Verify")
        await until_shown(pilot, "It is damaged")


LOST = [LostRows(what="messages", count=12, after_ms=NOW_MS - 86_400_000, until_ms=NOW_MS)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["all", "making", "made", "daily", "verified"])
async def test_it_looks_as_it_did(
    tmp_path: Path, name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (times, backups):
        monkeypatch.setattr(module, "today", lambda: DAY)
    node = TalkingNode()
    node.schedule = ScheduleView(
        folder="/media/disk/loom",
        keep=7,
        opens_with="phrase",
        last_ms=NOW_MS,
        places=["/media/stick/ada.loom", "/media/disk/loom"],
    )
    known = FakeProfiles()
    known.lost = LOST
    app = LoomApp(node, profile="work", config=tmp_path, profiles=known, signs=Signs(True))
    async with app.run_test(size=SIZES[size]) as pilot:
        await settle(pilot)
        await _shown(app, pilot, name, Path("/media/stick/new.loom"))
        picture = app.export_screenshot(title="Loom")
    compare(f"backups-{name}-{size}", picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["asked", "restored"])
async def test_restoring_looks_as_it_did(
    tmp_path: Path, name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    monkeypatch.setattr(restoring, "now_ms", lambda: NOW_MS)
    known = FakeProfiles()
    known.lost = LOST
    async with standing(known, tmp_path, SIZES[size]) as (door, pilot):
        await go_to(pilot, "Restore a backup")
        await go_to(pilot, "File", "/media/stick/ada.loom")
        await go_to(pilot, "Restore")
        await until_shown(pilot, "24 words")
        if name == "restored":
            await go_to(pilot, "24 words", PHRASE)
            await go_to(pilot, "Its name here", "Ada")
            await go_to(pilot, "Passphrase", NEW)
            await go_to(pilot, "Repeat it", NEW)
            await go_to(pilot, "Restore")
            await until_shown(pilot, "ada is restored")
        await pilot.pause()
        picture = door.export_screenshot(title="Loom")
    compare(f"restoring-{name}-{size}", picture)
