"""A full-text index in parts, of texts in the rows of a table.

FTS5 answers a word that may go on by merging all rows of all such words before it gives the first
one. So an index is kept in parts of neighbouring rows, and a search asks the newest first and no
more of them than fill its page (docs/adr/0015). What a text is indexed by says
`loom.search_words`; FTS5 only takes the words apart (docs/adr/0035).
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.search_words import VERSION, Term, fts_phrase, index_text
from loom.storage import settings

PART_BITS: Final = 17
"""The row numbers in one part differ in so many low bits only."""
INDEX_EVERY: Final = 256
"""Rows that wait for the index at most; a search indexes what waits before it looks."""
SLICE: Final = 2_048
SLICE_BYTES: Final = 512 * 1024
"""What one transaction indexes at most, the last row's bytes apart: commits wait meanwhile."""
MERGE_PAGES: Final = 64
"""So many pages of a full part, of 2,000 bytes, are merged in one transaction, or few more."""
USERMERGE_MAX: Final = 16
"""FTS5's limit of how many segments a merge wants at least."""
DAY_MS: Final = 86_400_000

# ASCII is folded by the tokenizer: no call for it. A row without text has no word at all.
_WORDS: Final = (
    "CASE WHEN octet_length({0}) = length({0}) THEN {0} ELSE search_text(CAST({0} AS BLOB)) END"
)
_HAS_LINK: Final = "instr({0}, '://') AND ({0} LIKE '%http://%' OR {0} LIKE '%https://%')"
# Its leaves fit into a page with SQLCipher's reserved bytes.
_NEW_PART: Final = (
    """
CREATE VIRTUAL TABLE {fts} USING fts5 (
    body, facets, content = '', columnsize = 0, tokenize = 'ascii'
)""",
    "INSERT INTO {fts} ({fts}, rank) VALUES ('secure-delete', 1)",
    "INSERT INTO {fts} ({fts}, rank) VALUES ('pgsz', 2000)",
    "INSERT INTO {fts} ({fts}, rank) VALUES ('automerge', 8)",
)
# Of this connection only: triggers in the file may not call its functions. They leave out what the
# index does not hold yet.
_IS_INDEXED: Final = """
old.row_id > {start} AND old.row_id <= {end}
    AND old.row_id <= (SELECT seq FROM sqlite_sequence WHERE name = '{prefix}')"""
_TAKE_OUT: Final = """
INSERT INTO {fts} ({fts}, rowid, body, facets)
VALUES ('delete', old.row_id, {old_words}, {old_facets});
"""
_PUT_IN: Final = """
INSERT INTO {fts} (rowid, body, facets) VALUES (new.row_id, {new_words}, {new_facets});
"""
_FOLLOW: Final = (
    f"""
CREATE TEMP TRIGGER row_leaves_{{fts}} BEFORE DELETE ON main.{{table}}
WHEN {_IS_INDEXED} BEGIN {_TAKE_OUT} END""",
    f"""
CREATE TEMP TRIGGER row_changes_in_{{fts}} AFTER UPDATE OF {{columns}} ON main.{{table}}
WHEN {{old_text}} <> {{new_text}} AND {_IS_INDEXED} BEGIN {_TAKE_OUT} {_PUT_IN} END""",
)
# One segment is asked in half the time of ten.
_MERGE: Final = "INSERT INTO {fts} ({fts}, rank) VALUES (?, ?)"
_SEGMENTS: Final = "SELECT count(DISTINCT segid) FROM {fts}_idx"
_INDEX: Final = """
INSERT INTO {fts} (rowid, body, facets)
SELECT row_id, {words}, {facets} FROM {table} AS m WHERE row_id > ? AND row_id <= ?
"""
_INDEX_DAYS: Final = """
INSERT INTO {days}
SELECT ?1 + 1, ?2, min(sent_at_ms) / {day_ms}, max(sent_at_ms) / {day_ms}
FROM {table} WHERE row_id > ?1 AND row_id <= ?2 HAVING count(*)
"""
_NEXT_SLICE: Final = """
SELECT row_id, octet_length(body) FROM {table} WHERE row_id > ? ORDER BY row_id LIMIT ?
"""
_HITS: Final = (
    "SELECT rowid FROM {fts} WHERE {fts} MATCH ? AND rowid > ? AND rowid < ?{condition}"
    " ORDER BY rowid DESC"
)
_ROWS_OF_DAYS: Final = """
SELECT min(first_row) - 1, max(last_row) + 1 FROM {days} WHERE newest_day >= ? AND oldest_day <= ?
"""
# Earlier versions had their triggers in the file.
_OLD_TRIGGERS: Final = """
SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'message_*_search_*'
"""
_ALL_OUTDATED: Final = "outdated_*fts_*"
_OUTDATED: Final = """
SELECT name FROM sqlite_schema
WHERE name GLOB ? AND sql GLOB 'CREATE VIRTUAL TABLE*' LIMIT 1
"""


