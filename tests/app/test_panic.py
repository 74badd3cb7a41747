"""A profile is destroyed, its keyslot first; killed at any step, nothing opens what is left."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loom.api.backup_commands import MakeBackup
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles, assembly
from loom.config import Paths, Settings, home_of, paths_of
from loom.errors import NodeNotRunning, ProfileDamaged, ProfileNotFound, StoreUnavailable
from loom.model import Address
from loom.storage import vault

OPTIONS = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False)
PASSPHRASE = "correct horse battery"


def place(home: Path) -> Paths:
    """Ada's profile, with what may lie there."""
    settings = Settings(home=home)
    paths = paths_of(home_of(settings), "ada")
    assembly.create_profile(paths, "Ada", PASSPHRASE, assembly.new_phrase(), 64)
    paths.files.mkdir()
    (paths.files / ("0" * 32)).write_bytes(b"sealed")
    for path in (paths.keyslot.with_name("vault.key.new"), paths.folder / "mark.0", paths.log):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(paths.keyslot.read_bytes())
    return paths


def is_gone(paths: Paths) -> bool:
    """Nothing says any more that there was a profile."""
    return not paths.folder.exists() and not paths.log.exists()


async def test_a_locked_profile_is_gone_and_its_keyslots_were_overwritten(tmp_path: Path) -> None:
    paths = place(tmp_path)
    before = paths.keyslot.read_bytes()
    kept = [tmp_path / "one", tmp_path / "two"]
    os.link(paths.keyslot, kept[0])
    os.link(paths.keyslot.with_name("vault.key.new"), kept[1])
    profiles = LocalProfiles(Settings(home=tmp_path))
    done = await profiles.panic("ada")
    assert (done.is_known, done.asked, done.backups) == (False, 0, [])
    assert is_gone(paths)
    for one in kept:  # the blocks themselves
        assert len(one.read_bytes()) == len(before)
        left = one.read_bytes()
        parts = {before[at : at + 8] for at in range(len(before) - 8)}
        assert not [at for at in range(len(left)) if left[at : at + 8] in parts]
    with pytest.raises(ProfileNotFound):
        await profiles.panic("ada")


async def test_what_was_received_of_a_move_is_gone_too(tmp_path: Path) -> None:
    paths = paths_of(home_of(Settings(home=tmp_path)), "ada")
    building = paths.moving / "profile"
    building.mkdir(parents=True)
    vault.create(building / "vault.key", PASSPHRASE, 64 * 1024, 1, 1)
    before = (building / "vault.key").read_bytes()
    os.link(building / "vault.key", tmp_path / "kept")
    (paths.moving / "state").write_bytes(b"sealed")
    paths.moving_lock.touch()
    profiles = LocalProfiles(Settings(home=tmp_path))
    await profiles.panic("ada")
    assert list(paths.folder.parent.iterdir()) == []
    assert (tmp_path / "kept").read_bytes()[:31] != before[:31]
    with pytest.raises(ProfileNotFound):
        await profiles.panic("ada")


async def test_what_a_killed_restore_left_is_gone_too(tmp_path: Path) -> None:
    paths = paths_of(home_of(Settings(home=tmp_path)), "ada")
    left = paths.building("0123abcd")
    left.mkdir(parents=True)
    vault.create(left / "vault.key", PASSPHRASE, 64 * 1024, 1, 1)
    before = (left / "vault.key").read_bytes()
    os.link(left / "vault.key", tmp_path / "kept")
    await LocalProfiles(Settings(home=tmp_path)).panic("ada")
    assert not left.exists()
    assert (tmp_path / "kept").read_bytes()[:31] != before[:31]


HOLDS = """
import sys
from pathlib import Path
from loom.storage.profile_lock import ProfileLock

with ProfileLock.acquire(Path(sys.argv[1]), "ada"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["lock", "moving_lock"])
async def test_who_still_unlocks_it_or_moves_it_is_ended(tmp_path: Path, name: str) -> None:
    paths = place(tmp_path)
    holder = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDS,
        str(getattr(paths, name)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"held\n"
    try:
        await LocalProfiles(Settings(home=tmp_path)).panic("ada")
        assert is_gone(paths)
        assert holder.stdin is not None
        holder.stdin.close()
        assert await holder.wait() == -signal.SIGKILL
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()


async def test_a_profile_that_is_open_ends_too_and_says_which_backups_survive(
    tmp_path: Path,
) -> None:
    paths = place(tmp_path)
    profiles = LocalProfiles(Settings(home=tmp_path))
    opened = await profiles.unlock("ada", PASSPHRASE, OPTIONS)
    for name in ("kept.loom", "lost.loom"):
        await opened.send(MakeBackup(path=str(tmp_path / name)))
    (tmp_path / "lost.loom").unlink()
    done = await profiles.panic("ada")
    assert done.is_known
    assert done.backups == [str(tmp_path / "kept.loom")]
    await opened.close()
    assert is_gone(paths)
    with pytest.raises((ProfileNotFound, NodeNotRunning)):
        await profiles.attach("ada")


async def test_a_keyslot_that_cannot_be_destroyed_is_told_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = place(tmp_path)

    def fails(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(StoreUnavailable):
            await LocalProfiles(Settings(home=tmp_path)).panic("ada")
    assert not paths.database.exists()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from loom.app import LocalProfiles
from loom.config import Settings
from loom.api.profiles import NodeOptions
from loom.model import Address

home, nth, is_open = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "open"
count = 0

def counted(name):
    real = getattr(os, name)
    def call(*arguments, **named):
        global count
        count += 1
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    setattr(os, name, call)

async def work():
    profiles = LocalProfiles(Settings(home=home))
    if is_open:
        options = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False)
        opened = await profiles.unlock("ada", "correct horse battery", options)
    for name in ("chmod", "pwrite", "fsync", "unlink", "rmdir"):
        counted(name)
    await profiles.panic("ada")
    if is_open:
        await opened.close()
    print(count)

asyncio.run(work())
"""


OVERWRITES = 7
"""Which call overwrites the keyslot, after five that destroy `vault.key.new`, and its `chmod`."""


def _killed(home: Path, nth: int, how: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(nth), how],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("how", ["locked", "open"])
async def test_killed_at_any_step_nothing_opens_what_is_left(tmp_path: Path, how: str) -> None:
    paths = place(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "start")
    steps = int(_killed(tmp_path / "whole", 0, how))
    assert steps > OVERWRITES + 5
    assert is_gone(paths)
    met = {
        1,
        OVERWRITES - 2,
        *range(OVERWRITES, OVERWRITES + 4),
        *range(OVERWRITES, steps, 3),
        steps,
    }
    for nth in sorted(met):
        home = tmp_path / str(nth)
        shutil.copytree(tmp_path / "start", home)
        paths = paths_of(home_of(Settings(home=home)), "ada")
        assert _killed(home, nth, how) == ""
        if nth > OVERWRITES:
            with pytest.raises(ProfileDamaged):
                vault.unlock(paths.keyslot, PASSPHRASE)
        else:
            assert paths.database.exists()
            vault.unlock(paths.keyslot, PASSPHRASE).wipe()
        if paths.keyslot.exists() or paths.database.exists():  # another call takes it away
            await LocalProfiles(Settings(home=home)).panic("ada")
        assert not paths.database.exists()
        assert not paths.keyslot.exists()
