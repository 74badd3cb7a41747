"""The history: what was said, with whom, and how far it got."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlcipher3.dbapi2 import Connection

from loom.model import (
    OWNER,
    ConversationId,
    Message,
    MessageId,
    MessageName,
    MessageState,
    PersonId,
)
from loom.storage.ids import ROWS, id_list

LAST_ROW: Final = 2**63 - 1
COLUMNS: Final = (
    "messages.row_id, message_id, conversation_id, messages.author, messages.kind, messages.body,"
    " sent_at_ms, stored_at_ms, state, reply_author, reply_id, expires_s, edited, deleted_at_ms,"
    " bookmarked, expires_at_ms, is_mention"
)
_SELECT: Final = "SELECT " + COLUMNS + " FROM messages "  # noqa: S608 - constants only

# The number of a state is its rank: a message only ever moves up. A late receipt overrules
# `failed` and `withdrawn`, which has the last number, because the message did arrive.
STATES: Final = (
    MessageState.QUEUED,
    MessageState.SENT,
    MessageState.FAILED,
    MessageState.DELIVERED,
    MessageState.READ,
    MessageState.WITHDRAWN,
)
RANK: Final = {state: rank for rank, state in enumerate(STATES)}

_PAGE: Final = (
    _SELECT
    + """
WHERE conversation_id = ? AND row_id < ? AND row_id > ? AND sent_at_ms < ? AND sent_at_ms >= ?
ORDER BY row_id {} LIMIT ?
"""
)
_NEWEST_PAGE: Final = _PAGE.format("DESC")
_OLDEST_PAGE: Final = _PAGE.format("ASC")
_SET_STATE: Final = (
    "UPDATE messages SET state = :rank WHERE conversation_id = :conversation_id AND author = 0"  # noqa: S608 - constants only
    " AND (state < :rank OR state = 5 AND :rank > 2) AND message_id IN "
    + ROWS
    + " RETURNING message_id"
)
_BY_ROWS: Final = (
    "SELECT " + COLUMNS + " FROM json_each(?) CROSS JOIN messages ON row_id = value"  # noqa: S608
)
_NEWEST_ROW: Final = (
    "(SELECT max(row_id) FROM messages AS m WHERE m.conversation_id = c.conversation_id)"
)
_LAST: Final = (
    _SELECT + "WHERE row_id IN (SELECT " + _NEWEST_ROW + " FROM conversations AS c)"  # noqa: S608 - constants only
)


def message(row: tuple[Any, ...]) -> Message:
    """A row of COLUMNS as a value."""
    return Message(
        row_id=row[0],
        message_id=row[1],
        conversation_id=row[2],
        author=row[3],
        kind=row[4],
        body=row[5],
        sent_at_ms=row[6],
        stored_at_ms=row[7],
        state=STATES[row[8]],
        reply=None if row[10] is None else MessageName(row[9], row[10]),
        expires_s=row[11],
        edited=bool(row[12]),
        deleted_at_ms=row[13],
        bookmarked=bool(row[14]),
        expires_at_ms=row[15],
        is_mention=bool(row[16]),
    )


def insert(
    db: Connection,
    *,
    conversation_id: ConversationId,
    message_id: MessageId,
    author: PersonId,
    kind: int,
    body: str,
    sent_at_ms: int,
    stored_at_ms: int,
    state: MessageState,
    reply: MessageName | None = None,
    expires_s: int = 0,
    expires_at_ms: int | None = None,
    is_mention: bool = False,
) -> Message:
    """Add a message; its row comes after all others, also deleted ones.

    Raises:
        StoreError: this author's message_id is in the history already (from `Database`).
    """
    row_id = db.execute(
        "INSERT INTO messages"
        " (conversation_id, message_id, author, kind, body, sent_at_ms, stored_at_ms, state,"
        " reply_author, reply_id, expires_s, expires_at_ms, is_mention)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            conversation_id,
            message_id,
            author,
            kind,
            body,
            sent_at_ms,
            stored_at_ms,
            RANK[state],
            *(reply or (None, None)),
            expires_s,
            expires_at_ms,
            is_mention,
        ),
    ).lastrowid
    return Message(
        row_id=row_id or 0,
        message_id=message_id,
        conversation_id=conversation_id,
        author=author,
        kind=kind,
        body=body,
        sent_at_ms=sent_at_ms,
        stored_at_ms=stored_at_ms,
        state=state,
        reply=reply,
        expires_s=expires_s,
        expires_at_ms=expires_at_ms,
        is_mention=is_mention,
    )


def set_state(
    db: Connection,
    conversation_id: ConversationId,
    message_ids: Sequence[MessageId],
    state: MessageState,
) -> list[MessageId]:
    """Move one's own messages forward; the ids that really moved, in the given order."""
    if not message_ids:
        return []
    given: dict[str, int | str] = {
        "conversation_id": conversation_id,
        "rank": RANK[state],
        "ids": id_list(message_ids),
    }
    moved = {row[0] for row in db.execute(_SET_STATE, given)}
    return [one for one in dict.fromkeys(message_ids) if one in moved]


