"""Backups of a node that is in use, and what a restored one does among others."""

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from loom.api.backup_commands import SendUnsent
from loom.api.events import MessageReceived, RoomCopied
from loom.api.file_commands import AcceptFile, SendFile
from loom.api.room_commands import SetRoomChannel, ShowRoom
from loom.errors import DiskFull, FileNotHere, InvalidInput, RoomWaits
from loom.node.files import restored as restored_files
from loom.storage import backup, backups, files
from loom.storage.backup import Reading
from loom.storage.backup_file import (
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    BackupKey,
    Way,
    read_header,
)
from loom.storage.backups import Schedule
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.storage.file_store import FileStore
from loom.storage.files import StoredFile
from tests.new_database import KEY
from tests.node.harness import Person, World
from tests.node.test_files import (
    CHUNK,
    content_of,
    is_in,
    kept,
    offered,
    only_file,
    plain_file,
    upload,
    whole,
)
from tests.node.test_room_copies import numbers, waits
from tests.node.test_rooms import ROOM, alike, join, make, say

OWN = BackupKey(Way.PHRASE, bytes(32))
DAY_S = 86_400.0


async def saved(person: Person, *, has_files: bool = False) -> Path:
    """A backup, made while its node runs."""
    path = person.path.parent.with_suffix(".loom")
    await person.node.backups.make(path, OWN, has_files=has_files)
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
        rebuilt(person.path, Reading(file, path.stat().st_size, opened))


def rebuilt(path: Path, reading: Reading) -> list[StoredFile]:
    """A database and the contents of files beside it; those that are lost."""
    store = FileStore(path.with_name("files"))
    backup.build(path, KEY, reading, store)
    database = Database.open(path, KEY)
    lost = database.write_now(lambda db: restored_files.check(db, store))
    database.write_now(backup.settle)
    database.close()
    store.close()
    return lost


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


async def test_a_new_folder_has_one_at_once(world: World, tmp_path: Path) -> None:
    """Also right after one that was made by hand."""
    alice = await world.person("Alice")
    folder = tmp_path / "daily"
    folder.mkdir()
    await alice.node.backups.make(tmp_path / "by-hand.loom", OWN)
    asked = Schedule(str(folder), 2, OWN)
    await alice.database.write(lambda db: backups.set_schedule(db, asked))
    alice.node.backups.look_now()
    await world.until(lambda: bool(there(folder)))
    await world.pass_time(DAY_S / 2)
    assert len(there(folder)) == 1


async def test_a_place_that_takes_nothing_keeps_what_was_there(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await world.person("Alice")
    with pytest.raises(InvalidInput):
        await alice.node.backups.make(tmp_path, OWN)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="a device or a pipe"):
        await alice.node.backups.make(pipe, OWN)
    assert pipe.is_fifo()
    file = tmp_path / "b.loom"
    file.write_text("the earlier one")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "write", full)
    with pytest.raises(DiskFull):
        await alice.node.backups.make(file, OWN)
    assert file.read_text() == "the earlier one"
    assert not any(one.name.startswith(".loom-") for one in there(tmp_path))


async def test_files_come_back_with_their_contents(world: World, tmp_path: Path) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(3 * CHUNK + 7)
    file = await offered(world, ada, bob, plain_file(tmp_path, "plan.pdf", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    path = await saved(bob, has_files=True)
    assert content[:1_000] not in path.read_bytes()
    await restored(bob, path)
    assert await whole(bob, await only_file(bob)) == content
    assert len(kept(bob)) == 1


async def test_it_says_how_many_own_files_are_not_in_it(world: World, tmp_path: Path) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    for name in ("plan.pdf", "map.pdf"):
        await offered(world, ada, bob, plain_file(tmp_path, name, content_of(7)))
    kept = [
        (await one.node.backups.make(tmp_path / "b.loom", OWN, has_files=has_files)).files_in_place
        for one in (ada, bob)
        for has_files in (True, False)
    ]
    assert kept == [2, 0, 0, 0]


async def test_without_the_contents_the_offers_are_there(world: World, tmp_path: Path) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "plan.pdf", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    path = await saved(bob)
    assert path.stat().st_size < CHUNK
    await restored(bob, path)
    assert (await only_file(bob)).name == "plan.pdf"
    with pytest.raises(FileNotHere):
        await whole(bob, await only_file(bob))


async def test_what_was_handed_over_is_served_by_the_new_machine(world: World) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(2 * CHUNK + 9)
    upload_id = await upload(ada, "note.txt", content)
    sent = await ada.do(SendFile(contact="Bob", upload_id=upload_id))
    assert sent.file is not None
    await world.until(lambda: bool(bob.told(MessageReceived)))
    await restored(ada, await saved(ada, has_files=True))
    await bob.do(AcceptFile(file_id=sent.file.file_id))
    await world.until(is_in(bob, "done"), within_s=1_000.0)
    assert await whole(bob, await only_file(bob)) == content


async def test_half_of_a_file_goes_on_where_it_was(world: World, tmp_path: Path) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(4 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "plan.pdf", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))

    def halve(db: Db) -> None:
        db.execute("UPDATE files SET state = 1, is_whole = 0, chunks = x'05', moved = 0")

    await bob.database.write(halve)
    path = await saved(bob, has_files=True)
    await bob.stop()
    put_back(bob, path)
    database = Database.open(bob.path, KEY)
    [row] = database.read_now(files.with_content)
    database.close()
    assert (row.chunks, row.moved) == (b"\x05", 2 * CHUNK)
    await bob.start()


async def test_a_damaged_chunk_costs_a_file_that_is_named_or_nothing_of_it(
    world: World, tmp_path: Path
) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    contents = {name: content_of(CHUNK + number, number) for number, name in enumerate("ab")}
    for name, content in contents.items():
        file = await offered(world, ada, bob, plain_file(tmp_path, name, content))
        await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: len(kept(bob)) == 2)
    await world.until(
        lambda: (
            bob.database.look(lambda db: len(files.with_content(db))) == 2
            and all(one.is_whole for one in bob.database.look(files.with_content))
        )
    )
    path = await saved(bob, has_files=True)
    await bob.stop()
    data = path.read_bytes()
    opened = read_header(data[:HEADER_BYTES]).open_(OWN)
    manifest = Reading(io.BytesIO(data), len(data), opened).manifest
    assert manifest.files == 2
    found = set()
    for chunk in range(manifest.first, manifest.chunks):
        at = HEADER_BYTES + chunk * SEALED_CHUNK_BYTES + 500
        damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        reading = Reading(io.BytesIO(damaged), len(damaged), opened)
        folder = tmp_path / str(chunk)
        folder.mkdir()
        lost = {one.name for one in rebuilt(folder / "loom.db", reading)}
        named = {one.name for one in reading.missing.found()}
        gone = {gap.table for gap in reading.gaps} & {"files", "messages"}
        assert lost == named
        assert lost or gone
        assert len(list((folder / "files").iterdir())) == (0 if gone else 2 - len(lost))
        found |= lost
    assert found == set(contents)


