"""A profile of every older schema opens with all it held, under the same numbers."""

from pathlib import Path

import msgspec
import pytest
from sqlcipher3.dbapi2 import Connection

from loom.model import (
    OWNER,
    Address,
    ConversationId,
    DeviceId,
    Direction,
    MessageState,
    PeerId,
    PersonId,
    RoomNumber,
    Verification,
)
from loom.storage import (
    addresses,
    drafts,
    envelopes,
    events,
    messages,
    outbox,
    persons,
    preferences,
    prekeys,
    receipts,
    room_reading,
    room_search,
    schema,
    search,
    seen,
    sessions,
    skipped_keys,
    unread,
)
from loom.storage.connection import connect
from loom.storage.database import Database
from loom.storage.envelopes import Envelope
from loom.storage.preferences import FOR_EVER_MS, Preference
from loom.wire.content import Mailboxes, Profile, Text, decode_payload
from tests.new_database import KEY
from tests.storage.given import check_search, find, index_all, mid, say

ADA, EVE = 1, 3
_EVE = DeviceId(EVE)
NEWEST = max(schema.migrations())

# What a profile of schema 1 held: Bob, the second contact, was removed again.
FIRST = f"""
INSERT INTO contacts (name, name_key, peer_id, x25519_public, display_name, verified, created_at_ms,
    read_row) VALUES ('Ada', 'ada', zeroblob(32), zeroblob(32), 'Countess', 1, 11, 2);
INSERT INTO contacts (name, name_key, peer_id, x25519_public, created_at_ms)
VALUES ('Bob', 'bob', x'{"bb" * 32}', zeroblob(32), 12);
INSERT INTO contacts (name, name_key, peer_id, x25519_public, blocked, created_at_ms)
VALUES ('Eve', 'eve', x'{"ee" * 32}', zeroblob(32), 1, 13);
INSERT INTO conversations VALUES ({ADA}, 7, x'0a0b');
INSERT INTO skipped_keys VALUES ({ADA}, x'01', 2, 3, x'04', 5);
INSERT INTO prekeys VALUES (x'08', {EVE}, x'09', 99);
INSERT INTO receipts (contact_id, kind, ids) VALUES ({ADA}, 0, x'{mid(1).hex()}');
INSERT INTO addresses VALUES ({EVE}, '::1', 4070, 'hand', NULL, 6);
INSERT INTO messages (contact_id, message_id, direction, body, sent_at_ms, stored_at_ms, state)
VALUES ({ADA}, x'{mid(1).hex()}', 0, 'zebra one', 21, 22, 4),
    ({ADA}, x'{mid(2).hex()}', 0, 'zebra two', 23, 24, 4),
    ({ADA}, x'{mid(1).hex()}', 1, 'zebra of mine', 25, 26, 0),
    ({EVE}, x'{mid(3).hex()}', 0, 'zebra unread', 27, 28, 3),
    ({EVE}, x'{mid(4).hex()}', 0, 'gone', 29, 30, 3);
DELETE FROM messages WHERE body = 'gone';
INSERT INTO outbox
    (contact_id, message_id, payload, session_id, chain, ordinal, sealed_at_s, envelope)
VALUES ({ADA}, x'{mid(1).hex()}', x'0c', x'0d', 1, 2, 3, x'0e'),
    ({EVE}, x'{mid(9).hex()}', x'0f', NULL, NULL, NULL, NULL, NULL);
INSERT INTO events (body, contact_id, message_row, created_at_ms) VALUES (x'7b7d', {ADA}, 1, 1);
INSERT INTO seen VALUES (zeroblob(32), 0, x'{mid(1).hex()}');
INSERT INTO envelopes VALUES (x'{"11" * 32}', zeroblob(32), 86399, x'{mid(1).hex()}'),
    (x'{"22" * 32}', zeroblob(32), 8640000, NULL);
DELETE FROM contacts WHERE name = 'Bob';
"""  # noqa: S608 - constants only
SECOND = f"""
INSERT INTO drafts VALUES ({EVE}, 'begun');
INSERT INTO preferences VALUES ({ADA}, 0, 1, 1);
"""  # noqa: S608 - constants only
# Its index: a part, with the trigger that takes out what is deleted.
THIRD = """
CREATE VIRTUAL TABLE messages_fts_0 USING fts5 (
    body, contact, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER message_leaves_search_0 BEFORE DELETE ON messages
BEGIN
    INSERT INTO messages_fts_0 (messages_fts_0, rowid, body, contact)
    VALUES ('delete', old.row_id, old.body, old.contact_id);
END;
INSERT INTO messages_fts_0 (rowid, body, contact) SELECT row_id, body, contact_id FROM messages;
UPDATE sqlite_sequence SET seq = 5 WHERE name = 'messages_fts';
"""


