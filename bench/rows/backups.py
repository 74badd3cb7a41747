"""A backup of a million messages, written and restored."""

import io
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.peers import large

_kept: list["TemporaryDirectory[str]"] = []
"""What is filled once for both rows; removed when the benchmark ends."""


@cache
def _home(settings: Settings) -> Path:
    _kept.append(TemporaryDirectory())
    home = Path(_kept[-1].name)
    large.fill(home, settings)
    return home


@contextmanager
def written(settings: Settings) -> Iterator[Sample]:
    """Messages a second of `backup.write`, durable at the end."""
    from loom.durable import replaced_durably
    from loom.storage import backup
    from loom.storage.backup import Whose
    from loom.storage.backup_file import BackupKey, Way

    home = _home(settings)
    with closing(large.open_store(home)) as database:

        def sample() -> float:
            start = time.perf_counter()
            with replaced_durably(home / "large.loom") as file:
                key = BackupKey(Way.PHRASE, bytes(32))
                database.read_now(lambda db: backup.write(db, file, key, Whose("Ada", b"", 1)))
            return large.count(settings) / (time.perf_counter() - start)

        yield sample


@contextmanager
def written_plain(settings: Settings) -> Iterator[Sample]:
    """The same messages in plain SQLite: its own backup, then AES-256-GCM, durable at the end."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    with TemporaryDirectory() as folder:
        path, copy = Path(folder) / "plain.db", Path(folder) / "copy.db"
        large.fill_plain(path, settings)
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.executescript("DROP TABLE messages_text; VACUUM;")

        def sample() -> float:
            start = time.perf_counter()
            with closing(sqlite3.connect(path)) as db, closing(sqlite3.connect(copy)) as other:
                db.backup(other)
            key = AESGCM(bytes(32))
            with copy.open("rb") as plain, (Path(folder) / "sealed").open("wb") as sealed:
                for place, chunk in enumerate(iter(lambda: plain.read(65_536), b"")):
                    sealed.write(key.encrypt(place.to_bytes(12, "big"), chunk, None))
                sealed.flush()
                os.fsync(sealed.fileno())
            copy.unlink()
            return large.count(settings) / (time.perf_counter() - start)

        yield sample


@contextmanager
def restored(settings: Settings) -> Iterator[Sample]:
    """Messages a second from the file to a profile that opens, with its index for search."""
    from loom.storage import backup
    from loom.storage.backup import Reading, Whose
    from loom.storage.backup_file import HEADER_BYTES, BackupKey, Way, read_header
    from loom.storage.database import Database
    from loom.storage.file_store import FileStore

    key = BackupKey(Way.PHRASE, bytes(32))
    home = _home(settings)
    file = io.BytesIO()
    with closing(large.open_store(home)) as database:
        database.read_now(lambda db: backup.write(db, file, key, Whose("Ada", b"", 1)))
    data = file.getvalue()

    def sample() -> float:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "loom.db"
            start = time.perf_counter()
            reading = Reading(
                io.BytesIO(data), len(data), read_header(data[:HEADER_BYTES]).open_(key)
            )
            backup.build(path, bytes(32), reading, FileStore(Path(folder) / "files"))
            restored_ = Database.open(path, bytes(32))
            restored_.write_now(backup.settle)
            restored_.close()
            return large.count(settings) / (time.perf_counter() - start)

    yield sample


ROWS = (
    Row(
        "backup-write",
        "backup of 1,000,000 messages",
        Unit.RATE,
        (Contender("Loom", written), Contender("sqlite3 .backup + AES", written_plain)),
        (Target(against="sqlite3 .backup + AES", at_least=0.5),),
    ),
    Row(
        "backup-restore",
        "restoring 1,000,000 messages",
        Unit.RATE,
        (Contender("Loom", restored),),
        (Target(at_least=30_000),),
    ),
)
