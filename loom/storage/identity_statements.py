"""Statements about identities, each verified before it came here (docs/PROTOCOL.md 1.5)."""

from collections.abc import Sequence
from typing import Final

from sqlcipher3.dbapi2 import Connection

from loom.core.identity import fingerprint
from loom.core.identity_chain import Statement, read_statement
from loom.model import ContactToken, PeerId, PersonId

_NAMED: Final = (
    "(SELECT person_id, old_id AS id FROM identity_statements"
    " UNION SELECT person_id, new_id FROM identity_statements WHERE new_id IS NOT NULL)"
)
"""Every identity that a statement is about, with whose it is."""
_EARLIER: Final = (
    "SELECT id, peer_id, x25519_public"  # noqa: S608 - constants only
    f" FROM {_NAMED} JOIN persons USING (person_id) WHERE id <> peer_id"
)


def of(db: Connection, person_id: PersonId | None) -> tuple[Statement, ...]:
    """All that are kept of a person; None: of the owner."""
    rows = db.execute(
        "SELECT statement FROM identity_statements WHERE person_id IS ? ORDER BY row_id",
        (person_id,),
    )
    return tuple(read_statement(raw) for (raw,) in rows)


def is_owner_revoked(db: Connection) -> bool:
    """Whether the owner said that no identity of theirs is valid any more."""
    found = db.execute(
        "SELECT 1 FROM identity_statements WHERE person_id IS NULL AND new_id IS NULL LIMIT 1"
    )
    return found.fetchone() is not None


def add(db: Connection, person_id: PersonId | None, statements: Sequence[Statement]) -> None:
    """Keep what `follow` or the owner added."""
    db.executemany(
        "INSERT INTO identity_statements (person_id, old_id, new_id, statement)"
        " VALUES (?, ?, ?, ?)",
        [
            (
                person_id,
                fingerprint(one.old.raw),
                None if one.new is None else fingerprint(one.new.raw),
                one.raw,
            )
            for one in statements
        ],
    )


def earlier(db: Connection) -> dict[PeerId, ContactToken]:
    """Identities that persons do not have now, each with the one that they have."""
    return {
        PeerId(before): ContactToken(PeerId(peer_id), x25519_public)
        for before, peer_id, x25519_public in db.execute(_EARLIER)
    }


def persons(db: Connection) -> list[PersonId]:
    """Of whom statements are kept."""
    rows = db.execute(
        "SELECT DISTINCT person_id FROM identity_statements WHERE person_id IS NOT NULL"
    )
    return [PersonId(one) for (one,) in rows]


def whose(db: Connection) -> dict[PeerId, PersonId]:
    """Every identity that statements name of persons, each with whose it is."""
    rows = db.execute(f"SELECT id, person_id FROM {_NAMED} WHERE person_id IS NOT NULL")  # noqa: S608
    return {PeerId(one): PersonId(person_id) for one, person_id in rows}


def ids_of(db: Connection, person_id: PersonId) -> frozenset[PeerId]:
    """Every identity that statements name of a person."""
    rows = db.execute(f"SELECT id FROM {_NAMED} WHERE person_id = ?", (person_id,))  # noqa: S608
    return frozenset(PeerId(one) for (one,) in rows)


def forget(db: Connection, person_id: PersonId) -> None:
    """The person has an identity now that the statements are not about."""
    db.execute("DELETE FROM identity_statements WHERE person_id = ?", (person_id,))
