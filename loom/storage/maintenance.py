"""What keeps the file small and sound."""

from sqlcipher3.dbapi2 import Connection

from loom.storage import (
    early,
    envelopes,
    events,
    file_requests,
    handshakes,
    invites,
    joins,
    link_rands,
    mailboxes,
    prekeys,
    requests,
    skipped_keys,
)
from loom.wire.limits import (
    BULK_KEPT_S,
    EARLY_LIFETIME_S,
    ENVELOPE_MEMORY_S,
    SKIPPED_LIFETIME_S,
    UNOPENED_MEMORY_DAYS,
)

_DAY_S = 86_400
_LINK_RAND_DAYS = 2


def prune(db: Connection, now_s: int) -> int:
    """Delete everything whose time is over; how many rows. Empty the log afterwards."""
    return (
        skipped_keys.prune(db, now_s - SKIPPED_LIFETIME_S)
        + prekeys.prune(db, now_s)
        + handshakes.prune(db, now_s)
        + link_rands.prune(db, now_s // _DAY_S - _LINK_RAND_DAYS)
        + envelopes.prune(db, now_s - ENVELOPE_MEMORY_S)
        + mailboxes.prune(db, now_s // _DAY_S - UNOPENED_MEMORY_DAYS)
        + invites.prune(db, now_s)
        + joins.prune(db, now_s)
        + requests.prune(db, now_s)
        + early.prune(db, now_s - EARLY_LIFETIME_S)
        + events.prune(db)
        + file_requests.prune(db, now_s - BULK_KEPT_S)
    )


def integrity(db: Connection) -> list[str]:
    """What is wrong with the file, in SQLite's words; empty when nothing is."""
    # A page that does not verify would end the second check with an error.
    if pages := [str(row[0]) for row in db.execute("PRAGMA cipher_integrity_check")]:
        return pages
    return [str(row[0]) for row in db.execute("PRAGMA quick_check") if row[0] != "ok"]
