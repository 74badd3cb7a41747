"""The people whose tokens were imported, each with a conversation and a device."""

import unicodedata
from typing import Any, Final

from msgspec.structs import replace
from sqlcipher3.dbapi2 import Connection

from loom.errors import DuplicateContact, InvalidName, StateConflict
from loom.model import (
    Contact,
    ConversationId,
    DeviceId,
    PeerId,
    Person,
    PersonId,
    Verification,
)
from loom.storage import arrivals, outbox, room_peers

_COLUMNS: Final = (
    "person_id, name, peer_id, x25519_public, display_name, verified, blocked, identity_changed,"
    " created_at_ms, stub_until_s, profile_number, status, away, acquaintance_until_s,"
    " verified_by, verified_at_ms, identity_changed_at_ms, forked, revoked"
)
_SELECT: Final = f"SELECT {_COLUMNS} FROM persons"  # noqa: S608 - constants only
_CONTACTS: Final = (
    f"SELECT {_COLUMNS}, conversation_id, device_id FROM persons"  # noqa: S608 - constants only
    " JOIN conversations USING (person_id) JOIN devices USING (person_id)"
)


_OF_AN_IDENTITY: Final = (
    "sessions",
    "skipped_keys",
    "prekeys",
    "receipts",
    "addresses",
    "queues",
    "told_mailboxes",
    "mailbox_numbers",
    "laid_bundles",
    "joins",
)


def name_key(name: str) -> str:
    """What two spellings of one name share: case and Unicode form do not matter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def insert(
    db: Connection,
    *,
    name: str,
    peer_id: PeerId,
    x25519_public: bytes,
    created_at_ms: int,
) -> Contact:
    """Add a person, their conversation and device, under numbers that were never used before.

    An acquaintance becomes a contact, and stays what it is in rooms.

    Raises:
        DuplicateContact: this identity is there already.
        InvalidName: another person has the name.
    """
    delete_stub(db, peer_id)
    _require_free(db, name, None)
    if (known := by_peer_id(db, peer_id)) is not None:
        if not known.is_acquaintance:
            raise DuplicateContact(name=known.name)
        if known.x25519_public == x25519_public:
            db.execute(
                "UPDATE persons SET name = ?, name_key = ?, created_at_ms = ?,"
                " acquaintance_until_s = NULL WHERE person_id = ?",
                (_nfc(name), name_key(name), created_at_ms, known.person_id),
            )
            contact = _contact(db, known.person_id)
            if contact is None:
                raise StateConflict
            # What was opened and not taken comes again on another session only.
            forget_identity(db, contact.device_id)
            outbox.delete_all(db, contact.device_id)
            room_peers.tell_again(db, known.person_id)
            return contact
        remove(db, known.person_id)
    return _add(db, name, name_key(name), peer_id, x25519_public, created_at_ms)


def insert_acquaintance(
    db: Connection, *, peer_id: PeerId, x25519_public: bytes, created_at_ms: int
) -> Contact:
    """Add a member of a common room: without a name, and in no list of contacts."""
    key = f"#{peer_id.hex()}"  # as of a stub
    contact = _add(db, "", key, peer_id, x25519_public, created_at_ms)
    put_acquaintance(db, contact.person.person_id, 0)
    return replace(contact, person=replace(contact.person, acquaintance_until_s=0))


def put_acquaintance(db: Connection, person_id: PersonId, until_s: int) -> None:
    """A room is common (0), or none is any more and they are deleted then."""
    db.execute(
        "UPDATE persons SET acquaintance_until_s = ? WHERE person_id = ?", (until_s, person_id)
    )


def _add(
    db: Connection,
    name: str,
    key: str,
    peer_id: PeerId,
    x25519_public: bytes,
    created_at_ms: int,
) -> Contact:
    person_id = db.execute(
        "INSERT INTO persons (name, name_key, peer_id, x25519_public, created_at_ms)"
        " VALUES (?, ?, ?, ?, ?)",
        (_nfc(name), key, peer_id, x25519_public, created_at_ms),
    ).lastrowid
    belongs = (person_id,)
    conversation_id = db.execute(
        "INSERT INTO conversations (person_id) VALUES (?)", belongs
    ).lastrowid
    device_id = db.execute("INSERT INTO devices (person_id) VALUES (?)", belongs).lastrowid
    person = Person(
        person_id=PersonId(person_id or 0),
        name=_nfc(name),
        peer_id=peer_id,
        x25519_public=x25519_public,
        created_at_ms=created_at_ms,
    )
    return Contact(
        person=person,
        conversation_id=ConversationId(conversation_id or 0),
        device_id=DeviceId(device_id or 0),
    )


def update(db: Connection, person: Person) -> None:
    """Store every field of a known person.

    Raises:
        DuplicateContact: another person has this identity.
        InvalidName: another person has the name.
    """
    other = by_peer_id(db, person.peer_id)
    if other is not None and not other.is_contact and other.person_id != person.person_id:
        remove(db, other.person_id)
    elif other is not None and other.person_id != person.person_id:
        raise DuplicateContact(name=other.name)
    if person.is_contact:
        _require_free(db, person.name, person.person_id)
    db.execute(
        "UPDATE persons SET name = ?, name_key = ?, peer_id = ?, x25519_public = ?,"
        " display_name = ?, profile_number = ?, status = ?, away = ?, verified = ?, blocked = ?,"
        " identity_changed = ?, verified_by = ?, verified_at_ms = ?, identity_changed_at_ms = ?,"
        " forked = ?, revoked = ? WHERE person_id = ?",
        (
            _nfc(person.name),
            _key_of(person),
            person.peer_id,
            person.x25519_public,
            person.display_name,
            person.profile_number,
            person.status,
            person.away,
            person.verified,
            person.blocked,
            person.identity_changed,
            person.verified_by,
            person.verified_at_ms,
            person.identity_changed_at_ms,
            person.forked,
            person.revoked,
            person.person_id,
        ),
    )


def _key_of(person: Person) -> str:
    """No name that people can type begins with #."""
    if person.is_contact:
        return name_key(person.name)
    return f"#{person.person_id}" if person.is_stub else f"#{person.peer_id.hex()}"


