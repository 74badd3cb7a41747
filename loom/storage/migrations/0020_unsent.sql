-- Texts that waited when a backup was made. Whoever restores it says whether they are sent: until then
-- they are in no outbox.
CREATE TABLE unsent (
    row_id INTEGER PRIMARY KEY, -- the order of the outbox they were in
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    message_id BLOB NOT NULL CHECK (length(message_id) = 16),
    payload BLOB NOT NULL,
    about_row INTEGER,
    UNIQUE (device_id, message_id)
) STRICT;
