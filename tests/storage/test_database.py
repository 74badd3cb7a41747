"""Group commit, failures, readers and damage."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.errors import (
    DiskFull,
    ProfileDamaged,
    ProfileTooNew,
    StateConflict,
    StoreError,
    StoreUnavailable,
)
from loom.model import Message
from loom.storage import maintenance, messages, search, sessions, settings
from loom.storage.connection import connect
from loom.storage.database import Database
from tests.new_database import KEY
from tests.storage.conftest import OpenDatabase
from tests.storage.given import find, mid, say, saying

ADA: Any = 1
"""The number of the person, the conversation and the device."""


def _bodies(db: Connection) -> list[str]:
    return [m.body for m in messages.page(db, ADA, 1_000)]


class Crash(Exception):
    """Injected."""


async def test_what_waits_shares_one_commit_in_call_order(open_database: OpenDatabase) -> None:
    commits: list[int] = []
    database = open_database(before_commit=lambda: commits.append(1))
    gate = threading.Event()
    first = database.submit(lambda _: gate.wait(10))
    rest = [database.submit(saying(n, str(n))) for n in range(1, 101)]
    gate.set()
    await first
    rows = [m.row_id for m in await asyncio.gather(*rest)]
    assert rows == list(range(1, 101))
    assert len(commits) <= 2
    assert len(await database.search(lambda db: search.search(db, "77"))) == 1


async def test_one_failure_undoes_its_own_item_alone(open_database: OpenDatabase) -> None:
    database = open_database()
    gate = threading.Event()

    def fails(db: Connection) -> None:
        say(db, 2, "undone")
        raise Crash

    held = database.submit(lambda _: gate.wait(10))
    futures: list[asyncio.Future[Message | None]] = [
        database.submit(lambda db: say(db, 1, "before")),
        database.submit(fails),
        database.submit(lambda db: say(db, 1, "the same id again")),
        database.submit(lambda db: say(db, 3, "after")),
    ]
    gate.set()
    await held
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(outcomes[1], Crash)
    assert isinstance(outcomes[2], StoreError)
    assert "hello" not in str(outcomes[2])
    assert await database.read(_bodies) == ["before", "after"]
    assert [m.body for m in await database.search(lambda db: search.search(db, "undone"))] == []


async def test_a_failed_commit_fails_every_item_and_keeps_nothing(
    open_database: OpenDatabase,
) -> None:
    failing = True

    def before_commit() -> None:
        if failing:
            raise Crash

    database = open_database(before_commit=before_commit)
    futures = [database.submit(saying(n)) for n in range(1, 6)]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert all(isinstance(outcome, Crash) for outcome in outcomes)
    failing = False
    assert await database.read(_bodies) == []
    assert (await database.write(lambda db: say(db, 1))).row_id == 1


async def test_a_full_disk_loses_nothing_and_passes(open_database: OpenDatabase) -> None:
    database = open_database()
    await database.write(lambda db: say(db, 1, "kept"))

    def limit(db: Connection, spare: int) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + spare}").fetchone()

    await database.write(lambda db: limit(db, 4))
    big = os.urandom(60_000)
    results = await asyncio.gather(
        *(database.submit(partial(settings.put, key=str(n), value=big)) for n in range(5)),
        return_exceptions=True,
    )
    assert all(isinstance(result, DiskFull) for result in results)
    await database.write(lambda db: limit(db, 10_000))
    await database.write(lambda db: say(db, 2, "later"))
    assert await database.read(_bodies) == ["kept", "later"]
    assert await database.integrity() == []


async def test_a_reader_cannot_write(open_database: OpenDatabase) -> None:
    database = open_database()
    database.read_now(lambda db: settings.put(db, "a", b"undone"))
    await database.write(lambda db: settings.put(db, "b", b"kept"))
    with pytest.raises(StoreUnavailable):
        await database.read(lambda db: settings.put(db, "a", b"refused"))
    with pytest.raises(StoreUnavailable):
        database.read_now(lambda db: settings.put(db, "a", b"refused"))
    assert await database.read(lambda db: settings.get(db, "a")) is None


async def test_what_the_reader_remembers_of_the_index_is_no_damage(
    open_database: OpenDatabase,
) -> None:
    """`loom doctor` advised a backup after a search and some commits that merged the index."""
    database = open_database()
    await database.write(saying(1, "hello"))
    for number in range(2, 41):
        found = await database.search(lambda db: search.search(db, "hello"))
        assert [m.message_id for m in found] == [mid(1)]
        await database.write(saying(number, f"message number {number}"))
        assert await database.integrity() == []
    assert len(await database.search(lambda db: search.search(db, "message"))) == 39


async def test_damage_that_a_second_connection_does_not_find_is_none(
    open_database: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database()
    found = [["a page that is just being written"], [], ["a fault"], ["the same fault"]]
    looked: list[Connection] = []

    def look(db: Connection) -> list[str]:
        looked.append(db)
        return found.pop(0)

    monkeypatch.setattr(maintenance, "integrity", look)
    assert await database.integrity() == []
    assert await database.integrity() == ["the same fault"]
    assert len(set(map(id, looked))) == 4


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cursor_left_open_does_not_hold_later_reads_back(
    open_database: OpenDatabase, fails: bool
) -> None:
    """What was stored afterwards was neither found nor shown until the cursor was collected."""
    database = open_database()
    left = []

    def leave(db: Connection) -> None:
        left.append(db.execute("SELECT row_id FROM messages"))
        left.append(db.execute("SELECT rowid FROM messages_fts_0 WHERE messages_fts_0 MATCH 'a'"))
        assert all(cursor.fetchone() for cursor in left)
        if fails:
            raise Crash

    for number in (1, 2, 3):
        await database.write(saying(number, "a word"))
    assert len(await database.search(lambda db: search.search(db, "word"))) == 3
    with contextlib.suppress(Crash):
        await database.read(leave)
    await database.write(saying(4, "a word"))
    assert len(await database.read(_bodies)) == 4
    assert len(await database.search(lambda db: search.search(db, "word"))) == 4
    assert await database.checkpoint()


async def test_nobody_has_to_wait_for_the_log_to_be_emptied(open_database: OpenDatabase) -> None:
    database = open_database()
    gate = threading.Event()
    held = asyncio.create_task(database.write(lambda _: gate.wait(10)))
    await asyncio.sleep(0)
    emptying = asyncio.create_task(database.checkpoint())
    await asyncio.sleep(0)
    emptying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await emptying
    gate.set()
    await held
    assert (await database.write(saying(1))).row_id == 1


async def test_blocking_writes_are_for_the_start_alone(open_database: OpenDatabase) -> None:
    database = open_database()
    database.write_now(saying(1, "first"))
    with pytest.raises(StoreError):
        database.write_now(saying(1, "the same id again"))
    await database.write(saying(2, "second"))
    with pytest.raises(StoreUnavailable):
        database.write_now(saying(3, "from two threads"))
    assert await database.read(_bodies) == ["first", "second"]


async def test_a_slow_read_does_not_delay_a_write(open_database: OpenDatabase) -> None:
    database = open_database()
    reading, done = threading.Event(), threading.Event()

    def slow(db: Connection) -> list[str]:
        before = _bodies(db)
        reading.set()
        done.wait(10)
        assert _bodies(db) == before  # a snapshot
        return before

    await database.write(lambda db: say(db, 1, "old"))
    read = asyncio.ensure_future(database.read(slow))
    await asyncio.to_thread(reading.wait, 10)
    await database.write(lambda db: say(db, 2, "new"))
    done.set()
    assert await read == ["old"]
    assert await database.read(_bodies) == ["old", "new"]


ENDLESS_READ = (
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
)


class Held:
    """A read that says when it runs, waits to be let go, and then reads for ever."""

    def __init__(self) -> None:
        self.is_running = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, db: Connection) -> None:
        db.execute("SELECT count(*) FROM messages").fetchone()
        self.is_running.set()
        self.may_go_on.wait(10)
        db.execute(ENDLESS_READ).fetchone()

    async def begin(self, database: Database) -> "asyncio.Task[None]":
        task = asyncio.create_task(database.long_read(self))
        await asyncio.to_thread(self.is_running.wait, 10)
        return task


async def test_a_long_read_delays_neither_reads_nor_writes_nor_the_check(
    open_database: OpenDatabase,
) -> None:
    database = open_database()
    held = Held()
    long = await held.begin(database)
    await database.write(saying(1, "new"))
    assert await database.read(_bodies) == ["new"]
    assert await database.integrity() == []
    assert not long.done()
    held.may_go_on.set()


@pytest.mark.parametrize("is_waiting", [False, True], ids=["in a statement", "between two"])
async def test_a_cancelled_long_read_makes_room_at_once(
    open_database: OpenDatabase, is_waiting: bool
) -> None:
    database = open_database()
    held = Held()
    if not is_waiting:
        held.may_go_on.set()
    long = await held.begin(database)
    never_begun = asyncio.create_task(database.long_read(Held()))
    await asyncio.sleep(0)
    for task in (long, never_begun):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    held.may_go_on.set()
    await database.write(saying(1, "new"))
    assert await database.long_read(_bodies) == ["new"]


ROWS = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"


class HalfRead:
    """Work that fails with a cursor open."""

    def __call__(self, db: Connection) -> None:
        cursor = db.execute(ROWS)
        cursor.fetchone()
        raise Crash


@pytest.mark.parametrize("kind", ["read", "write", "one of several writes"])
async def test_failed_work_sets_no_later_read_back(open_database: OpenDatabase, kind: str) -> None:
    """Its cursor would be freed with its error, while another reads with the same statement."""
    database = open_database()
    errors: list[Exception] = []

    def rows(db: Connection) -> list[int]:
        cursor = db.execute(ROWS)
        first = cursor.fetchone()
        errors.clear()
        return [n for (n,) in (first, *cursor.fetchall())]

    access = database.read if kind == "read" else database.write
    others = [database.submit(saying(1, "other"))] if kind == "one of several writes" else []
    try:
        await access(HalfRead())
    except Crash as error:
        errors.append(error)
    await asyncio.gather(*others)
    assert errors
    assert await access(rows) == [1, 2, 3]


async def test_closing_ends_long_reads_with_a_reason(open_database: OpenDatabase) -> None:
    database = open_database()
    held = Held()
    held.may_go_on.set()
    running = await held.begin(database)
    waiting = asyncio.create_task(database.long_read(_bodies))
    await asyncio.sleep(0)
    await asyncio.to_thread(database.close)
    for task in (running, waiting):
        with pytest.raises(StoreUnavailable):
            await task


async def test_emptying_the_log_waits_for_a_long_read_without_holding_writes_up(
    open_database: OpenDatabase,
) -> None:
    database = open_database()
    held = Held()
    long = await held.begin(database)
    await database.write(saying(1, "first"))
    emptying = asyncio.create_task(database.checkpoint())
    await asyncio.sleep(0)
    await database.write(saying(2, "second"))
    assert not emptying.done()
    long.cancel()
    held.may_go_on.set()
    assert await emptying


async def test_closing_finishes_what_was_submitted(path: Path, open_database: OpenDatabase) -> None:
    database = open_database()
    futures = [database.submit(saying(n)) for n in range(1, 1_501)]
    database.close()
    database.close()
    assert len(await asyncio.gather(*futures)) == 1_500
    with pytest.raises(StoreUnavailable):
        await database.write(_bodies)
    with pytest.raises(StoreUnavailable):
        await database.read(_bodies)
    with pytest.raises(StoreUnavailable):
        await database.checkpoint()
    assert not path.with_name(path.name + "-wal").exists()


async def test_what_follows_a_commit_runs_in_their_order_whoever_waits(
    open_database: OpenDatabase,
) -> None:
    """Also for a future that was cancelled, not for work that failed, and before any waiter."""
    database = open_database()
    followed: list[str] = []

    def fails(db: Connection) -> str:
        raise Crash

    def works(name: str) -> Callable[[Connection], str]:
        return lambda _: name

    async def wait_for(future: "asyncio.Future[str]") -> None:
        followed.append(f"waiter of {await future}")

    first = database.submit(works("first"), then=followed.append)
    waiter = asyncio.create_task(wait_for(first))
    cancelled = database.submit(works("cancelled"), then=followed.append)
    cancelled.cancel()
    failed = database.submit(fails, then=followed.append)
    await database.submit(works("last"), then=followed.append)
    await waiter
    with pytest.raises(Crash):
        await failed
    assert followed == ["first", "cancelled", "last", "waiter of first"]


async def test_a_cancelled_write_is_still_written(open_database: OpenDatabase) -> None:
    database = open_database()
    future = database.submit(lambda db: say(db, 1, "kept"))
    future.cancel()
    await database.write(lambda db: say(db, 2, "next"))
    assert await database.read(_bodies) == ["kept", "next"]


def test_a_conversation_written_meanwhile_is_a_conflict(db: Connection) -> None:
    assert sessions.load(db, ADA) is None
    assert sessions.save(db, ADA, 0, b"one") == 1
    assert sessions.save(db, ADA, 1, b"two") == 2
    for stale in (0, 1, 3):
        with pytest.raises(StateConflict):
            sessions.save(db, ADA, stale, b"lost")
    assert sessions.load(db, ADA) == (2, b"two")
    db.execute("DELETE FROM sessions")
    assert sessions.load(db, ADA) is None


# --- damage ---


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        database = Database.open(tmp_path / "x.db", KEY, create=True)
        modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob("x.db*")}
        database.close()
    finally:
        os.umask(old)
    assert modes == {0o600}


def test_creating_never_replaces(path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        Database.open(path, KEY, create=True)
    with pytest.raises(StoreUnavailable):
        Database.open(path.parent / "none" / "x.db", KEY, create=True)


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "half", "short", "first page"])
def test_a_damaged_file_is_said_to_be(path: Path, damage: str) -> None:
    data = path.read_bytes()
    broken = {
        "empty": b"",
        "garbage": os.urandom(len(data)),
        "half": data[: len(data) // 2],
        "short": data[:100],
        "first page": data[:200] + bytes([data[200] ^ 1]) + data[201:],
    }
    path.unlink()
    if damage in broken:
        path.write_bytes(broken[damage])
    with pytest.raises(ProfileDamaged):
        _read_everything(path)


def _read_everything(path: Path) -> None:
    database = Database.open(path, KEY)
    try:
        if problems := database.read_now(maintenance.integrity):
            raise ProfileDamaged(what=problems[0])
    finally:
        database.close()


def test_the_wrong_key_opens_nothing_and_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ProfileDamaged):
        Database.open(path, bytes(32))
    assert path.read_bytes() == before


def test_a_damaged_page_is_found(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[3 * 4_096 + 77] ^= 1
    path.write_bytes(bytes(data))
    db = connect(path, KEY)
    try:
        assert maintenance.integrity(db)
    finally:
        db.close()


def test_a_garbage_log_is_ignored(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(os.urandom(9_000))
    _read_everything(path)


def test_a_newer_schema_is_refused_unchanged(path: Path) -> None:
    db = connect(path, KEY)
    db.execute("PRAGMA user_version = 9999")
    db.close()
    with pytest.raises(ProfileTooNew) as caught:
        Database.open(path, KEY)
    assert caught.value.facts["found"] == 9_999


# --- crashes ---

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from loom.storage.database import Database
from tests.new_database import KEY
from tests.storage.given import say

commits = 0

def before_commit():
    global commits
    commits += 1
    if commits == 5:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database.open(Path(sys.argv[1]), KEY, before_commit=before_commit)
    for number in range(1, 100):
        await database.write(lambda db: say(db, number, f"number {number}"))
        print(number, flush=True)

asyncio.run(main())
"""


