-- What was begun and not sent, and what one allows each contact. A row only where it differs.

CREATE TABLE drafts (
    contact_id INTEGER PRIMARY KEY REFERENCES contacts ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE preferences (
    contact_id INTEGER PRIMARY KEY REFERENCES contacts ON DELETE CASCADE,
    read_receipts INTEGER NOT NULL,
    typing INTEGER NOT NULL,
    muted INTEGER NOT NULL
) STRICT;
