"""Full-text search over messages: newest first, without ranking (see `text_index`).

What keeps an index up to date is here for that of the posts of rooms, too.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Message
from loom.search_words import Term, terms
from loom.storage import text_index
from loom.storage.messages import LAST_ROW, by_rows
from loom.storage.room_search import POSTS
from loom.storage.text_index import PART_BITS, TextIndex, days_of, part_of, query_of

MESSAGES: Final = TextIndex(
    table="messages",
    prefix="messages_fts",
    days="indexed_days",
    keys="search",
    text="{0}.body",
    columns="body",
    facets="{0}.conversation_id || iif({0}.author = 0, ' me', '') || iif({link}, ' link', '')",
)
_INDEXES: Final = (MESSAGES, POSTS)
_SENT: Final = " AND (SELECT sent_at_ms FROM messages WHERE row_id = {fts}.rowid) BETWEEN ? AND ?"
# The sign keeps FTS5 from being asked for one pinned row after the other.
_PINNED: Final = " AND +rowid IN (SELECT row_id FROM registers WHERE kind = 11 AND value <> '')"
_PINNED_ROWS: Final = """
SELECT min(row_id) - 1, max(row_id) + 1 FROM registers WHERE kind = 11 AND value <> ''
"""
_NEWEST: Final = "SELECT max(row_id) FROM messages WHERE conversation_id = ? AND row_id < ?"


def attach(db: Connection) -> None:
    """Let a connection change the indexes; see `TextIndex.attach`."""
    for one in _INDEXES:
        one.attach(db)


def is_complete(db: Connection) -> bool:
    """Whether everything is indexed."""
    return all(one.is_complete(db) for one in _INDEXES)


def is_due(db: Connection) -> bool:
    """Whether so much waits for an index that it should be brought up to date.

    Or a part of one should be merged or dropped.
    """
    return text_index.is_outdated(db) or any(one.is_due(db) for one in _INDEXES)


def keep_up(db: Connection) -> bool:
    """Do one step of what `is_due` asks for; whether it was the last."""
    if not text_index.drop_outdated(db):
        for one in _INDEXES:
            if one.is_due(db):
                one.keep_up(db)
                break
    return not is_due(db)


def index_new(db: Connection) -> bool:
    """Index some of what was inserted since the last time; whether that is all."""
    if text_index.drop_outdated(db):
        return False
    return all(one.index_new(db) for one in _INDEXES)


def search(
    db: Connection,
    text: str,
    conversation_id: ConversationId | None = None,
    limit: int = 50,
    *,
    own: bool | None = None,
    has_link: bool = False,
    is_pinned: bool = False,
    since_ms: int | None = None,
    before_ms: int | None = None,
    before_row: int | None = None,
) -> list[Message]:
    """Messages with all that `text` looks for (see `search_words.terms`); newest first.

    Only indexed ones (see `Database.search`) with since_ms <= sent_at_ms < before_ms and
    row_id < before_row.

    Args:
        text: may be empty when something else is given.
        own: written by oneself; False: by somebody else.
        is_pinned: by either side.
    """
    wanted = terms(text)
    if text.strip() and not wanted:
        return []
    query = _query(wanted, conversation_id, own=own, has_link=has_link)
    times = _times(since_ms, before_ms)
    if not (query or times or is_pinned):
        return []
    after, before = 0, MESSAGES.after_indexed(db)
    if before_row is not None:
        before = min(before, before_row)
    bounds = [MESSAGES.rows_of_days(db, days_of(*times))] if times else []
    if is_pinned:
        [[first, last]] = db.execute(_PINNED_ROWS)
        bounds.append(None if first is None else (first, last))
    for bound in bounds:
        if bound is None:
            return []
        after, before = max(after, bound[0]), min(before, bound[1])
    if not query:
        found = db.execute(_without_words(bool(times), is_pinned), (after, before, *times))
        return by_rows(db, [row for (row,) in found.fetchmany(limit)])
    rows = MESSAGES.hits(
        db,
        query,
        _parts(db, conversation_id, after, before),
        (after, before),
        limit,
        (_SENT if times else "") + (_PINNED if is_pinned else ""),
        times,
    )
    return by_rows(db, rows)


def _times(since_ms: int | None, before_ms: int | None) -> tuple[()] | tuple[int, int]:
    """The first and the last one that is wanted; none when all are."""
    if since_ms is None and before_ms is None:
        return ()
    return (
        -LAST_ROW if since_ms is None else since_ms,
        LAST_ROW if before_ms is None else before_ms - 1,
    )


def _query(
    wanted: Sequence[Term],
    conversation_id: ConversationId | None,
    *,
    own: bool | None,
    has_link: bool,
) -> str:
    facets = [] if conversation_id is None else [f'"{conversation_id}"']
    if own:
        facets.append('"me"')
    if has_link:
        facets.append('"link"')
    query = query_of(wanted, facets)
    return f'({query}) NOT facets : "me"' if query and own is False else query


def _without_words(is_bounded: bool, is_pinned: bool) -> str:
    """The same of the history itself, where the index is not asked."""
    found = "SELECT row_id AS rowid FROM messages WHERE row_id > ? AND row_id < ? AND body <> ''"
    found += " AND sent_at_ms BETWEEN ? AND ?" if is_bounded else ""
    return found + (_PINNED if is_pinned else "") + " ORDER BY rowid DESC"


def _parts(
    db: Connection, conversation_id: ConversationId | None, after_row: int, before_row: int
) -> Iterator[int]:
    """The parts that may hold hits, newest first; of one conversation, those it has messages in."""
    oldest = part_of(after_row + 1)
    if conversation_id is None:
        yield from range(part_of(before_row - 1), oldest - 1, -1)
        return
    while before_row > after_row + 1:
        [[newest]] = db.execute(_NEWEST, (conversation_id, before_row))
        if newest is None or newest <= after_row:
            return
        yield part_of(newest)
        before_row = (part_of(newest) << PART_BITS) + 1