def page(
    db: Connection,
    conversation_id: ConversationId,
    limit: int,
    *,
    before_ms: int | None = None,
    since_ms: int | None = None,
    before_row: int | None = None,
    after_row: int | None = None,
    oldest: bool = False,
) -> list[Message]:
    """The newest `limit` messages, or the `oldest` ones; oldest first.

    Only those with since_ms <= sent_at_ms < before_ms and after_row < row_id < before_row.
    """
    rows = db.execute(
        _OLDEST_PAGE if oldest else _NEWEST_PAGE,
        (
            conversation_id,
            LAST_ROW if before_row is None else before_row,
            0 if after_row is None else after_row,
            LAST_ROW if before_ms is None else before_ms,
            -LAST_ROW if since_ms is None else since_ms,
            limit,
        ),
    ).fetchall()
    return [message(row) for row in (rows if oldest else reversed(rows))]


def by_id(
    db: Connection,
    conversation_id: ConversationId,
    message_id: MessageId,
    author: PersonId | None = None,
) -> Message | None:
    """One message; one's own first where both wrote the same id."""
    row = db.execute(
        _SELECT + "WHERE conversation_id = ?1 AND message_id = ?2"
        " AND (?3 IS NULL OR author = ?3) ORDER BY author",
        (conversation_id, message_id, author),
    ).fetchone()
    return None if row is None else message(row)


def newest_of(
    db: Connection, conversation_id: ConversationId, *, own: bool, kinds: Iterable[int]
) -> Message | None:
    """The newest message of these kinds of one's own or of the other's that was not deleted."""
    row = db.execute(
        _SELECT + "WHERE conversation_id = ?1 AND (author = ?2) = ?3"  # noqa: S608 - constants only
        " AND kind IN (SELECT value FROM json_each(?4))"
        " AND deleted_at_ms IS NULL ORDER BY row_id DESC LIMIT 1",
        (conversation_id, OWNER, own, str(list(kinds))),
    ).fetchone()
    return None if row is None else message(row)


def by_rows(db: Connection, row_ids: Sequence[int]) -> list[Message]:
    """The messages of these rows, in this order; a row that is not there is left out."""
    return [message(row) for row in db.execute(_BY_ROWS, (str(list(row_ids)),))]


def put_wording(db: Connection, row_id: int, body: str) -> None:
    """Show another wording of a text, and that it is one."""
    db.execute("UPDATE messages SET body = ?, edited = 1 WHERE row_id = ?", (body, row_id))


def set_bookmarked(db: Connection, row_id: int, *, on: bool) -> None:
    """Keep a message findable here, or no longer."""
    db.execute("UPDATE messages SET bookmarked = ? WHERE row_id = ?", (on, row_id))


def bookmarked(
    db: Connection, conversation_id: ConversationId | None, limit: int, before_row: int
) -> list[Message]:
    """Bookmarked messages of one conversation or of all, newest first."""
    rows = db.execute(
        _SELECT + "INDEXED BY messages_bookmarked WHERE bookmarked = 1 AND row_id < ?1"
        " AND (?2 IS NULL OR conversation_id = ?2) ORDER BY row_id DESC LIMIT ?3",
        (before_row, conversation_id, limit),
    )
    return [message(row) for row in rows]


