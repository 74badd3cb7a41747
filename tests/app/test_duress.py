"""The duress passphrase opens an empty profile; what was there is gone, killed at any step."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loom.api.contact_commands import ExportToken, ImportToken, ListContacts
from loom.api.profile_commands import ShowProfile
from loom.api.profiles import NodeOptions
from loom.app import LocalProfiles
from loom.config import Paths, Settings, home_of, paths_of
from loom.errors import InvalidInput, WrongPassphrase
from loom.front import plain_copies
from loom.front.plain_copies import plain_copy
from loom.wire.token import encode_token
from tests.people import EVE

OFFLINE = NodeOptions(online=False, serve=False)
OWN, DURESS = "correct horse battery", "wrong horse battery"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with Ada's profile, a contact in it, and a duress passphrase."""
    home = tmp_path_factory.mktemp("duress")
    asyncio.run(_make(home))
    return home


async def _make(home: Path) -> None:
    profiles = LocalProfiles(Settings(home=home))
    await profiles.create("ada", "Ada Lovelace", OWN, argon2_memory_mib=64)
    opened = await profiles.unlock("ada", OWN, OFFLINE)
    await opened.send(ImportToken(token=encode_token(EVE.token), name="Eve"))
    await opened.close()
    await profiles.set_duress("ada", OWN, DURESS)
    folder = paths_of(home_of(Settings(home=home)), "ada").folder
    (folder / "files").mkdir(exist_ok=True)
    (folder / "files" / ("0" * 32)).write_bytes(b"sealed")


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


def paths(home: Path) -> Paths:
    return paths_of(home_of(Settings(home=home)), "ada")


async def is_empty(home: Path) -> None:
    """What opens is a profile that nobody knows, and opens like any other from now on."""
    profiles = LocalProfiles(Settings(home=home))
    tokens = set()
    for _ in range(2):
        opened = await profiles.unlock("ada", DURESS, OFFLINE)
        assert (await opened.send(ListContacts())).contacts == []
        assert (await opened.send(ShowProfile())).name == "ada"
        tokens.add((await opened.send(ExportToken())).token)
        await opened.close()
    assert len(tokens) == 1
    with pytest.raises(WrongPassphrase):
        await profiles.unlock("ada", OWN, OFFLINE)
    assert not (paths(home).folder / "files" / ("0" * 32)).exists()


async def test_the_own_passphrase_opens_what_was_there(home: Path) -> None:
    opened = await LocalProfiles(Settings(home=home)).unlock("ada", OWN, OFFLINE)
    assert [one.contact for one in (await opened.send(ListContacts())).contacts] == ["Eve"]
    await opened.close()


async def test_the_duress_passphrase_opens_an_empty_profile_and_destroys_the_other(
    home: Path,
) -> None:
    before = paths(home).database.read_bytes()
    log = paths(home).log
    log.parent.mkdir(exist_ok=True)
    log.write_text("contact 1 came online")
    await is_empty(home)
    assert not log.exists()
    after = paths(home).database.read_bytes()
    assert before[:4096] not in after


async def test_what_a_killed_change_left_is_overwritten(home: Path, tmp_path: Path) -> None:
    kept = []
    for name in ("vault.key.new", "unlock.keyring.new"):
        left = paths(home).folder / name
        left.write_bytes(paths(home).keyslot.read_bytes())
        kept.append(tmp_path / f"kept {name}")
        os.link(left, kept[-1])
    before = kept[0].read_bytes()
    await is_empty(home)
    for one in kept:  # the blocks themselves
        assert len(one.read_bytes()) == len(before)
        assert one.read_bytes()[:31] != before[:31]


async def test_plain_copies_of_its_files_go_too_and_those_of_others_stay(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(plain_copies, "_memory", lambda: [tmp_path / "memory"])
    folder = paths(home).folder
    with plain_copy(0, folder) as viewed, plain_copy(0, tmp_path / "other") as others:
        for copy in (viewed, others):
            (copy.folder / "note.txt").write_text("plain")
        assert folder.name not in viewed.folder.name
        await is_empty(home)
        assert not viewed.folder.exists()
        assert (others.folder / "note.txt").exists()


@pytest.mark.parametrize("what", ["change", "remove", "set"])
async def test_typed_to_change_a_passphrase_it_does_the_same(home: Path, what: str) -> None:
    profiles = LocalProfiles(Settings(home=home))
    if what == "change":
        await profiles.change_passphrase("ada", DURESS, "a third one")
        await profiles.change_passphrase("ada", "a third one", DURESS)
    elif what == "remove":
        await profiles.set_duress("ada", DURESS, None)
    else:
        await profiles.set_duress("ada", DURESS, "a third one")
    await is_empty(home)


async def test_beside_an_open_profile_it_is_a_wrong_passphrase(home: Path) -> None:
    profiles = LocalProfiles(Settings(home=home))
    opened = await profiles.unlock("ada", OWN, OFFLINE)
    with pytest.raises(WrongPassphrase):
        await profiles.change_passphrase("ada", DURESS, "a third one")
    await opened.close()
    opened = await profiles.unlock("ada", OWN, OFFLINE)
    assert len((await opened.send(ListContacts())).contacts) == 1
    await opened.close()


async def test_one_that_is_the_own_or_too_short_is_refused(home: Path) -> None:
    profiles = LocalProfiles(Settings(home=home))
    for wrong in (OWN, "short"):
        with pytest.raises(InvalidInput):
            await profiles.set_duress("ada", OWN, wrong)
    await profiles.set_duress("ada", OWN, None)
    with pytest.raises(WrongPassphrase):
        await profiles.unlock("ada", DURESS, OFFLINE)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from loom.app import LocalProfiles, passphrases
from loom.config import Settings
from loom.api.profiles import NodeOptions

home, nth = Path(sys.argv[1]), int(sys.argv[2])
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

give_way = passphrases._give_way

def begun(paths, key):
    for name in ("pwrite", "fsync", "unlink", "rmdir", "open", "replace", "rename"):
        counted(name)
    give_way(paths, key)
    print(count)
    os._exit(0)

passphrases._give_way = begun
options = NodeOptions(online=False, serve=False)
asyncio.run(LocalProfiles(Settings(home=home)).unlock("ada", "wrong horse battery", options))
"""


def _killed(home: Path, nth: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(nth)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, -9), done.stderr
    return done.stdout.strip()


@pytest.mark.long
async def test_killed_at_any_step_the_next_time_goes_on(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "whole")
    steps = int(_killed(tmp_path / "whole", 0))
    assert steps > 8
    await is_empty(tmp_path / "whole")
    for nth in sorted({2, 3, 4, 6, *range(8, steps, 3), steps}):
        copy = tmp_path / str(nth)
        shutil.copytree(home, copy)
        assert _killed(copy, nth) == ""
        await is_empty(copy)
        shutil.rmtree(copy)
