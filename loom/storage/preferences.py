"""What one allows everybody and each contact: read receipts, typing signs, being told."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.api.views import Preference
from loom.model import ContactId
from loom.storage import settings

_KEY: Final = "preferences"


def of(db: Connection, contact_id: ContactId | None) -> Preference:
    """What holds for a contact, or for everybody."""
    if contact_id is None:
        stored = settings.get(db, _KEY)
        return Preference() if stored is None else msgspec.msgpack.decode(stored, type=Preference)
    row = db.execute(
        "SELECT read_receipts, typing, muted FROM preferences WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    return Preference(contact_id=contact_id) if row is None else _preference(contact_id, row)


def put(db: Connection, preference: Preference) -> None:
    """Keep it; a contact's that does not differ needs no row."""
    if preference.contact_id is None:
        settings.put(db, _KEY, msgspec.msgpack.encode(preference))
        return
    db.execute("DELETE FROM preferences WHERE contact_id = ?", (preference.contact_id,))
    if preference != Preference(contact_id=preference.contact_id):
        db.execute(
            "INSERT INTO preferences VALUES (?, ?, ?, ?)",
            (
                preference.contact_id,
                preference.read_receipts,
                preference.typing,
                preference.muted,
            ),
        )


def all_(db: Connection) -> list[Preference]:
    """Those of contacts that differ."""
    rows = db.execute(
        "SELECT contact_id, read_receipts, typing, muted FROM preferences ORDER BY contact_id"
    )
    return [_preference(row[0], row[1:]) for row in rows]


def allows_read_receipts(db: Connection, contact_id: ContactId) -> bool:
    """Whether that contact may be told what was read."""
    return of(db, None).read_receipts and of(db, contact_id).read_receipts


def allows_typing(db: Connection, contact_id: ContactId) -> bool:
    """Whether that contact may be told that one is typing."""
    return of(db, None).typing and of(db, contact_id).typing


def _preference(contact_id: int, row: tuple[int, ...]) -> Preference:
    return Preference(
        contact_id=contact_id,
        read_receipts=bool(row[0]),
        typing=bool(row[1]),
        muted=bool(row[2]),
    )