def entomb(db: Connection, row_id: int, deleted_at_ms: int) -> None:
    """Delete a message for both: all that was said in it and of it goes, from search, too.

    That there was one, and when, stays; nothing of it is unread any more. The log holds the old
    pages until `Database.checkpoint`.
    """
    db.execute(
        "UPDATE messages SET body = '', edited = 0, bookmarked = 0, reply_author = NULL,"
        " reply_id = NULL, is_mention = 0, deleted_at_ms = ?,"
        " state = iif(author <> 0 AND state = 3, 4, state)"
        " WHERE row_id = ?",
        (deleted_at_ms, row_id),
    )
    db.execute("DELETE FROM edits WHERE row_id = ?", (row_id,))
    db.execute("DELETE FROM registers WHERE row_id = ?", (row_id,))


def withdraw(db: Connection, row_id: int, withdrawn_at_ms: int) -> None:
    """Delete a message of one's own that did not arrive in time: that there was one stays."""
    entomb(db, row_id, withdrawn_at_ms)
    db.execute("UPDATE messages SET state = 5, expires_at_ms = NULL WHERE row_id = ?", (row_id,))


def delete_row(db: Connection, row_id: int) -> None:
    """Delete a message from history and search."""
    db.execute("DELETE FROM messages WHERE row_id = ?", (row_id,))


def take_last(
    db: Connection, conversation_id: ConversationId, author: PersonId, kind: int
) -> MessageId | None:
    """Delete the last row of a conversation if it is of this author and kind; its id."""
    row = db.execute(
        "DELETE FROM messages WHERE row_id = (SELECT max(row_id) FROM messages"
        " WHERE conversation_id = ?) AND author = ? AND kind = ? RETURNING message_id",
        (conversation_id, author, kind),
    ).fetchone()
    return None if row is None else MessageId(row[0])


def sent_until(
    db: Connection, conversation_id: ConversationId, until_ms: int, after_row: int, limit: int
) -> list[Message]:
    """The oldest messages after a row that were sent until then; withdrawn ones are left out."""
    rows = db.execute(
        _SELECT + "WHERE conversation_id = ? AND sent_at_ms <= ? AND row_id > ? AND state <> 5"
        " ORDER BY row_id LIMIT ?",
        (conversation_id, until_ms, after_row, limit),
    )
    return [message(row) for row in rows]


def withdrawn_at(
    db: Connection, conversation_id: ConversationId, withdrawn_at_ms: int, limit: int
) -> list[MessageId]:
    """The oldest messages that were withdrawn with this time (see `withdraw`)."""
    rows = db.execute(
        "SELECT message_id FROM messages WHERE conversation_id = ? AND state = 5"
        " AND deleted_at_ms = ? ORDER BY row_id LIMIT ?",
        (conversation_id, withdrawn_at_ms, limit),
    )
    return [message_id for (message_id,) in rows]


def newest_sent_ms(db: Connection, conversation_id: ConversationId, until_ms: int) -> int:
    """The latest time that one of its last thousand messages says, none after `until_ms`; 0."""
    [[newest]] = db.execute(
        "SELECT max(sent_at_ms) FROM (SELECT sent_at_ms FROM messages WHERE conversation_id = ?"
        " ORDER BY row_id DESC LIMIT 1000) WHERE sent_at_ms <= ?",
        (conversation_id, until_ms),
    )
    return newest or 0


def delete(
    db: Connection, conversation_id: ConversationId, message_ids: Iterable[MessageId]
) -> list[MessageId]:
    """Delete messages, of any author, from history and search; the ids that were there.

    The log holds the old pages until `Database.checkpoint`.
    """
    return [
        message_id
        for message_id in message_ids
        if db.execute(
            "DELETE FROM messages WHERE conversation_id = ? AND message_id = ?",
            (conversation_id, message_id),
        ).rowcount
    ]


def delete_all(db: Connection, conversation_id: ConversationId) -> int:
    """Delete a whole conversation from history and search; how many messages it had."""
    return db.execute("DELETE FROM messages WHERE conversation_id = ?", (conversation_id,)).rowcount


def last_messages(db: Connection) -> dict[ConversationId, Message]:
    """The newest message of each conversation that has one."""
    return {row[2]: message(row) for row in db.execute(_LAST)}
