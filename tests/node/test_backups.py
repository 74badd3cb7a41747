"""Backups of a node that is in use, and what a restored one does among others."""

import shutil
from pathlib import Path

import pytest

from loom.api.backup_commands import SendUnsent
from loom.api.events import RoomCopied
from loom.api.room_commands import SetRoomChannel, ShowRoom
from loom.errors import DiskFull, InvalidInput, RoomWaits
from loom.storage import backup, backups
from loom.storage.backup import Reading
from loom.storage.backup_file import HEADER_BYTES, BackupKey, Way, read_header
from loom.storage.backups import Schedule
from loom.storage.database import Database
from tests.node.disk import KEY
from tests.node.harness import Person, World
from tests.node.test_room_copies import numbers, waits
from tests.node.test_rooms import ROOM, alike, join, make, say

OWN = BackupKey(Way.PHRASE, bytes(32))
DAY_S = 86_400.0


async def saved(person: Person) -> Path:
    """A backup, made while its node runs."""
    path = person.path.parent.with_suffix(".loom")
    await person.node.backups.make(path, OWN)
    return path


async def restored(person: Person, path: Path) -> None:
    """The machine is lost; a new one starts with what the backup holds."""
    if person.is_running:
        await person.stop()
    put_back(person, path)
    await person.start()


def put_back(person: Person, path: Path) -> None:
    """In place of all that was there."""
    shutil.rmtree(person.path.parent)
    person.path.parent.mkdir()
    with path.open("rb") as file:
        opened = read_header(file.read(HEADER_BYTES)).open_(OWN)
        backup.build(person.path, KEY, Reading(file, path.stat().st_size, opened))
    database = Database.open(person.path, KEY)
    database.write_now(backup.settle)
    database.close()


async def test_two_talk_on_after_one_was_restored(world: World) -> None:
    alice, bob = [await world.person(name) for name in ("Alice", "Bob")]
    await world.introduce([alice, bob])
    await alice.say(bob, "one")
    await bob.say(alice, "two")
    await world.delivered(alice, bob)
    await bob.stop()
    await alice.say(bob, "waits")
    path = await saved(alice)
    await bob.start()
    await world.delivered(alice, bob)
    await alice.say(bob, "after the backup")
    await world.delivered(alice, bob)
    await restored(alice, path)
    await alice.say(bob, "new machine")
    await alice.do(SendUnsent())
    await bob.say(alice, "welcome")
    await world.delivered(alice, bob, within_s=1_000.0)
    assert bob.received(alice) == ["one", "waits", "after the backup", "new machine"]
    assert alice.received(bob) == ["two", "welcome"]


async def test_a_member_restored_from_a_backup_uses_no_number_twice(world: World) -> None:
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada)
    await join(world, ada, bob)
    await say(ada, "before")
    await alike(world, ada, bob, count=1)
    path = await saved(ada)
    await say(ada, "lost")
    await ada.do(SetRoomChannel(room=ROOM, channel="lost"))
    await alike(world, ada, bob, count=2)
    world.network.partition({ada.host}, {bob.host})
    await restored(ada, path)
    await world.until(lambda: [one.waits for one in ada.told(RoomCopied)] == [True])
    with pytest.raises(RoomWaits):
        await say(ada, "too soon")
    world.network.heal()
    await world.until(lambda: not waits(ada), within_s=1_000.0)
    await say(ada, "after")
    await alike(world, ada, bob, count=3)
    for person in (ada, bob):
        assert len(set(numbers(person))) == len(numbers(person))
        assert (await person.do(ShowRoom(room=ROOM))).troubles == []


def there(folder: Path) -> set[Path]:
    return set(folder.iterdir())


async def test_one_is_made_every_day_and_the_newest_stay(world: World, tmp_path: Path) -> None:
    alice = await world.person("Alice")
    folder = tmp_path / "daily"
    folder.mkdir()
    others = [folder / "notes.txt", folder / "loom-backup-20200101T000000Z-00000000.loom"]
    for other in others:
        other.write_text("not a backup of hers")
    asked = Schedule(str(folder), 2, OWN)
    await alice.database.write(lambda db: backups.set_schedule(db, asked))
    found: set[Path] = set()
    for _ in range(5):
        await world.pass_time(DAY_S)
        found |= {one for one in there(folder) if one.name.startswith("loom-backup-")}
    made = sorted(found - set(others))
    assert len(made) in (5, 6)
    assert sorted(there(folder) - set(others)) == made[-2:]
    assert there(folder) >= set(others)


async def test_a_place_that_takes_nothing_keeps_what_was_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await world.person("Alice")
    with pytest.raises(InvalidInput):
        await alice.node.backups.make(tmp_path, OWN)
    file = tmp_path / "b.loom"
    file.write_text("the earlier one")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "write", full)
    with pytest.raises(DiskFull):
        await alice.node.backups.make(file, OWN)
    assert file.read_text() == "the earlier one"
    assert not any(one.name.startswith(".loom-") for one in there(tmp_path))
