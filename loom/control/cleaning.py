"""What another machine answers, made harmless before a front end sees it."""

import re
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from loom.api.command import Command
from loom.api.contact_views import SafetyNumberView, TokenView
from loom.api.conversation_commands import ListMentions
from loom.api.conversation_views import Draft
from loom.api.events import FileChanged, MessageDeleted
from loom.api.file_views import FilePiece, FileView, ThumbnailView
from loom.api.invite_views import InviteView
from loom.api.message_commands import History, ListBookmarks, Search
from loom.api.message_views import Messages, Quote
from loom.api.room_commands import (
    ListRoomBookmarks,
    ListRoomMentions,
    ListThreads,
    RoomHistory,
    SearchPosts,
)
from loom.api.room_views import Posts, RoomDraftView
from loom.errors import ControlError, InvalidToken
from loom.model import Direction, MessageState
from loom.printable import printable
from loom.received_names import received_name
from loom.wire.limits import (
    DRAFT_MAX_BYTES,
    FILE_CHUNK_BYTES,
    FILE_MAX_BYTES,
    FILE_THUMBNAIL_MAX_BYTES,
    TEXT_MAX_BYTES,
)
from loom.wire.token import decode_token

WORDS_MAX: Final = 4_096
"""Characters of a name, an address, a line of the log; more are cut off."""
ITEMS_MAX: Final = 100_000
CONTACTS_MAX: Final = 10_000
"""Different contacts over one connection."""
GROUPS: Final = 12
_PAGES: Final = (
    *(History, Search, ListBookmarks, ListMentions),
    *(RoomHistory, SearchPosts, ListThreads, ListRoomBookmarks, ListRoomMentions),
)
"""What says how many messages or posts it wants."""
_INVITE: Final = re.compile("[A-Za-z0-9-]{0,2000}")
_GROUP: Final = re.compile("[0-9]{5}")
_WORD: Final = re.compile("[a-z]{3,8}")
"""Five digits, or a word of BIP 39."""
_KNOWN_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "state": frozenset(MessageState),
    "direction": frozenset(Direction),
    "kind": frozenset(
        {"text", "timer", "file", "identity_moved", "identity_forked", "identity_revoked"}
    ),
    "scope": frozenset({"conversation", "contact"}),
    "farewell": frozenset({"", "conversation", "contact"}),
}
"""Fields of a message in which front ends look something up."""
_FILE_STATES: Final = frozenset(
    {
        *("offered", "accepted", "receiving", "paused"),
        *("done", "declined", "cancelled", "failed"),
    }
)

T = TypeVar("T")
R = TypeVar("R")


class Cleaner:
    """One for each connection."""

    def __init__(self) -> None:
        self._contacts: set[int] = set()

    def clean(self, value: T) -> T:
        """The same view or event with harmless texts; bodies are left as they were written.

        Raises:
            ControlError: a value that no node gives.
        """
        if isinstance(value, msgspec.Struct):
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            self._count(fields.get("contact_id"))
            is_draft = isinstance(value, Draft | RoomDraftView)
            body_max = DRAFT_MAX_BYTES if is_draft else TEXT_MAX_BYTES
            clean = {name: self._field(name, one, body_max) for name, one in fields.items()}
            if isinstance(value, FileView):
                clean["name"] = received_name(value.name[:WORDS_MAX])
            if isinstance(value, FileView | FileChanged):
                _check_file(value)
            elif "message_id" in fields or isinstance(value, Quote | MessageDeleted):
                _check_known_words(fields)
            _check_what_pictures_are_made_of(value)
            return msgspec.structs.replace(value, **clean)
        return self._plain(value)

    def answer(self, answer: R, command: Command[R]) -> R:
        """What a command gave. Raises ControlError: also, more messages than were asked for."""
        asked = ITEMS_MAX
        if isinstance(command, _PAGES):
            asked = command.limit
        if isinstance(answer, Posts) and len(answer.posts) > asked:
            raise ControlError(what="more posts than were asked for")
        if isinstance(answer, Messages) and len(answer.messages) > asked:
            raise ControlError(what="more messages than were asked for")
        return self.clean(answer)

    def facts(self, facts: Mapping[str, str | int]) -> dict[str, str | int]:
        """The facts of an error."""
        return {printable(name[:WORDS_MAX]): self._plain(one) for name, one in facts.items()}

    def _field(self, name: str, value: T, body_max: int) -> T:
        if name in ("body", "wording", "caption") and isinstance(value, str):
            if len(value) > body_max:
                raise ControlError(what="a text longer than the limit")
            return value
        return self.clean(value)

    def _plain(self, value: T) -> T:
        match value:
            case str():
                return printable(value[:WORDS_MAX])  # type: ignore[return-value]
            case int() if not -(1 << 63) <= value < 1 << 63:
                raise ControlError(what="a number beyond the limit")
            case list() | dict() if len(value) > ITEMS_MAX:
                raise ControlError(what="a list longer than the limit")
            case list():
                return [self.clean(one) for one in value]  # type: ignore[return-value]
            case dict():
                return self.facts(value)  # type: ignore[return-value]
        return value

    def _count(self, contact_id: object) -> None:
        if isinstance(contact_id, int):
            self._contacts.add(contact_id)
            if len(self._contacts) > CONTACTS_MAX:
                raise ControlError(what="more contacts than the limit")


def _check_known_words(fields: Mapping[str, object]) -> None:
    """Raises ControlError: a message whose state, direction or kind is none."""
    for name, known in _KNOWN_WORDS.items():
        if fields.get(name, next(iter(known))) not in known:
            raise ControlError(what=f"an unknown {name}")


def _check_file(file: FileView | FileChanged) -> None:
    """Raises ControlError: a file in no state, or of a size that none has."""
    if file.state not in _FILE_STATES:
        raise ControlError(what="an unknown state")
    if isinstance(file, FileView):
        if file.direction not in _KNOWN_WORDS["direction"]:
            raise ControlError(what="an unknown direction")
        if not 0 <= file.size_bytes <= FILE_MAX_BYTES or file.received_bytes < 0:
            raise ControlError(what="a file beyond the limit")


def _check_what_pictures_are_made_of(value: msgspec.Struct) -> None:
    """Raises ControlError: a token, an invite, a safety number or a picture that is none."""
    match value:
        case FilePiece() if len(value.data) > FILE_CHUNK_BYTES:
            raise ControlError(what="a piece of a file beyond the limit")
        case ThumbnailView():
            size = len(value.rgb)
            is_one = value.width > 0 and value.height > 0 and size <= FILE_THUMBNAIL_MAX_BYTES
            if not is_one or value.width * value.height * 3 != size:
                raise ControlError(what="a picture that is none")
        case InviteView() if not _INVITE.fullmatch(value.text):
            raise ControlError(what="an invite that is none")
        case TokenView():
            try:
                decode_token(value.token)
            except InvalidToken as error:
                raise ControlError(what="a token that is none") from error
        case SafetyNumberView():
            is_one = len(value.groups) == len(value.words) == GROUPS
            is_one = is_one and all(map(_GROUP.fullmatch, value.groups))
            if not is_one or not all(map(_WORD.fullmatch, value.words)):
                raise ControlError(what="a safety number that is none")
