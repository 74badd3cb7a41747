"""What is compared of posts: of each author and 256 numbers how many, and a digest (ADR 0047)."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber
from loom.wire.limits import ROOM_BLOCK_NUMBERS

_CHANGED: Final = (
    "INSERT INTO room_blocks (room, author, block) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET digest = NULL"
)
_IDS: Final = (
    "SELECT id, ordinal FROM room_posts WHERE room = ? AND author = ? AND number BETWEEN ? AND ?"
    " AND is_held < 2"
)


class Block(NamedTuple):
    """`digest`: None where posts came or went since it was computed.

    `first_order` and `last_order` are those of its posts.
    """

    author: bytes
    block: int
    total: int
    digest: bytes | None
    first_order: int
    last_order: int

    def __repr__(self) -> str:
        return f"Block({self.author.hex()[:8]}, {self.block}, {self.total})"


def changed(db: Connection, room: RoomNumber, numbers: Iterable[tuple[bytes, int]]) -> None:
    """Posts under these numbers of authors came, went, or are out or back."""
    blocks = {(author, number // ROOM_BLOCK_NUMBERS) for author, number in numbers}
    db.executemany(_CHANGED, [(room, author, block) for author, block in blocks])


def every(db: Connection, room: RoomNumber) -> Iterator[Block]:
    """All of a room, in their order."""
    rows = db.execute(
        "SELECT author, block, count, digest, first_order, last_order FROM room_blocks"
        " WHERE room = ? ORDER BY author, block",
        (room,),
    )
    return (Block(*row) for row in rows)


def ids(db: Connection, room: RoomNumber, author: bytes, block: int) -> list[tuple[bytes, int]]:
    """Id and order of each post of a block that is not out, also where the content is gone."""
    first = block * ROOM_BLOCK_NUMBERS
    last = first + ROOM_BLOCK_NUMBERS - 1
    return list(db.execute(_IDS, (room, author, first, last)))


def put(db: Connection, room: RoomNumber, block: Block) -> None:
    """What was computed of one."""
    db.execute(
        "UPDATE room_blocks SET count = ?, digest = ?, first_order = ?, last_order = ?"
        " WHERE room = ? AND author = ? AND block = ?",
        (*block[2:], room, block.author, block.block),
    )


def find(db: Connection) -> None:
    """For a database with posts and no blocks: all of them, their digests to be computed."""
    db.execute(
        "INSERT OR IGNORE INTO room_blocks (room, author, block)"
        " SELECT DISTINCT room, author, number / ? FROM room_posts WHERE number IS NOT NULL",
        (ROOM_BLOCK_NUMBERS,),
    )
