"""Statements about identities, each verified before it came here (docs/PROTOCOL.md 1.5)."""

from collections.abc import Sequence

from sqlcipher3.dbapi2 import Connection

from loom.core.identity_chain import Statement, read_statement
from loom.model import PersonId


def of(db: Connection, person_id: PersonId | None) -> tuple[Statement, ...]:
    """All that are kept of a person; None: of the owner."""
    rows = db.execute(
        "SELECT statement FROM identity_statements WHERE person_id IS ? ORDER BY row_id",
        (person_id,),
    )
    return tuple(read_statement(raw) for (raw,) in rows)


def add(db: Connection, person_id: PersonId | None, statements: Sequence[Statement]) -> None:
    """Keep what `follow` or the owner added."""
    db.executemany(
        "INSERT INTO identity_statements (person_id, statement) VALUES (?, ?)",
        [(person_id, one.raw) for one in statements],
    )


def forget(db: Connection, person_id: PersonId) -> None:
    """The person has an identity now that the statements are not about."""
    db.execute("DELETE FROM identity_statements WHERE person_id = ?", (person_id,))
