"""The full-text index in parts: what a search finds across them, and what it does not touch."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, MessageId, PeerId
from loom.storage import messages, schema, search, text_index
from loom.storage.connection import connect
from loom.storage.database import Database
from tests.new_database import KEY
from tests.storage.conftest import OpenDatabase
from tests.storage.given import (
    add_contact,
    check_search,
    continue_at,
    index_all,
    mid,
    say,
    saying,
)
from tests.storage.pages import decrypted

ADA, BOB = ConversationId(1), ConversationId(2)
PART = 1 << text_index.PART_BITS


@pytest.fixture
def three_parts(db: Connection) -> Connection:
    """Nine messages with Ada and Bob in turn, three in each part of the index, the last full."""
    add_contact(db, "Bob", PeerId(b"B" * 32))
    for number in range(1, 10):
        if number % 3 == 1:
            continue_at(db, (1 + number // 3) * PART - 2)
        say(db, number, f"word{number}", conversation_id=1 + number % 2)
    search.index_new(db)
    check_search(db)
    return db


def _numbers(
    db: Connection,
    text: str,
    contact_id: ConversationId | None = None,
    limit: int = 50,
    before_ms: int | None = None,
    before_row: int | None = None,
) -> list[int]:
    found = search.search(db, text, contact_id, limit, before_ms=before_ms, before_row=before_row)
    return [int.from_bytes(one.message_id) for one in found]


def test_a_search_goes_on_from_part_to_part(three_parts: Connection) -> None:
    assert _numbers(three_parts, "word") == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert _numbers(three_parts, "word", None, 5) == [9, 8, 7, 6, 5]
    assert _numbers(three_parts, "word2") == [2]
    assert _numbers(three_parts, "word", ADA) == [8, 6, 4, 2]
    assert _numbers(three_parts, "word word8", ADA, 1) == [8]
    assert _numbers(three_parts, "word8", BOB) == []


@pytest.mark.parametrize("contact_id", [None, ADA, BOB])
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_pages_lose_and_repeat_nothing(
    three_parts: Connection, contact_id: ConversationId | None, limit: int
) -> None:
    def pages() -> Iterator[MessageId]:
        before = None
        while page := search.search(three_parts, "word", contact_id, limit, before_row=before):
            before = page[-1].row_id
            yield from (one.message_id for one in page)

    whole = search.search(three_parts, "word", contact_id, 99)
    assert list(pages()) == [one.message_id for one in whole]


def test_a_search_before_a_time(three_parts: Connection) -> None:
    assert _numbers(three_parts, "word", None, 2, before_ms=6) == [5, 4]
    assert _numbers(three_parts, "word", ADA, 9, before_ms=6) == [4, 2]
    assert _numbers(three_parts, "word", None, 9, before_ms=1) == []


def test_a_search_asks_no_more_parts_than_fill_its_page(three_parts: Connection) -> None:
    """One that merged all 1,000,000 messages took 136 ms for a word that each of them holds."""
    db = three_parts
    asked: list[str] = []
    db.set_trace_callback(lambda sql: asked.append(sql) if "MATCH" in sql else None)
    assert _numbers(db, "word", None, 3) == [9, 8, 7]
    assert len(asked) == 1
    asked.clear()
    assert _numbers(db, "word", None, 3, before_row=PART) == [2, 1]
    assert len(asked) == 1


def test_parts_without_a_message_of_the_conversation_are_not_asked(db: Connection) -> None:
    add_contact(db, "Bob", PeerId(b"B" * 32))
    say(db, 1, "old word")
    for number in range(2, 6):
        continue_at(db, number * PART)
        say(db, number, "word", conversation_id=2)
    search.index_new(db)
    asked: list[str] = []
    db.set_trace_callback(lambda sql: asked.append(sql) if "MATCH" in sql else None)
    assert _numbers(db, "word", ADA) == [1]
    assert len(asked) == 1


def test_the_conversation_is_no_word_of_its_messages(three_parts: Connection) -> None:
    assert _numbers(three_parts, "1") == _numbers(three_parts, "contact:1") == []
    say(three_parts, 10, "room 2")
    search.index_new(three_parts)
    assert _numbers(three_parts, "2") == [10]


@given(text=st.text(max_size=20) | st.text('"*()^:-+{}AND ORNEAR,\0', max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_a_conversation_holds_no_more_hits_than_the_whole(
    three_parts: Connection, text: str
) -> None:
    assume(text.strip())  # a conversation alone is all of it
    within = {n for contact_id in (ADA, BOB) for n in _numbers(three_parts, text, contact_id)}
    assert within == set(_numbers(three_parts, text))


@pytest.mark.parametrize("text", ["\U0001e900", "2a", "don't", "\u4f60\u597d"])
def test_letters_that_the_index_does_not_know_find_nothing(
    three_parts: Connection, text: str
) -> None:
    assert _numbers(three_parts, text) == _numbers(three_parts, text, ADA) == []


def _segments(db: Connection) -> int:
    [[count]] = db.execute("SELECT count(DISTINCT segid) FROM messages_fts_0_idx")
    return int(count)


def _fill_part(db: Connection) -> int:
    """Four segments of many words, and a message of the next part that waits; the segments."""
    for first in range(1, 1_601, 400):
        for number in range(first, first + 400):
            say(db, number, " ".join(f"word{number}x{one}" for one in range(10)))
        search.index_new(db)
    continue_at(db, PART + 1)
    say(db, 2_000, "word")
    return _segments(db)


async def test_a_full_part_is_brought_into_one_segment(open_database: OpenDatabase) -> None:
    database = open_database()
    assert await database.write(_fill_part) == 4  # the upkeep may begin right after it
    await database.write(search.index_new)
    await asyncio.gather(*(database.submit(saying(one)) for one in range(3_000, 3_100)))
    while await database.read(search.is_due):
        await database.checkpoint()  # after a step of the upkeep
    await database.write(check_search)
    assert await database.read(_segments) == 1


def test_a_full_part_is_merged_in_short_steps(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once it took seconds, and every commit of the profile waited for it."""
    _fill_part(db)
    search.index_new(db)
    assert _segments(db) == 4  # the commit that begins a part does not merge the one before
    [[pages]] = db.execute("SELECT count(*) FROM messages_fts_0_data")
    monkeypatch.setattr(text_index, "MERGE_PAGES", 8)
    steps = 0
    is_done = False
    while not is_done:
        is_done = search.keep_up(db)
        steps += 1
    assert _segments(db) == 1
    assert steps > pages // (2 * text_index.MERGE_PAGES) > 2
    check_search(db)


