"""A real encrypted database on a disk that fills up and a machine that loses power on demand."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, Self, TypeVar

from sqlcipher3.dbapi2 import Connection

from loom.errors import DiskFull
from loom.storage.database import BATCH_MAX, Database, settle
from loom.storage.schema import PROFILE, Schema
from tests.new_database import KEY, new_database

T = TypeVar("T")

WRITE_S = 0.001


class PowerLost(Exception):
    """The machine stopped before the commit."""


class Disk:
    """What goes wrong; outlives the databases opened on it. Commits are counted from 1."""

    def __init__(self) -> None:
        self.commits = 0
        self.is_full = False
        self.full_at: set[int] = set()
        self.lose_power: Callable[[], None] = lambda: None
        self.power_lost_before: int | None = None
        self.power_lost_after: int | None = None

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.is_full = False
        self.full_at.clear()
        self.power_lost_before = self.power_lost_after = None

    def before_commit(self) -> None:
        """Given to `Database.open`."""
        self.commits += 1
        if self.commits == self.power_lost_before:
            self.lose_power()
            raise PowerLost
        if self.is_full or self.commits in self.full_at:
            raise DiskFull

    def after_commit(self) -> None:
        """Nobody knows of the commit yet."""
        if self.commits == self.power_lost_after:
            self.lose_power()


class _Writer:
    """Stands in for the writer's queue and thread: commits in the loop's own thread, a little
    after the work was handed over, and tells a little after that. So every run is the same."""

    def __init__(self, database: "OneThreadDatabase") -> None:
        self._database = database
        self._waiting: list[Any] = []
        self._telling: tuple[list[Any], list[Any]] = [], []
        self._is_busy = False

    def put(self, job: tuple[list[Any], Callable[[], None] | None]) -> None:
        """As a queue; what comes between commits is done at once."""
        items, after = job
        if after == self._database._stop_writing:
            self._tell()
            while self._waiting and not self._database.is_dead:
                self._commit()
                self._tell()
        if after is not None and not self._database.is_dead:
            after()
        self._waiting += items
        if items and not self._is_busy:
            self._is_busy = True
            asyncio.get_running_loop().call_later(WRITE_S, self._work)

    def start(self) -> None:
        """As a thread."""

    def join(self) -> None:
        """As a thread."""

    def _work(self) -> None:
        if self._database.is_usable:
            self._commit()
            asyncio.get_running_loop().call_later(WRITE_S, self._next)

    def _next(self) -> None:
        if self._database.is_usable:
            self._tell()
            self._is_busy = bool(self._waiting)
            if self._is_busy:
                self._work()

    def _commit(self) -> None:
        batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
        outcomes = self._database._writer.commit([one[0] for one in batch])
        self._telling = batch, outcomes
        self._database.disk.after_commit()

    def _tell(self) -> None:
        telling, self._telling = self._telling, ([], [])
        if not self._database.is_dead:
            settle(*telling)


class OneThreadDatabase(Database):
    """The real database without its threads. A dead one does nothing and answers nobody."""

    disk: Disk
    is_dead: bool

    @classmethod
    def on(cls, disk: Disk, path: Path, kind: Schema = PROFILE) -> Self:
        """Open the database of a profile; a new one is made if there is none."""
        if not path.exists():
            new_database(path, kind)
        database = cls.open(path, KEY, kind=kind, before_commit=disk.before_commit)
        database.disk = disk
        database.is_dead = False
        writer: Any = _Writer(database)
        database._queue = database._writing = writer
        # What is lost when a real machine loses power is tested with the store itself.
        database._writer.db.execute("PRAGMA synchronous = OFF")
        return database

    @property
    def is_usable(self) -> bool:
        """Neither dead nor closed."""
        return not self.is_dead and not self._closed

    def look(self, work: Callable[[Connection], T]) -> T:
        """What is committed, at once and behind everybody's back."""
        return self._reader._read(work, Event())

    def submit(self, *arguments: Any, **named: Any) -> "asyncio.Future[Any]":
        if self.is_dead:
            return asyncio.get_running_loop().create_future()
        return super().submit(*arguments, **named)

    async def read(self, work: Callable[[Connection], T]) -> T:
        if self.is_dead:
            await asyncio.get_running_loop().create_future()
        return await super().read(work)

    async def long_read(self, work: Callable[[Connection], T]) -> T:
        return await self.read(work)
