"""How a message looks to front ends: the same in events and in answers."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from loom.api.events import FileChanged, MessageReacted, WholeMessage
from loom.api.message_views import MessageView, Quote, Reaction
from loom.model import OWNER, ConversationId, Direction, Message, MessageId, Person, PersonId
from loom.node.file_view import FILE, caption_of, file_view, of_page
from loom.printable import first_sign, printable
from loom.storage import messages, shown
from loom.storage.connection import Db
from loom.storage.files import StoredFile
from loom.storage.shown import Shown
from loom.wire.content import Text, Timer, tag_of

W = TypeVar("W", bound=WholeMessage)

IDENTITY_KINDS: Final = {
    128: "identity_moved",
    129: "identity_forked",
    130: "identity_revoked",
}
"""Lines about a contact's identity: no payload has such a tag."""
_KINDS: Final = {
    tag_of(Text): "text",
    tag_of(Timer): "timer",
    FILE: "file",
    **IDENTITY_KINDS,
}
_NOTHING: Final = Shown()
_NO_CONTENT: Final[Mapping[str, Any]] = {
    "body": "",
    "stored_at_ms": 0,
    "kind": "text",
    "edited": False,
    "deleted": False,
    "reply_to": None,
    "quote": None,
    "reactions": [],
    "pinned": False,
    "bookmarked": False,
    "expires_s": 0,
    "mention": False,
    "expires_at_ms": None,
    "file": None,
}


def message_views(
    db: Db, persons: Mapping[ConversationId, Person], page: list[Message]
) -> list[MessageView]:
    """As an answer; `persons`: by conversation, messages of others are left out."""
    known = [one for one in page if one.conversation_id in persons]
    about, offered = shown.of(db, known), of_page(db, known)
    return [
        MessageView(
            **_fields(
                persons[one.conversation_id],
                one,
                about.get(one.row_id, _NOTHING),
                offered.get(one.row_id),
            )
        )
        for one in known
    ]


def message_fields(
    db: Db, person: Person, message: Message, *, is_new: bool = False
) -> dict[str, Any]:
    """What events and answers say of one message as it is now; `is_new`: nobody reacted to it."""
    file = of_page(db, [message]).get(message.row_id) if message.kind == FILE else None
    if is_new and message.reply is None:
        return _fields(person, message, _NOTHING, file)
    return _fields(person, message, shown.of(db, [message]).get(message.row_id, _NOTHING), file)


def without_content(event: W) -> W:
    """The event as it is stored: what people said is in the history alone."""
    return _with(event, _NO_CONTENT)


class Contents:
    """What is shown now of messages that stored events are about."""

    def __init__(self, db: Db, row_ids: Iterable[int]) -> None:
        page = messages.by_rows(db, sorted(set(row_ids)))
        self._messages = {one.row_id: one for one in page}
        self._about = shown.of(db, page)
        self._files = of_page(db, page)

    def restore(self, event: W, row_id: int) -> W:
        """The event with it; that of a message that is gone is deleted."""
        message = self._messages.get(row_id)
        if message is None:
            return _with(event, {**_NO_CONTENT, "deleted": True})
        person = _Named(event.contact, PersonId(event.contact_id))
        about, file = self._about.get(row_id, _NOTHING), self._files.get(row_id)
        return _with(event, _content(person, message, about, file))

    def restore_file(self, event: FileChanged, row_id: int) -> FileChanged:
        """The event with the file as it is now; None where it is gone."""
        file = self._files.get(row_id)
        if file is None:
            return event
        view = file_view(file, _Named(event.contact, PersonId(event.contact_id)))
        return msgspec.structs.replace(event, file=view)


def shown_id(message_id: MessageId) -> str:
    """A message id as people and scripts see it."""
    text = message_id.hex()  # as uuid.UUID writes it, in a quarter of the time
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _fields(
    person: Person, message: Message, about: Shown, file: StoredFile | None
) -> dict[str, Any]:
    return {
        "message_id": shown_id(message.message_id),
        "contact": person.name,
        "contact_id": person.person_id,
        "direction": message.direction.value,
        "state": message.state.value,
        "sent_at_ms": message.sent_at_ms,
        "row_id": message.row_id,
        **_content(_Named(person.name, person.person_id), message, about, file),
    }


def _content(
    person: "_Named", message: Message, about: Shown, file: StoredFile | None
) -> dict[str, Any]:
    """The fields of `_NO_CONTENT`."""
    return {
        "body": caption_of(message.body) if message.kind == FILE else message.body,
        "stored_at_ms": message.stored_at_ms,
        "kind": _KINDS[message.kind],
        "edited": message.edited,
        "deleted": message.deleted_at_ms is not None,
        "reply_to": None if message.reply is None else shown_id(message.reply.message_id),
        "quote": _quote(message, about),
        "reactions": [
            Reaction(contact=None if author == OWNER else person.name, emoji=sign)
            for author, emoji in about.reactions.items()
            if printable(sign := first_sign(emoji)).strip()
        ],
        "pinned": about.is_pinned,
        "bookmarked": message.bookmarked,
        "expires_s": message.expires_s,
        "mention": message.is_mention,
        "expires_at_ms": message.expires_at_ms,
        "file": None if file is None else file_view(file, person),
    }


class _Named(NamedTuple):
    """Whose message it is, as front ends are told."""

    name: str
    person_id: PersonId


def _quote(message: Message, about: Shown) -> Quote | None:
    if message.reply is None:
        return None
    direction = Direction.OUT if message.reply.author == OWNER else Direction.IN
    if about.quoted is None:
        return Quote(direction=direction.value, gone=True)
    row_id, body = about.quoted
    return Quote(direction=direction.value, row_id=row_id, body=body)


def _with(event: W, content: Mapping[str, Any]) -> W:
    if isinstance(event, MessageReacted):
        emoji = [one.emoji for one in content["reactions"] if one.contact == event.by]
        return msgspec.structs.replace(event, **content, emoji=emoji[0] if emoji else "")
    return msgspec.structs.replace(event, **content)
