"""Identities that the owner had before, and which contacts know none of the later ones."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlcipher3.dbapi2 import Connection

from loom.model import PeerId, PersonId

_UNTOLD: Final = (
    "SELECT person_id, peer_id, put_at_s FROM untold"
    " JOIN old_identities USING (peer_id) WHERE until_s > ?"
)


class OldIdentity(NamedTuple):
    """One that the owner had, while it is still answered for."""

    peer_id: PeerId
    x25519_seed: bytes

    def __repr__(self) -> str:
        return "OldIdentity(redacted)"


class Untold(NamedTuple):
    """A contact who may know only this identity of before."""

    person_id: PersonId
    peer_id: PeerId
    """The owner's, of before."""
    put_at_s: int | None
    """When the chain was put into a mailbox of the contact, Unix seconds."""

    def __repr__(self) -> str:
        return f"Untold({self.person_id})"


def add(db: Connection, peer_id: PeerId, x25519_seed: bytes, until_s: int) -> None:
    """The identity of until now is one of before; everybody who is known is to be told."""
    db.execute(
        "INSERT INTO old_identities VALUES (?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET x25519_seed = ?2, until_s = ?3",
        (peer_id, x25519_seed, until_s),
    )
    db.execute(
        "INSERT OR IGNORE INTO untold (person_id, peer_id) SELECT person_id, ? FROM persons",
        (peer_id,),
    )
    db.execute("UPDATE untold SET put_at_s = NULL")  # what lies in mailboxes is not all of it


def expect(db: Connection, person_id: PersonId, now_s: int) -> list[Untold]:
    """A contact with a new identity may have been given any of the owner's of before."""
    db.execute(
        "INSERT INTO untold (person_id, peer_id)"
        " SELECT ?, peer_id FROM old_identities WHERE until_s > ?"
        " ON CONFLICT DO UPDATE SET put_at_s = NULL",
        (person_id, now_s),
    )
    return [one for one in untold(db, now_s) if one.person_id == person_id]


def ids(db: Connection) -> frozenset[PeerId]:
    """All the owner had before."""
    return frozenset(PeerId(one) for (one,) in db.execute("SELECT peer_id FROM old_identities"))


def answered(db: Connection, now_s: int) -> list[OldIdentity]:
    """Those under which contacts may still connect."""
    found = "SELECT peer_id, x25519_seed FROM old_identities WHERE until_s > ? ORDER BY until_s"
    return [OldIdentity(*row) for row in db.execute(found, (now_s,))]


def untold(db: Connection, now_s: int) -> list[Untold]:
    """Who is still to be told, and as whom they know the owner."""
    return [Untold(*row) for row in db.execute(_UNTOLD, (now_s,))]


def told(db: Connection, untold: Sequence[Untold]) -> None:
    """They know a later one than these."""
    db.executemany(
        "DELETE FROM untold WHERE person_id = ? AND peer_id = ?",
        [(one.person_id, one.peer_id) for one in untold],
    )


def was_put(db: Connection, untold: Sequence[Untold], now_s: int) -> None:
    """The chain lies in a mailbox of theirs."""
    db.executemany(
        "UPDATE untold SET put_at_s = ? WHERE person_id = ? AND peer_id = ?",
        [(now_s, one.person_id, one.peer_id) for one in untold],
    )


def are_due(db: Connection, now_s: int) -> bool:
    """Whether the time of one is over whose key is still kept."""
    found = "SELECT 1 FROM old_identities WHERE until_s <= ? AND x25519_seed <> x''"
    return db.execute(found, (now_s,)).fetchone() is not None


def prune(db: Connection, now_s: int) -> None:
    """Forget the keys of identities whose time is over, and who was not reached."""
    db.execute(
        "DELETE FROM untold WHERE peer_id IN"
        " (SELECT peer_id FROM old_identities WHERE until_s <= ?)",
        (now_s,),
    )
    db.execute("UPDATE old_identities SET x25519_seed = x'' WHERE until_s <= ?", (now_s,))
