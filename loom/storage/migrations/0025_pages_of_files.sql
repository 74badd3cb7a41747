-- Lists of files are read in pages, by size, too, and added up without reading each row.
CREATE INDEX files_by_size ON files (size, row_id) WHERE state <> 6;
DROP INDEX files_kept;
CREATE INDEX files_kept ON files (offered_at_ms, size, state, is_whole) WHERE blob_id IS NOT NULL;
