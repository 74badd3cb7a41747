-- Files of rooms that are asked for by mail: whom this side asked, and what others ask of it.
CREATE TABLE file_requests_made (
    row_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    is_author INTEGER NOT NULL,
    stands INTEGER NOT NULL, -- it was not taken back, nor refused
    number INTEGER NOT NULL, -- of the last FileState about it, 0 before the first one
    told_id BLOB, -- the FileState that said last where parcels are read
    times INTEGER NOT NULL, -- how often it was made
    since_s INTEGER NOT NULL, -- when it was made, or something came of it last, Unix seconds
    gave INTEGER NOT NULL, -- something came of it
    not_before_s INTEGER NOT NULL, -- it was refused: not made again before, Unix seconds
    PRIMARY KEY (row_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_requests_made_of_device ON file_requests_made (device_id);
CREATE TABLE file_requests_taken (
    row_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
    device_id INTEGER NOT NULL REFERENCES devices ON DELETE CASCADE,
    number INTEGER NOT NULL, -- of the last FileState about it
    came_s INTEGER NOT NULL, -- Unix seconds
    place BLOB, -- where the member reads; NULL: it was taken back
    put BLOB NOT NULL, -- a bit for each chunk that was put there since
    PRIMARY KEY (row_id, device_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_requests_taken_of_device ON file_requests_taken (device_id);
