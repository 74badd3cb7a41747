-- An anchor's store (PROTOCOL 10): keys that open links, and blobs that nothing here opens.

-- mask_key: 16 bytes. name, listen_port, bound (no host of another machine), addresses, draining, seen_s.
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    account_id INTEGER PRIMARY KEY AUTOINCREMENT,
    tag_key BLOB NOT NULL UNIQUE CHECK (length(tag_key) = 32),
    link_key BLOB NOT NULL CHECK (length(link_key) = 32),
    paired_at_s INTEGER NOT NULL
) STRICT;

CREATE TABLE pairings (
    pairing_id INTEGER PRIMARY KEY AUTOINCREMENT,
    tag_key BLOB NOT NULL UNIQUE CHECK (length(tag_key) = 32),
    link_key BLOB NOT NULL CHECK (length(link_key) = 32),
    expires_s INTEGER NOT NULL,
    account_tag_key BLOB -- who spent it; the same account may ask again
) STRICT;

CREATE TABLE queues (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue_id BLOB NOT NULL UNIQUE CHECK (length(queue_id) = 16),
    account_id INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    tag_key BLOB NOT NULL UNIQUE CHECK (length(tag_key) = 32),
    link_key BLOB NOT NULL CHECK (length(link_key) = 32),
    use INTEGER NOT NULL, -- 0 inbound, 1 outbound, 2 an invite's, 3 an address's, 4 for files
    until_s INTEGER NOT NULL -- 0: for ever
) STRICT;
CREATE INDEX queues_of_account ON queues (account_id);

CREATE TABLE blobs (
    seq INTEGER PRIMARY KEY, -- the order of a queue; counted by the program while it runs
    queue INTEGER NOT NULL REFERENCES queues ON DELETE CASCADE,
    put_at_s INTEGER NOT NULL,
    blob_id BLOB NOT NULL CHECK (length(blob_id) = 12),
    blob BLOB NOT NULL,
    UNIQUE (queue, blob_id)
) STRICT;
CREATE INDEX blobs_in_order ON blobs (queue);
CREATE INDEX blobs_by_age ON blobs (put_at_s);

CREATE TABLE bundles (
    queue INTEGER NOT NULL REFERENCES queues ON DELETE CASCADE,
    place INTEGER NOT NULL CHECK (place BETWEEN 0 AND 3),
    mark BLOB NOT NULL CHECK (length(mark) = 8),
    sealed BLOB NOT NULL,
    UNIQUE (queue, place)
) STRICT;

-- The random part of each opening, so that none serves twice; `peer_id` is the tag key.
CREATE TABLE link_rands (
    peer_id BLOB NOT NULL,
    day INTEGER NOT NULL,
    rand BLOB NOT NULL,
    PRIMARY KEY (peer_id, day, rand)
) STRICT, WITHOUT ROWID;
