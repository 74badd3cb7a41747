-- A contact was a person, a conversation and a device in one row. Each has a table of its own now,
-- and what belongs to one refers to it. The numbers stay the same.
-- messages.author: 0 is this profile's owner, else the person. kind: the payload's tag (PROTOCOL 6).

CREATE TABLE persons (
    person_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    peer_id BLOB NOT NULL UNIQUE CHECK (length(peer_id) = 32),
    x25519_public BLOB NOT NULL CHECK (length(x25519_public) = 32),
    display_name TEXT NOT NULL DEFAULT '',
    verified INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    identity_changed INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL
) STRICT;
INSERT INTO persons SELECT contact_id, name, name_key, peer_id, x25519_public, display_name,
    verified, blocked, identity_changed, created_at_ms FROM contacts;

CREATE TABLE devices (
    device_id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES persons ON DELETE CASCADE
) STRICT;
CREATE INDEX devices_of_person ON devices (person_id);
INSERT INTO devices SELECT contact_id, contact_id FROM contacts;

CREATE TABLE sessions (
    device_id INTEGER PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    version INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;
INSERT INTO sessions SELECT contact_id, version, state FROM conversations;
DROP TABLE conversations;

CREATE TABLE conversations (
    conversation_id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL UNIQUE REFERENCES persons ON DELETE CASCADE,
    read_row INTEGER NOT NULL DEFAULT 0 -- the others' messages up to this row were read
) STRICT;
INSERT INTO conversations SELECT contact_id, contact_id, read_row FROM contacts;

DELETE FROM sqlite_sequence WHERE name IN ('persons', 'devices', 'conversations');
INSERT INTO sqlite_sequence
SELECT t.name, s.seq
FROM (SELECT 'persons' AS name UNION ALL SELECT 'devices' UNION ALL SELECT 'conversations') AS t,
    sqlite_sequence AS s
WHERE s.name = 'contacts';

CREATE TABLE new_skipped_keys (
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    session_id BLOB NOT NULL,
    chain INTEGER NOT NULL,
    n INTEGER NOT NULL,
    message_key BLOB NOT NULL,
    stored_at_s INTEGER NOT NULL,
    PRIMARY KEY (device_id, session_id, chain, n)
) STRICT, WITHOUT ROWID;
INSERT INTO new_skipped_keys SELECT * FROM skipped_keys;
DROP TABLE skipped_keys;
ALTER TABLE new_skipped_keys RENAME TO skipped_keys;

CREATE TABLE new_prekeys (
    bundle_id BLOB PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    state BLOB NOT NULL,
    expires_at_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO new_prekeys SELECT * FROM prekeys;
DROP TABLE prekeys;
ALTER TABLE new_prekeys RENAME TO prekeys;
CREATE INDEX prekeys_of_device ON prekeys (device_id, expires_at_s);

CREATE TABLE new_receipts (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    ids BLOB NOT NULL
) STRICT;
INSERT INTO new_receipts SELECT * FROM receipts;
DELETE FROM sqlite_sequence WHERE name = 'new_receipts';
INSERT INTO sqlite_sequence
SELECT 'new_receipts', seq FROM sqlite_sequence WHERE name = 'receipts';
DROP TABLE receipts;
ALTER TABLE new_receipts RENAME TO receipts;
CREATE INDEX receipts_of_device ON receipts (device_id, row_id);

CREATE TABLE new_outbox (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    session_id BLOB,
    chain INTEGER,
    ordinal INTEGER,
    sealed_at_s INTEGER,
    payload BLOB NOT NULL,
    envelope BLOB,
    UNIQUE (device_id, message_id)
) STRICT;
INSERT INTO new_outbox SELECT * FROM outbox;
DELETE FROM sqlite_sequence WHERE name = 'new_outbox';
INSERT INTO sqlite_sequence
SELECT 'new_outbox', seq FROM sqlite_sequence WHERE name = 'outbox';
DROP TABLE outbox;
ALTER TABLE new_outbox RENAME TO outbox;
CREATE INDEX outbox_of_device ON outbox (device_id, row_id);

CREATE TABLE new_addresses (
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    source TEXT NOT NULL,
    last_ok_ms INTEGER,
    added_ms INTEGER NOT NULL,
    PRIMARY KEY (device_id, host, port)
) STRICT, WITHOUT ROWID;
INSERT INTO new_addresses SELECT * FROM addresses;
DROP TABLE addresses;
ALTER TABLE new_addresses RENAME TO addresses;

CREATE TABLE new_drafts (
    conversation_id INTEGER PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;
INSERT INTO new_drafts SELECT * FROM drafts;
DROP TABLE drafts;
ALTER TABLE new_drafts RENAME TO drafts;

CREATE TABLE new_preferences (
    conversation_id INTEGER PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    read_receipts INTEGER NOT NULL,
    typing INTEGER NOT NULL,
    muted INTEGER NOT NULL
) STRICT;
INSERT INTO new_preferences SELECT * FROM preferences;
DROP TABLE preferences;
ALTER TABLE new_preferences RENAME TO preferences;

-- The full-text index hangs on triggers of the old table: it is made again when the profile opens.
CREATE TABLE new_messages (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    author INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    body TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,
    UNIQUE (conversation_id, message_id, author)
) STRICT;
INSERT INTO new_messages
SELECT row_id, contact_id, message_id, iif(direction = 0, contact_id, 0), 1, body, sent_at_ms,
    stored_at_ms, state FROM messages;
DELETE FROM sqlite_sequence WHERE name = 'new_messages';
INSERT INTO sqlite_sequence
SELECT 'new_messages', seq FROM sqlite_sequence WHERE name = 'messages';
DROP TABLE messages;
ALTER TABLE new_messages RENAME TO messages;
CREATE INDEX messages_of_conversation ON messages (conversation_id, row_id);
UPDATE sqlite_sequence SET seq = 0 WHERE name = 'messages_fts';

ALTER TABLE events RENAME COLUMN contact_id TO conversation_id;
DROP TABLE contacts;

-- The key of envelopes begins with the day: new rows fall into few pages, and those of the same age are together
-- without an index of their own.

DROP INDEX envelopes_by_age;
ALTER TABLE envelopes RENAME TO envelopes_before;
CREATE TABLE envelopes (
    day INTEGER NOT NULL, -- received_at_s / 86,400
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    peer_id BLOB NOT NULL,
    received_at_s INTEGER NOT NULL,
    message_id BLOB,
    PRIMARY KEY (day, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO envelopes
    SELECT received_at_s / 86400, hash, peer_id, received_at_s, message_id
    FROM envelopes_before ORDER BY 1, 2;
DROP TABLE envelopes_before;
