"""A profile of every older schema opens with everything that it held."""

from pathlib import Path

import pytest
from sqlcipher3.dbapi2 import Connection

from loom.model import ContactId, Direction, MessageId, PeerId
from loom.storage import contacts, envelopes, events, messages, outbox, receipts, schema, seen
from loom.storage.connection import connect
from loom.storage.database import Database
from loom.storage.envelopes import Envelope
from tests.storage.given import KEY, check_search, find

ADA, PEER = ContactId(1), PeerId(b"A" * 32)
OLDER = [number for number in schema.migrations() if number < max(schema.migrations())]
IDS = [MessageId(bytes([number]) * 16) for number in (1, 2)]
DAY_S = 86_400

# As the first schema has it; later ones only added to these tables.
CONTENT = """
INSERT INTO contacts (name, name_key, peer_id, x25519_public, created_at_ms)
    VALUES ('Ada', 'ada', x'{peer}', x'{peer}', 1);
INSERT INTO messages (contact_id, message_id, direction, body, sent_at_ms, stored_at_ms, state)
    VALUES (1, x'{first}', 0, 'how is Zanzibar', 1, 1, 3), (1, x'{second}', 1, 'warm', 2, 2, 0);
INSERT INTO outbox (contact_id, message_id, payload) VALUES (1, x'{second}', x'0102');
INSERT INTO seen VALUES (x'{peer}', 0, x'{first}');
INSERT INTO envelopes VALUES
    (x'{one}', x'{peer}', 86399, x'{first}'), (x'{two}', x'{peer}', 8640000, NULL);
INSERT INTO receipts (contact_id, kind, ids) VALUES (1, 0, x'{first}');
INSERT INTO events (body, contact_id, message_row, created_at_ms) VALUES (x'7B7D', 1, 1, 5);
"""


def _old(path: Path, number: int) -> None:
    path.touch()
    db = connect(path, KEY)
    known = schema.migrations()
    schema.migrate(db, {one: known[one] for one in known if one <= number})
    first, second = (one.hex() for one in IDS)
    values = {"peer": PEER.hex(), "one": "11" * 32, "two": "22" * 32}
    db.executescript(CONTENT.format(first=first, second=second, **values))
    db.close()


@pytest.mark.parametrize("number", OLDER)
async def test_a_profile_of_an_older_schema_keeps_everything(tmp_path: Path, number: int) -> None:
    path = tmp_path / "loom.db"
    _old(path, number)
    database = Database.open(path, KEY)

    def look(db: Connection) -> None:
        assert schema.version(db) == max(schema.migrations())
        assert [one.name for one in contacts.all_(db)] == ["Ada"]
        assert [one.body for one in messages.page(db, ADA, 9)] == ["how is Zanzibar", "warm"]
        assert [one.message_id for one in outbox.page(db, ADA)] == IDS[1:]
        assert [one.message_ids for one in receipts.of_contact(db, ADA)] == [IDS[:1]]
        assert [one.text for one in events.after(db, 0, 9)] == ["how is Zanzibar"]
        assert envelopes.find(db, PEER, b"\x11" * 32) == Envelope(
            b"\x11" * 32, PEER, DAY_S - 1, IDS[0]
        )
        assert envelopes.find(db, PEER, b"\x22" * 32) == Envelope(b"\x22" * 32, PEER, 100 * DAY_S)

    try:
        database.read_now(look)
        assert [one.message_id for one in database.read_now(lambda db: find(db, "zanzi"))] == IDS[
            :1
        ]
        assert await database.write(lambda db: seen.add_many(db, PEER, Direction.IN, IDS)) == {
            IDS[1]
        }
        await database.write(check_search)
        assert await database.integrity() == []
    finally:
        database.close()
