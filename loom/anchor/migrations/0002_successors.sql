-- An account may make the one that replaces it (PROTOCOL 10.3): the tag key of that one, and the account it all began with.
ALTER TABLE accounts ADD COLUMN successor_tag_key BLOB;
ALTER TABLE accounts ADD COLUMN first_id INTEGER;
