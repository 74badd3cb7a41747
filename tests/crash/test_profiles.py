"""A profile is made, restored, given a new passphrase, schema or setting, and the machine dies."""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from loom.app import LocalProfiles, assembly
from loom.config import Paths, Settings
from loom.core.identity import Identity, seeds_from_phrase
from loom.errors import WrongPassphrase
from loom.storage import maintenance, schema, vault
from loom.storage.connection import connect
from loom.storage.database import Database
from tests.crash.conftest import ROUNDS
from tests.crash.pair import paths
from tests.crash.recorded_disk import Loss, RecordedDisk, calls_of, recorded
from tests.crash.victims import COUNT, Fault, Nursery, boundaries, needs_strace, spread
from tests.new_database import KEY
from tests.storage.given import find, mid

PROFILE = "ada"
OLD, NEW = "correct horse battery staple", "a better one"
PHRASE = assembly.new_phrase()
PEER_ID = Identity(seeds_from_phrase(PHRASE)).peer_id

Check = Callable[[Path, bool], None]
"""Given the folder and whether the work was said to be done."""


class Work(NamedTuple):
    """Something that changes a profile's files."""

    task: str
    arguments: Callable[[Path], tuple[str, ...]]
    begin: Callable[[Path], None]
    """Makes the folder that the work starts from."""
    check: Check


# --- a new profile, or one from its words ---


def nothing(home: Path) -> None:
    home.mkdir(mode=0o700)


def stands_whole_or_not_at_all(home: Path, done: bool) -> None:
    profiles = LocalProfiles(Settings(home=home))
    place = paths(home, PROFILE)
    found = [one.profile for one in profiles.list_profiles()]
    if done:
        assert found == [PROFILE], "it was said to stand"
    if not found:
        assembly.create_profile(place, "Ada", OLD, PHRASE, 64)
        assert [one.profile for one in profiles.list_profiles()] == [PROFILE]
    assert identity(place, OLD) == PEER_ID


def identity(place: Paths, passphrase: str) -> bytes:
    key = vault.unlock(place.keyslot, passphrase).database_key()
    database = Database.open(place.database, key)
    try:
        assert database.read_now(maintenance.integrity) == []
        return database.read_now(assembly.load_identity)[0].peer_id
    finally:
        database.close()


# --- another passphrase ---


def old_keyslot(home: Path) -> None:
    home.mkdir(mode=0o700)
    place = paths(home, PROFILE)
    place.folder.mkdir(parents=True)
    vault.create(place.keyslot, OLD, vault.MEMORY_MIN_KIB, passes=1)


def one_passphrase_opens(home: Path, done: bool) -> None:
    place = paths(home, PROFILE)
    works = [one for one in (OLD, NEW) if opens(place, one)]
    assert works == [NEW] if done else len(works) == 1
    key = vault.unlock(place.keyslot, works[0])
    vault.change_passphrase(place.keyslot, key, "another")  # what was left is in nobody's way
    assert opens(place, "another")


def opens(place: Paths, passphrase: str) -> bool:
    try:
        vault.unlock(place.keyslot, passphrase)
    except WrongPassphrase:
        return False
    return True


# --- a newer schema ---


def old_schema(home: Path) -> None:
    home.mkdir(mode=0o700)
    path = home / "loom.db"
    path.touch(0o600)
    db = connect(path, KEY)
    known = schema.migrations()
    schema.migrate(db, {1: known[1]})
    db.execute(
        "INSERT INTO contacts (name, name_key, peer_id, x25519_public, created_at_ms)"
        " VALUES ('Ada', 'ada', zeroblob(32), zeroblob(32), 1)"
    )
    for number in range(1, 4):
        db.execute(
            "INSERT INTO messages (contact_id, message_id, direction, body, sent_at_ms,"
            " stored_at_ms, state) VALUES (1, ?, 0, ?, 1, 1, 3)",
            (mid(number), f"text {number}"),
        )
    db.close()


def everything_is_kept(home: Path, done: bool) -> None:
    Database.open(home / "loom.db", KEY).close()  # which moves the log into the file
    database = Database.open(home / "loom.db", KEY)
    try:
        assert database.read_now(schema.version) == max(schema.migrations())
        texts = database.read_now(lambda db: db.execute("SELECT body FROM messages").fetchall())
        assert [one for (one,) in texts] == ["text 1", "text 2", "text 3"]
        assert database.read_now(maintenance.integrity) == []
        database.write_now(lambda db: None)
        assert len(database.read_now(lambda db: find(db, "text"))) == 3
    finally:
        database.close()


