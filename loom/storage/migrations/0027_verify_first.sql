-- Whether nothing is sent to new keys of a contact before the owner has verified them.
ALTER TABLE preferences ADD COLUMN verify_first INTEGER NOT NULL DEFAULT 0;
