"""What a person typed to search: words, phrases in quotes, and filters such as `from:Ada`."""

from typing import Any, NamedTuple

from loom.api.commands import Search
from loom.errors import InvalidInput
from loom.front.moments import moment_ms
from loom.search_words import typed_words


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


def _filter(word: str, now_s: float | None) -> dict[str, Any] | None:
    key, _, value = word.partition(":")
    value = value.strip('"')
    match key.lower(), value.lower():
        case _, "":
            return None
        case "from", _:
            return {"author": value}
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