# --- a setting of the app ---

OWN = '# mine\ntheme = "dark"\nbell = false\n[bind]\nsearch_here = ["ctrl+s"]\n'


def own_config(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "config.toml").write_text(OWN)


def is_the_old_or_the_new(folder: Path, done: bool) -> None:
    found = (folder / "config.toml").read_text()
    changed = OWN.replace("dark", "light")
    assert found == changed if done else found in (OWN, changed)


WORKS = {
    "creation": Work(
        "create",
        lambda home: (str(home), PROFILE, OLD, PHRASE),
        nothing,
        stands_whole_or_not_at_all,
    ),
    "passphrase": Work(
        "change_passphrase",
        lambda home: (str(home), PROFILE, OLD, NEW),
        old_keyslot,
        one_passphrase_opens,
    ),
    "migration": Work(
        "open_database",
        lambda home: (str(home / "loom.db"), KEY.hex()),
        old_schema,
        everything_is_kept,
    ),
    "config": Work(
        "change_setting",
        lambda folder: (str(folder), "theme", "light"),
        own_config,
        is_the_old_or_the_new,
    ),
}


@pytest.fixture(params=WORKS)
def work(request: pytest.FixtureRequest) -> Work:
    """Each of them."""
    return WORKS[request.param]


@pytest.fixture
def start(work: Work, tmp_path: Path) -> Path:
    """What the work starts from, to be copied."""
    work.begin(tmp_path / "start")
    return tmp_path / "start"


class Run(NamedTuple):
    """One work to be done again and again."""

    work: Work
    nursery: Nursery
    start: Path
    home: Path

    async def __call__(self, trace: Sequence[str]) -> str | None:
        """What it said at its end: nothing when it died, an error's code when it failed."""
        shutil.copytree(self.start, self.home)
        arguments = self.work.arguments(self.home)
        victim = await self.nursery.bear(self.work.task, *arguments, trace=trace)
        word = await victim.word()
        await victim.end()
        self.work.check(self.home, word == "done")
        shutil.rmtree(self.home)
        return word

    async def boundaries(self) -> list[Fault]:
        """Where it may die."""
        log = self.home.with_name("calls")
        assert await self((*COUNT, "-o", str(log))) == "done"
        return boundaries(log)


@pytest.fixture
def run(work: Work, start: Path, nursery: Nursery, tmp_path: Path) -> Run:
    """See Run."""
    return Run(work, nursery, start, tmp_path / "home")


@needs_strace
@pytest.mark.timeout(7_200)
async def test_a_profile_survives_death_at_any_call(run: Run) -> None:
    met = spread(await run.boundaries(), ROUNDS // 16)
    words = [await run(one.trace) for one in met]
    assert words.count(None) >= len(words) * 0.8


@pytest.mark.long
@needs_strace
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
async def test_a_profile_survives_a_disk_that_fails_at_any_call(run: Run, error: str) -> None:
    # Where it opens a file it may as well be one of the program's own.
    met = [one for one in await run.boundaries() if one.call != "openat"]
    met = spread(met, ROUNDS // 25)
    words = []
    for number, one in enumerate(met):
        fault = Fault(one.call, one.nth, error, lasting=number % 2 == 0)
        words.append(await run(fault.trace))
    assert set(words) <= {"done", "disk_full", "store_unavailable"}


@pytest.mark.long
@needs_strace
@pytest.mark.timeout(7_200)
async def test_a_profile_survives_power_that_fails_at_any_call(run: Run) -> None:
    """Once it was said to be done, it is done whatever was not synced."""
    chance, log = random.Random(20261120), run.home.with_name("log")
    shutil.copytree(run.start, run.home)
    disk = RecordedDisk(run.home)
    async with recorded(run.nursery, log):
        victim = await run.nursery.bear(run.work.task, *run.work.arguments(run.home))
        assert await victim.word() == "done"
        await victim.end()
    calls = [one for one in calls_of(log) if one.name == "writev" or disk.concerns(one)]
    moments = set(spread(range(len(calls)), ROUNDS // 16)) | {len(calls) - 1}
    losses = list(Loss)
    done = False
    for number, call in enumerate(calls):
        disk.apply(call)
        done |= call.name == "writev" and b'"done"' in call.strings[0]
        if number in moments:
            for loss in losses if number == len(calls) - 1 else [losses[number % len(losses)]]:
                after = run.home.with_name("after")
                disk.write_to(after, loss, chance)
                run.work.check(after, done)
                shutil.rmtree(after)
    assert done
