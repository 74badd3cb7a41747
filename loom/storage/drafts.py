"""What was begun and not sent: a text, the timer it is to have, and another wording of a message.

Most drafts are a text alone, and are stored as it is. One with more is JSON behind a control
character, with which no text begins that was typed.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlcipher3.dbapi2 import Connection

from loom.model import OWNER, ConversationId, MessageId
from loom.storage import messages

_MORE: Final = "\x1e"


class Draft(msgspec.Struct, frozen=True, array_like=True):
    """Of one conversation; `edits` is the message that `wording` is for.

    `edits` without a wording: that message was deleted meanwhile, and the wording with it.
    """

    body: str = ""
    expires_s: int | None = None
    edits: bytes | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return "Draft(redacted)"

    @property
    def size_bytes(self) -> int:
        """Of its texts."""
        return len(self.body.encode()) + len(self.wording.encode())


NONE: Final = Draft()


def put(db: Connection, conversation_id: ConversationId, draft: Draft) -> None:
    """Keep one draft per conversation; an empty one forgets it."""
    if draft == NONE:
        db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))
        return
    is_text = draft == Draft(draft.body) and not draft.body.startswith(_MORE)
    stored = draft.body if is_text else _MORE + msgspec.json.encode(draft).decode()
    db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (conversation_id, stored))


def of(db: Connection, conversation_id: ConversationId) -> Draft:
    """What was begun in a conversation."""
    row = db.execute(
        "SELECT body FROM drafts WHERE conversation_id = ?", (conversation_id,)
    ).fetchone()
    if row is None:
        return NONE
    [stored] = row
    if not stored.startswith(_MORE):
        return Draft(stored)
    return msgspec.json.decode(stored.removeprefix(_MORE), type=Draft)


def forget_wording(db: Connection, conversation_id: ConversationId) -> None:
    """Forget what was to replace a message that is not there any more; that there was one stays."""
    draft = of(db, conversation_id)
    if draft.edits is None or not draft.wording:
        return
    message = messages.by_id(db, conversation_id, MessageId(draft.edits), OWNER)
    if message is None or message.deleted_at_ms is not None:
        put(db, conversation_id, msgspec.structs.replace(draft, wording=""))


def page(
    db: Connection, conversations: Iterable[ConversationId], size_bytes: int
) -> tuple[dict[ConversationId, Draft], bool]:
    """Drafts of these conversations until they have `size_bytes`; and whether others have one."""
    found: dict[ConversationId, Draft] = {}
    for one in conversations:
        draft = of(db, one)
        if draft != NONE and size_bytes <= 0:
            return found, True
        if draft != NONE:
            found[one] = draft
            size_bytes -= draft.size_bytes
    return found, False
