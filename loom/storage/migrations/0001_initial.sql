-- Rows that hang on a contact go with it. Tables keyed by peer_id outlive the contact.
-- direction: 0 in, 1 out.  message state: 0 queued, 1 sent, 2 failed, 3 delivered, 4 read.

CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    contact_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    peer_id BLOB NOT NULL UNIQUE CHECK (length(peer_id) = 32),
    x25519_public BLOB NOT NULL CHECK (length(x25519_public) = 32),
    display_name TEXT NOT NULL DEFAULT '',
    verified INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    identity_changed INTEGER NOT NULL DEFAULT 0,
    created_at_ms INTEGER NOT NULL,
    card BLOB,
    hello_sent INTEGER NOT NULL DEFAULT 0,
    read_row INTEGER NOT NULL DEFAULT 0 -- incoming messages up to this row were read
) STRICT;

CREATE TABLE counters (
    peer_id BLOB PRIMARY KEY CHECK (length(peer_id) = 32),
    sent INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    contact_id INTEGER PRIMARY KEY REFERENCES contacts ON DELETE CASCADE,
    version INTEGER NOT NULL,
    state BLOB NOT NULL
) STRICT;

CREATE TABLE skipped_keys (
    contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
    session_id BLOB NOT NULL,
    chain INTEGER NOT NULL,
    n INTEGER NOT NULL,
    message_key BLOB NOT NULL,
    stored_at_s INTEGER NOT NULL,
    PRIMARY KEY (contact_id, session_id, chain, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE prekeys (
    bundle_id BLOB PRIMARY KEY,
    contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
    state BLOB NOT NULL,
    expires_at_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX prekeys_of_contact ON prekeys (contact_id, expires_at_s);

CREATE TABLE refused_handshakes (
    hsid BLOB PRIMARY KEY,
    peer_id BLOB NOT NULL,
    expires_at_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE link_rands (
    peer_id BLOB NOT NULL,
    day INTEGER NOT NULL,
    rand BLOB NOT NULL,
    PRIMARY KEY (peer_id, day, rand)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    direction INTEGER NOT NULL,
    body TEXT NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    state INTEGER NOT NULL,
    UNIQUE (contact_id, direction, message_id)
) STRICT;
CREATE INDEX messages_of_contact ON messages (contact_id, row_id);

-- The index holds every message up to the number kept for it in sqlite_sequence; the rest
-- follows before the commit. Its leaves fit into a page with SQLCipher's reserved bytes.
CREATE VIRTUAL TABLE messages_fts USING fts5 (
    body, content = 'messages', content_rowid = 'row_id', columnsize = 0,
    tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO messages_fts (messages_fts, rank) VALUES ('secure-delete', 1);
INSERT INTO messages_fts (messages_fts, rank) VALUES ('pgsz', 2000);
INSERT INTO messages_fts (messages_fts, rank) VALUES ('automerge', 8);
INSERT INTO sqlite_sequence VALUES ('messages', 0), ('messages_fts', 0);
CREATE TRIGGER message_leaves_search BEFORE DELETE ON messages
WHEN old.row_id <= (SELECT seq FROM sqlite_sequence WHERE name = 'messages_fts')
BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, body) VALUES ('delete', old.row_id, old.body);
END;

CREATE TABLE outbox (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    session_id BLOB,
    chain INTEGER,
    ordinal INTEGER,
    sealed_at_s INTEGER,
    payload BLOB NOT NULL,
    envelope BLOB,
    UNIQUE (contact_id, message_id)
) STRICT;
CREATE INDEX outbox_of_contact ON outbox (contact_id, row_id);

CREATE TABLE seen (
    peer_id BLOB NOT NULL,
    author INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    PRIMARY KEY (peer_id, author, message_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE envelopes (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    peer_id BLOB NOT NULL,
    received_at_s INTEGER NOT NULL,
    message_id BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX envelopes_by_age ON envelopes (received_at_s);

CREATE TABLE receipts (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    ids BLOB NOT NULL
) STRICT;
CREATE INDEX receipts_of_contact ON receipts (contact_id, row_id);

CREATE TABLE addresses (
    contact_id INTEGER NOT NULL REFERENCES contacts ON DELETE CASCADE,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    source TEXT NOT NULL,
    last_ok_ms INTEGER,
    added_ms INTEGER NOT NULL,
    PRIMARY KEY (contact_id, host, port)
) STRICT, WITHOUT ROWID;

-- What a message said is never copied here: it is looked up by message_row at replay.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL,
    contact_id INTEGER,
    message_row INTEGER,
    created_at_ms INTEGER NOT NULL
) STRICT;
