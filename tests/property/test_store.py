"""Whatever fails in a batch, the database holds exactly what was acknowledged, in order."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Message
from loom.storage import messages, search
from loom.storage.database import Database
from tests.new_database import KEY
from tests.storage.given import add_contact, mid, say

Item = tuple[int, bool]
Batch = tuple[list[Item], bool]

ITEMS = st.tuples(st.integers(1, 9), st.booleans())
BATCHES = st.lists(st.tuples(st.lists(ITEMS, min_size=1, max_size=6), st.booleans()), max_size=8)


class Injected(Exception):
    """Raised by an item or at a commit."""


def _work(number: int, fails: bool) -> Callable[[Connection], Message]:
    def work(db: Connection) -> Message:
        stored = say(db, number, f"word{number}")
        if fails:
            raise Injected
        return stored

    return work


async def _run(path: Path, batches: list[Batch]) -> list[int]:
    """Store every batch; the numbers that were acknowledged, after checking the file for them."""
    commit_fails = False

    def before_commit() -> None:
        if commit_fails:
            raise Injected

    database = Database.open(path, KEY, create=True, before_commit=before_commit)
    try:
        await database.write(add_contact)
        acknowledged: list[int] = []
        for items, commit_fails in batches:  # noqa: B007 - read by before_commit
            futures = [database.submit(_work(*item)) for item in items]
            outcomes = await asyncio.gather(*futures, return_exceptions=True)
            acknowledged += [
                int.from_bytes(m.message_id) for m in outcomes if isinstance(m, Message)
            ]
        commit_fails = False
        stored = await database.read(lambda db: messages.page(db, ConversationId(1), 100))
        assert [m.message_id for m in stored] == [mid(number) for number in acknowledged]
        found = await database.search(lambda db: search.search(db, "word", limit=100))
        assert found == stored[::-1]
        assert await database.integrity() == []
        return acknowledged
    finally:
        database.close()


def _expected(batches: list[Batch]) -> list[int]:
    kept: list[int] = []
    for items, commit_fails in batches:
        for number, fails in items:
            if not (commit_fails or fails or number in kept):
                kept.append(number)
    return kept


@given(BATCHES)
@settings(max_examples=40, deadline=None)
def test_the_store_holds_exactly_what_it_acknowledged(batches: list[Batch]) -> None:
    with TemporaryDirectory() as folder:
        acknowledged = asyncio.run(_run(Path(folder) / "loom.db", batches))
    assert acknowledged == _expected(batches)
