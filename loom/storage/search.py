"""Full-text search over the history: newest first, without ranking.

FTS5 answers a word that may go on by merging all rows of all such words before it gives the first
one. So the index is kept in parts of neighbouring messages, and a search asks the newest first and
no more of them than fill its page (docs/adr/0015). What a message is indexed by says
`loom.search_words`; FTS5 only takes the words apart (docs/adr/0035).
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Message
from loom.search_words import VERSION, Term, fts_phrase, index_text, terms
from loom.storage import settings
from loom.storage.messages import LAST_ROW, by_rows

PART_BITS: Final = 17
"""The row numbers in one part differ in so many low bits only."""
INDEX_EVERY: Final = 256
"""Messages that wait for the index at most; a search indexes what waits before it looks."""
SLICE: Final = 2_048
SLICE_BYTES: Final = 512 * 1024
"""What one transaction indexes at most, the last message's bytes apart: commits wait meanwhile."""
MERGE_PAGES: Final = 64
"""So many pages of a full part, of 2,000 bytes, are merged in one transaction, or few more."""
USERMERGE_MAX: Final = 16
"""FTS5's limit of how many segments a merge wants at least."""
DAY_MS: Final = 86_400_000
_VERSION_KEY: Final = "search_version"
_MERGED_KEY: Final = "search_merged"
_MERGING_KEY: Final = "search_merging"

# ASCII is folded by the tokenizer: no call for it. A row without text has no word at all.
_WORDS: Final = (
    "CASE WHEN octet_length({0}.body) = length({0}.body) THEN {0}.body"
    " ELSE search_text(CAST({0}.body AS BLOB)) END"
)
_HAS_LINK: Final = (
    "instr({0}.body, '://') AND ({0}.body LIKE '%http://%' OR {0}.body LIKE '%https://%')"
)
_FACETS: Final = (
    "CASE WHEN {0}.body = '' THEN '' ELSE {0}.conversation_id"
    " || iif({0}.author = 0, ' me', '') || iif(" + _HAS_LINK + ", ' link', '') END"
)
# Its leaves fit into a page with SQLCipher's reserved bytes.
_NEW_PART: Final = (
    """
CREATE VIRTUAL TABLE messages_fts_{part} USING fts5 (
    body, facets, content = '', columnsize = 0, tokenize = 'ascii'
)""",
    "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES ('pgsz', 2000)",
    "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES ('automerge', 8)",
)
# Of this connection only: triggers in the file may not call its functions. They leave out what the
# index does not hold yet.
_IS_INDEXED: Final = """
old.row_id > {start} AND old.row_id <= {end}
    AND old.row_id <= (SELECT seq FROM sqlite_sequence WHERE name = 'messages_fts')"""
