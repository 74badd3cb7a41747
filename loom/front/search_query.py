"""What a person typed to search: words, phrases in quotes, and filters such as `from:Ada`."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from loom.api.commands import Search, ShowContact
from loom.errors import ContactNotFound, InvalidInput
from loom.front.moments import moment_ms
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
    """What was understood; what is no filter is a word."""

    words: tuple[str, ...] = ()
    """As typed, phrases with their quotes."""
    author: str | None = None
    contact: str | None = None
    since_ms: int | None = None
    before_ms: int | None = None
    has_link: bool = False
    is_pinned: bool = False

    def command(self, *, limit: int, before_row: int | None = None) -> Search:
        """The command that looks for it."""
        fields = self._asdict()
        fields["text"] = " ".join(fields.pop("words"))
        return Search(limit=limit, before_row=before_row, **fields)

    async def known(self, send: Callable[[ShowContact], Awaitable[object]]) -> "SearchQuery":
        """The same, with a filter that names no contact as a word."""
        query = self
        if self.contact is not None and not await _is_contact(self.contact, send):
            query = query._replace(contact=None, words=(*query.words, _word("in", self.contact)))
        if self.author not in (None, ME) and not await _is_contact(self.author or "", send):
            query = query._replace(
                author=None, words=(*query.words, _word("from", self.author or ""))
            )
        return query


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


async def _is_contact(name: str, send: Callable[[ShowContact], Awaitable[object]]) -> bool:
    try:
        await send(ShowContact(contact=name))
    except ContactNotFound:
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
