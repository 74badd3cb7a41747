"""Messages that await their receipt, with the exact bytes that travel."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import ContactId, MessageId
from loom.storage.ids import ROWS, id_list

_SELECT: Final = (
    "SELECT row_id, contact_id, message_id, payload, session_id, chain, ordinal, envelope,"
    " sealed_at_s FROM outbox WHERE contact_id = ? "
)
_DELETE: Final = (
    "DELETE FROM outbox WHERE contact_id = :contact_id AND message_id IN " + ROWS  # noqa: S608 - constants only
)
_IDS: Final = "SELECT message_id FROM outbox WHERE contact_id = ? ORDER BY row_id"


class OutboxRow(msgspec.Struct, frozen=True):
    """A message to deliver; sealed when `envelope` is there."""

    row_id: int
    contact_id: ContactId
    message_id: MessageId
    payload: bytes
    session_id: bytes | None = None
    chain: int | None = None
    ordinal: int | None = None
    envelope: bytes | None = None
    sealed_at_s: int | None = None

    def __repr__(self) -> str:
        return f"OutboxRow(row_id={self.row_id}, contact_id={self.contact_id}, redacted)"


class Seal(msgspec.Struct, frozen=True):
    """How a row was sealed: session, sending chain, ordinal among all sealed, and the bytes."""

    session_id: bytes
    chain: int
    ordinal: int
    envelope: bytes
    sealed_at_s: int

    def __repr__(self) -> str:
        return f"Seal(chain={self.chain}, ordinal={self.ordinal}, redacted)"


def add(
    db: Connection,
    contact_id: ContactId,
    message_id: MessageId,
    payload: bytes,
    seal: Seal | None = None,
) -> int:
    """Queue a message, sealed or not; its row, after all others.

    Raises:
        StoreError: the id is queued for this contact already (from `Database`).
    """
    cursor = db.execute(
        "INSERT INTO outbox (contact_id, message_id, payload, session_id, chain, ordinal,"
        " envelope, sealed_at_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (contact_id, message_id, payload, *_seal_values(seal)),
    )
    return cursor.lastrowid or 0


def set_sealed(db: Connection, row_id: int, seal: Seal) -> bool:
    """Seal a row, or seal it anew; False: it is gone."""
    cursor = db.execute(
        "UPDATE outbox SET session_id = ?, chain = ?, ordinal = ?, envelope = ?, sealed_at_s = ?"
        " WHERE row_id = ?",
        (*_seal_values(seal), row_id),
    )
    return cursor.rowcount > 0


def delete(db: Connection, contact_id: ContactId, message_ids: Sequence[MessageId]) -> None:
    """Remove rows by id; one that is not there is fine."""
    if message_ids:
        db.execute(_DELETE, {"contact_id": contact_id, "ids": id_list(message_ids)})


def delete_all(db: Connection, contact_id: ContactId) -> list[MessageId]:
    """Remove every row of a contact; their ids, oldest first."""
    ids = [row[0] for row in db.execute(_IDS, (contact_id,))]
    db.execute("DELETE FROM outbox WHERE contact_id = ?", (contact_id,))
    return ids


def page(
    db: Connection, contact_id: ContactId, after_row: int = 0, limit: int = 64
) -> list[OutboxRow]:
    """The oldest rows after a row, in order."""
    rows = db.execute(
        _SELECT + "AND row_id > ? ORDER BY row_id LIMIT ?",
        (contact_id, after_row, limit),
    )
    return [OutboxRow(*row) for row in rows]


def counts(db: Connection) -> dict[ContactId, int]:
    """How many messages wait, for each contact that has some; the own name told is none."""
    return dict(
        db.execute(
            "SELECT contact_id, count(*) FROM outbox AS o WHERE EXISTS (SELECT 1 FROM messages AS m"
            " WHERE m.contact_id = o.contact_id AND direction = 1 AND m.message_id = o.message_id)"
            " GROUP BY contact_id"
        )
    )


class SealedPosition(msgspec.Struct, frozen=True):
    """Where a row that awaits its receipt was sealed."""

    message_id: MessageId
    session_id: bytes
    chain: int
    ordinal: int


def sealed_positions(db: Connection, contact_id: ContactId) -> list[SealedPosition]:
    """Every sealed row of a contact, in the order they were sealed."""
    rows = db.execute(
        "SELECT message_id, session_id, chain, ordinal FROM outbox"
        " WHERE contact_id = ? AND session_id IS NOT NULL ORDER BY ordinal",
        (contact_id,),
    )
    return [SealedPosition(*row) for row in rows]


def _seal_values(seal: Seal | None) -> tuple[bytes | int | None, ...]:
    if seal is None:
        return (None,) * 5
    return (seal.session_id, seal.chain, seal.ordinal, seal.envelope, seal.sealed_at_s)
