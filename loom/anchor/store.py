"""What an anchor keeps on disk: accounts, queues, blobs, bundles, pairings (PROTOCOL.md 10)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from loom.core.queues import DoorKeys
from loom.crypto.kdf import hash_
from loom.storage.connection import Db
from loom.storage.schema import Schema
from loom.wire.limits import BLOB_ID_BYTES, BUNDLE_MARK_BYTES, BUNDLE_PLACES
from loom.wire.requests import Open, QueueBundles, QueueUse

# A deleted blob stays sealed under a key that is not here; overwriting each took a third of all
# work on the disk.
SCHEMA: Final = Schema(Path(__file__).with_name("migrations"), erases=False)

LASTING_PLACE: Final = BUNDLE_PLACES - 1
"""The bundle there stays when it is fetched."""

PUTS_PER_STATEMENT: Final = 32
_NO_MARK: Final = bytes(BUNDLE_MARK_BYTES)


class AccountRow(NamedTuple):
    """An account as it is stored."""

    account_id: int
    keys: DoorKeys
    paired_at_s: int


class PairingRow(NamedTuple):
    """A pairing text that was given out; `account_tag`: whose keys it was spent on, or empty."""

    pairing_id: int
    keys: DoorKeys
    expires_s: int
    account_tag: bytes

    def __repr__(self) -> str:
        return f"PairingRow({self.pairing_id})"


class QueueRow(NamedTuple):
    """A queue as it is stored, with what lies in it."""

    number: int
    queue_id: bytes
    account_id: int
    keys: DoorKeys
    use: QueueUse
    until_s: int
    blobs: int = 0
    size_bytes: int = 0

    def __repr__(self) -> str:
        return f"QueueRow({self.number})"


class Contents(NamedTuple):
    """Everything but blobs and bundles."""

    accounts: list[AccountRow]
    pairings: list[PairingRow]
    queues: list[QueueRow]
    last_seq: int


class BlobRow(NamedTuple):
    """A blob in its order, and how many lie behind it."""

    queue: int
    seq: int
    blob: bytes
    behind: int

    def __repr__(self) -> str:
        return f"BlobRow(queue={self.queue}, seq={self.seq})"


class NewBlob(NamedTuple):
    """A blob to store, and its place in the order."""

    seq: int
    queue: int
    blob: bytes

    def __repr__(self) -> str:
        return f"NewBlob(queue={self.queue}, seq={self.seq})"


class Removed(NamedTuple):
    """How many blobs of a queue were deleted, and their bytes."""

    queue: int
    blobs: int
    size_bytes: int


def load(db: Db) -> Contents:
    """What the service keeps in memory."""
    accounts = [
        AccountRow(number, DoorKeys(tag, link), at_s)
        for number, tag, link, at_s in db.execute(
            "SELECT account_id, tag_key, link_key, paired_at_s FROM accounts ORDER BY account_id"
        )
    ]
    pairings = [
        PairingRow(number, DoorKeys(tag, link), expires_s, account_tag or b"")
        for number, tag, link, expires_s, account_tag in db.execute(
            "SELECT pairing_id, tag_key, link_key, expires_s, account_tag_key FROM pairings"
        )
    ]
    # length() reads a blob's head only, not its pages.
    held = {
        queue: (count, size)
        for queue, count, size in db.execute(
            "SELECT queue, count(*), sum(length(blob)) FROM blobs GROUP BY queue"
        )
    }
    queues = [
        QueueRow(
            number,
            queue_id,
            account,
            DoorKeys(tag, link),
            QueueUse(use),
            until_s,
            *held.get(number, (0, 0)),
        )
        for number, queue_id, account, tag, link, use, until_s in db.execute(
            "SELECT number, queue_id, account_id, tag_key, link_key, use, until_s FROM queues"
        )
    ]
    [(last_seq,)] = db.execute("SELECT coalesce(max(seq), 0) FROM blobs")
    return Contents(accounts, pairings, queues, last_seq)


# --- accounts ---


def add_pairing(db: Db, keys: DoorKeys, expires_s: int) -> PairingRow:
    """Remember a pairing text by its keys."""
    cursor = db.execute(
        "INSERT INTO pairings (tag_key, link_key, expires_s) VALUES (?, ?, ?)",
        (keys.tag, keys.link, expires_s),
    )
    return PairingRow(int(cursor.lastrowid or 0), keys, expires_s, b"")


def spend_pairing(
    db: Db, pairing_id: int, keys: DoorKeys, now_s: int, accounts_max: int
) -> AccountRow | str:
    """Make the account of these keys; the same keys again give it again.

    Returns:
        The account, or why there is none: "spent" on other keys, keys that are "taken", "full".
    """
    row = db.execute(
        "SELECT account_tag_key FROM pairings WHERE pairing_id = ?", (pairing_id,)
    ).fetchone()
    if row is None or (row[0] is not None and row[0] != keys.tag):
        return "spent"
    known = db.execute(
        "SELECT account_id, link_key, paired_at_s FROM accounts WHERE tag_key = ?", (keys.tag,)
    ).fetchone()
    if known is not None:
        if known[1] != keys.link:
            return "taken"
        account = AccountRow(known[0], keys, known[2])
    elif _tag_is_used(db, keys.tag):
        return "taken"
    elif db.execute("SELECT count(*) FROM accounts").fetchone()[0] >= accounts_max:
        return "full"
    else:
        cursor = db.execute(
            "INSERT INTO accounts (tag_key, link_key, paired_at_s) VALUES (?, ?, ?)",
            (keys.tag, keys.link, now_s),
        )
        account = AccountRow(int(cursor.lastrowid or 0), keys, now_s)
    db.execute(
        "UPDATE pairings SET account_tag_key = ? WHERE pairing_id = ?", (keys.tag, pairing_id)
    )
    return account


def succeed(db: Db, account_id: int, keys: DoorKeys, now_s: int, most: int) -> AccountRow | str:
    """Make the account that replaces one; the same keys again give it again.

    Args:
        most: so many that follow one another may exist at one time.

    Returns:
        The account, or why there is none, as above.
    """
    row = db.execute(
        "SELECT successor_tag_key, ifnull(first_id, account_id) FROM accounts WHERE account_id = ?",
        (account_id,),
    ).fetchone()
    if row is None or (row[0] is not None and row[0] != keys.tag):
        return "spent"
    known = db.execute(
        "SELECT account_id, paired_at_s FROM accounts WHERE tag_key = ? AND link_key = ?"
        " AND first_id = ?",
        (keys.tag, keys.link, row[1]),
    ).fetchone()
    if row[0] is not None:
        return "spent" if known is None else AccountRow(known[0], keys, known[1])
    if _tag_is_used(db, keys.tag):
        return "taken"
    [(alive,)] = db.execute(
        "SELECT count(*) FROM accounts WHERE account_id = ? OR first_id = ?", (row[1], row[1])
    )
    if alive >= most:
        return "full"
    cursor = db.execute(
        "INSERT INTO accounts (tag_key, link_key, paired_at_s, first_id) VALUES (?, ?, ?, ?)",
        (keys.tag, keys.link, now_s, row[1]),
    )
    db.execute(
        "UPDATE accounts SET successor_tag_key = ? WHERE account_id = ?", (keys.tag, account_id)
    )
    return AccountRow(int(cursor.lastrowid or 0), keys, now_s)


def remove_account(db: Db, account_id: int) -> None:
    """Delete an account with its queues and all in them."""
    db.execute("DELETE FROM accounts WHERE account_id = ?", (account_id,))


def prune_pairings(db: Db, now_s: int) -> list[int]:
    """Delete those whose time is over; their numbers."""
    return [
        number
        for (number,) in db.execute(
            "DELETE FROM pairings WHERE expires_s <= ? RETURNING pairing_id", (now_s,)
        )
    ]


# --- queues ---


def open_queue(db: Db, account_id: int, wanted: Open, queues_max: int) -> QueueRow | str:
    """Make a queue, or give the same one with its new end.

    Returns:
        The queue, or why there is none: "taken", "full".
    """
    row = db.execute(
        "SELECT number, account_id, tag_key, link_key, use FROM queues WHERE queue_id = ?",
        (wanted.queue_id,),
    ).fetchone()
    keys = DoorKeys(wanted.tag, wanted.link)
    if row is not None:
        number, *kept = row
        if kept != [account_id, wanted.tag, wanted.link, wanted.use]:
            return "taken"
        db.execute("UPDATE queues SET until_s = ? WHERE number = ?", (wanted.until_s, number))
    else:
        if _tag_is_used(db, wanted.tag):
            return "taken"
        [(count,)] = db.execute("SELECT count(*) FROM queues WHERE account_id = ?", (account_id,))
        if count >= queues_max:
            return "full"
        cursor = db.execute(
            "INSERT INTO queues (queue_id, account_id, tag_key, link_key, use, until_s)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (wanted.queue_id, account_id, wanted.tag, wanted.link, wanted.use, wanted.until_s),
        )
        number = int(cursor.lastrowid or 0)
    return QueueRow(number, wanted.queue_id, account_id, keys, wanted.use, wanted.until_s)


def shut_queue(db: Db, number: int) -> None:
    """Delete a queue with all in it."""
    db.execute("DELETE FROM queues WHERE number = ?", (number,))


def prune_queues(db: Db, ended_before_s: int) -> list[int]:
    """Delete queues that ended before; their numbers."""
    found = db.execute(
        "DELETE FROM queues WHERE until_s > 0 AND until_s < ? RETURNING number", (ended_before_s,)
    )
    return [number for (number,) in found]


def _tag_is_used(db: Db, tag: bytes) -> bool:
    """One tag opens one thing, or it would be found by chance."""
    return any(
        db.execute(f"SELECT 1 FROM {table} WHERE tag_key = ?", (tag,)).fetchone()  # noqa: S608
        for table in ("accounts", "pairings", "queues")
    )


# --- blobs ---


def put(db: Db, blobs: Sequence[NewBlob], now_s: int) -> set[int]:
    """Store blobs behind the others; the `seq` of those that are new, and have a queue."""
    stored: set[int] = set()
    # The writer gives up the interpreter at each statement, so few statements are quick.
    for at in range(0, len(blobs), PUTS_PER_STATEMENT):
        some = blobs[at : at + PUTS_PER_STATEMENT]
        rows = ", ".join(["(?, ?, ?, ?, ?)"] * len(some))
        values: list[int | bytes] = []
        for one in some:
            values += (one.seq, one.queue, now_s, one.blob[:BLOB_ID_BYTES], one.blob)
        stored.update(
            seq
            for (seq,) in db.execute(
                f"INSERT OR IGNORE INTO blobs SELECT new.* FROM (VALUES {rows}) AS new"  # noqa: S608
                " JOIN queues ON queues.number = new.column2 RETURNING seq",
                values,
            ).fetchall()
        )
    return stored


def ack(db: Db, queue: int, ids: Sequence[bytes]) -> Removed:
    """Delete these blobs; ids that do not lie there do nothing."""
    marks_ = ", ".join("?" * len(ids))
    sizes = [
        size
        for (size,) in db.execute(
            f"DELETE FROM blobs WHERE queue = ? AND blob_id IN ({marks_})"  # noqa: S608
            " RETURNING length(blob)",
            (queue, *ids),
        ).fetchall()
    ]
    return Removed(queue, len(sizes), sum(sizes))


def have(db: Db, queue: int, ids: Sequence[bytes]) -> tuple[bytes, ...]:
    """Those of the ids that lie there, in the same order."""
    query = "SELECT 1 FROM blobs WHERE queue = ? AND blob_id = ?"
    return tuple(one for one in ids if db.execute(query, (queue, one)).fetchone())


def next_blobs(
    db: Db, wanted: Iterable[tuple[int, int]], count: int, size_bytes: int
) -> list[BlobRow]:
    """The oldest blobs of some queues: at most so many, and no more once so many bytes are read.

    Args:
        wanted: queues, each with the last `seq` that is not wanted any more.
    """
    found: list[BlobRow] = []
    for queue, after in wanted:
        rows = []
        if count <= 0 or size_bytes <= 0:
            break
        for seq, blob in db.execute(
            "SELECT seq, blob FROM blobs WHERE queue = ? AND seq > ? ORDER BY seq", (queue, after)
        ):
            rows.append((seq, blob))
            count, size_bytes = count - 1, size_bytes - len(blob)
            if count <= 0 or size_bytes <= 0:
                break
        if rows:
            [(left,)] = db.execute(
                "SELECT count(*) FROM blobs WHERE queue = ? AND seq > ?", (queue, rows[-1][0])
            )
            behind = range(left + len(rows) - 1, left - 1, -1)
            found += (
                BlobRow(queue, seq, blob, n) for (seq, blob), n in zip(rows, behind, strict=True)
            )
    return found


def oldest(db: Db, queues: Iterable[int]) -> dict[int, int]:
    """When the oldest blob of each queue was put, in Unix seconds; empty ones are left out."""
    query = "SELECT put_at_s FROM blobs WHERE queue = ? ORDER BY seq LIMIT 1"
    found = ((queue, db.execute(query, (queue,)).fetchone()) for queue in queues)
    return {queue: row[0] for queue, row in found if row is not None}


def prune_blobs(db: Db, put_before_s: int, count: int) -> list[Removed]:
    """Delete at most so many blobs that were put before."""
    return _delete(db, "put_at_s < ? LIMIT ?", put_before_s, count)


def prune_queues_blobs(
    db: Db, queues: Iterable[int], put_before_s: int, count: int
) -> list[Removed]:
    """Delete blobs of these queues that were put before, at most so many of each."""
    old = [queue for queue, put_at_s in oldest(db, queues).items() if put_at_s < put_before_s]
    found = [
        _delete(db, "queue = ? AND put_at_s < ? LIMIT ?", one, put_before_s, count) for one in old
    ]
    return [removed for some in found for removed in some]


def _delete(db: Db, which: str, *values: int) -> list[Removed]:
    removed: dict[int, list[int]] = {}
    for queue, size in db.execute(
        f"DELETE FROM blobs WHERE seq IN (SELECT seq FROM blobs WHERE {which})"  # noqa: S608
        " RETURNING queue, length(blob)",
        values,
    ):
        removed.setdefault(queue, []).append(size)
    return [Removed(queue, len(sizes), sum(sizes)) for queue, sizes in removed.items()]


# --- bundles ---


def lay(db: Db, queue: int, place: int, sealed: bytes) -> bool:
    """Lay a bundle in place of what lay there; False: there is no such queue."""
    mark = hash_(sealed)[:BUNDLE_MARK_BYTES]
    cursor = db.execute(
        "INSERT OR REPLACE INTO bundles SELECT number, ?, ?, ? FROM queues WHERE number = ?",
        (place, mark, sealed, queue),
    )
    return cursor.rowcount > 0


def fetch(db: Db, queue: int) -> tuple[bytes, int]:
    """The next bundle, or nothing, and how many that serve once are left."""
    row = db.execute(
        "SELECT place, sealed FROM bundles WHERE queue = ? ORDER BY place LIMIT 1", (queue,)
    ).fetchone()
    if row is None:
        return b"", 0
    place, sealed = row
    if place != LASTING_PLACE:
        db.execute("DELETE FROM bundles WHERE queue = ? AND place = ?", (queue, place))
    return bytes(sealed), once_left(db, queue)


def once_left(db: Db, queue: int) -> int:
    """How many bundles that serve once lie there."""
    query = "SELECT count(*) FROM bundles WHERE queue = ? AND place < ?"
    [(count,)] = db.execute(query, (queue, LASTING_PLACE))
    return int(count)


def marks(db: Db, queues: Iterable[tuple[int, bytes]]) -> tuple[QueueBundles, ...]:
    """What lies at the places of some queues, given by number and id."""
    found = []
    for queue, queue_id in queues:
        places = dict(db.execute("SELECT place, mark FROM bundles WHERE queue = ?", (queue,)))
        joined = b"".join(places.get(place, _NO_MARK) for place in range(BUNDLE_PLACES))
        found.append(QueueBundles(queue_id, joined))
    return tuple(found)
