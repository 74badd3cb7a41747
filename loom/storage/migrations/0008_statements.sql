-- What is stated about messages (PROTOCOL 6.1). messages.body is always what is shown now.

ALTER TABLE messages ADD COLUMN reply_author INTEGER; -- as messages.author; NULL: it answers none
ALTER TABLE messages ADD COLUMN reply_id BLOB;
ALTER TABLE messages ADD COLUMN expires_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN deleted_at_ms INTEGER; -- its author deleted it for both; body is ''
ALTER TABLE messages ADD COLUMN bookmarked INTEGER NOT NULL DEFAULT 0;
CREATE INDEX messages_bookmarked ON messages (row_id) WHERE bookmarked = 1;

-- The wordings of an edited text. The original has the number -1 and no statement.
CREATE TABLE edits (
    row_id INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    number INTEGER NOT NULL,
    statement_id BLOB NOT NULL,
    sent_at_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (row_id, number, statement_id)
) STRICT;

-- One value of each author for each message and kind (a payload's tag); '' is none.
CREATE TABLE registers (
    row_id INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    kind INTEGER NOT NULL,
    author INTEGER NOT NULL,
    number INTEGER NOT NULL,
    statement_id BLOB NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (row_id, kind, author)
) STRICT, WITHOUT ROWID;
CREATE INDEX pins ON registers (author, number) WHERE kind = 11 AND value <> '';

-- Statements of a contact about messages of theirs that have not come yet.
CREATE TABLE early (
    early_id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    target_id BLOB NOT NULL,
    payload BLOB NOT NULL,
    received_at_s INTEGER NOT NULL
) STRICT;
CREATE INDEX early_of_message ON early (conversation_id, target_id);
CREATE INDEX early_by_age ON early (received_at_s);

-- The message that a queued statement is about: it goes when the message does.
ALTER TABLE outbox ADD COLUMN about_row INTEGER;
CREATE INDEX outbox_about ON outbox (about_row) WHERE about_row IS NOT NULL;

-- A Text has two more fields. What waits is sealed again: one key must not seal two plaintexts.
UPDATE outbox SET payload = CAST(x'96' || substr(payload, 2) || x'c000' AS BLOB), session_id = NULL,
    chain = NULL, ordinal = NULL, sealed_at_s = NULL, envelope = NULL, put_queue = NULL,
    put_at_s = NULL, first_put_s = NULL, puts = 0
    WHERE substr(payload, 1, 2) = x'9401';

-- The index follows edits by a trigger of each of its parts: it is made again when the profile opens.
UPDATE sqlite_sequence SET seq = 0 WHERE name = 'messages_fts';
