"""Full-text search over the posts of rooms: newest first, without ranking (see `text_index`)."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import RoomNumber
from loom.search_words import terms
from loom.storage.messages import LAST_ROW
from loom.storage.text_index import TextIndex, days_of, part_of, query_of

POSTS: Final = TextIndex(
    table="room_posts",
    prefix="room_posts_fts",
    days="indexed_room_days",
    keys="room_search",
    text="iif({0}.kind IN (1, 5, 11) AND NOT {0}.is_hidden AND NOT {0}.is_held, {0}.body, '')",
    columns="body, is_hidden, is_held",
    facets="'r' || {0}.room || ' a' || hex(substr({0}.author, 1, 8)) || iif({link}, ' link', '')",
)
_AUTHOR_BYTES: Final = 8
"""Of an author as a facet."""
_SENT: Final = " AND (SELECT sent_at_ms FROM room_posts WHERE row_id = {fts}.rowid) BETWEEN ? AND ?"
# The sign keeps FTS5 from being asked for one pinned row after the other.
_AMONG: Final = (
    " AND +rowid IN (SELECT row_id FROM room_posts"
    " WHERE id IN (SELECT unhex(value) FROM json_each(?)))"
)


def search(
    db: Connection,
    text: str,
    room: RoomNumber | None = None,
    limit: int = 50,
    *,
    authors: Sequence[bytes] | None = None,
    has_link: bool = False,
    among: Sequence[bytes] | None = None,
    since_ms: int | None = None,
    before_ms: int | None = None,
    before_row: int | None = None,
) -> list[int]:
    """The rows of posts with all that `text` looks for (see `search_words.terms`); newest first.

    Only indexed ones (see `Database.search`) with since_ms <= sent_at_ms < before_ms and
    row_id < before_row.

    Args:
        text: may be empty when something else is given.
        authors: whose posts; None: everybody's.
        among: the ids of which they are some; None: any.
    """
    wanted = terms(text)
    if (text.strip() and not wanted) or authors == [] or among == []:
        return []
    facets = [] if room is None else [f'"r{room}"']
    if authors is not None:
        names = (f'"a{one[:_AUTHOR_BYTES].hex()}"' for one in authors)
        facets.append(f"({' OR '.join(names)})")
    if has_link:
        facets.append('"link"')
    query, condition = query_of(wanted, facets), ""
    given: list[str | int] = []
    after, before = 0, POSTS.after_indexed(db)
    if before_row is not None:
        before = min(before, before_row)
    if since_ms is not None or before_ms is not None:
        times = (
            -LAST_ROW if since_ms is None else since_ms,
            LAST_ROW if before_ms is None else before_ms - 1,
        )
        bound = POSTS.rows_of_days(db, days_of(*times))
        if bound is None:
            return []
        after, before = max(after, bound[0]), min(before, bound[1])
        condition, given = _SENT, [*times]
    if among is not None:
        condition += _AMONG
        given.append(msgspec.json.encode([one.hex() for one in among]).decode())
    if query:
        parts = range(part_of(before - 1), part_of(after + 1) - 1, -1)
        return POSTS.hits(db, query, parts, (after, before), limit, condition, given)
    if not condition:
        return []
    # The timeline itself, where the index is not asked.
    sql = (
        "SELECT row_id AS rowid FROM room_posts AS p WHERE row_id > ? AND row_id < ?"  # noqa: S608
        f" AND {POSTS.text_of('p')} <> ''{condition.format(fts='p')}"
        " ORDER BY row_id DESC"
    )
    found = db.execute(sql, (after, before, *given))
    return [row for (row,) in found.fetchmany(limit)]
