"""Plain SQLite from the standard library: the facts of a message that Loom keeps, unencrypted."""

import itertools
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Sample, Settings

SCHEMA = """
CREATE TABLE messages (
    row_id INTEGER PRIMARY KEY,
    contact_id INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    direction INTEGER NOT NULL,
    body TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,
    UNIQUE (contact_id, direction, message_id)
);
CREATE INDEX messages_of_contact ON messages (contact_id, row_id);
CREATE VIRTUAL TABLE messages_text USING fts5 (body, content='messages', content_rowid='row_id');
"""
INSERT = """
INSERT INTO messages
    (contact_id, message_id, direction, body, sent_at_ms, stored_at_ms, state)
    VALUES (1, ?, 0, ?, ?, ?, 3)
"""
NEWEST = """
SELECT row_id, message_id, contact_id, direction, body, sent_at_ms, stored_at_ms, state
    FROM messages WHERE contact_id = 1 ORDER BY row_id DESC LIMIT ?
"""
BODY = "the quick brown fox number {} jumps over the lazy dog at noon, again"


def _open(path: Path) -> sqlite3.Connection:
    """A connection that is durable at every commit; transactions are begun by hand."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _row(number: int) -> tuple[bytes, str, int, int]:
    return number.to_bytes(16, "big"), BODY.format(number), number, number


def _insert(connection: sqlite3.Connection, number: int) -> None:
    row = _row(number)
    row_id = connection.execute(INSERT, row).lastrowid
    connection.execute("INSERT INTO messages_text (rowid, body) VALUES (?, ?)", (row_id, row[1]))


@contextmanager
def _inserting(count: int, per_commit: int) -> Iterator[Sample]:
    with TemporaryDirectory() as folder:
        connection = _open(Path(folder) / "plain.db")
        connection.executescript(SCHEMA)
        numbers = itertools.count(1)

        def sample() -> float:
            start = time.perf_counter()
            for _ in range(0, count, per_commit):
                connection.execute("BEGIN IMMEDIATE")
                for _ in range(per_commit):
                    _insert(connection, next(numbers))
                connection.execute("COMMIT")
            return count / (time.perf_counter() - start)

        yield sample
        connection.close()


@contextmanager
def three_commits(settings: Settings) -> Iterator[Sample]:
    """Median seconds for three commits of one row of 200 bytes, one after the other."""
    with TemporaryDirectory() as folder, closing(_open(Path(folder) / "plain.db")) as connection:
        connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)")

        def commit_three() -> float:
            start = time.perf_counter()
            for _ in range(3):
                connection.execute("INSERT INTO bare (body) VALUES (?)", (bytes(200),))
            return time.perf_counter() - start

        count = settings.amount(300, 10)
        yield lambda: statistics.median(commit_three() for _ in range(count))


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
    rows, reads = settings.amount(1_000_000, 10_000), settings.amount(2_000, 20)
    with TemporaryDirectory() as folder:
        connection = _open(Path(folder) / "plain.db")
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        connection.executemany(INSERT, (_row(number) for number in range(rows)))
        connection.execute("COMMIT")

        def sample() -> float:
            start = time.perf_counter()
            for _ in range(reads):
                connection.execute(NEWEST, (50,)).fetchall()
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
                opened.execute(NEWEST, (1,)).fetchall()
                elapsed += time.perf_counter() - start
                opened.close()
            return elapsed / count

        yield sample
