-- Queues at own anchors for parcels of files (PROTOCOL 15.5): one for each contact that sends some.
CREATE TABLE windows (
    device_id INTEGER PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    anchor_id INTEGER NOT NULL REFERENCES anchors ON DELETE CASCADE,
    queue_id BLOB NOT NULL UNIQUE CHECK (length(queue_id) = 16),
    secret BLOB NOT NULL -- Q
) STRICT;
CREATE TRIGGER window_deleted AFTER DELETE ON windows
WHEN EXISTS (SELECT 1 FROM anchors WHERE anchor_id = OLD.anchor_id) BEGIN
    INSERT OR IGNORE INTO queues_to_shut VALUES (OLD.queue_id, OLD.anchor_id);
END;

-- Of a file of others: the last FileState that said where its parcels are read.
ALTER TABLE files ADD COLUMN told_id BLOB;
-- Of an own file: the chunks that were put since the receiver said where.
ALTER TABLE files ADD COLUMN put BLOB NOT NULL DEFAULT x'';
CREATE TRIGGER file_place_changed AFTER UPDATE OF place ON files BEGIN
    UPDATE files SET put = x'' WHERE row_id = NEW.row_id;
END;
