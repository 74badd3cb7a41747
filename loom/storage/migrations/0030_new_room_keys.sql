-- Keys that members with another identity say in a room, until an officer has admitted them (PROTOCOL 14.1).
CREATE TABLE room_renewals (
    room INTEGER NOT NULL REFERENCES rooms ON DELETE CASCADE,
    person_id INTEGER NOT NULL REFERENCES persons ON DELETE CASCADE,
    ed25519 BLOB NOT NULL,
    mldsa BLOB NOT NULL,
    proof BLOB NOT NULL,
    PRIMARY KEY (room, person_id)
) STRICT, WITHOUT ROWID;
