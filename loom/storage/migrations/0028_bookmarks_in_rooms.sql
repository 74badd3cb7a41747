-- Bookmarks of posts, as messages have them.
ALTER TABLE room_posts ADD COLUMN is_bookmarked INTEGER NOT NULL DEFAULT 0;
CREATE INDEX room_posts_bookmarked ON room_posts (row_id) WHERE is_bookmarked = 1;
