-- Invites (PROTOCOL 11): one's own with their bundles, those of others not answered yet, and requests.

CREATE TABLE invites (
    invite_id INTEGER PRIMARY KEY AUTOINCREMENT,
    secret BLOB NOT NULL UNIQUE CHECK (length(secret) = 16), -- V
    created_at_ms INTEGER NOT NULL,
    expires_at_s INTEGER NOT NULL,
    is_address INTEGER NOT NULL,
    hints BLOB NOT NULL, -- as in the text
    state TEXT NOT NULL, -- open, spent, revoked
    used_by INTEGER, -- a person, who may have been removed
    closed_at_s INTEGER NOT NULL,
    is_reuse_told INTEGER NOT NULL
) STRICT;

CREATE TABLE invite_prekeys (
    bundle_id BLOB PRIMARY KEY,
    invite_id INTEGER NOT NULL REFERENCES invites ON DELETE CASCADE,
    state BLOB NOT NULL,
    expires_at_s INTEGER NOT NULL,
    kept_until_s INTEGER NOT NULL, -- until then an answer is taken
    queue_id BLOB -- where it was laid; NULL: given on a link
) STRICT, WITHOUT ROWID;
CREATE INDEX prekeys_of_invite ON invite_prekeys (invite_id);

CREATE TABLE joins (
    device_id INTEGER PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    secret BLOB NOT NULL CHECK (length(secret) = 16), -- V
    expires_at_s INTEGER NOT NULL,
    is_address INTEGER NOT NULL,
    hints BLOB NOT NULL,
    message_id BLOB NOT NULL CHECK (length(message_id) = 16), -- of the Join
    state TEXT NOT NULL -- waiting, spent, expired, answered
) STRICT;

-- Joins that came by an address and wait for a decision.
CREATE TABLE requests (
    request_id INTEGER PRIMARY KEY AUTOINCREMENT,
    invite_id INTEGER NOT NULL REFERENCES invites ON DELETE CASCADE,
    peer_id BLOB NOT NULL UNIQUE CHECK (length(peer_id) = 32),
    x25519_public BLOB NOT NULL CHECK (length(x25519_public) = 32),
    received_at_s INTEGER NOT NULL,
    payload BLOB NOT NULL, -- the Join
    envelope_hash BLOB NOT NULL CHECK (length(envelope_hash) = 32),
    sessions BLOB NOT NULL -- with the one that the Join began
) STRICT;
