-- Files in rooms: posts that offer one have a place in the timeline; how much each member was served.
DROP INDEX room_posts_in_channel;
CREATE INDEX room_posts_in_channel ON room_posts (room, channel, ordinal, id, thread)
WHERE kind IN (0, 1, 5, 7, 11);
CREATE INDEX files_wanted_of_rooms ON files (row_id)
WHERE room IS NOT NULL AND state = 1 AND is_own = 0;
CREATE TABLE files_served (
    row_id INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES persons ON DELETE CASCADE,
    pieces INTEGER NOT NULL, -- that were sealed for that member, repeated ones too
    chunks BLOB NOT NULL, -- a bit for each chunk that it was served
    is_whole INTEGER NOT NULL, -- each of them was
    PRIMARY KEY (row_id, person_id)
) STRICT, WITHOUT ROWID;
