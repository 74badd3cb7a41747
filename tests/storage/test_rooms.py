"""Posts of rooms: what is asked of a room of a million posts, and what members compare of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber
from loom.storage import room_blocks, room_posts, room_reading, room_threads, rooms
from loom.storage.room_blocks import Block
from loom.storage.room_posts import RoomPost, Within
from loom.storage.rooms import Standing

ROOM = RoomNumber(1)
BOB = b"b" * 32


@pytest.fixture(autouse=True)
def room(db: Connection) -> None:
    """A room that one is in."""
    rooms.add(
        db,
        room_id=bytes(32),
        name="Garden",
        standing=Standing.MEMBER,
        version=bytes(16),
        created_at_ms=0,
    )


def post(db: Connection, number: int, sent_at_ms: int = 0) -> int:
    """One of Bob's, whose order is ten times its number; its row."""
    row_id = room_posts.add(
        db,
        RoomPost(
            room=ROOM,
            id=number.to_bytes(32, "big"),
            author=BOB,
            number=number,
            ordinal=10 * number,
            sent_at_ms=sent_at_ms,
            stored_at_ms=sent_at_ms,
            kind=1,
            channel="general",
            body="hello",
        ),
        b"data",
    )
    room_blocks.changed(db, ROOM, [(BOB, number)])
    assert row_id is not None
    return row_id


@contextmanager
def noted(db: Connection) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    try:
        yield statements
    finally:
        db.set_trace_callback(None)


BOUNDED = ("_in_order", "_in_channel", "_unread", "_held", "_bookmarked")
ASKED: list[Callable[[Connection], object]] = [
    lambda db: room_posts.page(db, ROOM, 50),
    lambda db: room_posts.page(db, ROOM, 50, Within(channel="general")),
    lambda db: room_posts.page(db, ROOM, 50, Within(channel="general", roots_only=True)),
    lambda db: room_posts.page(db, ROOM, 50, Within(thread=bytes(32)), (9, bytes(32))),
    lambda db: room_posts.page_after(db, ROOM, 50, Within(channel="general"), (9, bytes(32))),
    lambda db: room_posts.newest_sent_at_ms(db, ROOM),
    lambda db: room_posts.largest_number(db, ROOM, BOB),
    lambda db: room_posts.count_recent(db, ROOM, BOB, 0, 60),
    lambda db: room_posts.under_numbers(db, ROOM, [(BOB, 3)]),
    lambda db: room_posts.about(db, ROOM, [bytes(32)]),
    lambda db: list(room_posts.data_of(db, ROOM, [(3).to_bytes(32, "big")])),
    lambda db: room_posts.held(db, ROOM, 9, 50),
    lambda db: room_reading.counts(db, ROOM),
    lambda db: room_reading.read_row(db, ROOM, "general"),
    lambda db: room_reading.bookmarked(db, None, 50),
    lambda db: room_reading.bookmarked(db, ROOM, 50, 9),
    lambda db: room_reading.first_unread(db, ROOM, Within(channel="general")),
    lambda db: room_threads.begun(db, ROOM, [bytes(32)]),
    lambda db: room_threads.adopt(db, ROOM, bytes(32), "general", None),
    lambda db: room_blocks.ids(db, ROOM, BOB, 0),
    lambda db: list(room_blocks.every(db, ROOM)),
]


@pytest.mark.parametrize("asked", range(len(ASKED)))
def test_what_is_asked_often_looks_through_no_room(db: Connection, asked: int) -> None:
    for number in range(5):
        post(db, number)
    with noted(db) as statements:
        ASKED[asked](db)
    assert statements
    for statement in statements:
        plan = [row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert not [step for step in plan if step.startswith("SCAN") and "room_posts" in step], plan
        # In its order a page ends where it is full; what is unread or held is counted by as much.
        whole = [step for step in plan if step.endswith("(room=?)") and "room_posts" in step]
        assert all(any(one in step for one in BOUNDED) for step in whole), plan


def test_only_an_authors_last_posts_of_the_hour_are_counted(db: Connection) -> None:
    for number in range(10):
        post(db, number, sent_at_ms=100 * number)
    assert room_posts.count_recent(db, ROOM, BOB, 700, 60) == 2
    assert room_posts.count_recent(db, ROOM, BOB, 0, 5) == 5
    assert room_posts.count_recent(db, ROOM, b"c" * 32, 0, 60) == 0


def test_a_block_is_to_be_computed_again_when_a_post_comes(db: Connection) -> None:
    for number in (0, 255, 256):
        post(db, number)
    assert list(room_blocks.every(db, ROOM)) == [
        Block(BOB, 0, 0, None, 0, 0),
        Block(BOB, 1, 0, None, 0, 0),
    ]
    assert sorted(room_blocks.ids(db, ROOM, BOB, 0)) == [
        (bytes(32), 0),
        ((255).to_bytes(32, "big"), 2_550),
    ]
    computed = Block(BOB, 0, 2, bytes(16), 0, 2_550)
    room_blocks.put(db, ROOM, computed)
    assert next(room_blocks.every(db, ROOM)) == computed
    post(db, 257)
    assert next(room_blocks.every(db, ROOM)) == computed
    post(db, 3)
    assert next(room_blocks.every(db, ROOM)).digest is None
