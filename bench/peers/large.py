"""A history of a million messages, the same for Loom and for plain SQLite."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache, partial
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.harness import Settings
from bench.peers import sqlite

if TYPE_CHECKING:
    from loom.storage.connection import Db
    from loom.storage.database import Database

CONTACTS = 500
BIG, STREWN = 1, 2
"""The conversation that has nearly all, and one that has 2 of 1,000 from beginning to end."""
PROFILE = "large"
PER_COMMIT = 65_536
REACTED, EDITED = 4, 10
"""Of the big conversation both react to one message in so many; one in so many is edited."""
THUMB = "\N{THUMBS UP SIGN}"
NEEDLE = "needle"
_INSERT_PLAIN = """
INSERT INTO messages
    (contact_id, message_id, direction, body, sent_at_ms, stored_at_ms, state)
    VALUES (?, ?, 0, ?, ?, ?, 4)
"""
_INDEX_PLAIN = """
INSERT INTO messages_text (rowid, body) SELECT row_id, body FROM messages WHERE row_id >= ?
"""
CHINESE_RARE = "\u9f98\u9f96"
"""A word in one message of 50,000, of letters that no other has."""
_HAN = 3_500
_CYCLE = 500
_OTHERS = 18
_WORDS = 50_000
_TEXTS = 10_007
_SYLLABLES = [a + b for a in "bcdfghklmnprstvwz" for b in "aeiou"]


Says = Callable[[int], str]
"""The text of a message, by its number."""


class Row(msgspec.Struct, frozen=True):
    """One message; its number is its row, its id and its time."""

    number: int
    contact_id: int
    body: str


def count(settings: Settings) -> int:
    """How many messages, 1,000,000 of them in the big conversation."""
    return settings.amount(1_040_000, 10_000)


def needle(settings: Settings) -> int:
    """The number of the one message that holds NEEDLE, in the middle of the big conversation."""
    return count(settings) // 2


def rows(settings: Settings, says: Says | None = None) -> Iterator[Row]:
    """All messages, oldest first."""
    says = says or body
    for number in range(1, count(settings) + 1):
        yield Row(
            number,
            _contact(number),
            f"the {NEEDLE} in the middle" if number == needle(settings) else says(number),
        )


def body(number: int) -> str:
    """What a message says, but for the one with the needle; the last word tells its neighbours."""
    return f"{_texts()[number % _TEXTS]} {vocabulary()[number % _WORDS]}"


def chinese_body(number: int) -> str:
    """The same in Han without spaces."""
    return _chinese_texts()[number % _TEXTS] + (CHINESE_RARE if number % _WORDS == 7 else "")


@cache
def _chinese_vocabulary() -> list[str]:
    """Words of one to three letters, the commonest first."""
    draw = random.Random(3)
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + _HAN)]
    draw.shuffle(letters)
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(_HAN)))
    return [
        "".join(draw.choices(letters, cum_weights=weights, k=draw.choice((1, 2, 2, 2, 3))))
        for _ in range(_WORDS)
    ]


@cache
def _chinese_texts() -> list[str]:
    draw = random.Random(4)
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(_WORDS)))
    return [
        "".join(draw.choices(_chinese_vocabulary(), cum_weights=weights, k=draw.randint(2, 17)))
        for _ in range(_TEXTS)
    ]


def chinese_common() -> str:
    """The commonest word of two letters."""
    return next(word for word in _chinese_vocabulary() if len(word) == 2)


def _contact(number: int) -> int:
    place = number % _CYCLE
    if place == 1:
        return STREWN
    if 1 < place <= 1 + _OTHERS:
        return STREWN + 1 + (number * 7) % (CONTACTS - STREWN)
    return BIG


@cache
def vocabulary() -> list[str]:
    """Words of one to five syllables, the commonest first; every one is used."""
    draw = random.Random(1)
    words: dict[str, None] = {}
    while len(words) < _WORDS:
        longest = 1 if len(words) < len(_SYLLABLES) // 2 else 5
        words["".join(draw.choices(_SYLLABLES, k=draw.randint(1, longest)))] = None
    return list(words)


@cache
def _texts() -> list[str]:
    # As in any language, a word's frequency falls with its rank.
    draw = random.Random(2)
    weights = list(accumulate(1 / (rank + 2.7) for rank in range(_WORDS)))
    return [
        " ".join(draw.choices(vocabulary(), cum_weights=weights, k=draw.randint(2, 17)))
        for _ in range(_TEXTS)
    ]


def common_word() -> str:
    """In a third of all messages, as a word or as the beginning of one."""
    return vocabulary()[0]


def rare_word() -> str:
    """In one message of 50,000, and so long that no other word begins with it."""
    longest = max(map(len, vocabulary()))
    said = set(" ".join(_texts()).split())
    return next(word for word in vocabulary() if len(word) == longest and word not in said)


def fill_plain(path: Path, settings: Settings) -> None:
    """The same history in plain SQLite with its full-text index in one piece."""
    waiting = rows(settings)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(sqlite.SCHEMA)
        while True:
            page = [
                (row.contact_id, row.number.to_bytes(16, "big"), row.body, row.number, row.number)
                for row in islice(waiting, PER_COMMIT)
            ]
            if not page:
                return
            db.execute("BEGIN IMMEDIATE")
            db.executemany(_INSERT_PLAIN, page)
            db.execute(_INDEX_PLAIN, (page[0][-1],))
            db.execute("COMMIT")


def fill(home: Path, settings: Settings, says: Says | None = None) -> None:
    """A profile under `home` with this history, stored and committed as the node does it."""
    from bench.peers import loom_cli

    loom_cli.create(home, PROFILE)
    loom_cli.add_strangers(home, PROFILE, CONTACTS)
    waiting = rows(settings, says)

    def store(db: "Db") -> int:
        return sum(_insert(db, row) for row in islice(waiting, PER_COMMIT))

    def read_all(db: "Db") -> None:
        db.execute("UPDATE messages SET state = 4 WHERE state = 3 AND author <> 0")

    with closing(open_store(home)) as database:
        while database.write_now(store):
            pass
        database.write_now(read_all)
        for first in range(1, count(settings) + 1, PER_COMMIT):
            database.write_now(partial(_state, first, settings))


def _state(first: int, settings: Settings, db: "Db") -> None:
    """Statements about messages of the big conversation, as `content/` takes them up."""
    from loom.model import OWNER, ConversationId, MessageId, PersonId
    from loom.storage import edits, messages, registers

    for number in range(first, min(first + PER_COMMIT, count(settings) + 1)):
        if _contact(number) != BIG or number == needle(settings):
            continue
        statement_id = MessageId(number.to_bytes(16, "little"))
        if number % REACTED == 0:
            for author in (OWNER, PersonId(BIG)):
                registers.put(db, number, 10, author, number, statement_id, THUMB)
        if number % EDITED == 0:
            message_id = MessageId(number.to_bytes(16, "big"))
            message = messages.by_id(db, ConversationId(BIG), message_id)
            if message is not None:
                wording = edits.Wording(number, f"{message.body} {message.body.split()[-1]}")
                edits.add(db, message, number, statement_id, wording)


def open_store(home: Path) -> "Database":
    """The store of that profile, without a node."""
    from bench.peers import loom_cli
    from loom.config import Settings as Where
    from loom.config import home_of, paths_of
    from loom.storage import vault
    from loom.storage.database import Database

    paths = paths_of(home_of(Where(home=home)), PROFILE)
    key = vault.unlock(paths.keyslot, loom_cli.PASSPHRASE)
    return Database.open(paths.database, key.database_key())


def _insert(db: "Db", row: Row) -> int:
    from loom.model import ConversationId, MessageId, MessageState, PersonId
    from loom.storage import messages

    messages.insert(
        db,
        conversation_id=ConversationId(row.contact_id),
        message_id=MessageId(row.number.to_bytes(16, "big")),
        author=PersonId(row.contact_id),
        kind=1,
        body=row.body,
        sent_at_ms=row.number,
        stored_at_ms=row.number,
        state=MessageState.READ,
    )
    return 1
