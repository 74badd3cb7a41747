-- Statements about identities (PROTOCOL 1.5), verified: of a contact; person_id NULL: the owner's own.
CREATE TABLE identity_statements (
    row_id INTEGER PRIMARY KEY,
    person_id INTEGER REFERENCES persons ON DELETE CASCADE,
    old_id BLOB NOT NULL, -- the fingerprint of the old identity
    new_id BLOB,          -- of the new one; NULL: a revocation
    statement BLOB NOT NULL
) STRICT;
CREATE INDEX identity_statements_of ON identity_statements (person_id);

-- What the owner was before, while those who know only that are answered; and who has not been told.
CREATE TABLE old_identities (
    peer_id BLOB PRIMARY KEY,
    x25519_seed BLOB NOT NULL,
    until_s INTEGER NOT NULL
) STRICT;
CREATE TABLE untold (
    person_id INTEGER NOT NULL REFERENCES persons ON DELETE CASCADE,
    peer_id BLOB NOT NULL REFERENCES old_identities ON DELETE CASCADE,
    put_at_s INTEGER,
    PRIMARY KEY (person_id, peer_id)
) STRICT;
CREATE INDEX untold_of ON untold (peer_id);

-- What a contact's statements say of the identity that one has.
ALTER TABLE persons ADD COLUMN forked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE persons ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;
