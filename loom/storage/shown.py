"""What is shown of messages beside their text: one query for all of a page, not one for each."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import Message, PersonId

QUOTE_MAX: Final = 200
"""Characters of a message that an answer to it shows."""
_REACT: Final = 10
_REGISTERS: Final = (
    "SELECT row_id, kind, author, registers.value FROM json_each(?) AS page"
    " CROSS JOIN registers ON row_id = page.value"
    " WHERE registers.value <> '' ORDER BY row_id, author"
)
_QUOTED: Final = (
    "SELECT m.row_id, q.row_id, substr(q.body, 1, ?2) FROM json_each(?1) AS page"
    " CROSS JOIN messages AS m ON m.row_id = page.value"
    " CROSS JOIN messages AS q ON q.conversation_id = m.conversation_id"
    " AND q.message_id = m.reply_id AND q.author = m.reply_author"
    " WHERE q.deleted_at_ms IS NULL"
)


class Quoted(NamedTuple):
    """The beginning of a message that another answers."""

    row_id: int
    body: str


class Shown(msgspec.Struct):
    """Of one message. `quoted`: what it answers, unless that is gone."""

    reactions: dict[PersonId, str] = {}
    is_pinned: bool = False
    quoted: Quoted | None = None


def of(db: Connection, page: Iterable[Message]) -> dict[int, Shown]:
    """By row; a message that has nothing of the kind is left out."""
    page = list(page)
    found: dict[int, Shown] = {}
    for row_id, kind, author, value in db.execute(_REGISTERS, (_rows(page),)):
        shown = found.setdefault(row_id, Shown())
        if kind == _REACT:
            shown.reactions[author] = value
        else:
            shown.is_pinned = True
    if answers := [one for one in page if one.reply is not None]:
        for row_id, *quoted in db.execute(_QUOTED, (_rows(answers), QUOTE_MAX)):
            found.setdefault(row_id, Shown()).quoted = Quoted(*quoted)
    return found


def _rows(page: list[Message]) -> str:
    return str([one.row_id for one in page])
