"""A profile's database with one contact, and ways to look behind the encryption."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.storage import database as database_module
from loom.storage import search
from loom.storage.connection import connect
from loom.storage.database import Database
from tests.new_database import KEY, new_database
from tests.storage.given import add_contact


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with the contact Ada, closed."""
    file = tmp_path / "loom.db"
    new_database(file)
    db = connect(file, KEY)
    add_contact(db)
    db.close()
    return file


@pytest.fixture
def db(path: Path) -> Iterator[Connection]:
    """One connection to it."""
    connection = connect(path, KEY)
    search.attach(connection)
    yield connection
    connection.close()


class OpenDatabase(Protocol):
    """Opens the database; closed at the end of the test."""

    def __call__(self, before_commit: Callable[[], None] | None = None) -> Database: ...


@pytest.fixture(params=["in the loop", "in the thread"])
def open_database(
    path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OpenDatabase]:
    """See OpenDatabase; what is submitted is committed in one place or the other."""
    in_loop = request.param == "in the loop"
    monkeypatch.setattr(database_module, "QUICK_S", math.inf if in_loop else 0)
    monkeypatch.setattr(database_module, "SMALL_BATCH", math.inf)
    opened: list[Database] = []

    def open_(before_commit: Callable[[], None] | None = None) -> Database:
        opened.append(Database.open(path, KEY, before_commit=before_commit))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()