def by_id(db: Connection, person_id: PersonId) -> Person | None:
    """The person of that number, or None."""
    return _one(db.execute(_SELECT + " WHERE person_id = ?", (person_id,)).fetchone())


def by_name(db: Connection, name: str) -> Person | None:
    """The person of that name, in any case and Unicode form, or None."""
    return _one(db.execute(_SELECT + " WHERE name_key = ?", (name_key(name),)).fetchone())


def by_peer_id(db: Connection, peer_id: PeerId) -> Person | None:
    """The person of that identity, or None."""
    return _one(db.execute(_SELECT + " WHERE peer_id = ?", (peer_id,)).fetchone())


def contacts(db: Connection) -> list[Contact]:
    """Everybody with their conversation and device, by name; stubs and acquaintances, too."""
    return [
        Contact(person=_person(row[:-2]), conversation_id=row[-2], device_id=row[-1])
        for row in db.execute(_CONTACTS + " ORDER BY name_key")
    ]


def forget_identity(db: Connection, device_id: DeviceId) -> None:
    """Delete what belonged to a device's old identity: sessions, keys, receipts, ways to it."""
    for table in _OF_AN_IDENTITY:
        db.execute(f"DELETE FROM {table} WHERE device_id = ?", (device_id,))  # noqa: S608


def forget_sessions(db: Connection, device_id: DeviceId) -> None:
    """Delete what was agreed with a device as to identities of before; ways to it stay."""
    for table in ("sessions", "skipped_keys", "mailbox_numbers"):
        db.execute(f"DELETE FROM {table} WHERE device_id = ?", (device_id,))  # noqa: S608
    # Those in mailboxes are good for any identity of who writes there.
    db.execute("DELETE FROM prekeys WHERE device_id = ? AND queue_id IS NULL", (device_id,))


def forget_own(db: Connection, device_id: DeviceId) -> None:
    """The same, with every key that was made under the owner's identity of before."""
    forget_sessions(db, device_id)
    for table in ("prekeys", "laid_bundles"):
        db.execute(f"DELETE FROM {table} WHERE device_id = ?", (device_id,))  # noqa: S608


