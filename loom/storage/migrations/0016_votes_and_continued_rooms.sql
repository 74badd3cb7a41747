-- Rooms: proposals and votes, and what one signed for councils.

CREATE INDEX room_posts_proposals ON room_posts (room, row_id) WHERE kind = 7;

-- Of a council and number one signs one statement only, however often one is asked (PROTOCOL 14.4).
CREATE TABLE room_signed (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    council BLOB NOT NULL,
    number INTEGER NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (room, council, number)
) STRICT, WITHOUT ROWID;

-- Rooms that go on in another one: which one each member offered last, and whom one lets in oneself.

CREATE TABLE room_continuations (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE, -- the old one
    author BLOB NOT NULL,
    number INTEGER NOT NULL, -- of the post that offers it
    room_id BLOB NOT NULL, -- of the new one
    people BLOB NOT NULL, -- whom it is offered to: fingerprints, 32 bytes each
    PRIMARY KEY (room, author)
) STRICT, WITHOUT ROWID;
