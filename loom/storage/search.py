"""Full-text search over the history: newest first, without ranking."""

from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.model import ContactId, Message
from loom.storage.messages import COLUMNS, LAST_ROW, message

_SEARCH: Final = f"""
SELECT {COLUMNS}
FROM messages_fts CROSS JOIN messages ON messages.row_id = messages_fts.rowid
WHERE messages_fts MATCH ?1 AND messages_fts.rowid < ?2
  AND (?3 IS NULL OR messages.contact_id = ?3)
ORDER BY messages_fts.rowid DESC
LIMIT ?4
"""  # noqa: S608 - constants only


def index_new(db: Connection) -> None:
    """Index what was inserted since the last time.

    Called once per transaction, after all savepoints: FTS5 flushes at each savepoint, which
    would write one segment per message instead of one per commit.
    """
    last, first = db.execute(
        "SELECT max(seq), min(seq) FROM sqlite_sequence WHERE name IN ('messages', 'messages_fts')"
    ).fetchone()
    if first == last:
        return
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages_fts'", (last,))
    db.execute(
        "INSERT INTO messages_fts (rowid, body) SELECT row_id, body FROM messages WHERE row_id > ?",
        (first,),
    )


def search(
    db: Connection,
    text: str,
    contact_id: ContactId | None = None,
    limit: int = 50,
    before_row: int | None = None,
) -> list[Message]:
    """Messages that hold every word of `text`, each word perhaps longer; newest first."""
    query = fts_query(text)
    if not query:
        return []
    before = LAST_ROW if before_row is None else before_row
    return [message(row) for row in db.execute(_SEARCH, (query, before, contact_id, limit))]


def fts_query(text: str) -> str:
    """What a person typed as an FTS5 query: each word a quoted prefix, nothing an operator."""
    words = text.replace("\0", " ").replace('"', " ").split()
    return " ".join(f'"{word}"*' for word in words if any(c.isalnum() for c in word))
