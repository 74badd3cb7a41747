"""Quick commits in the event loop, slow ones in a thread, and the way from one to the other."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loom.model import ConversationId, Message
from loom.storage import database as database_module
from loom.storage import messages
from loom.storage.database import Database
from loom.storage.writer import Writer
from tests.new_database import KEY
from tests.storage.given import mid, saying

ADA = ConversationId(1)


class Disk:
    """Commits take as long as it says, on a clock of its own; it notes where each one ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commit_s = 0.0
        self.in_loop: list[bool] = []
        self._now_s = 0.0
        monkeypatch.setattr(database_module, "perf_counter", lambda: self._now_s)

    def before_commit(self) -> None:
        self._now_s += self.commit_s
        self.in_loop.append(threading.current_thread() is threading.main_thread())


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


async def _until(in_loop: bool, disk: Disk, database: Database, numbers: Iterator[int]) -> None:
    for _ in range(200):
        await database.submit(saying(next(numbers)))
        if disk.in_loop[-1] is in_loop:
            return
    pytest.fail("no change-over")


async def test_commits_run_in_the_loop_only_while_they_are_quick(path: Path, disk: Disk) -> None:
    database = Database.open(path, KEY, before_commit=disk.before_commit)
    numbers = itertools.count(1)
    try:
        await database.submit(saying(next(numbers)))
        assert disk.in_loop == [False]  # nothing is known of the disk yet
        await _until(True, disk, database, numbers)
        disk.commit_s = 0.5
        await database.submit(saying(next(numbers)))  # it blocks the loop once
        before = len(disk.in_loop)
        for _ in range(20):
            await database.submit(saying(next(numbers)))
        assert not any(disk.in_loop[before:])
        disk.commit_s = 0.0
        await _until(True, disk, database, numbers)
        stored = await database.read(lambda db: messages.page(db, ADA, 1_000))
        assert [one.message_id for one in stored] == [mid(n) for n in range(1, next(numbers))]
    finally:
        database.close()


async def test_commits_keep_the_order_of_the_calls_wherever_they_run(
    path: Path, disk: Disk
) -> None:
    """Long work goes to the thread, and what comes behind it does not overtake it."""
    database = Database.open(path, KEY, before_commit=disk.before_commit)
    numbers = itertools.count(1)
    told: list[int] = []

    def note(message: Message) -> None:
        told.append(message.row_id)

    try:
        await _until(True, disk, database, numbers)
        last = next(numbers)
        await database.submit(saying(last))
        gate = threading.Event()
        long = asyncio.create_task(database.write(lambda _: gate.wait(10)))
        await asyncio.sleep(0)
        behind = [database.submit(saying(next(numbers)), None, note) for _ in range(3)]
        search = asyncio.create_task(database.search(lambda db: messages.page(db, ADA, 1_000)))
        await asyncio.sleep(0)
        behind += [database.submit(saying(next(numbers)), None, note) for _ in range(3)]
        assert not any(one.done() for one in behind)
        gate.set()
        await asyncio.gather(long, search, *behind)
        assert told == [*range(last + 1, last + 7)]
        await _until(True, disk, database, numbers)
    finally:
        database.close()


async def test_many_at_once_do_not_hold_the_loop_up(path: Path, disk: Disk) -> None:
    database = Database.open(path, KEY, before_commit=disk.before_commit)
    numbers = itertools.count(1)
    try:
        await _until(True, disk, database, numbers)
        await asyncio.gather(*(database.submit(saying(next(numbers))) for _ in range(50)))
        assert not disk.in_loop[-1]
    finally:
        database.close()


def _ended_by(kind: type[BaseException]) -> Callable[[object], None]:
    def work(_: object) -> None:
        raise kind

    return work


def test_the_end_of_the_program_in_the_middle_of_a_commit_undoes_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "QUICK_S", 1_000.0)
    database = Database.open(path, KEY)

    async def main() -> None:
        database.submit(saying(1))
        await database.submit(_ended_by(KeyboardInterrupt))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    database.close()
    writer = Writer.open(path, KEY, False, None)
    assert writer.read(lambda db: messages.page(db, ADA, 10)) == []
    writer.close()
