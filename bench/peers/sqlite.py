"""Plain SQLite from the standard library, with the tables a messenger needs and no encryption."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Sample, Settings

SCHEMA = """
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    contact_id INTEGER NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX messages_by_time ON messages (contact_id, sent_at_ms, id);
CREATE VIRTUAL TABLE messages_text USING fts5 (body, content='messages', content_rowid='id');
"""
BODY = "the quick brown fox number {} jumps over the lazy dog at noon, again"


def _open(path: Path) -> sqlite3.Connection:
    """A connection that is durable at every commit; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _insert(connection: sqlite3.Connection, number: int) -> None:
    body = BODY.format(number)
    row = connection.execute(
        "INSERT INTO messages (contact_id, sent_at_ms, body) VALUES (1, ?, ?)", (number, body)
    ).lastrowid
    connection.execute("INSERT INTO messages_text (rowid, body) VALUES (?, ?)", (row, body))


@contextmanager
def _inserting(count: int, per_commit: int) -> Iterator[Sample]:
    with TemporaryDirectory() as folder:
        connection = _open(Path(folder) / "plain.db")
        connection.executescript(SCHEMA)

        def sample() -> float:
            start = time.perf_counter()
            for first in range(0, count, per_commit):
                connection.execute("BEGIN IMMEDIATE")
                for number in range(first, first + per_commit):
                    _insert(connection, number)
                connection.execute("COMMIT")
            return count / (time.perf_counter() - start)

        yield sample
        connection.close()


@contextmanager
def insert_one(settings: Settings) -> Iterator[Sample]:
    """Rows per second, a commit after each."""
    with _inserting(settings.amount(1_000, 20), per_commit=1) as sample:
        yield sample


@contextmanager
def insert_grouped(settings: Settings) -> Iterator[Sample]:
    """Rows per second, a commit after every 100."""
    with _inserting(settings.amount(10_000, 500), per_commit=100) as sample:
        yield sample


@contextmanager
def newest_50(settings: Settings) -> Iterator[Sample]:
    """Seconds to read the newest 50 of a conversation of 1,000,000."""
    rows, reads = settings.amount(1_000_000, 10_000), settings.amount(200, 20)
    with TemporaryDirectory() as folder:
        connection = _open(Path(folder) / "plain.db")
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO messages (contact_id, sent_at_ms, body) VALUES (1, ?, ?)",
            ((number, BODY.format(number)) for number in range(rows)),
        )
        connection.execute("COMMIT")

        def sample() -> float:
            start = time.perf_counter()
            for _ in range(reads):
                connection.execute(
                    "SELECT id, sent_at_ms, body FROM messages WHERE contact_id = 1"
                    " ORDER BY sent_at_ms DESC, id DESC LIMIT 50"
                ).fetchall()
            return (time.perf_counter() - start) / reads

        yield sample
        connection.close()


@contextmanager
def open_(settings: Settings) -> Iterator[Sample]:
    """Seconds from a closed file to its newest row."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plain.db"
        connection = _open(path)
        connection.executescript(SCHEMA)
        for number in range(100):
            _insert(connection, number)
        connection.close()
        count = settings.amount(50, 5)

        def sample() -> float:
            elapsed = 0.0
            for _ in range(count):
                start = time.perf_counter()
                opened = _open(path)
                opened.execute("SELECT body FROM messages ORDER BY id DESC LIMIT 1").fetchone()
                elapsed += time.perf_counter() - start
                opened.close()
            return elapsed / count

        yield sample