def test_a_process_killed_at_commit_keeps_what_it_acknowledged_and_no_more(path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], capture_output=True, timeout=60, check=False
    )
    assert run.returncode == -signal.SIGKILL, run.stderr.decode()
    acknowledged = [int(line) for line in run.stdout.split()]
    database = Database.open(path, KEY)
    try:
        stored = database.read_now(lambda db: messages.page(db, ADA, 1_000))
        assert [m.message_id for m in stored] == [mid(n) for n in acknowledged]
        assert len(database.read_now(lambda db: find(db, "number"))) == len(stored) == 4
        assert database.read_now(maintenance.integrity) == []
    finally:
        database.close()


ENDLESS = """
import asyncio, sys
from pathlib import Path
from loom.storage.database import Database
from tests.new_database import KEY
from tests.storage.given import saying

async def main():
    database = Database.open(Path(sys.argv[1]), KEY)
    number = 0
    while True:
        futures = [database.submit(saying(number + n, "word")) for n in range(1, 8)]
        number += 7
        await asyncio.gather(*futures)
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("commits", [1, 9, 60])
def test_a_process_killed_at_any_moment_keeps_whole_commits(path: Path, commits: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as lines:
        acknowledged = [int(lines.readline()) for _ in range(commits)][-1]
        process.kill()
        acknowledged = max([acknowledged, *(int(line) for line in lines if line.endswith(b"\n"))])
    process.wait(30)
    database = Database.open(path, KEY)
    try:
        stored = [
            m.message_id for m in database.read_now(lambda db: messages.page(db, ADA, 99_999))
        ]
        assert stored == [mid(n) for n in range(1, len(stored) + 1)]
        assert len(stored) in (acknowledged, acknowledged + 7)
        found = database.read_now(lambda db: find(db, "word", limit=99_999))
        assert len(found) == len(stored)
        assert database.read_now(maintenance.integrity) == []
    finally:
        database.close()
