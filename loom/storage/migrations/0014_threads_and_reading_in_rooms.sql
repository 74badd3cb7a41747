-- Rooms: threads, what is unread post by post, whom a post addresses, and the full-text index of posts.

ALTER TABLE room_posts ADD COLUMN thread BLOB; -- the post that began it; NULL: in the channel itself
ALTER TABLE room_posts ADD COLUMN mentions BLOB NOT NULL DEFAULT x''; -- authors, 32 bytes each
ALTER TABLE room_posts ADD COLUMN expires_s INTEGER NOT NULL DEFAULT 0; -- as its author wrote it
ALTER TABLE room_posts ADD COLUMN is_unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE room_posts ADD COLUMN is_hidden INTEGER NOT NULL DEFAULT 0; -- deleted by a moderator

UPDATE room_posts SET is_unread = 1
WHERE kind = 1 AND NOT is_held AND NOT is_gone
    AND author NOT IN (SELECT author FROM room_keys WHERE room_keys.room = room_posts.room)
    AND row_id > ifnull((SELECT read_row FROM room_channels
        WHERE room_channels.room = room_posts.room AND room_channels.channel = room_posts.channel), 0);

DROP INDEX room_posts_unread;
DROP INDEX room_posts_in_channel;
CREATE INDEX room_posts_unread ON room_posts (room, channel, thread, row_id) WHERE is_unread = 1;
CREATE INDEX room_posts_mentions ON room_posts (row_id) WHERE is_mention = 1;
-- What a timeline shows: lines, texts, polls, proposals.
CREATE INDEX room_posts_in_channel ON room_posts (room, channel, ordinal, id, thread)
WHERE kind IN (0, 1, 5, 7);
-- Kind and is_held, so that answers are counted by it alone.
CREATE INDEX room_posts_in_thread ON room_posts (room, thread, ordinal, id, kind, is_held)
WHERE thread IS NOT NULL;

-- What belongs to a channel, or to a thread in it: `thread` is the post that began it, or nothing.
CREATE TABLE room_places (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    channel TEXT NOT NULL,
    thread BLOB NOT NULL DEFAULT x'',
    draft TEXT NOT NULL DEFAULT '', -- JSON
    mute_until_ms INTEGER NOT NULL DEFAULT 0,
    level TEXT NOT NULL DEFAULT '', -- nothing: as the room
    PRIMARY KEY (room, channel, thread)
) STRICT, WITHOUT ROWID;
DROP TABLE room_channels;

-- As of messages: the days of the posts that were indexed together.
CREATE TABLE indexed_room_days (
    first_row INTEGER PRIMARY KEY,
    last_row INTEGER NOT NULL,
    oldest_day INTEGER NOT NULL,
    newest_day INTEGER NOT NULL
) STRICT;
INSERT INTO sqlite_sequence (name, seq) VALUES ('room_posts_fts', 0);