def drop_outdated(db: Connection, names: str = _ALL_OUTDATED) -> bool:
    """Drop a part of an index that was made by other rules; False: there is none.

    It holds the words of what was deleted since, and takes a second to overwrite.
    """
    found = db.execute(_OUTDATED, (names,)).fetchone()
    if found is not None:
        db.execute(f"DROP TABLE {found[0]}")
    return found is not None


def is_outdated(db: Connection) -> bool:
    """Whether there is a part to drop."""
    return db.execute(_OUTDATED, (_ALL_OUTDATED,)).fetchone() is not None


def query_of(wanted: Sequence[Term], facets: Iterable[str]) -> str:
    """What FTS5 is asked: every word a quoted one, nothing an operator.

    Args:
        facets: quoted, and joined by OR where one of several is meant.
    """
    parts = [f"facets : ({' AND '.join(given)})"] if (given := list(facets)) else []
    if wanted:
        parts.append(f"body : ({' AND '.join(map(fts_phrase, wanted))})")
    return " AND ".join(parts)


def days_of(since_ms: int, last_ms: int) -> tuple[int, int]:
    """The days of the first and the last moment."""
    return since_ms // DAY_MS, last_ms // DAY_MS


def part_of(row_id: int) -> int:
    """The part that holds a row; -1 for row 0, which is none."""
    return (row_id - 1) >> PART_BITS


def _search_text(body: bytes) -> str:
    # A text that is given or returned as one would end at its first NUL.
    return index_text(body.decode()).replace("\0", " ")


def _borders(part: int) -> tuple[int, int]:
    """The row before its first one, and its last one."""
    return part << PART_BITS, (part + 1) << PART_BITS