_TAKE_OUT: Final = f"""
INSERT INTO messages_fts_{{part}} (messages_fts_{{part}}, rowid, body, facets)
VALUES ('delete', old.row_id, {_WORDS.format("old")}, {_FACETS.format("old")});
"""  # noqa: S608 - constants only
_PUT_IN: Final = f"""
INSERT INTO messages_fts_{{part}} (rowid, body, facets)
VALUES (new.row_id, {_WORDS.format("new")}, {_FACETS.format("new")});
"""  # noqa: S608 - constants only
_FOLLOW: Final = (
    f"""
CREATE TEMP TRIGGER message_leaves_search_{{part}} BEFORE DELETE ON main.messages
WHEN {_IS_INDEXED} BEGIN {_TAKE_OUT} END""",
    f"""
CREATE TEMP TRIGGER message_changes_in_search_{{part}} AFTER UPDATE OF body ON main.messages
WHEN old.body <> new.body AND {_IS_INDEXED} BEGIN {_TAKE_OUT} {_PUT_IN} END""",
)
# One segment is asked in half the time of ten.
_MERGE: Final = "INSERT INTO messages_fts_{part} (messages_fts_{part}, rank) VALUES (?, ?)"
_SEGMENTS: Final = "SELECT count(DISTINCT segid) FROM messages_fts_{part}_idx"
_INDEX: Final = f"""
INSERT INTO messages_fts_{{part}} (rowid, body, facets)
SELECT row_id, {_WORDS.format("m")}, {_FACETS.format("m")}
FROM messages AS m WHERE row_id > ? AND row_id <= ?
"""  # noqa: S608 - constants only
_INDEX_DAYS: Final = f"""
INSERT INTO indexed_days
SELECT ?1 + 1, ?2, min(sent_at_ms) / {DAY_MS}, max(sent_at_ms) / {DAY_MS}
FROM messages WHERE row_id > ?1 AND row_id <= ?2 HAVING count(*)
"""  # noqa: S608 - constants only
_NEXT_SLICE: Final = """
SELECT row_id, octet_length(body) FROM messages WHERE row_id > ? ORDER BY row_id LIMIT ?
"""
_HITS: Final = """
SELECT rowid FROM messages_fts_{part} WHERE messages_fts_{part} MATCH ? AND rowid > ? AND rowid < ?
"""
_SENT: Final = (
    " AND (SELECT sent_at_ms FROM messages WHERE row_id = messages_fts_{part}.rowid)"
    " BETWEEN ? AND ?"
)
# The sign keeps FTS5 from being asked for one pinned row after the other.
_PINNED: Final = " AND +rowid IN (SELECT row_id FROM registers WHERE kind = 11 AND value <> '')"
_PINNED_ROWS: Final = """
SELECT min(row_id) - 1, max(row_id) + 1 FROM registers WHERE kind = 11 AND value <> ''
"""
_NEWEST_FIRST: Final = " ORDER BY rowid DESC"
_NEWEST: Final = "SELECT max(row_id) FROM messages WHERE conversation_id = ? AND row_id < ?"
_ROWS_OF_DAYS: Final = """
SELECT min(first_row) - 1, max(last_row) + 1 FROM indexed_days
WHERE newest_day >= ? AND oldest_day <= ?
"""
# Earlier versions had their triggers in the file.
_OLD_TRIGGERS: Final = """
SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'message_*_search_*'
"""
_OUTDATED: Final = """
SELECT name FROM sqlite_schema
WHERE name GLOB 'outdated_fts_*' AND sql GLOB 'CREATE VIRTUAL TABLE*' LIMIT 1
"""


def attach(db: Connection) -> None:
    """Let a connection change the index: all that write messages do this first.

    An index that was made by other rules is put aside for `drop_outdated`, and `index_new` makes it
    again. So a migration that changes what is indexed deletes the setting.
    """
    db.create_function("search_text", 1, _search_text, deterministic=True)
    if settings.get(db, _VERSION_KEY) == VERSION.encode():
        for part in _existing(db):
            _follow(db, part)
        return
    while drop_outdated(db):  # of an earlier time: hardly ever
        pass
    db.execute("BEGIN IMMEDIATE")
    for (trigger,) in db.execute(_OLD_TRIGGERS).fetchall():
        db.execute(f"DROP TRIGGER {trigger}")
    for part in _existing(db):
        db.execute(f"ALTER TABLE messages_fts_{part} RENAME TO outdated_fts_{part}")
    db.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'messages_fts'")
    db.execute("DELETE FROM indexed_days")
    for key in (_MERGED_KEY, _MERGING_KEY):
        settings.delete(db, key)
    settings.put(db, _VERSION_KEY, VERSION.encode())
    db.execute("COMMIT")


def drop_outdated(db: Connection) -> bool:
    """Drop a part of an index that was made by other rules; False: there is none.

    It holds the words of what was deleted since, and takes a second to overwrite.
    """
    found = db.execute(_OUTDATED).fetchone()
    if found is not None:
        db.execute(f"DROP TABLE {found[0]}")
    return found is not None


