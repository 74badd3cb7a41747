-- When and by which way a person was verified, and when they were given another identity.
-- Of those who were verified before, neither is known.
ALTER TABLE persons ADD COLUMN verified_at_ms INTEGER;
ALTER TABLE persons ADD COLUMN verified_by TEXT NOT NULL DEFAULT ''
    CHECK (verified_by IN ('', 'number', 'words', 'qr', 'nearby'));
ALTER TABLE persons ADD COLUMN identity_changed_at_ms INTEGER;
