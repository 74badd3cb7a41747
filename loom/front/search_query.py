"""What a person typed to search: words, phrases in quotes, and filters such as `from:Ada`."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from loom.api.command import Command
from loom.api.contact_commands import ShowContact
from loom.api.message_commands import Search
from loom.api.room_commands import SearchPosts, ShowRoom
from loom.errors import InvalidInput, NotFound
from loom.front.moments import moment_ms
from loom.front.send import Send
from loom.printable import printable
from loom.search_words import typed_words

ME: Final = "me"
WORD_SHOWN: Final = 40
"""Characters of a word that are repeated in a note."""
_DATES: Final = "a date is written 2026-11-27, a time ago 3d"
_WRITTEN: Final = {
    "before": _DATES,
    "after": _DATES,
    "since": _DATES,
    "has": "write has:link",
    "is": "write is:pinned",
}


class SearchQuery(NamedTuple):
    """What was understood; what is no filter is a word.

    `room`: by `known` where rooms are searched, too. `is_author_contact`: False if they are only a
    member of a room.
    """

    words: tuple[str, ...] = ()
    """As typed, phrases with their quotes."""
    author: str | None = None
    contact: str | None = None
    since_ms: int | None = None
    before_ms: int | None = None
    has_link: bool = False
    is_pinned: bool = False
    room: str | None = None
    is_author_contact: bool = True

    def command(self, *, limit: int, before_row: int | None = None) -> Search:
        """The command that looks for it in conversations; see `is_of_rooms`."""
        fields = self._fields_of_both()
        return Search(limit=limit, before_row=before_row, contact=self.contact, **fields)

    def posts(self, *, limit: int, before_row: int | None = None) -> SearchPosts:
        """The command that looks for it in rooms; see `is_of_conversations`."""
        fields = self._fields_of_both()
        return SearchPosts(limit=limit, before_row=before_row, room=self.room, **fields)

    @property
    def is_of_conversations(self) -> bool:
        """Whether messages can be found by it, too: it names neither a room nor only a member."""
        return self.room is None and self.is_author_contact

    @property
    def is_of_rooms(self) -> bool:
        """Whether posts of rooms can be found by it, too."""
        return self.contact is None

    async def known(self, send: Send, *, rooms: bool = False) -> "SearchQuery":
        """The same, with a filter that names nobody as a word.

        Args:
            rooms: `in:` may name a room, and `from:` a member of one.
        """
        query = await self.meant(send) if rooms else self
        if (name := query.contact) is not None and not await _is_contact(name, send):
            query = query._replace(contact=None, words=(*query.words, _word("in", name)))
        author = query.author
        is_person = author not in (None, ME) and query.is_author_contact
        if author is not None and is_person and not await _is_contact(author, send):
            query = query._replace(author=None, words=(*query.words, _word("from", author)))
        return query

    async def meant(self, send: Send) -> "SearchQuery":
        """The same; what names no contact, but a room or a member of one, means that."""
        query = self
        if (
            (name := query.contact) is not None
            and not await _is_contact(name, send)
            and await _is_known(ShowRoom(room=name), send)
        ):
            query = query._replace(contact=None, room=name)
        author = query.author
        if author not in (None, ME) and author and not await _is_contact(author, send):
            asked = SearchPosts(text="", author=author, room=query.room, limit=1)
            if await _is_known(asked, send):
                query = query._replace(is_author_contact=False)
        return query

    def _fields_of_both(self) -> dict[str, Any]:
        return {
            "text": " ".join(self.words),
            "author": self.author,
            "since_ms": self.since_ms,
            "before_ms": self.before_ms,
            "has_link": self.has_link,
            "is_pinned": self.is_pinned,
        }


def read_query(typed: str, *, now_s: float | None = None) -> SearchQuery:
    """Never an error; of a filter that is given twice the last one counts.

    `from:NAME` (`from:me`), `in:NAME`, `before:T`, `after:T` (from T on), `has:link`, `is:pinned`.
    A name with spaces stands in quotes.
    """
    words: list[str] = []
    filters: dict[str, Any] = {}
    for word in typed_words(typed):
        if (found := _filter(word, now_s)) is None:
            words.append(word)
        else:
            filters.update(found)
    return SearchQuery(tuple(words), **filters)


def notes(words: Sequence[str]) -> list[str]:
    """For each word that looks like a filter and is none: that it is text, and how one is written.

    `from:` and `in:` are words where `SearchQuery.known` found no such contact.
    """
    found = []
    for word in words:
        key, colon, value = word.partition(":")
        name = printable(value.strip('"'))[:WORD_SHOWN]
        if colon and key.lower() in ("from", "in"):
            why = f"there is no contact named {name}" if name else f"write {key}:NAME"
        elif not colon or (why := _WRITTEN.get(key.lower(), "")) == "":
            continue
        found.append(f"{printable(word)[:WORD_SHOWN]} is searched as text; {why}")
    return found


async def _is_contact(name: str, send: Send) -> bool:
    return await _is_known(ShowContact(contact=name), send)


async def _is_known(command: Command[Any], send: Send) -> bool:
    try:
        await send(command)
    except (NotFound, InvalidInput):
        return False
    return True


def _word(key: str, name: str) -> str:
    return f'{key}:"{name}"' if " " in name else f"{key}:{name}"


def _filter(word: str, now_s: float | None) -> dict[str, Any] | None:
    key, _, value = word.partition(":")
    value = value.strip('"')
    match key.lower(), value.lower():
        case _, "":
            return None
        case "from", _:
            return {"author": ME if value.lower() == ME else value}
        case "in", _:
            return {"contact": value}
        case ("before" | "after" | "since") as bound, _:
            try:
                moment = moment_ms(value, now_s=now_s)
            except InvalidInput:
                return None
            return {"before_ms" if bound == "before" else "since_ms": moment}
        case "has", "link" | "links":
            return {"has_link": True}
        case "is", "pinned":
            return {"is_pinned": True}
    return None
