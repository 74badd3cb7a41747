-- Accounts at anchors after another identity followed (PROTOCOL 10.3): the account that a new one is to replace, until
-- the anchor has made the new one; and whether this one was replaced, and only serves who was not told yet.
ALTER TABLE anchors ADD COLUMN instead_of INTEGER REFERENCES anchors ON DELETE CASCADE;
ALTER TABLE anchors ADD COLUMN is_replaced INTEGER NOT NULL DEFAULT 0;
