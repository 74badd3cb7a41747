"""States of one conversation that meet in one commit."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.errors import StateConflict
from loom.storage import sessions
from loom.storage.database import Database
from loom.storage.sessions import Save
from tests.storage.conftest import OpenDatabase
from tests.storage.given import say

ADA: Any = 1
"""The number of the person, the conversation and the device."""


class Crash(Exception):
    """Injected."""


class States:
    """Hands out saves and notes which of them were encoded."""

    def __init__(self) -> None:
        self.encoded: list[int] = []

    def save(self, read_version: int) -> Save:
        """The save that follows a version."""

        def encode() -> bytes:
            self.encoded.append(read_version + 1)
            return b"%d" % (read_version + 1)

        return Save(ADA, read_version, encode)


def _nothing(db: Connection) -> None:
    """All there is to do is the save."""


def _crash(db: Connection) -> None:
    say(db, 1, "undone")
    raise Crash


async def _together(
    database: Database, *tasks: tuple[Callable[[Connection], None], Save]
) -> list[BaseException | None]:
    """The outcomes of tasks that share one commit."""
    gate = threading.Event()
    held = database.submit(lambda _: gate.wait(10))
    futures = [database.submit(work, save) for work, save in tasks]
    gate.set()
    await held
    return await asyncio.gather(*futures, return_exceptions=True)


async def test_only_the_last_state_of_a_commit_is_written(open_database: OpenDatabase) -> None:
    database, states = open_database(), States()
    await _together(database, *[(_nothing, states.save(n)) for n in range(3)])
    assert states.encoded == [3]
    assert await database.read(lambda db: sessions.load(db, ADA)) == (3, b"3")
    await database.submit(_nothing, states.save(3))
    assert await database.read(lambda db: sessions.load(db, ADA)) == (4, b"4")


async def test_what_follows_a_failed_item_is_a_conflict(open_database: OpenDatabase) -> None:
    database, states = open_database(), States()
    outcomes = await _together(
        database, (_nothing, states.save(0)), (_crash, states.save(1)), (_nothing, states.save(2))
    )
    assert [type(one) for one in outcomes] == [type(None), Crash, StateConflict]
    assert await database.read(lambda db: sessions.load(db, ADA)) == (1, b"1")


@pytest.mark.parametrize("versions", [(0, 2), (1, 2), (0, 0)])
async def test_a_missing_or_repeated_step_is_a_conflict(
    open_database: OpenDatabase, versions: tuple[int, int]
) -> None:
    database, states = open_database(), States()
    outcomes = await _together(database, *[(_nothing, states.save(n)) for n in versions])
    assert isinstance(outcomes[1], StateConflict)
    kept = await database.read(lambda db: sessions.load(db, ADA))
    assert kept == ((1, b"1") if versions[0] == 0 else None)


async def test_who_looks_in_the_same_commit_sees_the_state_before_it(
    open_database: OpenDatabase,
) -> None:
    """A state that is loaded anew must not be the one from before the commits under way."""
    database, states = open_database(), States()
    gate = threading.Event()
    held = database.submit(lambda _: gate.wait(10))
    saved = [database.submit(_nothing, states.save(n)) for n in range(2)]
    looked = database.submit(lambda db: sessions.load(db, ADA))
    saved.append(database.submit(_nothing, states.save(2)))
    gate.set()
    await asyncio.gather(held, *saved)
    assert await looked == (2, b"2")
    assert await database.read(lambda db: sessions.load(db, ADA)) == (3, b"3")


async def test_what_is_deleted_in_the_same_commit_stays_deleted(
    open_database: OpenDatabase,
) -> None:
    database, states = open_database(), States()
    gate = threading.Event()
    held = database.submit(lambda _: gate.wait(10))
    saved = database.submit(_nothing, states.save(0))
    deleted = database.submit(lambda db: db.execute("DELETE FROM sessions").rowcount)
    gate.set()
    await asyncio.gather(held, saved, deleted)
    assert await database.read(lambda db: sessions.load(db, ADA)) is None