def of_schema(path: Path, version: int) -> None:
    """A profile as a program of that schema left it."""
    path.touch()
    db = connect(path, KEY)
    held = (FIRST, SECOND, THIRD)[:version]
    known = schema.migrations()
    schema.migrate(db, {n: known[n] for n in known if n <= len(held)})
    db.executescript("BEGIN;" + "".join(held) + "COMMIT;")
    schema.migrate(db, {n: known[n] for n in known if n <= version})
    db.close()


def test_each_number_is_one_file() -> None:
    files = list(schema.PROFILE.folder.glob("*.sql"))
    assert sorted(schema.migrations()) == list(range(1, len(files) + 1))


@pytest.mark.parametrize("version", [n for n in schema.migrations() if n < NEWEST])
def test_everything_is_there_after_migrating(tmp_path: Path, version: int) -> None:
    path = tmp_path / "loom.db"
    of_schema(path, version)
    database = Database.open(path, KEY)
    database.write_now(lambda db: _check(db, version))
    database.close()
    database = Database.open(path, KEY)  # once more, with nothing to migrate
    database.write_now(index_all)
    assert len(database.read_now(lambda db: search.search(db, "zebra"))) == 3
    database.close()


def _check(db: Connection, version: int) -> None:
    assert schema.version(db) == NEWEST
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    ada, eve = persons.contacts(db)
    for contact, number in ((ada, ADA), (eve, EVE)):
        numbers = (contact.person.person_id, contact.conversation_id, contact.device_id)
        assert numbers == (number, number, number)
    assert (ada.person.name, ada.person.display_name, ada.person.verified) == (
        "Ada",
        "Countess",
        True,
    )
    assert (ada.person.verified_by, ada.person.verified_at_ms) == (Verification.UNKNOWN, None)
    assert (eve.person.blocked, eve.person.created_at_ms) == (True, 13)

    assert sessions.load(db, ada.device_id) == (7, b"\x0a\x0b")
    [key] = skipped_keys.of_device(db, ada.device_id)
    assert (key.chain, key.n, key.message_key) == (2, 3, b"\x04")
    prekey = prekeys.get(db, b"\x08")
    assert prekey is not None
    assert prekey.device_id == eve.device_id
    assert (prekey.expires_at_s, prekey.kept_until_s, prekey.queue_id) == (99, 99, None)
    [owed] = receipts.of_device(db, ada.device_id)
    assert owed.message_ids == [mid(1)]
    [known] = addresses.of_device(db, eve.device_id)
    assert known.address == Address("::1", 4070)
    [row] = outbox.page(db, ada.device_id)
    assert (row.message_id, row.recipe, row.ordinal) == (mid(1), b"\x0e", 2)
    assert outbox.counts(db) == {ada.conversation_id: 1}

    with_ada = messages.page(db, ada.conversation_id, 9)
    assert [(one.row_id, one.author, one.body, one.state) for one in with_ada] == [
        (1, PersonId(ADA), "zebra one", MessageState.READ),
        (2, PersonId(ADA), "zebra two", MessageState.READ),
        (3, OWNER, "zebra of mine", MessageState.QUEUED),
    ]
    assert [one.direction for one in with_ada] == [Direction.IN, Direction.IN, Direction.OUT]
    assert unread.counts(db) == {eve.conversation_id: 1}
    assert events.after(db, 0, 9)[0].message_row == 1
    assert [one.row_id for one in find(db, "zebra")] == [4, 3, 2, 1]
    check_search(db)

    peer_id = ada.person.peer_id
    assert seen.add_many(db, peer_id, Direction.IN, [mid(1), mid(2)]) == {mid(2)}
    first, last = Envelope(b"\x11" * 32, peer_id, 86_399, mid(1)), b"\x22" * 32
    assert envelopes.find(db, peer_id, first.hash) == first
    assert envelopes.find(db, peer_id, last) == Envelope(last, peer_id, 8_640_000)

    expected = "begun" if version >= 2 else None
    assert drafts.of(db, eve.conversation_id).body == (expected or "")
    muted = Preference(read_receipts=False, mute_until_ms=FOR_EVER_MS)
    assert preferences.of(db, ada.conversation_id) == (muted if version >= 2 else Preference())

    # Numbers go on where they were, also where the last ones are gone.
    assert say(db, 7, conversation_id=EVE).row_id == 6
    new = persons.insert(
        db, name="New", peer_id=PeerId(b"n" * 32), x25519_public=bytes(32), created_at_ms=1
    )
    assert (new.person.person_id, new.conversation_id, new.device_id) == (4, 4, 4)
    assert outbox.add(db, DeviceId(EVE), mid(8), b"") == 3
    persons.remove(db, PersonId(EVE))
    assert messages.page(db, ConversationId(EVE), 9) == []
    assert [one.row_id for one in find(db, "zebra")] == [3, 2, 1]


