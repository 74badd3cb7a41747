"""The encrypted store against plain SQLite, both durable at every commit."""

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count as counting
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.peers import sqlite

if TYPE_CHECKING:
    from sqlcipher3.dbapi2 import Connection

    from loom.model import ConversationId
    from loom.storage.database import Database

NAME = "profile.db"


def _insert(conversation_id: "ConversationId", number: int) -> "Callable[[Connection], object]":
    """The work that stores one message, received and unread."""
    from loom.model import MessageId, MessageState, PersonId
    from loom.storage import messages

    return lambda db: messages.insert(
        db,
        conversation_id=conversation_id,
        message_id=MessageId(number.to_bytes(16, "big")),
        author=PersonId(1),
        kind=1,
        body=sqlite.BODY.format(number),
        sent_at_ms=number,
        stored_at_ms=number,
        state=MessageState.DELIVERED,
    )


def _add_contact(db: "Connection") -> "ConversationId":
    from loom.model import PeerId
    from loom.storage import persons

    return persons.insert(
        db,
        name="Ada",
        peer_id=PeerId(os.urandom(32)),
        x25519_public=os.urandom(32),
        created_at_ms=0,
    ).conversation_id


@contextmanager
def _profile() -> "Iterator[tuple[Database, ConversationId, asyncio.Runner]]":
    """A new database with one contact, and the event loop it runs on."""
    from loom.storage.database import Database

    with (
        TemporaryDirectory() as folder,
        asyncio.Runner() as runner,
        closing(Database.open(Path(folder) / NAME, os.urandom(32), create=True)) as database,
    ):
        yield database, runner.run(database.write(_add_contact)), runner


@contextmanager
def three_commits(settings: Settings) -> Iterator[Sample]:
    """Median seconds for three commits of one row of 200 bytes, one after the other."""
    from loom.storage.connection import connect
    from loom.storage.database import Database

    key, count = os.urandom(32), settings.amount(300, 10)
    with TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        Database.open(path, key, create=True).close()
        with closing(connect(path, key)) as db:
            db.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB) STRICT")

            def commit_three() -> float:
                start = time.perf_counter()
                for _ in range(3):
                    db.execute("INSERT INTO bare (body) VALUES (?)", (bytes(200),))
                return time.perf_counter() - start

            yield lambda: statistics.median(commit_three() for _ in range(count))


@contextmanager
def insert_one(settings: Settings) -> Iterator[Sample]:
    """Messages per second into history and full-text index, each awaited before the next."""
    count, numbers = settings.amount(1_000, 20), counting(1)

    with _profile() as (database, contact_id, runner):

        async def insert() -> float:
            start = time.perf_counter()
            for _ in range(count):
                await database.submit(_insert(contact_id, next(numbers)))
            await database.search(lambda db: None)
            return count / (time.perf_counter() - start)

        yield lambda: runner.run(insert())


@contextmanager
def insert_grouped(settings: Settings) -> Iterator[Sample]:
    """Messages per second into history and full-text index, 100 waiting at a time."""
    count, numbers = settings.amount(10_000, 500), counting(1)

    with _profile() as (database, contact_id, runner):

        async def insert() -> float:
            start = time.perf_counter()
            for _ in range(0, count, 100):
                works = [_insert(contact_id, next(numbers)) for _ in range(100)]
                await asyncio.gather(*(database.submit(work) for work in works))
            await database.search(lambda db: None)
            return count / (time.perf_counter() - start)

        yield lambda: runner.run(insert())


@contextmanager
def unlock(settings: Settings) -> Iterator[Sample]:
    """Seconds from a closed database to its newest message, both connections open."""
    from loom.storage import messages
    from loom.storage.database import Database

    key, count = os.urandom(32), settings.amount(50, 5)
    with TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(folder) / NAME

        async def fill(database: Database) -> "ConversationId":
            contact_id = await database.write(_add_contact)
            works = [_insert(contact_id, number) for number in range(1, 101)]
            await asyncio.gather(*(database.submit(work) for work in works))
            return contact_id

        with closing(Database.open(path, key, create=True)) as database:
            contact_id = runner.run(fill(database))

        def sample() -> float:
            elapsed = 0.0
            for _ in range(count):
                start = time.perf_counter()
                with closing(Database.open(path, key)) as database:
                    database.read_now(lambda db: messages.page(db, contact_id, 1))
                    elapsed += time.perf_counter() - start
            return elapsed / count

        yield sample


@contextmanager
def _million(settings: Settings) -> "Iterator[tuple[Database, ConversationId]]":
    from loom.storage.connection import connect
    from loom.storage.database import Database

    key = os.urandom(32)
    with TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        Database.open(path, key, create=True).close()
        # Straight into the table: the full-text index would take longer than all rounds.
        with closing(connect(path, key)) as db:
            db.execute("BEGIN")
            contact_id = _add_contact(db)
            for number in range(1, settings.amount(1_000_000, 10_000) + 1):
                _insert(contact_id, number)(db)
            db.execute("COMMIT")
        with closing(Database.open(path, key)) as database:
            yield database, contact_id


@contextmanager
def newest_50(settings: Settings) -> Iterator[Sample]:
    """Seconds to read the newest 50 of a conversation of 1,000,000, in the reader thread."""
    from loom.storage import messages

    reads = settings.amount(2_000, 20)
    with _million(settings) as (database, contact_id):

        def read(db: "Connection") -> float:
            start = time.perf_counter()
            for _ in range(reads):
                messages.page(db, contact_id, 50)
            return (time.perf_counter() - start) / reads

        yield lambda: database.read_now(read)


@contextmanager
def newest_50_awaited(settings: Settings) -> Iterator[Sample]:
    """The same as a front end has it: a transaction in another thread for each page."""
    from loom.storage import messages

    reads = settings.amount(2_000, 20)
    with _million(settings) as (database, contact_id), asyncio.Runner() as runner:

        async def read() -> float:
            start = time.perf_counter()
            for _ in range(reads):
                await database.read(lambda db: messages.page(db, contact_id, 50))
            return (time.perf_counter() - start) / reads

        yield lambda: runner.run(read())


ROWS = (
    Row(
        "three-commits",
        "three commits of one row of 200 bytes, one after the other",
        Unit.SECONDS,
        (Contender("loom", three_commits), Contender("sqlite", sqlite.three_commits)),
    ),
    Row(
        "insert-one",
        "durable insert with full-text index, one per commit",
        Unit.RATE,
        (Contender("loom", insert_one), Contender("sqlite", sqlite.insert_one)),
        (Target("sqlite", at_least=0.6),),
    ),
    Row(
        "insert-grouped",
        "durable insert with full-text index, 100 per commit",
        Unit.RATE,
        (Contender("loom", insert_grouped), Contender("sqlite", sqlite.insert_grouped)),
        (Target("sqlite", at_least=0.6),),
    ),
    Row(
        "unlock",
        "unlock without Argon2id",
        Unit.SECONDS,
        (Contender("loom", unlock), Contender("sqlite", sqlite.open_)),
        (Target("sqlite", at_most=3),),
    ),
    Row(
        "newest-50",
        "newest 50 of a conversation of 1,000,000",
        Unit.SECONDS,
        (
            Contender("loom", newest_50),
            Contender("loom, awaited", newest_50_awaited),
            Contender("sqlite", sqlite.newest_50),
        ),
        (Target("sqlite", at_most=1.5),),
    ),
)
