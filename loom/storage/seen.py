"""Every message id ever taken in, so that none shows twice; outlives the history."""

from collections.abc import Iterable

from sqlcipher3.dbapi2 import Connection

from loom.model import Direction, MessageId, PeerId
from loom.storage.messages import DIRECTION_NUMBER


def add_many(
    db: Connection, peer_id: PeerId, author: Direction, message_ids: Iterable[MessageId]
) -> set[MessageId]:
    """Remember ids of an author; those that were new."""
    number = DIRECTION_NUMBER[author]
    return {
        message_id
        for message_id in message_ids
        if db.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", (peer_id, number, message_id)
        ).rowcount
    }
