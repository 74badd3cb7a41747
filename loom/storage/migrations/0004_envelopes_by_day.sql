-- The key begins with the day: new rows fall into few pages, and those of the same age are together
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
