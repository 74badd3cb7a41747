-- What a removed officer signed and oneself does not want to be asked about again.
ALTER TABLE room_statements ADD COLUMN is_dismissed INTEGER NOT NULL DEFAULT 0;

-- Since when this profile is taken for an old copy in this room (PROTOCOL 14.5): the largest order
-- that it knew then. NULL: it may sign.
ALTER TABLE rooms ADD COLUMN copied_order INTEGER;

-- One's own next post and statement have at least these numbers: more may have been signed before.
ALTER TABLE rooms ADD COLUMN post_floor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rooms ADD COLUMN statement_floor INTEGER NOT NULL DEFAULT 0;