def is_outdated(db: Connection) -> bool:
    """Whether there is a part to drop."""
    return db.execute(_OUTDATED).fetchone() is not None


def _search_text(body: bytes) -> str:
    # A text that is given or returned as one would end at its first NUL.
    return index_text(body.decode()).replace("\0", " ")


def is_complete(db: Connection) -> bool:
    """Whether every message is indexed."""
    last, indexed = _last_and_indexed(db)
    return last == indexed


def is_due(db: Connection) -> bool:
    """Whether so many messages wait for the index that it should be brought up to date.

    Or a part of it should be merged or dropped.
    """
    last, indexed = _last_and_indexed(db)
    return last - indexed >= INDEX_EVERY or is_outdated(db) or _to_merge(db, indexed) is not None


def keep_up(db: Connection) -> bool:
    """Do one step of what `is_due` asks for; whether it was the last."""
    last, indexed = _last_and_indexed(db)
    part = _to_merge(db, indexed)
    if last - indexed >= INDEX_EVERY or is_outdated(db) or part is None:
        index_new(db)
    else:
        _merge_some(db, part)
    return not is_due(db)


def index_new(db: Connection) -> bool:
    """Index what was inserted since the last time, a SLICE at most; whether that is all.

    FTS5 writes one segment for all of it.
    """
    if drop_outdated(db):
        return False
    last, indexed = _last_and_indexed(db)
    if indexed == last:
        return True
    upto = _end_of_slice(db, indexed, last)
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages_fts'", (upto,))
    newest_part = _part(indexed)
    for part in range(max(newest_part, 0), _part(upto) + 1):
        if part > newest_part:
            for statement in _NEW_PART:
                db.execute(statement.format(part=part))
            _follow(db, part)
        start, end = _borders(part)
        db.execute(_INDEX.format(part=part), (max(start, indexed), min(end, upto)))
    db.execute(_INDEX_DAYS, (indexed, upto))
    return bool(upto == last)


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
    after, before = 0, _after_indexed(db)
    if before_row is not None:
        before = min(before, before_row)
    days = [one // DAY_MS for one in times]
    bounds = [db.execute(_ROWS_OF_DAYS, days)] if times else []
    bounds += [db.execute(_PINNED_ROWS)] if is_pinned else []
    for [[first, last]] in bounds:
        if first is None:
            return []
        after, before = max(after, first), min(before, last)
    if not query:
        found = db.execute(_without_words(bool(times), is_pinned), (after, before, *times))
        return by_rows(db, [row for (row,) in found.fetchmany(limit)])
    rows: list[int] = []
    for part in _parts(db, conversation_id, after, before):
        hits = db.execute(_hits(part, bool(times), is_pinned), (query, after, before, *times))
        # Fetched, not limited: a limit that is bound costs as much as the search for a rare word.
        rows += [row for (row,) in hits.fetchmany(limit - len(rows))]
        if len(rows) >= limit:
            break
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
    """What FTS5 is asked: every word a quoted one, nothing an operator."""
    facets = [] if conversation_id is None else [f'"{conversation_id}"']
    if own:
        facets.append('"me"')
    if has_link:
        facets.append('"link"')
    parts = [f"facets : ({' AND '.join(facets)})"] if facets else []
    if wanted:
        parts.append(f"body : ({' AND '.join(map(fts_phrase, wanted))})")
    query = " AND ".join(parts)
    return f'({query}) NOT facets : "me"' if query and own is False else query


@cache
def _hits(part: int, is_bounded: bool, is_pinned: bool) -> str:
    hits = _HITS + (_SENT if is_bounded else "") + (_PINNED if is_pinned else "")
    return (hits + _NEWEST_FIRST).format(part=part)


def _without_words(is_bounded: bool, is_pinned: bool) -> str:
    """The same of the history itself, where the index is not asked."""
    found = "SELECT row_id AS rowid FROM messages WHERE row_id > ? AND row_id < ? AND body <> ''"
    found += " AND sent_at_ms BETWEEN ? AND ?" if is_bounded else ""
    return found + (_PINNED if is_pinned else "") + _NEWEST_FIRST


def _last_and_indexed(db: Connection) -> tuple[int, int]:
    """The newest row of the history, also a deleted one, and the newest that is indexed."""
    [[last, indexed]] = db.execute(
        "SELECT max(seq), min(seq) FROM sqlite_sequence WHERE name IN ('messages', 'messages_fts')"
    )
    return last, indexed


def _to_merge(db: Connection, indexed: int) -> int | None:
    """The oldest part that is full and not in one segment, or None."""
    newest = _part(indexed)
    if newest < 1:
        return None
    merged = int(settings.get(db, _MERGED_KEY) or b"0")
    return merged if merged < newest else None


def _merge_some(db: Connection, part: int) -> None:
    """Bring a part nearer to one segment. At once it takes seconds, and commits would wait.

    A negative number chooses all segments there are: only once, and what is edited meanwhile makes
    too few for another merge. Else a stream of edits would keep it going.
    """
    merge, is_begun = _MERGE.format(part=part), settings.get(db, _MERGING_KEY) == b"%d" % part
    if not is_begun:
        settings.put(db, _MERGING_KEY, b"%d" % part)
        [[segments]] = db.execute(_SEGMENTS.format(part=part))
        db.execute(merge, ("usermerge", min(max(segments, 2), USERMERGE_MAX)))
    before = db.total_changes
    db.execute(merge, ("merge", MERGE_PAGES if is_begun else -MERGE_PAGES))
    # The statement itself counts as one change (sqlite.org/fts5.html, 'merge').
    if db.total_changes - before < 2:
        settings.put(db, _MERGED_KEY, b"%d" % (part + 1))


def _end_of_slice(db: Connection, indexed: int, last: int) -> int:
    """The last row of the next slice; `last` when it holds all that is left."""
    size_bytes = 0
    rows = db.execute(_NEXT_SLICE, (indexed, SLICE + 1)).fetchall()
    for row_id, body_bytes in rows[:SLICE]:
        size_bytes += body_bytes
        if size_bytes >= SLICE_BYTES:
            return int(row_id)
    return int(rows[SLICE - 1][0]) if len(rows) > SLICE else last


def _after_indexed(db: Connection) -> int:
    [[seq]] = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages_fts'")
    return int(seq) + 1


def _existing(db: Connection) -> list[int]:
    """The numbers of the parts that are there."""
    found = db.execute(
        "SELECT substr(name, 14) FROM sqlite_schema"
        " WHERE name GLOB 'messages_fts_*' AND sql GLOB 'CREATE VIRTUAL TABLE*'"
    )
    return [int(number) for (number,) in found.fetchall()]


def _follow(db: Connection, part: int) -> None:
    """Take out of a part what is deleted, and change what is edited."""
    start, end = _borders(part)
    for statement in _FOLLOW:
        db.execute(statement.format(part=part, start=start, end=end))


def _part(row_id: int) -> int:
    """The part that holds a row; -1 for row 0, which is none."""
    return (row_id - 1) >> PART_BITS


def _borders(part: int) -> tuple[int, int]:
    """The row before its first one, and its last one."""
    return part << PART_BITS, (part + 1) << PART_BITS


def _parts(
    db: Connection, conversation_id: ConversationId | None, after_row: int, before_row: int
) -> Iterator[int]:
    """The parts that may hold hits, newest first; of one conversation, those it has messages in."""
    oldest = _part(after_row + 1)
    if conversation_id is None:
        yield from range(_part(before_row - 1), oldest - 1, -1)
        return
    while before_row > after_row + 1:
        [[newest]] = db.execute(_NEWEST, (conversation_id, before_row))
        if newest is None or newest <= after_row:
            return
        yield _part(newest)
        before_row = (_part(newest) << PART_BITS) + 1
