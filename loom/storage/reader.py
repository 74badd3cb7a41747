"""Reads in a thread of their own, one after the other, each on a snapshot."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event, Lock
from typing import Final, TypeVar

from sqlcipher3.dbapi2 import Connection

from loom.errors import ProfileDamaged, StoreUnavailable
from loom.storage.connection import CLOSED, connect, snapshot, translated

T = TypeVar("T")

# An interrupt ends what runs, and what begins while something runs: with this under way
# throughout, also a read that is between two statements.
_UNDER_WAY: Final = "SELECT 1 UNION ALL SELECT 2"


class Reader:
    """One thread and one connection, which cannot write; made when first needed."""

    def __init__(self, path: Path, key: bytes, name: str, *, always_new: bool = False) -> None:
        """Args: always_new: a new connection for each read."""
        self._path = path
        self._key = key
        self._always_new = always_new
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._db: Connection | None = None
        self._lock = Lock()  # an interrupt must not hit the read after the one it is meant for
        self._running: Event | None = None
        self._stopped = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work`; cancelling ends it at once."""
        cancelled = Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._read, work, cancelled)
        except asyncio.CancelledError:
            with self._lock:
                cancelled.set()
                if self._running is cancelled and self._db is not None:
                    self._db.interrupt()
            raise

    def run_now(self, work: Callable[[Connection], T]) -> T:
        """`run`, blocking."""
        return self._thread.submit(self._read, work, Event()).result()

    def stop(self) -> None:
        """End what runs; it and what waits fail with StoreUnavailable."""
        with self._lock:
            self._stopped = True
            if self._running is not None and self._db is not None:
                self._db.interrupt()

    def close(self) -> None:
        """Finish what was asked for (see `stop`), then close. Blocks."""
        self._thread.shutdown()
        self._disconnect()

    # --- the thread ---

    def _read(self, work: Callable[[Connection], T], cancelled: Event) -> T:
        try:
            return self._on_snapshot(work, cancelled)
        except ProfileDamaged:
            # A page that the disk did not give passes for a damaged one until a new connection
            # looks (see `Database._reopen_writer`).
            self._disconnect()
            return self._on_snapshot(work, cancelled)
        finally:
            if self._always_new:
                self._disconnect()

    def _on_snapshot(self, work: Callable[[Connection], T], cancelled: Event) -> T:
        db = self._connected()
        with translated(), snapshot(db), closing(db.execute(_UNDER_WAY)) as under_way:
            under_way.fetchone()
            try:
                with self._lock:
                    if self._stopped or cancelled.is_set():
                        raise StoreUnavailable(what=CLOSED)
                    self._running = cancelled
                return work(db)
            finally:
                with self._lock:
                    self._running = None

    def _connected(self) -> Connection:
        if self._db is None:
            self._db = connect(self._path, self._key, read_only=True)
        return self._db

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
