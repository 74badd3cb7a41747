"""Conversations that were deleted on both sides, and what must not come back of them."""

from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, MessageId

_PUT: Final = """
INSERT INTO farewells VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET before_ms = max(before_ms, excluded.before_ms),
    sends_after_ms = max(sends_after_ms, excluded.sends_after_ms), due = max(due, excluded.due),
    statement_id = iif(excluded.due >= due, excluded.statement_id, statement_id)
"""
_ASK: Final = """
INSERT INTO asked_farewells VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET before_ms = max(before_ms, excluded.before_ms),
    sends_after_ms = max(sends_after_ms, excluded.sends_after_ms),
    scope = max(scope, excluded.scope),
    statement_id = iif(excluded.scope >= scope, excluded.statement_id, statement_id)
"""


class Covered(NamedTuple):
    """What a Farewell covers, Unix milliseconds; its scope (`wire.content.Scope`)."""

    before_ms: int
    sends_after_ms: int
    scope: int
    statement_id: MessageId
    """Of the Farewell."""


def put(db: Connection, conversation_id: ConversationId, covered: Covered) -> None:
    """To be carried out from now on; of several the one that covers most counts."""
    db.execute(_PUT, (conversation_id, *covered))


def of(db: Connection, conversation_id: ConversationId) -> Covered | None:
    """What is covered in a conversation; its scope is what must still be carried out, or 0."""
    row = db.execute(
        "SELECT before_ms, sends_after_ms, due, statement_id FROM farewells"
        " WHERE conversation_id = ?",
        (conversation_id,),
    ).fetchone()
    return None if row is None else Covered(*row)


def due(db: Connection) -> list[ConversationId]:
    """The conversations in which one must still be carried out."""
    rows = db.execute("SELECT conversation_id FROM farewells WHERE due > 0")
    return [conversation_id for (conversation_id,) in rows]


def was_carried_out(db: Connection, conversation_id: ConversationId) -> None:
    """Everything that was covered is gone."""
    db.execute("UPDATE farewells SET due = 0 WHERE conversation_id = ?", (conversation_id,))


def ask(db: Connection, conversation_id: ConversationId, covered: Covered) -> bool:
    """The owner decides; False: that, or more, is asked already."""
    before = asked(db).get(conversation_id)
    db.execute(_ASK, (conversation_id, *covered))
    return before is None or (before.scope, before.before_ms) != (
        max(before.scope, covered.scope),
        max(before.before_ms, covered.before_ms),
    )


def asked(db: Connection) -> dict[ConversationId, Covered]:
    """What waits for a decision."""
    rows = db.execute("SELECT * FROM asked_farewells")
    return {conversation_id: Covered(*rest) for conversation_id, *rest in rows}


def take_asked(db: Connection, conversation_id: ConversationId) -> Covered | None:
    """What was asked in a conversation, which waits no longer."""
    row = db.execute(
        "DELETE FROM asked_farewells WHERE conversation_id = ?"
        " RETURNING before_ms, sends_after_ms, scope, statement_id",
        (conversation_id,),
    ).fetchone()
    return None if row is None else Covered(*row)
