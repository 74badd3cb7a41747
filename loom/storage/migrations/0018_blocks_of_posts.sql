-- What members compare of the posts of a room (PROTOCOL 14.5), computed once: of each author and
-- 256 numbers how many posts there are, the digest of their ids, and the orders of the first and last.
CREATE TABLE room_blocks (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    author BLOB NOT NULL,
    block INTEGER NOT NULL, -- number / 256
    count INTEGER NOT NULL DEFAULT 0,
    digest BLOB, -- NULL: to be computed
    first_order INTEGER NOT NULL DEFAULT 0,
    last_order INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, author, block)
) STRICT, WITHOUT ROWID;
INSERT INTO room_blocks (room, author, block)
SELECT DISTINCT room, author, number / 256 FROM room_posts WHERE number IS NOT NULL;

-- With all that a digest needs.
DROP INDEX room_posts_by_number;
CREATE INDEX room_posts_by_number ON room_posts (room, author, number, id, ordinal, is_held);

-- Looked at every minute: what is held for an hour.
CREATE INDEX room_posts_held ON room_posts (room, row_id) WHERE is_held = 1;