def test_what_is_edited_while_a_part_is_merged_is_found(
    db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_index, "MERGE_PAGES", 8)
    _fill_part(db)
    search.index_new(db)
    is_done, row = False, 0
    while not is_done:
        is_done = search.keep_up(db)
        row += 1
        db.execute("UPDATE messages SET body = 'another wording' WHERE row_id = ?", (row,))
        db.execute("DELETE FROM messages WHERE row_id = ?", (row + 800,))
        assert _numbers(db, "another", limit=99) == [*range(row, 0, -1)]
        assert _numbers(db, f"word{row}x1", limit=1) == []
        assert _numbers(db, f"word{row + 800}x1", limit=1) == []
    assert row > 4
    check_search(db)


class Injected(Exception):
    """Raised at a commit."""


async def test_a_commit_that_fails_at_the_border_of_a_part_leaves_the_index_sound(
    open_database: OpenDatabase,
) -> None:
    commits, fails = 0, True

    def before_commit() -> None:
        nonlocal commits
        commits += 1
        if fails and commits > 1:  # after the first one, which a later upkeep follows by itself
            raise Injected

    def talk(db: Connection) -> None:
        continue_at(db, PART - 1)
        for number in range(1, 5):
            say(db, number, f"word{number}")

    database = open_database(before_commit)
    await database.write(talk)
    with pytest.raises(Injected):
        await database.search(lambda db: _numbers(db, "word"))
    fails = False
    assert await database.search(lambda db: _numbers(db, "word")) == [4, 3, 2, 1]
    await database.write(check_search)


@pytest.mark.parametrize("per_commit", [1, 2 * text_index.INDEX_EVERY])
async def test_no_more_messages_wait_for_the_index_than_a_search_can_index(
    open_database: OpenDatabase, per_commit: int
) -> None:
    database = open_database()
    numbers = iter(range(1, 3 * text_index.INDEX_EVERY + 1))
    while works := [saying(number) for number in islice(numbers, per_commit)]:
        await asyncio.gather(*map(database.submit, works))
    await database.checkpoint()  # after the upkeep
    assert not await database.read(search.is_due)
    assert len(await database.search(lambda db: _numbers(db, "hello", limit=999))) == 768


async def test_an_index_that_cannot_be_written_holds_up_no_message(
    open_database: OpenDatabase,
) -> None:
    commits = 0

    def before_commit() -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise Injected

    database = open_database(before_commit)
    works = [saying(number) for number in range(1, text_index.INDEX_EVERY + 1)]
    await asyncio.gather(*map(database.submit, works))
    await database.checkpoint()  # after the upkeep
    assert commits == 2
    await database.submit(saying(999))
    assert len(await database.search(lambda db: _numbers(db, "hello", limit=999))) == 257


async def test_a_reader_sees_the_parts_made_since_it_began(open_database: OpenDatabase) -> None:
    def talk(db: Connection) -> None:
        continue_at(db, number * PART)
        say(db, number, f"word{number}")

    database = open_database()
    for number in range(1, 5):
        await database.write(talk)
        assert await database.search(lambda db: _numbers(db, "word")) == [*range(number, 0, -1)]


def test_a_profile_with_an_index_in_one_piece_opens_and_is_searched(tmp_path: Path) -> None:
    path = tmp_path / "loom.db"
    path.touch()
    db = connect(path, KEY)
    schema.migrate(db, {number: schema.migrations()[number] for number in (1, 2)})
    db.execute(
        "INSERT INTO contacts (name, name_key, peer_id, x25519_public, created_at_ms)"
        " VALUES ('Ada', 'ada', zeroblob(32), zeroblob(32), 1)"
    )
    for number, row_id, text in ((1, 1, "first zanzibar"), (2, 2 * PART, "second marzipan")):
        db.execute(
            "INSERT INTO messages VALUES (?, 1, ?, 0, ?, 1, 1, 3)", (row_id, mid(number), text)
        )
    db.execute("INSERT INTO messages_fts (rowid, body) SELECT row_id, body FROM messages")
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages_fts'", (2 * PART,))
    db.close()

    database = Database.open(path, KEY)
    database.write_now(index_all)
    assert database.read_now(lambda db: _numbers(db, "first")) == [1]
    assert database.read_now(lambda db: _numbers(db, "second", ADA)) == [2]
    database.write_now(check_search)
    database.write_now(lambda db: messages.delete(db, ADA, [mid(1)]))
    database.write_now(check_search)
    database.close()
    words = decrypted(path, KEY).lower()
    assert b"zanzibar" not in words
    assert b"marzipan" in words
