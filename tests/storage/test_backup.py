"""Backups: what is in one, and what is left of one that was damaged."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
from sqlcipher3.dbapi2 import Connection

from loom.errors import BackupDamaged, BackupTooNew, StoreError, WrongBackupPassphrase, WrongPhrase
from loom.model import OWNER, MessageState
from loom.storage import backup, backups, messages, moving, outbox, schema, settings
from loom.storage.backup import (
    FIRST,
    HISTORY,
    LEFT_OUT,
    WITH_CONTENTS,
    Manifest,
    Reading,
    Whose,
)
from loom.storage.backup_file import (
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    BackupKey,
    Way,
    begin,
    key_of_passphrase,
    read_header,
)
from loom.storage.connection import connect
from loom.storage.database import Database
from loom.storage.file_store import FileStore
from loom.storage.vault import MEMORY_MIN_KIB, Cost
from loom.storage.writer import create_file
from tests.new_database import KEY
from tests.storage.given import mid, say

OWN = BackupKey(Way.PHRASE, bytes(range(32)))
WHOSE = Whose("Ada", b"A" * 32, 1_700_000_000_000)
MESSAGES = 700
WORDS = "hello there " * 60


@pytest.fixture
def full(db: Connection) -> Connection:
    """A history of several chunks, and a text that waits."""
    with_edit = [say(db, number, f"{number} {WORDS}") for number in range(1, MESSAGES + 1)]
    db.execute(
        "INSERT INTO edits (row_id, number, statement_id, sent_at_ms, body)"
        " VALUES (?, 1, ?, 1, 'x')",
        (with_edit[0].row_id, mid(9)),
    )
    device = db.execute("SELECT device_id FROM devices").fetchone()[0]
    outbox.add(db, device, mid(1), b"\x96\x01text")
    outbox.add(db, device, mid(2), b"\x96\x09deletion")
    settings.put(db, "identity", b"seeds")
    return db


def written(db: Connection, **given: bool) -> bytes:
    """A backup of it."""
    file = io.BytesIO()
    backup.write(db, file, OWN, WHOSE, is_contacts_only=given.get("is_contacts_only", False))
    return file.getvalue()


def reading(data: bytes, key: BackupKey = OWN) -> Reading:
    """It, opened."""
    opened = read_header(data[:HEADER_BYTES]).open_(key)
    return Reading(io.BytesIO(data), len(data), opened)


def rebuilt(data: bytes, path: Path) -> tuple[Database, Reading]:
    """A database of it."""
    read = reading(data)
    backup.build(path, KEY, read, FileStore(path.with_suffix(".files")))
    database = Database.open(path, KEY)
    database.write_now(backup.settle)
    return database, read


def rows(db: Connection, table: str) -> list[tuple[object, ...]]:
    return sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608


def changed_at(data: bytes, chunk: int) -> bytes:
    """With one bit of a chunk flipped."""
    at = HEADER_BYTES + chunk * SEALED_CHUNK_BYTES + 1_000
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def chunk_of(data: bytes, chunk: int) -> bytes:
    return data[HEADER_BYTES + chunk * SEALED_CHUNK_BYTES :][:SEALED_CHUNK_BYTES]


def test_of_every_table_it_is_decided_what_becomes_of_it(db: Connection) -> None:
    tables = {
        name
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if "_fts" not in name and name != "sqlite_stat1"
    }
    assert set(FIRST) | set(WITH_CONTENTS) | LEFT_OUT == tables
    assert set(HISTORY) <= set(WITH_CONTENTS)
    for table, carried in (FIRST | HISTORY | WITH_CONTENTS).items():
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        assert set(carried.but) <= columns


def test_a_restored_profile_has_every_row_and_no_session(full: Connection, tmp_path: Path) -> None:
    device = full.execute("SELECT device_id FROM devices").fetchone()[0]
    full.execute("INSERT INTO sessions VALUES (?, 1, ?)", (device, b"RATCHET"))
    full.execute(
        "UPDATE outbox SET session_id = x'01', chain = 1, ordinal = 1, envelope = ?", (b"RECIPE",)
    )
    data = written(full)
    plain = b"".join(
        reading(data)._opened.open_(place, chunk_of(data, place), is_last=place == last) or b""
        for last in [len(data) // SEALED_CHUNK_BYTES - 1]
        for place in range(last + 1)
    )
    assert b"RATCHET" not in plain
    assert b"RECIPE" not in plain
    assert WORDS.encode() in plain
    assert WORDS.encode() not in data
    database, read = rebuilt(data, tmp_path / "new.db")
    for table in (*FIRST, *HISTORY):
        if table not in ("outbox", "unsent", "sqlite_sequence"):
            epoch = [("machine_epoch", bytes(7) + b"\1")] if table == "settings" else []
            restored = database.read_now(partial(rows, table=table))
            assert sorted(restored) == sorted([*rows(full, table), *epoch])
    assert read.gaps == []
    [(_, payload, *sealed)] = database.read_now(
        lambda db: db.execute(
            "SELECT message_id, payload, session_id, envelope FROM outbox"
        ).fetchall()
    )
    assert (payload[1], sealed) == (9, [None, None])
    held = database.read_now(lambda db: db.execute("SELECT message_id FROM unsent").fetchall())
    assert held == [(mid(1),)]
    database.close()


def test_no_number_of_a_table_is_used_again(full: Connection, tmp_path: Path) -> None:
    last = full.execute("SELECT max(row_id) FROM messages").fetchone()[0]
    full.execute("DELETE FROM messages WHERE row_id > ?", (last - 10,))
    database, _ = rebuilt(written(full), tmp_path / "new.db")
    new = database.write_now(lambda db: say(db, 5_000))
    assert new.row_id == last + 1
    database.close()


def test_what_was_restored_can_be_searched(full: Connection, tmp_path: Path) -> None:
    from loom.storage import search

    database, _ = rebuilt(written(full), tmp_path / "new.db")
    while not database.write_now(search.index_new):
        pass
    assert len(database.read_now(lambda db: list(search.search(db, "698 hello")))) == 1
    database.close()


def test_a_damaged_chunk_costs_its_own_rows_or_all(full: Connection, tmp_path: Path) -> None:
    data = written(full)
    manifest = reading(data).manifest
    assert manifest.chunks > manifest.first + 4
    for chunk in range(manifest.chunks):
        damaged = changed_at(data, chunk)
        if chunk < manifest.first:
            with pytest.raises(BackupDamaged):
                list(reading(damaged).groups())
            continue
        if chunk not in (manifest.first, manifest.first + 2, manifest.chunks - 1):
            read = reading(damaged)
            left = sum(len(one.rows) for one in read.groups() if one.table == "messages")
            assert left + sum(gap.rows for gap in read.gaps) == MESSAGES
            continue
        database, read = rebuilt(damaged, tmp_path / f"{chunk}.db")
        left = database.read_now(
            lambda db: db.execute("SELECT count(*) FROM messages").fetchone()[0]
        )
        lost = sum(gap.rows for gap in read.gaps if gap.table == "messages")
        assert left + lost == MESSAGES
        assert lost > 0 or any(gap.table == "edits" for gap in read.gaps)
        assert not database.read_now(lambda db: db.execute("PRAGMA foreign_key_check").fetchall())
        database.close()


def test_what_is_lost_is_said_with_its_time(full: Connection, tmp_path: Path) -> None:
    full.execute("UPDATE messages SET sent_at_ms = row_id * 1000")
    data = written(full)
    middle = reading(data).manifest.first + 2
    read = reading(changed_at(data, middle))
    there = [
        row[group.columns.index("sent_at_ms")]
        for group in read.groups()
        if group.table == "messages"
        for row in group.rows
    ]
    [gap] = read.gaps
    first = full.execute("SELECT min(row_id) FROM messages").fetchone()[0] * 1000
    missing = sorted(set(range(first, first + MESSAGES * 1000, 1000)) - set(there))
    assert gap == ("messages", len(missing), missing[0] - 1000, missing[-1] + 1000)


@pytest.mark.parametrize("what", ["swapped", "cut", "cut inside", "doubled", "another file's"])
def test_chunks_are_bound_to_their_file_and_place(full: Connection, what: str) -> None:
    data, other = written(full), written(full)
    manifest = reading(data).manifest
    for at in range(manifest.first, manifest.chunks - 1):
        begin_, end = (HEADER_BYTES + place * SEALED_CHUNK_BYTES for place in (at, at + 1))
        changed = {
            "swapped": data[:begin_]
            + chunk_of(data, at + 1)
            + chunk_of(data, at)
            + data[end + SEALED_CHUNK_BYTES :],
            "cut": data[:end],
            "cut inside": data[: end - 1],
            "doubled": data[:end] + chunk_of(data, at) + data[end + SEALED_CHUNK_BYTES :],
            "another file's": data[:begin_] + chunk_of(other, at) + data[end:],
        }[what]
        read = reading(changed)
        taken = [row for group in read.groups() for row in group.rows]
        whole = [row for group in reading(data).groups() for row in group.rows]
        assert len(taken) < len(whole)
        assert all(row in whole for row in taken[-3:])
        assert read.gaps


@pytest.mark.parametrize(
    "what",
    [
        "flipped",
        *(pytest.param(one, marks=pytest.mark.long) for one in ("swapped", "cut", "doubled")),
        pytest.param("another file's", marks=pytest.mark.long),
    ],
)
def test_of_what_must_be_whole_no_chunk_may_be_another_one(full: Connection, what: str) -> None:
    full.executemany(
        "INSERT INTO seen VALUES (?, ?, ?)",
        [(bytes(32), 1, number.to_bytes(16, "big")) for number in range(6_000)],
    )
    data, other = written(full), written(full)
    first = reading(data).manifest.first
    assert first > 4
    for at in range(first):
        start, end = (HEADER_BYTES + place * SEALED_CHUNK_BYTES for place in (at, at + 1))
        changed = {
            "flipped": changed_at(data, at),
            "swapped": data[:start]
            + chunk_of(data, at + 1)
            + chunk_of(data, at)
            + data[end + SEALED_CHUNK_BYTES :],
            "cut": data[:start],
            "doubled": data[:end] + chunk_of(data, at) + data[end + SEALED_CHUNK_BYTES :],
            "another file's": data[:start] + chunk_of(other, at) + data[end:],
        }[what]
        if what == "doubled" and at == first - 1:
            continue  # what follows is history, of which some may be lost
        with pytest.raises(BackupDamaged):
            list(reading(changed).groups())


def test_a_chunk_is_full_however_large_its_rows_are(db: Connection, tmp_path: Path) -> None:
    """One of many kilobytes among small ones wastes no room, and each comes back."""
    for number in range(1, 2_000):
        say(db, number, "x" * (30_000 if number % 300 == 0 else number % 7))
    data = written(db)
    body = sum(len(one[0]) for one in db.execute("SELECT body FROM messages"))
    assert len(data) < 2 * body + 8 * SEALED_CHUNK_BYTES
    database, read = rebuilt(data, tmp_path / "new.db")
    assert database.read_now(partial(rows, table="messages")) == rows(db, "messages")
    assert read.manifest.rows["messages"] == 1_999
    database.close()


def test_a_row_that_fits_into_no_chunk_is_an_error_and_not_a_loss(db: Connection) -> None:
    say(db, 1, "x" * 70_000)
    with pytest.raises(StoreError):
        written(db)


def test_what_hangs_on_a_message_that_disappears_is_left_out(full: Connection) -> None:
    ends, stays = (row for (row,) in full.execute("SELECT row_id FROM messages LIMIT 2"))
    full.execute("UPDATE messages SET expires_s = 60 WHERE row_id = ?", (ends,))
    for row in (ends, stays):
        full.execute("INSERT INTO registers VALUES (?, 10, 0, 1, ?, 'ok')", (row, mid(9)))
    groups = list(reading(written(full)).groups())
    found = {
        table: [row[0] for group in groups if group.table == table for row in group.rows]
        for table in ("registers", "edits")
    }
    assert found == {"registers": [stays], "edits": []}


def test_the_key_of_daily_backups_and_of_a_move_are_in_none(full: Connection) -> None:
    key = BackupKey(Way.PASSPHRASE, b"K" * 32, Cost(MEMORY_MIN_KIB, 1, 1))
    backups.set_schedule(full, backups.Schedule("/kept/here", 7, key))
    backups.made(full, 1, "/kept/there")
    moving.put(full, moving.Move(b"M" * 32))
    groups = reading(written(full)).groups()
    [settings_] = [group for group in groups if group.table == "settings"]
    plain = repr(settings_.rows)
    assert "seeds" in plain
    assert not any(one in plain for one in ("K" * 32, "M" * 32, "/kept/"))


def test_a_header_that_was_changed_is_refused_before_any_key_is_made(full: Connection) -> None:
    data = written(full)
    for at in range(HEADER_BYTES):
        with pytest.raises((BackupDamaged, BackupTooNew)):
            read_header(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 : HEADER_BYTES])
    for size in (0, 8, HEADER_BYTES - 1):
        with pytest.raises(BackupDamaged):
            read_header(data[:size])


def test_another_key_opens_nothing(full: Connection) -> None:
    with pytest.raises(WrongPhrase):
        reading(written(full), BackupKey(Way.PHRASE, bytes(32)))


def test_a_passphrase_opens_its_file_whatever_the_accent_was_typed_with() -> None:
    cost = Cost(MEMORY_MIN_KIB, 1, 1)
    header, _ = begin(key_of_passphrase("caf\u00e9 at noon", cost))
    read = read_header(header)
    assert (read.way, read.cost) == (Way.PASSPHRASE, cost)
    read.open_(read.passphrase_key("cafe\u0301 at noon"))
    with pytest.raises(WrongBackupPassphrase):
        read.open_(read.passphrase_key("cafe at noon"))


def test_a_cost_beyond_the_limits_is_refused_before_it_is_paid() -> None:
    header, _ = begin(BackupKey(Way.PASSPHRASE, bytes(32), Cost(2**31, 3, 4)))
    with pytest.raises(BackupDamaged):
        read_header(header)


def test_two_backups_of_one_state_have_no_chunk_in_common(full: Connection) -> None:
    first, second = written(full), written(full)
    chunks = [chunk_of(one, place) for one in (first, second) for place in range(6)]
    assert len(set(chunks)) == len(chunks)


def test_without_history_there_are_the_contacts_and_what_guards_them(
    full: Connection, tmp_path: Path
) -> None:
    database, read = rebuilt(written(full, is_contacts_only=True), tmp_path / "new.db")
    assert read.manifest.is_contacts_only
    count: Callable[[str], int] = lambda table: database.read_now(  # noqa: E731
        lambda db: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
    )
    assert (count("messages"), count("persons"), count("seen")) == (
        0,
        1,
        len(rows(full, "seen")),
    )
    database.close()


def test_what_disappears_is_left_out(full: Connection) -> None:
    messages.insert(
        full,
        conversation_id=full.execute("SELECT conversation_id FROM conversations").fetchone()[0],
        message_id=mid(9_000),
        author=OWNER,
        kind=1,
        body="burn this",
        sent_at_ms=1,
        stored_at_ms=1,
        state=MessageState.DELIVERED,
        expires_s=60,
    )
    found = [
        row
        for group in reading(written(full)).groups()
        if group.table == "messages"
        for row in group.rows
    ]
    assert len(found) == MESSAGES
    assert not any("burn this" in row for row in found)


def test_a_backup_of_a_newer_version_is_refused(
    full: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "version", lambda db: max(schema.migrations()) + 1)
    with pytest.raises(BackupTooNew):
        reading(written(full))


def test_one_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    Database.open(old, KEY, create=True).close()
    old.unlink()
    for one in tmp_path.glob("old.db*"):
        one.unlink()
    create_file(old)
    db = connect(old, KEY)
    earlier = max(schema.migrations()) - 3
    known = {number: file for number, file in schema.migrations().items() if number <= earlier}
    schema.migrate(db, known)
    settings.put(db, "identity", b"seeds")
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    first = {name: one for name, one in FIRST.items() if name in tables}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup, "FIRST", first)
        patch.setattr(
            backup, "HISTORY", {name: one for name, one in HISTORY.items() if name in tables}
        )
        data = written(db)
    assert reading(data).manifest.schema == earlier
    database, _ = rebuilt(data, tmp_path / "new.db")
    assert database.read_now(lambda db: settings.get(db, "identity")) == b"seeds"
    assert database.read_now(schema.version) == max(schema.migrations())
    database.close()
    db.close()


def test_a_manifest_of_another_form_is_refused() -> None:
    header, opened = begin(OWN)
    data = header + opened.seal(0, bytes(65_536), is_last=False)
    with pytest.raises(BackupDamaged):
        Reading(io.BytesIO(data), len(data), opened)
    assert Manifest.__struct_fields__[0] == "schema"


FILE_COLUMNS = ["row_id", "file_id", "name", "size", "blob_id", "is_own", "is_whole"]


@pytest.mark.parametrize(
    "group",
    [
        ["files", FILE_COLUMNS, 0, [[1, b"f", "a.txt", 1 << 62, b"b" * 16, 1, 1]]],
        ["files", FILE_COLUMNS, 0, [[[], b"f", "a.txt", 1, b"b" * 16, 1, 1]]],
        ["files", FILE_COLUMNS, 0, [[1, b"f", 7, 1, b"b" * 16, 1, 1]]],
        ["files", FILE_COLUMNS, 0, [[1]]],
        ["files", ["blob_id"], 0, [[b"b" * 16]]],
        ["contents", ["blob_id", "at", "bytes"], 0, [[b"b" * 16, 0]]],
        ["contents", ["blob_id", "at", "bytes"], 0, [[[], 0, b"data"]]],
        ["messages", ["row_id"], 0, [[1]]],
        ["messages", ["sent_at_ms"], 0, [["soon"]]],
    ],
)
def test_rows_of_another_form_are_refused(group: list[object]) -> None:
    """Who gives somebody a backup with its passphrase wrote it."""
    header, opened = begin(OWN)
    manifest = Manifest(
        max(schema.migrations()),
        0,
        "a",
        bytes(32),
        is_contacts_only=False,
        first=2,
        chunks=9,
        rows={},
    )
    data = header
    for place, held in enumerate((manifest, [group])):
        plaintext = msgspec.msgpack.encode(held)
        padded = (len(plaintext).to_bytes(4, "big") + plaintext).ljust(65_536, b"\0")
        data += opened.seal(place, padded, is_last=False)
    one = Reading(io.BytesIO(data), len(data), opened)
    with pytest.raises(BackupDamaged):
        list(one.groups())


def test_as_many_chunks_as_a_manifest_likes_take_no_time() -> None:
    header, opened = begin(OWN)
    manifest = Manifest(
        max(schema.migrations()),
        0,
        "a",
        bytes(32),
        is_contacts_only=False,
        first=1,
        chunks=1 << 60,
        rows={"seen": 3},
    )
    plaintext = msgspec.msgpack.encode(manifest)
    padded = (len(plaintext).to_bytes(4, "big") + plaintext).ljust(65_536, b"\0")
    data = header + opened.seal(0, padded, is_last=False)
    one = Reading(io.BytesIO(data), len(data), opened)
    assert list(one.groups()) == []
    assert [(gap.table, gap.rows) for gap in one.gaps] == [("seen", 3)]
