"""What the owner allows everybody and each conversation: read receipts, typing, notifications."""

from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId
from loom.storage import settings

_KEY: Final = "preferences"


class Allowed(msgspec.Struct, frozen=True):
    """What holds for everybody or one conversation."""

    read_receipts: bool = True
    typing: bool = True
    muted: bool = False
    late_receipts: bool = False
    """Only of everybody: receipts that go through an anchor wait a while."""


_DEFAULT: Final = Allowed()


def of(db: Connection, conversation_id: ConversationId | None) -> Allowed:
    """What holds for a conversation, or for everybody."""
    if conversation_id is None:
        stored = settings.get(db, _KEY)
        return _DEFAULT if stored is None else msgspec.msgpack.decode(stored, type=Allowed)
    row = db.execute(
        "SELECT read_receipts, typing, muted FROM preferences WHERE conversation_id = ?",
        (conversation_id,),
    ).fetchone()
    return _DEFAULT if row is None else Allowed(*map(bool, row))


def put(db: Connection, conversation_id: ConversationId | None, allowed: Allowed) -> None:
    """Keep it; a conversation's that does not differ needs no row."""
    if conversation_id is None:
        settings.put(db, _KEY, msgspec.msgpack.encode(allowed))
        return
    db.execute("DELETE FROM preferences WHERE conversation_id = ?", (conversation_id,))
    if allowed != _DEFAULT:
        db.execute(
            "INSERT INTO preferences VALUES (?, ?, ?, ?)",
            (conversation_id, allowed.read_receipts, allowed.typing, allowed.muted),
        )


def all_(db: Connection) -> dict[ConversationId, Allowed]:
    """Those of conversations that differ."""
    rows = db.execute(
        "SELECT conversation_id, read_receipts, typing, muted FROM preferences"
        " ORDER BY conversation_id"
    )
    return {row[0]: Allowed(*map(bool, row[1:])) for row in rows}


def allows_read_receipts(db: Connection, conversation_id: ConversationId) -> bool:
    """Whether the other side may be told what was read."""
    return of(db, None).read_receipts and of(db, conversation_id).read_receipts


def allows_typing(db: Connection, conversation_id: ConversationId) -> bool:
    """Whether the other side may be told that the owner is typing."""
    return of(db, None).typing and of(db, conversation_id).typing
