"""When messages end, and posts of rooms: the deadlines of the history."""

from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, DeviceId, Message, PersonId
from loom.storage.messages import COLUMNS, message

_DUE: Final = (
    "SELECT " + COLUMNS + ", device_id, person_id, name FROM messages"  # noqa: S608 - constants only
    " JOIN conversations USING (conversation_id) JOIN persons USING (person_id)"
    " JOIN devices USING (person_id)"
    " WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?"
)
_NEXT: Final = "SELECT min(expires_at_ms) FROM {} WHERE expires_at_ms IS NOT NULL"


class Due(NamedTuple):
    """A message whose time is over, and whom it was exchanged with."""

    message: Message
    device_id: DeviceId
    person_id: PersonId
    name: str

    def __repr__(self) -> str:
        return f"Due({self.message.row_id})"

    @property
    def conversation_id(self) -> ConversationId:
        """Where it was said."""
        return self.message.conversation_id


def next_ms(db: Connection) -> int | None:
    """When the next message or post ends, Unix milliseconds; None: none does."""
    found = [db.execute(_NEXT.format(table)).fetchone()[0] for table in ("messages", "room_posts")]
    return min((int(one) for one in found if one is not None), default=None)


def due(db: Connection, now_ms: int, limit: int) -> list[Due]:
    """Messages whose time is over, those that ended first before the others."""
    rows = db.execute(_DUE, (now_ms, limit)).fetchall()
    return [Due(message(row[:-3]), *row[-3:]) for row in rows]
