"""An anchor with mail in it, opened by a program whose schema is newer, or older."""

import shutil
from pathlib import Path

import pytest

from loom.anchor import anchor as anchors
from loom.anchor import store
from loom.anchor.store import SCHEMA
from loom.errors import ProfileTooNew
from loom.storage import schema
from loom.storage.database import Database
from loom.storage.schema import Schema
from loom.wire.requests import Ack, Ok, Subscribe
from tests.anchor_machine import (
    AnchorMachine,
    account_of,
    linked,
    opened,
    paired,
    put_of,
    settled,
)
from tests.new_database import KEY

NEWEST = max(schema.migrations(SCHEMA))


def later(tmp_path: Path) -> Schema:
    """The schema of a later program: one migration more."""
    folder = tmp_path / "migrations"
    shutil.copytree(SCHEMA.folder, folder)
    (folder / f"{NEWEST + 1:04}_later.sql").write_text(
        "ALTER TABLE queues ADD COLUMN later INTEGER NOT NULL DEFAULT 7;\n"
        "CREATE INDEX later ON queues (later);\n"
    )
    return Schema(folder, erases=False)


async def test_mail_survives_an_upgrade(machine: AnchorMachine, tmp_path: Path) -> None:
    """There is one schema so far, so the newer one is made here."""
    holder = await paired(machine)
    queue, writer = await opened(machine, holder, "in")
    puts = [put_of(queue, number) for number in range(3)]
    for put in puts:
        assert await writer.ask(put) == Ok()
    await machine.stop()
    new = later(tmp_path)
    database = Database.open(machine.path, KEY, kind=new)
    assert database.read_now(schema.version) == NEWEST + 1
    contents = database.read_now(store.load)
    assert [(row.queue_id, row.blobs) for row in contents.queues] == [(queue.queue_id, 3)]
    database.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.anchor_machine.SCHEMA", new)
        await machine.start()
        holder = await linked(machine, account_of("ada"))
        await holder.ask(Subscribe())
        await settled()
        assert [push.blob for push in holder.pushes] == [put.blob for put in puts]
        assert await holder.ask(Ack(queue.queue_id, tuple(put.blob_id for put in puts))) == Ok()


async def test_an_older_program_leaves_a_newer_anchor_alone(
    machine: AnchorMachine, tmp_path: Path
) -> None:
    await machine.stop()
    Database.open(machine.path, KEY, kind=later(tmp_path)).close()
    before = machine.path.read_bytes()
    with pytest.raises(ProfileTooNew):
        Database.open(machine.path, KEY, kind=SCHEMA)
    assert machine.path.read_bytes() == before


async def test_a_database_of_something_else_is_no_anchor(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "loom.db", KEY, create=True, kind=SCHEMA)
    try:
        with pytest.raises(Exception, match="not an anchor"):
            database.read_now(anchors._load)
    finally:
        database.close()
