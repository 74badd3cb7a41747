"""What is deleted is absent from every decrypted page (docs/PROTOCOL.md 16, item 9)."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.storage import (
    drafts,
    events,
    messages,
    outbox,
    persons,
    prekeys,
    search,
    skipped_keys,
    text_index,
)
from tests.new_database import KEY
from tests.storage.conftest import OpenDatabase
from tests.storage.given import check_search, continue_at, mid, say
from tests.storage.pages import decrypted

ADA: Any = 1
"""The number of the person, the conversation and the device."""
SECRET = "zanzibar marzipan"
SESSION = b"s" * 64
PART = 1 << text_index.PART_BITS


def _fill(db: Connection) -> None:
    for number in range(1, 200):
        say(db, number, f"ordinary talk number {number}")
    row = say(db, 200, f"the {SECRET} plan").row_id
    events.append(db, events.NewEvent(body=b"{}", created_at_ms=1, message_row=row))
    outbox.add(db, ADA, mid(200), b"payload zanzibar" * 40)
    skipped_keys.add_many(db, ADA, [skipped_keys.SkippedKey(SESSION, 0, 1, b"KEYKEY" * 5, 1)])
    prekeys.put(db, prekeys.Prekey(b"b" * 8, ADA, b"PRIVATE" * 9, 1, 1))


def _holds(path: Path, needle: bytes) -> bool:
    return needle in decrypted(path, KEY).lower()


@pytest.mark.parametrize("is_indexed", [True, False])
async def test_a_deleted_message_and_deleted_keys_are_nowhere(
    path: Path, open_database: OpenDatabase, is_indexed: bool
) -> None:
    database = open_database()
    await database.write(_fill)
    if is_indexed:
        await database.write(search.index_new)
    assert await database.checkpoint()
    present = (b"zanzibar", b"marzipan", b"keykey", b"private", b"ordinary")
    assert all(_holds(path, word) for word in present)

    def remove(db: Connection) -> None:
        assert messages.delete(db, ADA, [mid(200)]) == [mid(200)]
        outbox.delete(db, ADA, [mid(200)])
        skipped_keys.delete_many(db, ADA, [(SESSION, 0, 1)])
        prekeys.delete(db, b"b" * 8)

    await database.write(remove)
    assert await database.checkpoint()

    assert not any(_holds(path, word) for word in present[:4])
    assert _holds(path, b"ordinary")
    assert not await database.search(lambda db: search.search(db, "zanzibar"))
    database.close()
    assert not any(_holds(path, word) for word in present[:4])


async def test_a_removed_contact_leaves_no_word_behind(
    path: Path, open_database: OpenDatabase
) -> None:
    database = open_database()
    await database.write(_fill)
    await database.write(lambda db: persons.remove(db, ADA))
    assert await database.checkpoint()
    assert not any(_holds(path, word) for word in (b"zanzibar", b"ordinary", b"keykey", b"private"))


async def test_a_message_deleted_in_the_commit_that_stored_it_leaves_search_sound(
    open_database: OpenDatabase,
) -> None:
    database = open_database()

    def come_and_go(db: Connection) -> None:
        say(db, 1, "here and gone")
        messages.delete(db, ADA, [mid(1)])
        say(db, 2, "here to stay")

    await database.write(come_and_go)
    await database.write(check_search)
    assert [m.body for m in await database.search(lambda db: search.search(db, "here"))] == [
        "here to stay"
    ]
    await database.write(lambda db: messages.delete_all(db, ADA))
    await database.write(check_search)


async def test_a_message_deleted_from_an_older_part_of_the_index_is_nowhere(
    path: Path, open_database: OpenDatabase
) -> None:
    database = open_database()
    await database.write(_fill)
    await database.write(search.index_new)
    await database.write(lambda db: continue_at(db, PART))
    await database.write(lambda db: [say(db, n, f"later zanzibar {n}") for n in (301, 302)])
    await database.write(search.index_new)
    await database.write(lambda db: messages.delete(db, ADA, [mid(200), mid(301)]))
    await database.write(check_search)
    assert await database.checkpoint()
    assert not _holds(path, b"marzipan")
    assert _holds(path, b"zanzibar")
    await database.write(lambda db: outbox.delete_all(db, ADA))
    await database.write(lambda db: messages.delete_all(db, ADA))
    await database.write(check_search)
    assert await database.checkpoint()
    assert not any(_holds(path, word) for word in (b"zanzibar", b"ordinary", b"later"))


async def test_a_draft_that_was_changed_or_sent_is_nowhere(
    path: Path, open_database: OpenDatabase
) -> None:
    database = open_database()
    for text, gone in (("zanzibar", ""), ("marzipan " * 900, "zanzibar"), ("", "marzipan")):
        await database.write(partial(drafts.put, conversation_id=ADA, draft=drafts.Draft(text)))
        assert await database.checkpoint()
        assert not gone or not _holds(path, gone.encode())
        assert not text or _holds(path, text[:8].encode())


def _words_in_search(db: Connection) -> set[str]:
    """Every word that any part of the index has, however its tables store it."""
    tables = db.execute("SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE%'")
    found: set[str] = set()
    for (table,) in tables.fetchall():
        db.execute(f"CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, '{table}', 'row')")
        found |= {word for (word,) in db.execute("SELECT term FROM temp.words")}
        db.execute("DROP TABLE temp.words")
    return found


async def test_the_index_forgets_words_of_many_commits_that_begin_alike(
    path: Path, open_database: OpenDatabase
) -> None:
    """Neighbours are stored by what differs, and old segments are merged with new ones."""
    database = open_database()
    for number in range(1, 41):
        body = "zanzibarian marzipans" if number == 9 else f"zanzi marzi {number}"
        await database.write(partial(say, number=number, body=body))
        await database.write(search.index_new)
    await database.write(lambda db: messages.delete(db, ADA, [mid(9)]))
    assert await database.checkpoint()
    words = await database.write(_words_in_search)
    assert {"zanzi", "marzi", "40"} <= words
    assert not {"zanzibarian", "marzipans"} & words
    assert not any(
        _holds(path, word) for word in (b"zanzibarian", b"barian", b"marzipans", b"pans")
    )
