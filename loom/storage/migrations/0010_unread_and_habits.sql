-- What is unread is known message by message. What was read once owes no second receipt.
ALTER TABLE messages ADD COLUMN is_unread_again INTEGER NOT NULL DEFAULT 0; -- it was read before
CREATE INDEX unread_messages ON messages (conversation_id) WHERE state = 3 AND author <> 0;
ALTER TABLE conversations DROP COLUMN read_row;

-- Decided when a message is stored or edited: it holds @ and the owner's name of then.
ALTER TABLE messages ADD COLUMN is_mention INTEGER NOT NULL DEFAULT 0;
CREATE INDEX mentions ON messages (row_id) WHERE is_mention = 1;

-- Muted until a moment (0: not), when to notify, and where a conversation stands in the list.
ALTER TABLE preferences ADD COLUMN mute_until_ms INTEGER NOT NULL DEFAULT 0;
UPDATE preferences SET mute_until_ms = 9223372036854775807 WHERE muted;
ALTER TABLE preferences DROP COLUMN muted;
ALTER TABLE preferences ADD COLUMN level TEXT NOT NULL DEFAULT 'everything';
ALTER TABLE preferences ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE preferences ADD COLUMN favourite INTEGER NOT NULL DEFAULT 0;
