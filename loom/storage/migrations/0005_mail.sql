-- Mail by anchors (PROTOCOL 10): accounts, the queues held there, what contacts told of theirs.

CREATE TABLE anchors (
    anchor_id INTEGER PRIMARY KEY AUTOINCREMENT,
    account BLOB NOT NULL UNIQUE CHECK (length(account) = 32), -- C
    mask_key BLOB NOT NULL CHECK (length(mask_key) = 16), -- D
    addresses BLOB NOT NULL, -- MessagePack [[host, port], ...]
    added_at_ms INTEGER NOT NULL,
    is_left INTEGER NOT NULL DEFAULT 0 -- nothing new goes there; deleted once its queues are shut
) STRICT;

CREATE TABLE queues (
    queue_id BLOB PRIMARY KEY CHECK (length(queue_id) = 16),
    anchor_id INTEGER NOT NULL REFERENCES anchors ON DELETE CASCADE,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    direction INTEGER NOT NULL, -- 0 inbound, 1 outbound
    secret BLOB NOT NULL CHECK (length(secret) = 32) -- Q
) STRICT, WITHOUT ROWID;
CREATE INDEX queues_of_device ON queues (device_id);
CREATE INDEX queues_of_anchor ON queues (anchor_id);

-- Queues that the anchor must still be told to delete, also after their contact was removed.
CREATE TABLE queues_to_shut (
    queue_id BLOB PRIMARY KEY CHECK (length(queue_id) = 16),
    anchor_id INTEGER NOT NULL REFERENCES anchors ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE TRIGGER queue_deleted AFTER DELETE ON queues
WHEN EXISTS (SELECT 1 FROM anchors WHERE anchor_id = OLD.anchor_id) BEGIN
    INSERT OR IGNORE INTO queues_to_shut VALUES (OLD.queue_id, OLD.anchor_id);
END;

-- The newest Mailboxes of each device.
CREATE TABLE told_mailboxes (
    device_id INTEGER PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    reset_counter INTEGER NOT NULL, -- of the session that told them
    number INTEGER NOT NULL,
    entries BLOB NOT NULL -- MessagePack, as they travelled
) STRICT;

-- The largest number of a Mailboxes sent to each device.
CREATE TABLE mailbox_numbers (
    device_id INTEGER PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    number INTEGER NOT NULL,
    reset_counter INTEGER NOT NULL, -- of the best session when it was queued; 0: there was none
    entries BLOB NOT NULL
) STRICT;

-- What lies at the bundle places of the queues that this side reads.
CREATE TABLE laid_bundles (
    queue_id BLOB NOT NULL,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    place INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 8),
    expires_at_s INTEGER NOT NULL,
    PRIMARY KEY (queue_id, place)
) STRICT, WITHOUT ROWID;

-- A bundle in a mailbox is answered longer than it may be begun upon.
ALTER TABLE prekeys ADD COLUMN kept_until_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE prekeys ADD COLUMN queue_id BLOB; -- where it was laid; NULL: given on a link
UPDATE prekeys SET kept_until_s = expires_at_s;

-- Mail that was judged and did not open: acknowledged again, nothing else.
CREATE TABLE unopened_mail (
    hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
    day INTEGER NOT NULL -- Unix time / 86,400
) STRICT, WITHOUT ROWID;

-- Where a row of the outbox was put last.
ALTER TABLE outbox ADD COLUMN put_queue BLOB;
ALTER TABLE outbox ADD COLUMN put_at_s INTEGER;
ALTER TABLE outbox ADD COLUMN puts INTEGER NOT NULL DEFAULT 0;
