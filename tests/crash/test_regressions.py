"""Weaknesses that crashes showed, each mended."""

import errno
import os
import shutil
import stat
from functools import partial
from pathlib import Path

import pytest

from loom.api.profile_commands import Diagnose
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles, assembly
from loom.config import Settings
from loom.errors import DiskFull, LoomError, ProfileDamaged, StoreUnavailable
from loom.storage import persons
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.tui.reminders import remember_words
from loom.tui.settings import change_app_setting
from tests.crash.conftest import NewPair
from tests.crash.pair import paths
from tests.crash.test_power_loss import FRAME_BYTES, LOG_HEADER_BYTES
from tests.new_database import KEY
from tests.storage.given import add_contact, saying

PASSPHRASE = "correct horse battery staple"


def create(home: Path) -> None:
    assembly.create_profile(paths(home, "ada"), "Ada", PASSPHRASE, assembly.new_phrase(), 64)


def test_a_new_profile_outlasts_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name, and those of the folders made for it, were left to the system to write some day."""
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    home = tmp_path / "new" / "home"
    create(home)
    above = (home / "profiles", home, home.parent, tmp_path)
    assert {one.stat().st_ino for one in above} <= set(synced)


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, DiskFull), (errno.EIO, StoreUnavailable)]
)
@pytest.mark.parametrize("step", ["rename", "sync"])
def test_a_profile_that_cannot_be_put_in_its_place_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, error: type[LoomError]
) -> None:
    """It was said that the profile exists already; nobody would have seen its recovery words."""

    def fails(*_: object) -> None:
        raise OSError(code, "injected")

    with monkeypatch.context() as patch:
        if step == "sync":
            patch.setattr(assembly, "sync_folder", fails)
        else:
            patch.setattr(Path, "rename", fails)
        with pytest.raises(error):
            create(tmp_path)
    assert LocalProfiles(Settings(home=tmp_path)).list_profiles() == []
    assert list((tmp_path / "profiles").iterdir()) == []
    create(tmp_path)


async def test_a_page_torn_by_a_power_cut_is_no_damage_for_doctor(new_pair: NewPair) -> None:
    """The log still has it whole; the file was said to be beyond repair."""
    pair = new_pair()
    await pair.start()
    await pair.talk(2)
    await pair.finish()
    await pair.kill()
    file = pair.alice.paths.database
    log = file.with_name(file.name + "-wal").read_bytes()
    before = file.with_name("before")
    shutil.copy(file, before)
    for at in range(LOG_HEADER_BYTES, len(log), FRAME_BYTES):
        page = int.from_bytes(log[at : at + 4], "big")
        with file.open("r+b") as written:
            written.seek((page - 1) * 4_096)
            written.write(log[at + 24 : at + 24 + 2_048])
    assert file.read_bytes()[: before.stat().st_size] != before.read_bytes()
    alone = NodeOptions(online=False, serve=False)  # as `loom doctor` opens it
    client = await LocalProfiles(Settings(home=pair.home)).unlock("alice", PASSPHRASE, alone)
    checks = (await client.send(Diagnose())).checks
    await client.close()
    assert [one.found for one in checks if one.name == "database"] == ["whole"]
    await pair.finish()
    await pair.stop()


def test_a_setting_is_on_the_disk_before_it_takes_the_old_ones_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut the config file could be empty: every own key and theme gone."""
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def replace_(path: Path, target: Path) -> Path:
        steps.append("replaced")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace_)
    change_app_setting(tmp_path, "theme", "dark")
    remember_words(tmp_path, "ada", checked=False)
    assert steps == 2 * ["file", "replaced", "folder"]


@pytest.mark.parametrize("is_write", [False, True], ids=["read", "write"])
async def test_a_page_that_the_disk_gives_again_is_no_damage(
    tmp_path: Path, is_write: bool
) -> None:
    """After one failed read all commands told of a damaged profile until the node was restarted."""
    path = tmp_path / "loom.db"
    database = Database.open(path, KEY, create=True)
    await database.write(add_contact)
    for number in range(1, 201):
        database.submit(saying(number))
    database.close()
    whole = path.read_bytes()

    def count(db: Db) -> int:
        return len(db.execute("SELECT body FROM messages").fetchall())

    def delete(db: Db) -> int:
        return db.execute("DELETE FROM messages").rowcount

    database = Database.open(path, KEY)
    try:
        work = partial(database.write, delete) if is_write else partial(database.read, count)
        await database.read(persons.contacts)
        path.write_bytes(whole[:4_096] + bytes(len(whole) - 4_096))
        with pytest.raises(ProfileDamaged):
            await work()
        path.write_bytes(whole)
        assert await work() == 200
    finally:
        database.close()
