-- Files that were offered to or by this profile, and uploads that nobody has sent yet.
-- Their content, where it lies in the profile, is sealed chunks in files/ (PROTOCOL "Files").
CREATE TABLE files (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id BLOB NOT NULL UNIQUE CHECK (length(file_id) = 16),
    conversation_id INTEGER REFERENCES conversations ON DELETE CASCADE,
    message_row INTEGER UNIQUE REFERENCES messages ON DELETE CASCADE,
    room INTEGER REFERENCES rooms ON DELETE CASCADE,
    post_row INTEGER UNIQUE REFERENCES room_posts ON DELETE CASCADE,
    is_own INTEGER NOT NULL,
    name TEXT NOT NULL, -- as its sender wrote it
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    root BLOB NOT NULL,
    secret BLOB NOT NULL, -- F: all keys of its content come from it
    thumbnail_width INTEGER NOT NULL DEFAULT 0,
    thumbnail_height INTEGER NOT NULL DEFAULT 0,
    thumbnail BLOB,
    state INTEGER NOT NULL, -- 0 offered, 1 accepted, 2 done, 3 declined, 4 cancelled, 5 failed, 6 an upload
    why TEXT NOT NULL DEFAULT '',
    is_paused INTEGER NOT NULL DEFAULT 0,
    own_state INTEGER NOT NULL DEFAULT 0, -- of this side's FileState that holds; 0: none
    own_number INTEGER NOT NULL DEFAULT 0,
    remote_state INTEGER NOT NULL DEFAULT 0, -- and of the other side's
    remote_number INTEGER NOT NULL DEFAULT 0,
    accept_id BLOB, -- of this side's ACCEPT that is not receipted yet
    path TEXT NOT NULL DEFAULT '', -- where an own file is read in place
    blob_id BLOB, -- the name of what lies in files/; NULL: nothing does
    kept_secret BLOB, -- of own content there, which is sealed under keys of its own
    is_whole INTEGER NOT NULL DEFAULT 0, -- all of it lies there
    chunks BLOB NOT NULL DEFAULT x'', -- a bit for each chunk that is durable here, of an own file: that was served
    moved INTEGER NOT NULL DEFAULT 0, -- bytes of these
    served INTEGER NOT NULL DEFAULT 0, -- pieces that were sealed for it, repeated ones too
    way INTEGER NOT NULL DEFAULT 0, -- 0 none yet, 1 direct, 2 by an anchor
    place BLOB, -- where the receiver wants the rest put, as it was told
    offered_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX files_of_conversation ON files (conversation_id, row_id);
CREATE INDEX files_of_room ON files (room, row_id) WHERE room IS NOT NULL;
CREATE INDEX files_kept ON files (size) WHERE blob_id IS NOT NULL;
CREATE INDEX files_under_way ON files (conversation_id, row_id) WHERE state = 1 AND is_own = 0;
CREATE INDEX files_accepting ON files (accept_id) WHERE accept_id IS NOT NULL;

-- The hashes of the chunks of a file, 32 bytes each; 2 MiB at most.
CREATE TABLE file_lists (
    row_id INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
    hashes BLOB NOT NULL
) STRICT;

-- What is served and asked for no longer; and of what lies in files/ nothing may stay there.
CREATE TABLE files_gone (file_id BLOB PRIMARY KEY, blob_id BLOB) STRICT, WITHOUT ROWID;
CREATE TRIGGER files_deleted AFTER DELETE ON files BEGIN
    INSERT OR REPLACE INTO files_gone VALUES (old.file_id, old.blob_id);
END;
CREATE TRIGGER files_of_deleted_messages AFTER UPDATE OF deleted_at_ms ON messages
WHEN new.deleted_at_ms IS NOT NULL BEGIN
    DELETE FROM files WHERE message_row = new.row_id;
END;
CREATE TRIGGER files_of_deleted_posts AFTER UPDATE OF is_gone ON room_posts
WHEN new.is_gone = 1 BEGIN
    DELETE FROM files WHERE post_row = new.row_id;
END;
