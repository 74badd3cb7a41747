"""How long each side of a conversation wants messages to last."""

from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.core import timers as rules
from loom.model import OWNER, ConversationId, MessageId, PersonId

_PUT: Final = """
INSERT INTO timers VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET number = excluded.number, statement_id = excluded.statement_id,
    expires_s = excluded.expires_s
WHERE (excluded.number, excluded.statement_id) > (number, statement_id)
"""


class Timers(NamedTuple):
    """In seconds; 0 is none."""

    own_s: int = 0
    theirs_s: int = 0

    @property
    def holding_s(self) -> int:
        """The conversation's timer."""
        return rules.holding(self.own_s, self.theirs_s)


def put(
    db: Connection,
    conversation_id: ConversationId,
    author: PersonId,
    number: int,
    statement_id: MessageId,
    expires_s: int,
) -> bool:
    """Take up a Timer; whether its author's is another one now."""
    before = _value(db, conversation_id, author)
    db.execute(_PUT, (conversation_id, author, number, statement_id, expires_s))
    return before != _value(db, conversation_id, author)


def forget(db: Connection, conversation_id: ConversationId, author: PersonId) -> None:
    """That author wants nothing any more, and any number is new."""
    db.execute(
        "DELETE FROM timers WHERE conversation_id = ? AND author = ?", (conversation_id, author)
    )


def of(db: Connection, conversation_id: ConversationId) -> Timers:
    """What both sides want."""
    return every(db, conversation_id).get(conversation_id, Timers())


def every(
    db: Connection, conversation_id: ConversationId | None = None
) -> dict[ConversationId, Timers]:
    """The timers of each conversation that has or had some."""
    found: dict[ConversationId, Timers] = {}
    for conversation, author, expires_s in db.execute(
        "SELECT conversation_id, author, expires_s FROM timers"
        " WHERE ?1 IS NULL OR conversation_id = ?1",
        (conversation_id,),
    ):
        both = found.get(conversation, Timers())
        found[conversation] = (
            both._replace(own_s=expires_s) if author == OWNER else both._replace(theirs_s=expires_s)
        )
    return found


class Stated(NamedTuple):
    """The Timer of one side that counts."""

    number: int
    statement_id: MessageId
    expires_s: int


def last(db: Connection, conversation_id: ConversationId, author: PersonId) -> Stated | None:
    """What that author stated last."""
    row = db.execute(
        "SELECT number, statement_id, expires_s FROM timers"
        " WHERE conversation_id = ? AND author = ?",
        (conversation_id, author),
    ).fetchone()
    return None if row is None else Stated(*row)


def last_number(db: Connection, conversation_id: ConversationId, author: PersonId) -> int:
    """The number of the author's Timer; -1: there is none."""
    stated = last(db, conversation_id, author)
    return -1 if stated is None else stated.number


def _value(db: Connection, conversation_id: ConversationId, author: PersonId) -> int:
    row = db.execute(
        "SELECT expires_s FROM timers WHERE conversation_id = ? AND author = ?",
        (conversation_id, author),
    ).fetchone()
    return 0 if row is None else int(row[0])
