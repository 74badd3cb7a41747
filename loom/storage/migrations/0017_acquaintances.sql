-- Members of a common room who are no contacts (PROTOCOL 14.7). `acquaintance_until_s`: NULL of
-- everybody else; 0 while a room is common; afterwards when they are deleted.
ALTER TABLE persons ADD COLUMN acquaintance_until_s INTEGER;

-- Whether the members of a room are told the addresses of this node, and theirs are dialled.
ALTER TABLE rooms ADD COLUMN is_direct INTEGER NOT NULL DEFAULT 0;

CREATE INDEX room_posts_hints ON room_posts (room) WHERE kind = 9 AND NOT is_gone;