def remove(db: Connection, person_id: PersonId) -> bool:
    """Delete a person with history, keys, outbox and addresses; False: there was none."""
    arrivals.forget_open(db, person_id)
    return db.execute("DELETE FROM persons WHERE person_id = ?", (person_id,)).rowcount > 0


def make_stub(db: Connection, person_id: PersonId, until_s: int) -> Contact | None:
    """Delete all of a contact but what a farewell needs; what is left, or None: there was nobody.

    Outbox and owed receipts stay: the caller sees to them.
    """
    # No name that people can type begins so.
    db.execute(
        "UPDATE persons SET name = '', name_key = ?, display_name = '', status = '', away = 0,"
        " verified = 0, verified_by = '', verified_at_ms = NULL, identity_changed_at_ms = NULL,"
        " created_at_ms = 0, stub_until_s = ? WHERE person_id = ?",
        (f"#{person_id}", until_s, person_id),
    )
    arrivals.forget_open(db, person_id)
    db.execute("DELETE FROM conversations WHERE person_id = ?", (person_id,))
    db.execute(
        "INSERT INTO conversations (person_id) SELECT person_id FROM persons WHERE person_id = ?",
        (person_id,),
    )
    return _contact(db, person_id)


def end_stub(db: Connection, person_id: PersonId) -> None:
    """Nothing is to be said to them any more: `delete_stubs` takes it along."""
    db.execute(
        "UPDATE persons SET stub_until_s = 0 WHERE person_id = ? AND stub_until_s IS NOT NULL",
        (person_id,),
    )


def delete_stub(db: Connection, peer_id: PeerId) -> None:
    """Delete what is left of a removed contact, who becomes one again."""
    db.execute("DELETE FROM persons WHERE peer_id = ? AND stub_until_s IS NOT NULL", (peer_id,))


def delete_stub_of(db: Connection, person_id: PersonId) -> None:
    """Delete a stub; a contact stays."""
    db.execute("DELETE FROM persons WHERE person_id = ? AND stub_until_s IS NOT NULL", (person_id,))


def over(db: Connection, now_s: int) -> list[PersonId]:
    """The stubs whose time is over."""
    rows = db.execute("SELECT person_id FROM persons WHERE stub_until_s <= ?", (now_s,))
    return [person_id for (person_id,) in rows]


def put_profile(
    db: Connection, person_id: PersonId, number: int, display_name: str, status: str, away: bool
) -> None:
    """Keep what the person told of themselves."""
    db.execute(
        "UPDATE persons SET profile_number = ?, display_name = ?, status = ?, away = ?"
        " WHERE person_id = ?",
        (number, display_name, status, away, person_id),
    )


def _contact(db: Connection, person_id: PersonId) -> Contact | None:
    row = db.execute(_CONTACTS + " WHERE person_id = ?", (person_id,)).fetchone()
    if row is None:
        return None
    return Contact(person=_person(row[:-2]), conversation_id=row[-2], device_id=row[-1])


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _require_free(db: Connection, name: str, owner: PersonId | None) -> None:
    other = by_name(db, name)
    if other is not None and other.person_id != owner:
        raise InvalidName(reason="another contact has it")


def _one(row: tuple[Any, ...] | None) -> Person | None:
    return None if row is None else _person(row)


def _person(row: tuple[Any, ...]) -> Person:
    return Person(
        person_id=row[0],
        name=row[1],
        peer_id=row[2],
        x25519_public=row[3],
        display_name=row[4],
        verified=bool(row[5]),
        blocked=bool(row[6]),
        identity_changed=bool(row[7]),
        created_at_ms=row[8],
        stub_until_s=row[9],
        profile_number=row[10],
        status=row[11],
        away=bool(row[12]),
        acquaintance_until_s=row[13],
        verified_by=Verification(row[14]),
        verified_at_ms=row[15],
        identity_changed_at_ms=row[16],
        forked=bool(row[17]),
        revoked=bool(row[18]),
    )
