"""Reactions and pins: of each author one value for each message, that with the largest number."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import OWNER, ConversationId, Message, MessageId, PersonId
from loom.storage.messages import COLUMNS, message

_PUT: Final = """
INSERT INTO registers VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET number = excluded.number, statement_id = excluded.statement_id,
    value = excluded.value
WHERE (excluded.number, excluded.statement_id) > (number, statement_id)
RETURNING value
"""
_PINNED: Final = (
    "SELECT " + COLUMNS + ", number, statement_id FROM registers"  # noqa: S608 - constants only
    " CROSS JOIN messages USING (row_id)"
    " WHERE registers.kind = 11 AND value <> '' AND registers.author = ? AND conversation_id = ?"
    " ORDER BY number DESC, statement_id DESC LIMIT ?"
)


def put(
    db: Connection,
    row_id: int,
    kind: int,
    author: PersonId,
    number: int,
    statement_id: MessageId,
    value: str,
) -> bool:
    """Take up a statement, an empty value, too; whether another value holds now."""
    before = value_of(db, row_id, kind, author)
    now = db.execute(_PUT, (row_id, kind, author, number, statement_id, value)).fetchall()
    return bool(now) and now[0][0] != before


def value_of(db: Connection, row_id: int, kind: int, author: PersonId) -> str:
    """What holds; empty: nothing."""
    row = db.execute(
        "SELECT value FROM registers WHERE row_id = ? AND kind = ? AND author = ?",
        (row_id, kind, author),
    ).fetchone()
    return "" if row is None else str(row[0])


def last_number(db: Connection, row_id: int, kind: int, author: PersonId) -> int:
    """The number of what holds; -1: nothing was stated."""
    row = db.execute(
        "SELECT number FROM registers WHERE row_id = ? AND kind = ? AND author = ?",
        (row_id, kind, author),
    ).fetchone()
    return -1 if row is None else int(row[0])


def pinned(
    db: Connection, conversation_id: ConversationId, person: PersonId, limit: int
) -> list[Message]:
    """The last messages that either side pinned, at most `limit` of each, the newest pin first."""
    found: dict[int, tuple[tuple[int, bytes], Message]] = {}
    for author in (OWNER, person):
        for *row, number, statement_id in db.execute(_PINNED, (author, conversation_id, limit)):
            one = message(tuple(row))
            newest = max((number, statement_id), found.get(one.row_id, ((-1, b""),))[0])
            found[one.row_id] = newest, one
    return [one for _, one in sorted(found.values(), key=lambda item: item[0], reverse=True)]