class TextIndex(NamedTuple):
    """The index of one table with `row_id`, `body` and `sent_at_ms`.

    Args:
        prefix: how the names of its parts begin.
        days: the table that says when the rows were sent that were indexed together.
        keys: how the names of its settings begin.
        text: what of a row `{0}` is indexed; `columns`: on which that depends.
        facets: the words that name its properties; `{link}` is true if the text has a link.
    """

    table: str
    prefix: str
    days: str
    keys: str
    text: str
    columns: str
    facets: str

    def attach(self, db: Connection) -> None:
        """Let a connection change the index: all that write such rows do this first.

        An index that was made by other rules is put aside for `drop_outdated`, and `index_new`
        makes it again. So a migration that changes what is indexed deletes the setting.
        """
        db.create_function("search_text", 1, _search_text, deterministic=True)
        if settings.get(db, self._key("version")) == VERSION.encode():
            for part in self._existing(db):
                self._follow(db, part)
            return
        while drop_outdated(db, f"outdated_{self.prefix}_*"):  # of an earlier time: hardly ever
            pass
        db.execute("BEGIN IMMEDIATE")
        for (trigger,) in db.execute(_OLD_TRIGGERS).fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        for part in self._existing(db):
            db.execute(f"ALTER TABLE {self._fts(part)} RENAME TO outdated_{self._fts(part)}")
        db.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = ?", (self.prefix,))
        db.execute(f"DELETE FROM {self.days}")  # noqa: S608 - a constant
        for key in ("merged", "merging"):
            settings.delete(db, self._key(key))
        settings.put(db, self._key("version"), VERSION.encode())
        db.execute("COMMIT")

    def is_complete(self, db: Connection) -> bool:
        """Whether every row is indexed."""
        last, indexed = self._last_and_indexed(db)
        return last == indexed

    def is_due(self, db: Connection) -> bool:
        """Whether so many rows wait that the index should follow, or a part should be merged."""
        last, indexed = self._last_and_indexed(db)
        return last - indexed >= INDEX_EVERY or self._to_merge(db, indexed) is not None

    def keep_up(self, db: Connection) -> None:
        """Do one step of what `is_due` asks for."""
        last, indexed = self._last_and_indexed(db)
        part = self._to_merge(db, indexed)
        if last - indexed >= INDEX_EVERY or part is None:
            self.index_new(db)
        else:
            self._merge_some(db, part)

    def index_new(self, db: Connection) -> bool:
        """Index what was inserted since the last time, a SLICE at most; whether that is all.

        FTS5 writes one segment for all of it.
        """
        last, indexed = self._last_and_indexed(db)
        if indexed == last:
            return True
        upto = self._end_of_slice(db, indexed, last)
        db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (upto, self.prefix))
        newest_part = part_of(indexed)
        for part in range(max(newest_part, 0), part_of(upto) + 1):
            if part > newest_part:
                for statement in _NEW_PART:
                    db.execute(statement.format(fts=self._fts(part)))
                self._follow(db, part)
            start, end = _borders(part)
            db.execute(self._filled(_INDEX, part), (max(start, indexed), min(end, upto)))
        db.execute(self._filled(_INDEX_DAYS), (indexed, upto))
        return bool(upto == last)

    def after_indexed(self, db: Connection) -> int:
        """The row after the last one that is indexed."""
        [[seq]] = db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (self.prefix,))
        return int(seq) + 1

    def rows_of_days(self, db: Connection, days: tuple[int, int]) -> tuple[int, int] | None:
        """All rows of these days are between these two; None: there is none."""
        [[after, before]] = db.execute(self._filled(_ROWS_OF_DAYS), days)
        return None if after is None else (int(after), int(before))

    def hits(
        self,
        db: Connection,
        query: str,
        parts: Iterable[int],
        between: tuple[int, int],
        limit: int,
        condition: str = "",
        given: Sequence[str | int] = (),
    ) -> list[int]:
        """The rows that FTS5 finds between two others, newest first.

        Args:
            parts: those to be asked, newest first.
            condition: more that must hold of the row `{fts}.rowid`, with what is `given`.
        """
        rows: list[int] = []
        for part in parts:
            fts = self._fts(part)
            sql = _HITS.format(fts=fts, condition=condition.format(fts=fts))
            found = db.execute(sql, (query, *between, *given))
            # Fetched, not limited: a limit that is bound costs as much as a search for a rare word.
            rows += [row for (row,) in found.fetchmany(limit - len(rows))]
            if len(rows) >= limit:
                break
        return rows

    def text_of(self, row: str) -> str:
        """What of a row is indexed, as SQL."""
        return self.text.format(row)

    # --- inside ---

    def _key(self, name: str) -> str:
        return f"{self.keys}_{name}"

    def _fts(self, part: int) -> str:
        return f"{self.prefix}_{part}"

    def _words(self, row: str) -> str:
        return _WORDS.format(self.text_of(row))

    def _facets(self, row: str) -> str:
        facets = self.facets.format(row, link=_HAS_LINK.format(self.text_of(row)))
        return f"CASE WHEN {self.text_of(row)} = '' THEN '' ELSE {facets} END"

    def _filled(self, sql: str, part: int = 0) -> str:
        start, end = _borders(part)
        return sql.format(
            fts=self._fts(part),
            start=start,
            end=end,
            table=self.table,
            prefix=self.prefix,
            days=self.days,
            day_ms=DAY_MS,
            columns=self.columns,
            words=self._words("m"),
            facets=self._facets("m"),
            old_text=self.text_of("old"),
            new_text=self.text_of("new"),
            old_words=self._words("old"),
            new_words=self._words("new"),
            old_facets=self._facets("old"),
            new_facets=self._facets("new"),
        )

    def _last_and_indexed(self, db: Connection) -> tuple[int, int]:
        """The newest row of the table, also a deleted one, and the newest that is indexed."""
        [[last, indexed]] = db.execute(
            "SELECT max(seq), min(seq) FROM sqlite_sequence WHERE name IN (?, ?)",
            (self.table, self.prefix),
        )
        return last, indexed

    def _to_merge(self, db: Connection, indexed: int) -> int | None:
        """The oldest part that is full and not in one segment, or None."""
        newest = part_of(indexed)
        if newest < 1:
            return None
        merged = int(settings.get(db, self._key("merged")) or b"0")
        return merged if merged < newest else None

    def _merge_some(self, db: Connection, part: int) -> None:
        """Bring a part nearer to one segment. At once it takes seconds, and commits would wait.

        A negative number chooses all segments there are: only once, and what is edited meanwhile
        makes too few for another merge. Else a stream of edits would keep it going.
        """
        merge = self._filled(_MERGE, part)
        is_begun = settings.get(db, self._key("merging")) == b"%d" % part
        if not is_begun:
            settings.put(db, self._key("merging"), b"%d" % part)
            [[segments]] = db.execute(self._filled(_SEGMENTS, part))
            db.execute(merge, ("usermerge", min(max(segments, 2), USERMERGE_MAX)))
        before = db.total_changes
        db.execute(merge, ("merge", MERGE_PAGES if is_begun else -MERGE_PAGES))
        # The statement itself counts as one change (sqlite.org/fts5.html, 'merge').
        if db.total_changes - before < 2:
            settings.put(db, self._key("merged"), b"%d" % (part + 1))

    def _end_of_slice(self, db: Connection, indexed: int, last: int) -> int:
        """The last row of the next slice; `last` when it holds all that is left."""
        size_bytes = 0
        rows = db.execute(self._filled(_NEXT_SLICE), (indexed, SLICE + 1)).fetchall()
        for row_id, body_bytes in rows[:SLICE]:
            size_bytes += body_bytes
            if size_bytes >= SLICE_BYTES:
                return int(row_id)
        return int(rows[SLICE - 1][0]) if len(rows) > SLICE else last

    def _existing(self, db: Connection) -> list[int]:
        """The numbers of the parts that are there."""
        found = db.execute(
            "SELECT substr(name, ?) FROM sqlite_schema"
            " WHERE name GLOB ? AND sql GLOB 'CREATE VIRTUAL TABLE*'",
            (len(self.prefix) + 2, f"{self.prefix}_*"),
        )
        return [int(number) for (number,) in found.fetchall()]

    def _follow(self, db: Connection, part: int) -> None:
        """Take out of a part what is deleted, and change what is edited."""
        for statement in _FOLLOW:
            db.execute(self._filled(statement, part))
