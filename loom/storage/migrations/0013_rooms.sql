-- Rooms (PROTOCOL 14): what their members signed, and what this profile keeps about each.
-- `author` is 32 bytes, the hash of a member's room keys; `room` the number of a room in this profile.

CREATE TABLE rooms (
    room INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id BLOB NOT NULL UNIQUE CHECK (length(room_id) = 32),
    name TEXT NOT NULL,
    standing INTEGER NOT NULL, -- 0: joining, 1: a member, 2: left, 3: removed
    door INTEGER REFERENCES persons ON DELETE SET NULL, -- through whom one joins
    claim BLOB NOT NULL DEFAULT x'', -- of the invite that is used
    version BLOB NOT NULL, -- random, another one with each statement
    largest_order INTEGER NOT NULL DEFAULT 0, -- as it counts for one's next post
    changed_at_ms INTEGER NOT NULL DEFAULT 0, -- when something of it was stored last
    created_at_ms INTEGER NOT NULL,
    mute_until_ms INTEGER NOT NULL DEFAULT 0,
    level TEXT NOT NULL DEFAULT 'everything'
) STRICT;

-- One's own keys in a room: the newest one signs. The seeds of Ed25519 and ML-DSA-65.
CREATE TABLE room_keys (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    author BLOB NOT NULL CHECK (length(author) = 32),
    seeds BLOB NOT NULL CHECK (length(seeds) = 64)
) STRICT;
CREATE INDEX room_keys_of_room ON room_keys (room, key_id);

CREATE TABLE room_statements (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    id BLOB NOT NULL CHECK (length(id) = 32),
    author BLOB NOT NULL,
    number INTEGER NOT NULL,
    data BLOB NOT NULL, -- as it travels, signatures and all
    UNIQUE (room, id)
) STRICT;
CREATE INDEX room_statements_by_number ON room_statements (room, author, number, id);

-- What the timeline shows. A row without `number` is a line about a statement, made here.
CREATE TABLE room_posts (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    id BLOB NOT NULL,
    author BLOB NOT NULL,
    number INTEGER,
    ordinal INTEGER NOT NULL, -- the `order` of the protocol
    sent_at_ms INTEGER NOT NULL,
    stored_at_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    channel TEXT NOT NULL,
    reply BLOB, -- the post that it answers
    body TEXT NOT NULL, -- what is shown: the last wording, nothing once it is gone
    is_edited INTEGER NOT NULL DEFAULT 0,
    is_gone INTEGER NOT NULL DEFAULT 0, -- deleted: by its author, by a moderator, by time
    is_held INTEGER NOT NULL DEFAULT 0, -- more in an hour than is shown of one author
    is_doubled INTEGER NOT NULL DEFAULT 0, -- another post has its number
    is_mention INTEGER NOT NULL DEFAULT 0,
    expires_at_ms INTEGER,
    data BLOB, -- as it travels; of a line NULL
    UNIQUE (room, id)
) STRICT;
CREATE INDEX room_posts_in_order ON room_posts (room, ordinal, id);
CREATE INDEX room_posts_in_channel ON room_posts (room, channel, ordinal, id);
CREATE INDEX room_posts_unread ON room_posts (room, channel, row_id) WHERE kind = 1;
CREATE INDEX room_posts_by_number ON room_posts (room, author, number, id);
CREATE INDEX room_posts_by_end ON room_posts (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

-- Which posts an edit, a reaction or the like is about.
CREATE TABLE room_subjects (
    row_id INTEGER NOT NULL REFERENCES room_posts ON DELETE CASCADE,
    subject BLOB NOT NULL,
    PRIMARY KEY (subject, row_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_subjects_of_post ON room_subjects (row_id);

-- Who of one's contacts is in a room, and what each side told the other of its keys there.
CREATE TABLE room_peers (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES persons ON DELETE CASCADE,
    said BLOB, -- the author that they said they are; NULL: nothing yet
    told BLOB, -- the author that they were told; NULL: nothing yet
    refused INTEGER NOT NULL DEFAULT 0, -- events of theirs that could not be verified
    compared_at_ms INTEGER NOT NULL DEFAULT 0, -- when a RoomHave was queued last
    PRIMARY KEY (room, person_id)
) STRICT, WITHOUT ROWID;

-- One's own invites may lead into a room, of which the text says id and name.
ALTER TABLE invites ADD COLUMN room_id BLOB;
ALTER TABLE invites ADD COLUMN room_name TEXT NOT NULL DEFAULT '';

-- What of each channel was read, and what was begun there.
CREATE TABLE room_channels (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    channel TEXT NOT NULL,
    read_row INTEGER NOT NULL DEFAULT 0,
    draft TEXT NOT NULL DEFAULT '',
    mute_until_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, channel)
) STRICT, WITHOUT ROWID;
