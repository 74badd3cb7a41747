"""Full-text search over the history: newest first, without ranking.

FTS5 answers a word that may go on by merging all rows of all such words before it gives the first
one. So the index is kept in parts of neighbouring messages, and a search asks the newest first and
no more of them than fill its page (docs/adr/0015).
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Message
from loom.storage.messages import by_rows

PART_BITS: Final = 17
"""The row numbers in one part differ in so many low bits only."""
INDEX_EVERY: Final = 256
"""Messages that wait for the index at most; a search indexes what waits before it looks."""

# Its leaves fit into a page with SQLCipher's reserved bytes. The triggers leave out what the index
# does not hold yet.
_NEW_PART: Final = (
    """
CREATE VIRTUAL TABLE messages_fts_{part} USING fts5 (
    body, conversation, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
)""",
    "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES ('pgsz', 2000)",
    "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES ('automerge', 8)",
    """
CREATE TRIGGER message_leaves_search_{part} BEFORE DELETE ON messages
WHEN old.row_id > {start} AND old.row_id <= {end}
    AND old.row_id <= (SELECT seq FROM sqlite_sequence WHERE name = 'messages_fts')
BEGIN
    INSERT INTO messages_fts_{part} (messages_fts_{part}, rowid, body, conversation)
    VALUES ('delete', old.row_id, old.body, old.conversation_id);
END""",
    """
CREATE TRIGGER message_changes_in_search_{part} AFTER UPDATE OF body ON messages
WHEN old.row_id > {start} AND old.row_id <= {end}
    AND old.row_id <= (SELECT seq FROM sqlite_sequence WHERE name = 'messages_fts')
BEGIN
    INSERT INTO messages_fts_{part} (messages_fts_{part}, rowid, body, conversation)
    VALUES ('delete', old.row_id, old.body, old.conversation_id);
    INSERT INTO messages_fts_{part} (rowid, body, conversation)
    VALUES (new.row_id, new.body, new.conversation_id);
END""",
)
# One segment is asked in half the time of ten.
_PART_IS_FULL: Final = "INSERT INTO messages_fts_{part} (messages_fts_{part}) VALUES ('optimize')"
_INDEX: Final = """
INSERT INTO messages_fts_{part} (rowid, body, conversation)
SELECT row_id, body, conversation_id FROM messages WHERE row_id > ? AND row_id <= ?
"""
_HITS: Final = (
    "SELECT rowid FROM messages_fts_{part} WHERE messages_fts_{part} MATCH ? AND rowid < ?"
)
_SENT_BEFORE: Final = (
    " AND (SELECT sent_at_ms FROM messages WHERE row_id = messages_fts_{part}.rowid) < ?"
)
_NEWEST_FIRST: Final = " ORDER BY rowid DESC"
_NEWEST: Final = "SELECT max(row_id) FROM messages WHERE conversation_id = ? AND row_id < ?"


def is_complete(db: Connection) -> bool:
    """Whether every message is indexed."""
    last, indexed = _last_and_indexed(db)
    return last == indexed


def is_due(db: Connection) -> bool:
    """Whether so many messages wait for the index that it should be brought up to date."""
    last, indexed = _last_and_indexed(db)
    return last - indexed >= INDEX_EVERY


def index_new(db: Connection) -> None:
    """Index what was inserted since the last time: FTS5 writes one segment for all of it."""
    last, indexed = _last_and_indexed(db)
    if indexed == last:
        return
    if indexed == 0:
        _drop_parts(db)
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages_fts'", (last,))
    newest_part = _part(indexed)
    for part in range(max(newest_part, 0), _part(last) + 1):
        start, end = part << PART_BITS, (part + 1) << PART_BITS
        if part > newest_part:
            if part:
                db.execute(_PART_IS_FULL.format(part=part - 1))
            for statement in _NEW_PART:
                db.execute(statement.format(part=part, start=start, end=end))
        db.execute(_INDEX.format(part=part), (max(start, indexed), end))


def _drop_parts(db: Connection) -> None:
    """A migration that has the index made again left the parts of the old one."""
    parts = db.execute(
        "SELECT iif(type = 'table', 'TABLE', 'TRIGGER'), name FROM sqlite_schema"
        " WHERE name GLOB 'messages_fts_*' AND sql GLOB 'CREATE VIRTUAL TABLE*'"
        " OR type = 'trigger' AND name GLOB 'message_*_search_*'"
    ).fetchall()
    for kind, name in parts:
        db.execute(f"DROP {kind} {name}")


def search(
    db: Connection,
    text: str,
    conversation_id: ConversationId | None = None,
    limit: int = 50,
    *,
    before_ms: int | None = None,
    before_row: int | None = None,
) -> list[Message]:
    """Messages that hold every word of `text`, each word perhaps longer; newest first.

    Only indexed ones (see `Database.search`) with sent_at_ms < before_ms and row_id < before_row.
    """
    query = fts_query(text, conversation_id)
    if not query:
        return []
    before = _after_indexed(db) if before_row is None else min(before_row, _after_indexed(db))
    bounds = () if before_ms is None else (before_ms,)
    rows: list[int] = []
    for part in _parts(db, conversation_id, before):
        found = db.execute(_hits(part, before_ms is not None), (query, before, *bounds))
        # Fetched, not limited: a limit that is bound costs as much as the search for a rare word.
        rows += [row for (row,) in found.fetchmany(limit - len(rows))]
        if len(rows) >= limit:
            break
    return by_rows(db, rows)


def fts_query(text: str, conversation_id: ConversationId | None = None) -> str:
    """What a person typed as an FTS5 query: each word a quoted prefix, nothing an operator."""
    words = text.replace("\0", " ").replace('"', " ").split()
    prefixes = " ".join(f'"{word}"*' for word in words if any(c.isalnum() for c in word))
    if not prefixes:
        return ""
    within = "" if conversation_id is None else f'conversation : "{conversation_id}" AND '
    return f"{within}body : ({prefixes})"


@cache
def _hits(part: int, is_bounded: bool) -> str:
    hits = _HITS + (_SENT_BEFORE if is_bounded else "") + _NEWEST_FIRST
    return hits.format(part=part)


def _last_and_indexed(db: Connection) -> tuple[int, int]:
    """The newest row of the history, also a deleted one, and the newest that is indexed."""
    [[last, indexed]] = db.execute(
        "SELECT max(seq), min(seq) FROM sqlite_sequence WHERE name IN ('messages', 'messages_fts')"
    )
    return last, indexed


def _part(row_id: int) -> int:
    """The part that holds a row; -1 for row 0, which is none."""
    return (row_id - 1) >> PART_BITS


def _after_indexed(db: Connection) -> int:
    [[seq]] = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages_fts'")
    return int(seq) + 1


def _parts(
    db: Connection, conversation_id: ConversationId | None, before_row: int
) -> Iterator[int]:
    """The parts that may hold hits, newest first; of one conversation, those it has messages in."""
    if conversation_id is None:
        yield from range(_part(before_row - 1), -1, -1)
        return
    while True:
        [[newest]] = db.execute(_NEWEST, (conversation_id, before_row))
        if newest is None:
            return
        yield _part(newest)
        before_row = (_part(newest) << PART_BITS) + 1
