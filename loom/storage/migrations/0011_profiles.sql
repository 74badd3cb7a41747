-- What contacts tell of themselves: the profile with the largest number counts. -1: none came yet.

ALTER TABLE persons ADD COLUMN profile_number INTEGER NOT NULL DEFAULT -1;
ALTER TABLE persons ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN away INTEGER NOT NULL DEFAULT 0;

-- A Profile has three more fields. What waits is sealed again: one key must not seal two plaintexts.
UPDATE outbox SET payload = CAST(x'97' || substr(payload, 2, 28) || x'00' || substr(payload, 30)
    || x'a0c2' AS BLOB), session_id = NULL, chain = NULL, ordinal = NULL,
    sealed_at_s = NULL, envelope = NULL, put_queue = NULL, put_at_s = NULL, first_put_s = NULL,
    puts = 0
    WHERE substr(payload, 1, 2) = x'9404';
