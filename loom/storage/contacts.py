"""The people whose tokens were imported."""

import unicodedata
from typing import Any, Final

from sqlcipher3.dbapi2 import Connection

from loom.errors import DuplicateContact, InvalidName
from loom.model import Contact, ContactId, PeerId

_SELECT: Final = (
    "SELECT contact_id, name, peer_id, x25519_public, display_name, verified, blocked,"
    " identity_changed, created_at_ms FROM contacts"
)


def name_key(name: str) -> str:
    """What two spellings of one name share: case and Unicode form do not matter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def insert(
    db: Connection, *, name: str, peer_id: PeerId, x25519_public: bytes, created_at_ms: int
) -> Contact:
    """Add a contact under a number that was never used before.

    Raises:
        DuplicateContact: this identity is there already.
        InvalidName: another contact has the name.
    """
    if (known := by_peer_id(db, peer_id)) is not None:
        raise DuplicateContact(name=known.name)
    _require_free(db, name, None)
    contact_id = db.execute(
        "INSERT INTO contacts (name, name_key, peer_id, x25519_public, created_at_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (_nfc(name), name_key(name), peer_id, x25519_public, created_at_ms),
    ).lastrowid
    return Contact(
        contact_id=ContactId(contact_id or 0),
        name=_nfc(name),
        peer_id=peer_id,
        x25519_public=x25519_public,
        created_at_ms=created_at_ms,
    )


def update(db: Connection, contact: Contact) -> None:
    """Store every field of a known contact. Another peer_id forgets the card of the old one.

    Raises:
        DuplicateContact: another contact has this identity.
        InvalidName: another contact has the name.
    """
    other = by_peer_id(db, contact.peer_id)
    if other is not None and other.contact_id != contact.contact_id:
        raise DuplicateContact(name=other.name)
    _require_free(db, contact.name, contact.contact_id)
    db.execute(
        "UPDATE contacts SET name = ?, name_key = ?, x25519_public = ?, display_name = ?,"
        " verified = ?, blocked = ?, identity_changed = ?,"
        " card = iif(peer_id = ?8, card, NULL), hello_sent = iif(peer_id = ?8, hello_sent, 0),"
        " peer_id = ?8 WHERE contact_id = ?9",
        (
            _nfc(contact.name),
            name_key(contact.name),
            contact.x25519_public,
            contact.display_name,
            contact.verified,
            contact.blocked,
            contact.identity_changed,
            contact.peer_id,
            contact.contact_id,
        ),
    )


def by_id(db: Connection, contact_id: ContactId) -> Contact | None:
    """The contact of that number, or None."""
    return _one(db.execute(_SELECT + " WHERE contact_id = ?", (contact_id,)).fetchone())


def by_name(db: Connection, name: str) -> Contact | None:
    """The contact of that name, whatever its case and Unicode form, or None."""
    return _one(db.execute(_SELECT + " WHERE name_key = ?", (name_key(name),)).fetchone())


def by_peer_id(db: Connection, peer_id: PeerId) -> Contact | None:
    """The contact of that identity, or None."""
    return _one(db.execute(_SELECT + " WHERE peer_id = ?", (peer_id,)).fetchone())


def all_(db: Connection) -> list[Contact]:
    """Every contact, by name."""
    return [_contact(row) for row in db.execute(_SELECT + " ORDER BY name_key")]


def forget_identity(db: Connection, contact_id: ContactId) -> None:
    """Delete what belonged to a contact's old identity: sessions, keys, receipts, addresses."""
    for table in ("conversations", "skipped_keys", "prekeys", "receipts", "addresses"):
        db.execute(f"DELETE FROM {table} WHERE contact_id = ?", (contact_id,))  # noqa: S608


def remove(db: Connection, contact_id: ContactId) -> bool:
    """Delete a contact with its history, keys, outbox and addresses; False: there was none."""
    return db.execute("DELETE FROM contacts WHERE contact_id = ?", (contact_id,)).rowcount > 0


def card(db: Connection, contact_id: ContactId) -> bytes | None:
    """The verified card, once it is known."""
    row = db.execute("SELECT card FROM contacts WHERE contact_id = ?", (contact_id,)).fetchone()
    return None if row is None else row[0]


def put_card(db: Connection, contact_id: ContactId, value: bytes) -> None:
    """Keep a card that was checked against peer_id and token key."""
    db.execute("UPDATE contacts SET card = ? WHERE contact_id = ?", (value, contact_id))


def put_display_name(db: Connection, contact_id: ContactId, display_name: str) -> None:
    """Keep the name the contact told."""
    db.execute(
        "UPDATE contacts SET display_name = ? WHERE contact_id = ?", (display_name, contact_id)
    )


def hello_sent(db: Connection, contact_id: ContactId) -> bool:
    """Whether our own display name was queued for this contact."""
    row = db.execute(
        "SELECT hello_sent FROM contacts WHERE contact_id = ?", (contact_id,)
    ).fetchone()
    return row is not None and bool(row[0])


def put_hello_sent(db: Connection, contact_id: ContactId, sent: bool = True) -> None:
    """Note that our own display name was queued, or must be again."""
    db.execute("UPDATE contacts SET hello_sent = ? WHERE contact_id = ?", (sent, contact_id))


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _require_free(db: Connection, name: str, owner: ContactId | None) -> None:
    other = by_name(db, name)
    if other is not None and other.contact_id != owner:
        raise InvalidName(reason="another contact has it")


def _one(row: tuple[Any, ...] | None) -> Contact | None:
    return None if row is None else _contact(row)


def _contact(row: tuple[Any, ...]) -> Contact:
    return Contact(
        contact_id=row[0],
        name=row[1],
        peer_id=row[2],
        x25519_public=row[3],
        display_name=row[4],
        verified=bool(row[5]),
        blocked=bool(row[6]),
        identity_changed=bool(row[7]),
        created_at_ms=row[8],
    )
