"""The wordings of edited texts: the original, and the newest that their author gave."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import Message, MessageId
from loom.storage import messages
from loom.wire.limits import EDITS_MAX

_ORIGINAL: Final = -1
_PUT: Final = "INSERT OR IGNORE INTO edits VALUES (?, ?, ?, ?, ?)"
_BEYOND: Final = (
    "DELETE FROM edits WHERE row_id = ?1 AND number >= 0 AND (number, statement_id) <="
    " (SELECT number, statement_id FROM edits WHERE row_id = ?1 AND number >= 0"
    " ORDER BY number DESC, statement_id DESC LIMIT 1 OFFSET ?2)"
)
_SHOWN: Final = (
    "SELECT body FROM edits WHERE row_id = ? ORDER BY number DESC, statement_id DESC LIMIT 1"
)


class Wording(msgspec.Struct, frozen=True):
    """What a text said, from the time that its author gave, Unix milliseconds."""

    sent_at_ms: int
    body: str


def add(
    db: Connection,
    message: Message,
    number: int,
    statement_id: MessageId,
    wording: Wording,
) -> Message:
    """Take up an edit; `messages.body` follows if it is the largest. The message as it is then."""
    row_id = message.row_id
    original = (row_id, _ORIGINAL, b"", message.sent_at_ms, message.body)
    if not message.edited:
        db.execute(_PUT, original)
    db.execute(_PUT, (row_id, number, statement_id, wording.sent_at_ms, wording.body))
    db.execute(_BEYOND, (row_id, EDITS_MAX))
    [body] = db.execute(_SHOWN, (row_id,)).fetchone()
    if message.edited and body == message.body:
        return message
    messages.put_wording(db, row_id, body)
    return msgspec.structs.replace(message, body=body, edited=True)


def last_number(db: Connection, row_id: int) -> int:
    """The largest number of an edit of that message; -1: there is none."""
    [[number]] = db.execute("SELECT max(number) FROM edits WHERE row_id = ?", (row_id,))
    return _ORIGINAL if number is None else int(number)


def of(db: Connection, message: Message) -> list[Wording]:
    """Every wording that is kept, the original first, the one that is shown last."""
    rows = db.execute(
        "SELECT sent_at_ms, body FROM edits WHERE row_id = ? ORDER BY number, statement_id",
        (message.row_id,),
    ).fetchall()
    return [Wording(*row) for row in rows] or [Wording(message.sent_at_ms, message.body)]
