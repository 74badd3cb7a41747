"""Messages in which somebody addresses the owner. Whether one does is decided when it is stored."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Message
from loom.storage.messages import COLUMNS, LAST_ROW, message

_PAGE: Final = (
    f"SELECT {COLUMNS} FROM messages WHERE is_mention = 1 AND row_id < ?"  # noqa: S608
    " ORDER BY row_id DESC LIMIT ?"
)
_UNREAD: Final = (
    "SELECT conversation_id, count(*) FROM messages"
    " WHERE is_mention = 1 AND state = 3 AND author <> 0 GROUP BY conversation_id"
)


def page(db: Connection, limit: int, before_row: int | None = None) -> list[Message]:
    """The newest ones before a row, newest first."""
    rows = db.execute(_PAGE, (LAST_ROW if before_row is None else before_row, limit))
    return [message(row) for row in rows]


def put(db: Connection, row_id: int, is_mention: bool) -> None:
    """A message has another wording."""
    db.execute("UPDATE messages SET is_mention = ? WHERE row_id = ?", (is_mention, row_id))


def unread_counts(db: Connection) -> dict[ConversationId, int]:
    """How many are unread, by conversation."""
    return dict(db.execute(_UNREAD).fetchall())
