"""Posts of rooms are found by their words while they are shown, and leave none behind."""

from pathlib import Path

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber
from loom.storage import room_posts, room_search, rooms, search, text_index
from loom.storage.room_posts import RoomPost
from loom.storage.rooms import Standing
from tests.new_database import KEY
from tests.storage.conftest import OpenDatabase
from tests.storage.given import say
from tests.storage.pages import decrypted

ADA, BOB = b"a" * 32, b"b" * 32
TEXT, EDIT = 1, 2


def make(db: Connection, number: int = 1) -> RoomNumber:
    """A room."""
    row = rooms.add(
        db,
        room_id=bytes([number]) * 32,
        name=f"Room {number}",
        standing=Standing.MEMBER,
        version=b"v",
        created_at_ms=1,
    )
    return row.room


def post(
    db: Connection,
    number: int,
    body: str,
    *,
    room: RoomNumber = RoomNumber(1),  # noqa: B008 - a number
    author: bytes = ADA,
    kind: int = TEXT,
    is_held: bool = False,
) -> int:
    """A post; its row."""
    row_id = room_posts.add(
        db,
        RoomPost(
            room=room,
            id=number.to_bytes(32, "big"),
            author=author,
            number=number,
            ordinal=number,
            sent_at_ms=number * 1_000,
            stored_at_ms=number * 1_000,
            kind=kind,
            channel="general",
            body=body,
            is_held=is_held,
        ),
        b"DATA " + body.encode(),
    )
    assert row_id is not None
    return row_id


def index(db: Connection) -> None:
    """Bring the index up to date."""
    while not search.index_new(db):
        pass


def check(db: Connection) -> None:
    """The index is sound."""
    db.execute(
        "INSERT INTO room_posts_fts_0 (room_posts_fts_0, rank) VALUES ('integrity-check', 0)"
    )


@pytest.fixture
def filled(db: Connection) -> Connection:
    """Two rooms, two authors."""
    first, second = make(db, 1), make(db, 2)
    post(db, 1, "red apples", room=first)
    post(db, 2, "green apples https://apples.example", room=first, author=BOB)
    post(db, 3, "red pears", room=second)
    post(db, 4, "red apples, edited", room=first, kind=EDIT)
    post(db, 5, "held apples", room=first, author=BOB, is_held=True)
    index(db)
    return db


def test_words_rooms_authors_links_and_times_narrow_what_is_found(filled: Connection) -> None:
    db = filled
    assert room_search.search(db, "apples") == [2, 1]
    assert room_search.search(db, "appl") == [2, 1]
    assert room_search.search(db, "red") == [3, 1]
    assert room_search.search(db, "red", RoomNumber(2)) == [3]
    assert room_search.search(db, "", authors=[BOB]) == [2]
    assert room_search.search(db, "apples", authors=[ADA, BOB]) == [2, 1]
    assert room_search.search(db, "apples", authors=[]) == []
    assert room_search.search(db, "", has_link=True) == [2]
    assert room_search.search(db, "", since_ms=2_000, before_ms=3_000) == [2]
    assert room_search.search(db, "", since_ms=2_000) == [3, 2]
    assert room_search.search(db, "", among=[(3).to_bytes(32, "big")]) == [3]
    assert room_search.search(db, "pears", among=[(1).to_bytes(32, "big")]) == []
    assert room_search.search(db, "apples", limit=1) == [2]
    assert room_search.search(db, "apples", before_row=2) == [1]
    assert room_search.search(db, "") == []
    assert room_search.search(db, '" *"') == []


def test_what_is_shown_later_is_found_and_what_is_hidden_is_not(filled: Connection) -> None:
    db = filled
    room_posts.show(db, 5)
    assert room_search.search(db, "held") == [5]
    room_posts.hide(db, RoomNumber(1), [(1).to_bytes(32, "big")], on=True)
    assert room_search.search(db, "red") == [3]
    room_posts.hide(db, RoomNumber(1), [(1).to_bytes(32, "big")], on=False)
    assert room_search.search(db, "red") == [3, 1]
    room_posts.change(db, 1, "blue apples", is_mention=False)
    assert room_search.search(db, "red") == [3]
    assert room_search.search(db, "blue") == [1]
    room_posts.erase(db, 2, b"")
    assert room_search.search(db, "green") == []
    rooms.delete(db, RoomNumber(1))
    assert room_search.search(db, "apples") == []
    check(db)


def test_messages_and_posts_are_indexed_apart(filled: Connection) -> None:
    db = filled
    say(db, 1, "apples in a conversation")
    index(db)
    assert [one.body for one in search.search(db, "apples")] == ["apples in a conversation"]
    assert room_search.search(db, "conversation") == []
    assert search.is_complete(db)


@pytest.mark.parametrize("is_indexed", [True, False])
async def test_a_deleted_post_is_nowhere_in_the_file(
    path: Path, open_database: OpenDatabase, is_indexed: bool
) -> None:
    database = open_database()

    def fill(db: Connection) -> None:
        make(db)
        for number in range(1, 100):
            post(db, number, f"ordinary talk number {number}")
        post(db, 100, "the zanzibar plan")

    await database.write(fill)
    if is_indexed:
        await database.write(search.index_new)
    assert await database.checkpoint()
    assert b"zanzibar" in decrypted(path, KEY).lower()
    await database.write(lambda db: room_posts.erase(db, 100, b"DATA"))
    assert await database.checkpoint()
    assert b"zanzibar" not in decrypted(path, KEY).lower()
    assert b"ordinary" in decrypted(path, KEY).lower()
    assert await database.search(lambda db: room_search.search(db, "zanzibar")) == []
    assert (
        len(await database.search(lambda db: room_search.search(db, "ordinary", limit=500))) == 99
    )
    await database.write(lambda db: rooms.delete(db, RoomNumber(1)))
    assert await database.checkpoint()
    assert b"ordinary" not in decrypted(path, KEY).lower()


async def test_no_more_posts_wait_for_the_index_than_a_search_can_index(
    open_database: OpenDatabase,
) -> None:
    database = open_database()

    def fill(db: Connection) -> None:
        make(db)
        for number in range(1, 3 * text_index.INDEX_EVERY):
            post(db, number, "hello")

    await database.write(fill)
    await database.checkpoint()  # after the upkeep
    assert not await database.read(search.is_due)
    found = await database.search(lambda db: room_search.search(db, "hello", limit=999))
    assert len(found) == 3 * text_index.INDEX_EVERY - 1


def test_a_post_that_names_an_author_in_its_words_is_not_theirs(db: Connection) -> None:
    make(db)
    post(db, 1, f"a{BOB[:8].hex()} r2 link")
    index(db)
    assert room_search.search(db, "", authors=[BOB]) == []
    assert room_search.search(db, "", RoomNumber(2)) == []
    assert room_search.search(db, "", has_link=True) == []
