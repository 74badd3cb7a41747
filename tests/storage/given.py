"""Contacts and messages that tests put into a database."""

import re
from collections.abc import Callable

from sqlcipher3.dbapi2 import Connection

from loom.model import (
    OWNER,
    Contact,
    ConversationId,
    Direction,
    Message,
    MessageId,
    MessageState,
    PeerId,
    PersonId,
)
from loom.search_words import index_text
from loom.storage import messages, persons, search, text_index

ADA = PeerId(b"A" * 32)


def mid(number: int) -> MessageId:
    """A message id."""
    return MessageId(number.to_bytes(16, "big"))


def add_contact(db: Connection, name: str = "Ada", peer_id: PeerId = ADA) -> Contact:
    """Import somebody's token."""
    return persons.insert(db, name=name, peer_id=peer_id, x25519_public=bytes(32), created_at_ms=1)


def say(
    db: Connection,
    number: int,
    body: str = "hello",
    *,
    conversation_id: int = 1,
    direction: Direction = Direction.IN,
    state: MessageState | None = None,
    sent_at_ms: int | None = None,
) -> Message:
    """Store a message whose times are its number."""
    incoming = direction is Direction.IN
    return messages.insert(
        db,
        conversation_id=ConversationId(conversation_id),
        message_id=mid(number),
        author=PersonId(conversation_id) if incoming else OWNER,
        kind=1,
        body=body,
        sent_at_ms=number if sent_at_ms is None else sent_at_ms,
        stored_at_ms=number,
        state=state or (MessageState.DELIVERED if incoming else MessageState.QUEUED),
    )


def saying(number: int, body: str = "hello") -> Callable[[Connection], Message]:
    """The work that stores a message."""
    return lambda db: say(db, number, body)


def find(db: Connection, text: str, limit: int = 50) -> list[Message]:
    """Search everything, also what is not indexed yet."""
    index_all(db)
    return search.search(db, text, limit=limit)


def index_all(db: Connection) -> None:
    """Bring the index up to date."""
    while not search.index_new(db):
        pass


def continue_at(db: Connection, row_id: int) -> None:
    """Give the next message this row, as if the others were stored and deleted."""
    db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'messages'", (row_id - 1,))


_INSTANCES = "SELECT doc, col, term, offset FROM temp.instances ORDER BY 1, 2, 3, 4"


def check_search(db: Connection) -> None:
    """Brought up to date, the index holds the words of every stored message and not one more."""
    index_all(db)
    db.execute("CREATE VIRTUAL TABLE temp.anew USING fts5 (body, facets, tokenize = 'ascii')")
    for row_id, author, conversation_id, body in db.execute(
        "SELECT row_id, author, conversation_id, body FROM messages"
    ).fetchall():
        facets = [str(conversation_id)]
        facets += ["me"] if author == OWNER else []
        facets += ["link"] if re.search("https?://", body, re.IGNORECASE) else []
        db.execute(
            "INSERT INTO temp.anew (rowid, body, facets) VALUES (?, ?, ?)",
            (row_id, index_text(body), " ".join(facets) if body else ""),
        )
    found = {}
    tables = "SELECT name FROM sqlite_schema WHERE sql LIKE 'CREATE VIRTUAL TABLE messages_fts%'"
    names = [("main", name) for (name,) in db.execute(tables).fetchall()]
    for schema, name in [("temp", "anew"), *names]:
        db.execute(
            f"CREATE VIRTUAL TABLE temp.instances USING fts5vocab ({schema}, {name}, instance)"
        )
        found[name] = db.execute(_INSTANCES).fetchall()
        db.execute("DROP TABLE temp.instances")
    db.execute("DROP TABLE temp.anew")
    wanted = found.pop("anew")
    assert sorted(one for held in found.values() for one in held) == wanted
    for name, held in found.items():
        assert {(doc - 1) >> text_index.PART_BITS for doc, *_ in held} <= {int(name.split("_")[-1])}
