-- Messages that end, and conversations that were deleted on both sides (PROTOCOL 6.2, 6.3).

ALTER TABLE messages ADD COLUMN expires_at_ms INTEGER; -- by the wall clock of this machine; NULL: never
CREATE INDEX messages_by_end ON messages (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- What each side wants of a conversation.
CREATE TABLE timers (
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    author INTEGER NOT NULL, -- as messages.author
    number INTEGER NOT NULL,
    statement_id BLOB NOT NULL,
    expires_s INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, author)
) STRICT, WITHOUT ROWID;

-- What was sent up to `before_ms` is gone on both sides, also what comes late.
CREATE TABLE farewells (
    conversation_id INTEGER PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    before_ms INTEGER NOT NULL,
    sends_after_ms INTEGER NOT NULL, -- what one sends from then on says a time after this
    due INTEGER NOT NULL, -- the scope that must still be carried out here; 0: none
    statement_id BLOB NOT NULL
) STRICT;

-- Farewells that wait for the answer of this profile's owner.
CREATE TABLE asked_farewells (
    conversation_id INTEGER PRIMARY KEY REFERENCES conversations ON DELETE CASCADE,
    before_ms INTEGER NOT NULL,
    sends_after_ms INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    statement_id BLOB NOT NULL
) STRICT;

-- A person who was removed while a farewell is on its way: no contact any more; deleted then.
ALTER TABLE persons ADD COLUMN stub_until_s INTEGER;
