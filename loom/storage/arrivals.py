"""What came while nobody looked: since the last front end was left."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId
from loom.storage import settings

_KEY: Final = "left_at_row"
_SINCE: Final = (
    "SELECT conversation_id, count(*), sum(is_mention) FROM messages"
    " WHERE state = 3 AND author <> 0 AND row_id > ? GROUP BY conversation_id"
)


def note_leaving(db: Connection) -> None:
    """What is stored from now on came while nobody looked."""
    found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    settings.put(db, _KEY, str(0 if found is None else found[0]).encode())


def since_left(db: Connection) -> dict[ConversationId, tuple[int, int]]:
    """How many messages came since then and are unread, and how many of these are mentions."""
    left = settings.get(db, _KEY)
    if left is None:
        return {}
    return {row[0]: (row[1], row[2]) for row in db.execute(_SINCE, (int(left),))}
