"""What the owner decided for everybody and for each conversation."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, Level
from loom.storage import settings

FOR_EVER_MS: Final = 2**63 - 1
"""Muted until then: until somebody says otherwise."""
_KEY: Final = "preferences"
_COLUMNS: Final = "read_receipts, typing, mute_until_ms, level, archived, favourite, verify_first"


class Preference(msgspec.Struct, frozen=True):
    """What holds for everybody or one conversation."""

    read_receipts: bool = True
    typing: bool = True
    late_receipts: bool = False
    """Only of everybody: receipts that go through an anchor wait a while."""
    ask_farewells: bool = False
    """Only of everybody: a Farewell of a contact is carried out when the owner agrees."""
    verify_first: bool = False
    """Nothing is sent to a new identity of a contact, though proven with their recovery words,
    until the owner has verified it."""
    mute_until_ms: int = 0
    """This and what follows only of one conversation. By the wall clock; 0: not muted."""
    level: Level = Level.EVERYTHING
    archived: bool = False
    favourite: bool = False

    def is_muted(self, now_ms: int) -> bool:
        """Whether it is muted at that moment."""
        return now_ms < self.mute_until_ms


DEFAULT: Final = Preference()


def of(db: Connection, conversation_id: ConversationId | None) -> Preference:
    """What holds for a conversation, or for everybody."""
    if conversation_id is None:
        stored = settings.get(db, _KEY)
        return DEFAULT if stored is None else msgspec.msgpack.decode(stored, type=Preference)
    row = db.execute(
        f"SELECT {_COLUMNS} FROM preferences WHERE conversation_id = ?",  # noqa: S608
        (conversation_id,),
    ).fetchone()
    return DEFAULT if row is None else _preference(row)


def put(db: Connection, conversation_id: ConversationId | None, preference: Preference) -> None:
    """Keep it; a conversation's that does not differ needs no row."""
    if conversation_id is None:
        settings.put(db, _KEY, msgspec.msgpack.encode(preference))
        return
    db.execute("DELETE FROM preferences WHERE conversation_id = ?", (conversation_id,))
    if preference != DEFAULT:
        db.execute(
            f"INSERT INTO preferences (conversation_id, {_COLUMNS})"  # noqa: S608
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                conversation_id,
                preference.read_receipts,
                preference.typing,
                preference.mute_until_ms,
                preference.level.value,
                preference.archived,
                preference.favourite,
                preference.verify_first,
            ),
        )


def all_(db: Connection) -> dict[ConversationId, Preference]:
    """Those of conversations that differ."""
    rows = db.execute(
        f"SELECT conversation_id, {_COLUMNS} FROM preferences"  # noqa: S608
        " ORDER BY conversation_id"
    )
    return {row[0]: _preference(row[1:]) for row in rows}


def bring_back(db: Connection, conversation_id: ConversationId, now_ms: int) -> bool:
    """A message came: the conversation leaves the archive unless it is muted; whether it did."""
    return (
        db.execute(
            "UPDATE preferences SET archived = 0"
            " WHERE conversation_id = ? AND archived AND mute_until_ms <= ?",
            (conversation_id, now_ms),
        ).rowcount
        > 0
    )


def allows_read_receipts(db: Connection, conversation_id: ConversationId) -> bool:
    """Whether the other side may be told what was read."""
    return of(db, None).read_receipts and of(db, conversation_id).read_receipts


def allows_typing(db: Connection, conversation_id: ConversationId) -> bool:
    """Whether the other side may be told that the owner is typing."""
    return of(db, None).typing and of(db, conversation_id).typing


def verifies_first(db: Connection, conversation_id: ConversationId) -> bool:
    """Whether nothing is sent to a new identity of the other side before it is verified."""
    return of(db, None).verify_first or of(db, conversation_id).verify_first


def _preference(row: tuple[int, int, int, str, int, int, int]) -> Preference:
    read_receipts, typing, mute_until_ms, level, archived, favourite, verify_first = row
    return Preference(
        read_receipts=bool(read_receipts),
        typing=bool(typing),
        mute_until_ms=mute_until_ms,
        level=Level(level),
        archived=bool(archived),
        favourite=bool(favourite),
        verify_first=bool(verify_first),
    )
