"""What came while nobody looked: since the last front end was left, and what it had open."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, PersonId
from loom.storage import settings

_KEY: Final = "left_at_row"
_OPEN: Final = "left_open"
_SINCE: Final = (
    "SELECT conversation_id, count(*), sum(is_mention) FROM messages"
    " WHERE state = 3 AND author <> 0 AND row_id > ? GROUP BY conversation_id"
)


def note_leaving(db: Connection, open_: ConversationId | None) -> None:
    """What is stored from now on came while nobody looked; `open_` is what was looked at last."""
    found = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    settings.put(db, _KEY, str(0 if found is None else found[0]).encode())
    if open_ is not None:
        settings.put(db, _OPEN, str(open_).encode())


def left_open(db: Connection) -> ConversationId | None:
    """The conversation that was looked at last; None: it is gone, or there was none."""
    stored = settings.get(db, _OPEN)
    return None if stored is None else ConversationId(int(stored))


def forget_open(db: Connection, person_id: PersonId) -> None:
    """Their conversation is deleted."""
    rows = db.execute("SELECT conversation_id FROM conversations WHERE person_id = ?", (person_id,))
    if left_open(db) in {one for (one,) in rows}:
        settings.delete(db, _OPEN)


def since_left(db: Connection) -> dict[ConversationId, tuple[int, int]]:
    """How many messages came since then and are unread, and how many of these are mentions."""
    left = settings.get(db, _KEY)
    if left is None:
        return {}
    return {row[0]: (row[1], row[2]) for row in db.execute(_SINCE, (int(left),))}