def secrets_of(value: object) -> Iterator[bytes]:
    """All keys in a stored state."""
    if isinstance(value, bytes):
        if len(value) >= 32:
            yield value
        for packed in (value, value[1:]):  # behind the version of a state
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                inner = msgspec.msgpack.decode(packed)
                if isinstance(inner, list | dict):
                    yield from secrets_of(inner)
    elif isinstance(value, dict):
        for one in value.values():
            yield from secrets_of(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from secrets_of(one)


def plain_of(path: Path) -> bytes:
    """What is sealed in a backup."""
    data = path.read_bytes()
    opened = read_header(data[:HEADER_BYTES]).open_(OWN)
    last = len(data) // SEALED_CHUNK_BYTES - 1
    chunks = (data[HEADER_BYTES + place * SEALED_CHUNK_BYTES :] for place in range(last + 1))
    return b"".join(
        opened.open_(place, chunk[:SEALED_CHUNK_BYTES], is_last=place == last) or b""
        for place, chunk in enumerate(chunks)
    )


async def test_keys_of_contents_are_only_where_the_contents_are(world: World) -> None:
    """And no content, nor its name in the folder, where they were not asked for."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(2 * CHUNK + 9)
    upload_id = await upload(ada, "note.txt", content)
    await ada.do(SendFile(contact="Bob", upload_id=upload_id))
    await world.until(lambda: bool(bob.told(MessageReceived)))
    row = ada.database.look(
        lambda db: db.execute("SELECT kept_secret, blob_id FROM files").fetchone()
    )
    assert all(len(one) >= 16 for one in row)
    without = plain_of(await saved(ada))
    assert b"note.txt" in without
    assert [one for one in row if bytes(one) in without] == []
    within = plain_of(await saved(ada, has_files=True))
    assert all(bytes(one) in within for one in row)
    assert content[:64] not in within  # sealed twice


async def test_no_key_of_a_session_is_in_a_backup(world: World) -> None:
    """Neither of ratchets nor of prekeys, skipped messages or invites."""
    alice, bob = await world.friends("Alice", "Bob")
    for number in range(5):
        await alice.say(bob, f"ping {number}")
        await bob.say(alice, f"pong {number}")
        await world.delivered(alice, bob)
    plain = plain_of(await saved(alice, has_files=True))
    assert b"pong 4" in plain

    def kept(db: Db) -> tuple[list[bytes], set[bytes]]:
        tables = sorted(backup.LEFT_OUT - {"events", "envelopes", "room_blocks"})
        rows = [row for table in tables for row in db.execute(f"SELECT * FROM {table}")]  # noqa: S608
        public = {
            bytes(cell)
            for row in db.execute("SELECT * FROM persons").fetchall()
            for cell in row
            if isinstance(cell, bytes)
        }
        return list(secrets_of(rows)), public

    await alice.stop()
    database = Database.open(alice.path, KEY)
    found, public = database.read_now(kept)
    database.close()
    secrets = [one for one in found if one not in public | {alice.identity.peer_id}]
    assert len(secrets) > 10
    assert [one for one in secrets if one in plain] == []
    await alice.start()
