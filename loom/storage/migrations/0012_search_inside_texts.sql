-- The index was made of other words (docs/adr/0035). `search.attach` drops what there is of it.

-- The days of the messages that were indexed together, so that a search bounded in time skips the
-- others. Days, because they outlive the messages.
CREATE TABLE indexed_days (
    first_row INTEGER PRIMARY KEY,
    last_row INTEGER NOT NULL,
    oldest_day INTEGER NOT NULL, -- of sent_at_ms, / 86,400,000
    newest_day INTEGER NOT NULL
) STRICT;