def test_what_waits_is_sealed_again_where_its_kind_has_more_fields_now(tmp_path: Path) -> None:
    """A recipe seals the payload that it was made for: one key must not seal two plaintexts."""
    path, ms = tmp_path / "loom.db", 1_800_000_000_000
    of_schema(path, 7)
    waits = {
        mid(5): [1, mid(5), ms, "it waits"],
        mid(6): [4, mid(6), ms, "Ada"],
        mid(7): [5, mid(7), ms, ms, []],
    }
    db = connect(path, KEY)
    for message_id, fields in waits.items():
        db.execute(
            "INSERT INTO outbox (device_id, message_id, payload, session_id, chain, ordinal,"
            " sealed_at_s, envelope, put_queue, put_at_s, puts, first_put_s)"
            " VALUES (?, ?, ?, x'0d', 1, 2, 3, x'0e', x'0f', 4, 5, 6)",
            (EVE, message_id, msgspec.msgpack.encode(fields)),
        )
    db.close()
    database = Database.open(path, KEY)
    rows = {row.message_id: row for row in database.read_now(lambda db: outbox.page(db, _EVE))}
    text, profile, mailboxes = (rows[one] for one in waits)
    assert decode_payload(text.payload) == Text(mid(5), ms, "it waits")
    assert decode_payload(profile.payload) == Profile(mid(6), ms, 0, "Ada", "", away=False)
    for row in (text, profile):
        assert (row.session_id, row.ordinal, row.recipe, row.sealed_at_s) == (None,) * 4
    assert decode_payload(mailboxes.payload) == Mailboxes(mid(7), ms, ms, ())
    assert (mailboxes.recipe, mailboxes.ordinal) == (b"\x0e", 2)
    puts = "SELECT message_id, put_queue, put_at_s, puts, first_put_s FROM outbox WHERE puts"
    assert database.read_now(lambda db: db.execute(puts).fetchall()) == [(mid(7), b"\x0f", 4, 5, 6)]
    database.close()


def test_what_was_unread_of_rooms_is_unread_post_by_post(tmp_path: Path) -> None:
    path = tmp_path / "loom.db"
    of_schema(path, 13)
    db = connect(path, KEY)
    db.execute(
        "INSERT INTO rooms (room_id, name, standing, version, created_at_ms)"
        " VALUES (zeroblob(32), 'Garden', 1, x'00', 1)"
    )
    db.execute(
        "INSERT INTO room_keys (room, author, seeds) VALUES (1, ?, zeroblob(64))", (b"m" * 32,)
    )
    for number, (author, kind, channel) in enumerate(
        [
            (b"a" * 32, 1, "general"),
            (b"a" * 32, 1, "general"),
            (b"m" * 32, 1, "general"),
            (b"a" * 32, 4, "general"),
            (b"a" * 32, 1, "fruit"),
        ],
        1,
    ):
        db.execute(
            "INSERT INTO room_posts (room, id, author, number, ordinal, sent_at_ms, stored_at_ms,"
            " kind, channel, body) VALUES (1, ?, ?, ?, ?, 1, 1, ?, ?, 'hello apples')",
            (number.to_bytes(32, "big"), author, number, number, kind, channel),
        )
    db.execute("INSERT INTO room_channels (room, channel, read_row) VALUES (1, 'general', 1)")
    db.close()
    database = Database.open(path, KEY)
    found = database.read_now(lambda db: room_reading.counts(db, RoomNumber(1)))
    assert {channel: one.outside for channel, one in found.items()} == {"general": 1, "fruit": 1}
    database.write_now(index_all)
    assert database.read_now(lambda db: room_search.search(db, "apples")) == [5, 3, 2, 1]
    database.close()
