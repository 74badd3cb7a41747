"""Every message id ever taken in, so that none shows twice; outlives the history."""

from collections.abc import Sequence
from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import Direction, MessageId, PeerId
from loom.storage.ids import ROWS, id_list

_ADD: Final = (
    "INSERT OR IGNORE INTO seen (peer_id, author, message_id)"  # noqa: S608 - constants only
    " SELECT :peer_id, :author, message_id FROM " + ROWS + " RETURNING message_id"
)


_NUMBER: Final = {Direction.IN: 0, Direction.OUT: 1}


def add_many(
    db: Connection, peer_id: PeerId, author: Direction, message_ids: Sequence[MessageId]
) -> set[MessageId]:
    """Remember ids of an author; those that were new."""
    if not message_ids:
        return set()
    given: dict[str, bytes | int | str] = {
        "peer_id": peer_id,
        "author": _NUMBER[author],
        "ids": id_list(message_ids),
    }
    return {row[0] for row in db.execute(_ADD, given)}


def contains(db: Connection, peer_id: PeerId, author: Direction, message_id: MessageId) -> bool:
    """Whether an id of an author was taken in."""
    row = db.execute(
        "SELECT 1 FROM seen WHERE peer_id = ? AND author = ? AND message_id = ?",
        (peer_id, _NUMBER[author], message_id),
    ).fetchone()
    return row is not None


def follow(db: Connection, before: PeerId, after: PeerId) -> None:
    """The author has another identity: what was taken in of the one before is of it, too."""
    db.execute("UPDATE OR IGNORE seen SET peer_id = ? WHERE peer_id = ?", (after, before))
