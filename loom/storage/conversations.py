"""The serialized sessions with a contact: one value, with the version that was read."""

from collections.abc import Callable, Iterable

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.errors import StateConflict
from loom.model import ContactId


def load(db: Connection, contact_id: ContactId) -> tuple[int, bytes] | None:
    """(version, state), or None before the first `save`."""
    row: tuple[int, bytes] | None = db.execute(
        "SELECT version, state FROM conversations WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    return row


class Save(msgspec.Struct, frozen=True):
    """What an item leaves a conversation as: the state after the one it read (version 0: none)."""

    contact_id: ContactId
    read_version: int
    encode: Callable[[], bytes]


def save_last(db: Connection, saves: Iterable[Save]) -> None:
    """Store only the last state of each contact; all that led to it are one step apart.

    Raises:
        StateConflict: somebody else wrote meanwhile, or a step is missing.
    """
    runs: dict[ContactId, tuple[int, Save]] = {}
    for one in saves:
        first, before = runs.get(one.contact_id, (one.read_version, None))
        if before is not None and one.read_version != before.read_version + 1:
            raise StateConflict
        runs[one.contact_id] = first, one
    for contact_id, (first, last) in runs.items():
        save(db, contact_id, first, last.encode(), steps=last.read_version + 1 - first)


def save(
    db: Connection, contact_id: ContactId, read_version: int, state: bytes, *, steps: int = 1
) -> int:
    """Replace the state that was read (0: there was none) by one `steps` later; its version.

    Raises:
        StateConflict: somebody else wrote meanwhile.
    """
    version = read_version + steps
    if read_version == 0:
        sql = "INSERT INTO conversations VALUES (?4, ?3, ?2) ON CONFLICT DO NOTHING"
    else:
        sql = (
            "UPDATE conversations SET version = ?3, state = ?2"
            " WHERE contact_id = ?4 AND version = ?1"
        )
    if db.execute(sql, (read_version, state, version, contact_id)).rowcount != 1:
        raise StateConflict
    return version


def delete(db: Connection, contact_id: ContactId) -> None:
    """Forget the sessions with a contact."""
    db.execute("DELETE FROM conversations WHERE contact_id = ?", (contact_id,))
