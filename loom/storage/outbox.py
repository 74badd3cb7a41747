"""Messages that await their receipt, with what makes the exact bytes that travel again.

The column `envelope` holds the recipe, or of earlier versions the envelope. With the 4 KiB of the
envelope a row took a page of its own in each commit, and freeing it two more.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, DeviceId, MessageId
from loom.storage.ids import ROWS, id_list

_SELECT: Final = (
    "SELECT row_id, device_id, message_id, payload, session_id, chain, ordinal, envelope,"
    " sealed_at_s FROM outbox WHERE device_id = ? "
)
_DELETE: Final = (
    "DELETE FROM outbox WHERE device_id = :device_id AND message_id IN "  # noqa: S608 - constants only
    + ROWS
    + " RETURNING substr(payload, 2, 1)"
)
_WAITING: Final = (
    "SELECT message_id FROM outbox WHERE device_id = :device_id AND message_id IN "  # noqa: S608
    + ROWS
)
_NOT_HANDED_ON: Final = (
    "SELECT message_id FROM outbox WHERE put_at_s IS NULL AND message_id IN "  # noqa: S608
    + ROWS
)
_NEWS: Final = """
SELECT message_id FROM outbox WHERE device_id = ? AND NOT (
    substr(payload, 2, 1) BETWEEN x'08' AND x'0d' AND (about_row IS NULL OR EXISTS (
        SELECT 1 FROM messages WHERE row_id = about_row AND (author <> 0 OR state >= 3)
    ))
) ORDER BY row_id
"""
"""The second byte of a payload is its tag: 8 to 13 are statements (PROTOCOL 6)."""
_IDS: Final = "SELECT message_id FROM outbox WHERE device_id = ? ORDER BY row_id"


class OutboxRow(msgspec.Struct, frozen=True):
    """A message to deliver; sealed when `recipe` is there."""

    row_id: int
    device_id: DeviceId
    message_id: MessageId
    payload: bytes
    session_id: bytes | None = None
    chain: int | None = None
    ordinal: int | None = None
    recipe: bytes | None = None
    sealed_at_s: int | None = None

    def __repr__(self) -> str:
        return f"OutboxRow(row_id={self.row_id}, device_id={self.device_id}, redacted)"


class Seal(msgspec.Struct, frozen=True):
    """How a row was sealed: session, sending chain, ordinal among all sealed, and the recipe."""

    session_id: bytes
    chain: int
    ordinal: int
    recipe: bytes
    sealed_at_s: int

    def __repr__(self) -> str:
        return f"Seal(chain={self.chain}, ordinal={self.ordinal}, redacted)"


def add(
    db: Connection,
    device_id: DeviceId,
    message_id: MessageId,
    payload: bytes,
    seal: Seal | None = None,
    *,
    about_row: int | None = None,
) -> int:
    """Queue a message, sealed or not; its row, after all others.

    Args:
        about_row: the message of the history that it is about (see `delete_about`).

    Raises:
        StoreError: the id is queued for this device already (from `Database`).
    """
    cursor = db.execute(
        "INSERT INTO outbox (device_id, message_id, payload, session_id, chain, ordinal,"
        " envelope, sealed_at_s, about_row) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (device_id, message_id, payload, *_seal_values(seal), about_row),
    )
    return cursor.lastrowid or 0


def set_sealed(db: Connection, row_id: int, seal: Seal) -> bool:
    """Seal a row, perhaps for the second time; False: it is gone."""
    cursor = db.execute(
        "UPDATE outbox SET session_id = ?, chain = ?, ordinal = ?, envelope = ?, sealed_at_s = ?"
        " WHERE row_id = ?",
        (*_seal_values(seal), row_id),
    )
    return cursor.rowcount > 0


def unseal(db: Connection, device_id: DeviceId) -> None:
    """The sessions of a device are gone: its rows wait to be sealed and put on others."""
    db.execute(
        "UPDATE outbox SET session_id = NULL, chain = NULL, ordinal = NULL, envelope = NULL,"
        " sealed_at_s = NULL, put_queue = NULL, put_at_s = NULL, puts = 0, first_put_s = NULL"
        " WHERE device_id = ?",
        (device_id,),
    )


def delete(db: Connection, device_id: DeviceId, message_ids: Sequence[MessageId]) -> set[int]:
    """Remove rows by id; one that is not there is fine. The kinds of payload among them."""
    if not message_ids:
        return set()
    given: dict[str, int | str] = {"device_id": device_id, "ids": id_list(message_ids)}
    return {tag[0] for (tag,) in db.execute(_DELETE, given) if tag}


def delete_all(db: Connection, device_id: DeviceId) -> list[MessageId]:
    """Remove every row of a device; their ids, oldest first."""
    ids = [row[0] for row in db.execute(_IDS, (device_id,))]
    db.execute("DELETE FROM outbox WHERE device_id = ?", (device_id,))
    return ids


def delete_news(db: Connection, device_id: DeviceId) -> list[MessageId]:
    """Remove what the device would learn first by its row; the ids, oldest first.

    What was stated of messages that it has, or may have, stays.
    """
    ids = [MessageId(row[0]) for row in db.execute(_NEWS, (device_id,))]
    delete(db, device_id, ids)
    return ids


def delete_about(db: Connection, row_id: int) -> list[MessageId]:
    """Remove what is queued about a message of the history; the ids of these rows."""
    rows = db.execute("DELETE FROM outbox WHERE about_row = ? RETURNING message_id", (row_id,))
    return [message_id for (message_id,) in rows]


def delete_kinds(
    db: Connection, device_id: DeviceId, tags: Sequence[int], *, others: bool = False
) -> list[MessageId]:
    """Remove the rows of these kinds of payload, or of all others; their ids, oldest first."""
    # A payload begins with the head of a short array and a tag below 128: a byte each.
    rows = db.execute(
        "DELETE FROM outbox WHERE device_id = ?"  # noqa: S608 - constants only
        f" AND substr(payload, 2, 1) {'NOT ' if others else ''}IN"
        " (SELECT unhex(value) FROM json_each(?)) RETURNING row_id, message_id",
        (device_id, msgspec.json.encode([f"{tag:02x}" for tag in tags]).decode()),
    ).fetchall()
    return [message_id for _, message_id in sorted(rows)]


def delete_kind(
    db: Connection, device_id: DeviceId, begins: bytes, but: MessageId
) -> list[MessageId]:
    """Remove the rows whose payloads begin so, but one; their ids."""
    rows = db.execute(
        "DELETE FROM outbox WHERE device_id = ? AND substr(payload, 1, ?) = ? AND message_id <> ?"
        " RETURNING message_id",
        (device_id, len(begins), begins, but),
    )
    return [message_id for (message_id,) in rows]


def by_id(db: Connection, device_id: DeviceId, message_id: MessageId) -> OutboxRow | None:
    """The row of that message, or None."""
    row = db.execute(_SELECT + "AND message_id = ?", (device_id, message_id)).fetchone()
    return None if row is None else OutboxRow(*row)


def waits(db: Connection, device_id: DeviceId, begins: bytes) -> bool:
    """Whether a row waits whose payload begins so."""
    row = db.execute(
        "SELECT 1 FROM outbox WHERE device_id = ? AND substr(payload, 1, ?) = ? LIMIT 1",
        (device_id, len(begins), begins),
    ).fetchone()
    return row is not None


def waits_about(db: Connection, device_id: DeviceId, part: bytes) -> bool:
    """Whether a row waits whose payload has this in it."""
    row = db.execute(
        "SELECT 1 FROM outbox WHERE device_id = ? AND instr(payload, ?) LIMIT 1", (device_id, part)
    ).fetchone()
    return row is not None


def waiting(
    db: Connection, device_id: DeviceId, message_ids: Iterable[MessageId]
) -> set[MessageId]:
    """Those of them that await their receipt."""
    rows = db.execute(_WAITING, {"device_id": device_id, "ids": id_list(message_ids)})
    return {MessageId(one) for (one,) in rows}


def not_handed_on(db: Connection, message_ids: Iterable[MessageId]) -> set[MessageId]:
    """Those of them that are neither receipted nor in a mailbox."""
    rows = db.execute(_NOT_HANDED_ON, {"ids": id_list(message_ids)})
    return {MessageId(one) for (one,) in rows}


def page(
    db: Connection, device_id: DeviceId, after_row: int = 0, limit: int = 64
) -> list[OutboxRow]:
    """The oldest rows after a row, in order."""
    rows = db.execute(
        _SELECT + "AND row_id > ? ORDER BY row_id LIMIT ?",
        (device_id, after_row, limit),
    )
    return [OutboxRow(*row) for row in rows]


_TO_PUT: Final = (
    "device_id = :device AND (put_at_s IS NULL OR put_at_s > :now OR session_id IS NOT :session"
    " OR :now - put_at_s >= min(:first << min(puts - 1, 8), :most))"
)
"""The rule of `core.delivery.mailing.is_put_due`; and what was put on another session."""


class PutRule(msgspec.Struct, frozen=True):
    """When a row that was put is put again: `put_again_first_s` after the first put, then twice
    as long each time, up to `put_again_max_s`."""

    now_s: int
    session_id: bytes | None
    put_again_first_s: int
    put_again_max_s: int

    def __repr__(self) -> str:
        return f"PutRule(now_s={self.now_s})"


def to_put(db: Connection, device_id: DeviceId, rule: PutRule, limit: int) -> list[OutboxRow]:
    """The oldest rows that are due to go to a mailbox, in order."""
    rows = db.execute(
        _SELECT.replace("device_id = ? ", _TO_PUT) + " ORDER BY row_id LIMIT :limit",
        {**_put_values(device_id, rule), "limit": limit},
    )
    return [OutboxRow(*row) for row in rows]


def puts_of(db: Connection, device_id: DeviceId, queue_id: bytes) -> list[OutboxRow]:
    """The rows that should lie in this mailbox, in order."""
    rows = db.execute(
        _SELECT + "AND put_queue = ? AND envelope IS NOT NULL ORDER BY row_id",
        (device_id, queue_id),
    )
    return [OutboxRow(*row) for row in rows]


def was_put(db: Connection, row_ids: Sequence[int], queue_id: bytes, put_at_s: int) -> None:
    """These lie in a mailbox now."""
    db.executemany(
        "UPDATE outbox SET put_queue = ?1, put_at_s = ?2, puts = puts + 1,"
        " first_put_s = coalesce(first_put_s, ?2) WHERE row_id = ?3",
        [(queue_id, put_at_s, row_id) for row_id in row_ids],
    )


def put_was_lost(db: Connection, row_ids: Sequence[int]) -> None:
    """These are to be put again at once."""
    db.executemany(
        "UPDATE outbox SET put_at_s = NULL WHERE row_id = ?", [(one,) for one in row_ids]
    )


def overdue_at(db: Connection, device_id: DeviceId, rule: PutRule) -> bytes | None:
    """The mailbox of the oldest row that is to be put again because no Receipt came, or None."""
    row = db.execute(
        "SELECT put_queue FROM outbox WHERE device_id = :device AND put_at_s IS NOT NULL"
        " AND :now - put_at_s >= min(:first << min(puts - 1, 8), :most)"
        " ORDER BY row_id LIMIT 1",
        _put_values(device_id, rule),
    ).fetchone()
    return None if row is None else row[0]


def puts_were_lost(db: Connection, device_id: DeviceId, queue_id: bytes) -> None:
    """All that should lie in this mailbox is to be put again at once."""
    db.execute(
        "UPDATE outbox SET put_at_s = NULL WHERE device_id = ? AND put_queue = ?",
        (device_id, queue_id),
    )


def puts_elsewhere_were_lost(
    db: Connection, device_id: DeviceId, queue_ids: Sequence[bytes]
) -> None:
    """What lies in none of these mailboxes is to be put again at once."""
    db.execute(
        "UPDATE outbox SET put_at_s = NULL WHERE device_id = ? AND put_at_s IS NOT NULL"
        " AND put_queue NOT IN (SELECT unhex(value) FROM json_each(?))",
        (device_id, msgspec.json.encode([one.hex() for one in queue_ids]).decode()),
    )


def next_put_s(db: Connection, device_id: DeviceId, rule: PutRule) -> int | None:
    """When the next row is due to be put again, Unix seconds; None: none is there."""
    row = db.execute(
        "SELECT min(put_at_s + min(:first << min(puts - 1, 8), :most)) FROM outbox"
        " WHERE device_id = :device AND put_at_s IS NOT NULL",
        _put_values(device_id, rule),
    ).fetchone()
    return None if row[0] is None else int(row[0])


class InMailbox(NamedTuple):
    """Messages that lie in mailboxes of a device and are not receipted."""

    messages: int
    since_s: int
    """When the first of them was put, Unix seconds."""
    queue_id: bytes
    """The mailbox of that one."""

    def __repr__(self) -> str:
        return f"InMailbox({self.messages}, redacted)"


_IN_MAILBOX: Final = (
    "SELECT o.device_id, count(*), min(o.first_put_s), o.put_queue FROM outbox AS o"
    " JOIN devices USING (device_id) JOIN conversations AS c USING (person_id)"
    " WHERE o.put_at_s IS NOT NULL{}"
    " AND EXISTS (SELECT 1 FROM messages AS m WHERE m.author = 0"
    " AND m.conversation_id = c.conversation_id AND m.message_id = o.message_id)"
    " GROUP BY o.device_id"
)


def in_mailboxes(
    db: Connection, device_id: DeviceId | None = None, message_id: MessageId | None = None
) -> dict[DeviceId, InMailbox]:
    """The messages in mailboxes, of each device that has some; other payloads are none."""
    which = "" if device_id is None else " AND o.device_id = :device"
    which += "" if message_id is None else " AND o.message_id = :message"
    rows = db.execute(
        _IN_MAILBOX.format(which), {"device": device_id or 0, "message": message_id or b""}
    )
    return {device: InMailbox(*rest) for device, *rest in rows}


def _put_values(device_id: DeviceId, rule: PutRule) -> dict[str, int | bytes | None]:
    return {
        "device": device_id,
        "now": rule.now_s,
        "session": rule.session_id,
        "first": rule.put_again_first_s,
        "most": rule.put_again_max_s,
    }


def count(db: Connection, device_id: DeviceId) -> int:
    """How many rows wait for a device."""
    row = db.execute("SELECT count(*) FROM outbox WHERE device_id = ?", (device_id,)).fetchone()
    return int(row[0])


def counts(db: Connection) -> dict[ConversationId, int]:
    """How many messages wait, for each conversation that has some; other payloads are none."""
    return dict(
        db.execute(
            "SELECT c.conversation_id, count(DISTINCT o.message_id) FROM outbox AS o"
            " JOIN devices USING (device_id) JOIN conversations AS c USING (person_id)"
            " WHERE EXISTS (SELECT 1 FROM messages AS m WHERE m.author = 0"
            " AND m.conversation_id = c.conversation_id AND m.message_id = o.message_id)"
            " GROUP BY c.conversation_id"
        )
    )


class SealedPosition(msgspec.Struct, frozen=True):
    """Where a row that awaits its receipt was sealed."""

    message_id: MessageId
    session_id: bytes
    chain: int
    ordinal: int


def sealed_positions(db: Connection, device_id: DeviceId) -> list[SealedPosition]:
    """Every sealed row of a device, in the order they were sealed."""
    rows = db.execute(
        "SELECT message_id, session_id, chain, ordinal FROM outbox"
        " WHERE device_id = ? AND session_id IS NOT NULL ORDER BY ordinal",
        (device_id,),
    )
    return [SealedPosition(*row) for row in rows]


def _seal_values(seal: Seal | None) -> tuple[bytes | int | None, ...]:
    if seal is None:
        return (None,) * 5
    return (seal.session_id, seal.chain, seal.ordinal, seal.recipe, seal.sealed_at_s)
