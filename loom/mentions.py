"""Where a text addresses somebody: `@` and their name, as a whole token (MESSAGES.md, Mention)."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_AT: Final = re.compile("[@\N{SMALL COMMERCIAL AT}\N{FULLWIDTH COMMERCIAL AT}]")


def mentions(text: str, name: str) -> list[tuple[int, int]]:
    """The places of `@name` in `text`, `@` included; none for a name that is empty.

    Compared by NFKC and case folding; neither a letter, digit, mark nor `_` stands next to it.
    """
    if _AT.search(text) is None:  # as in nearly every text: the name need not be folded
        return []
    wanted = "".join(folded for folded, _ in _clusters(name.strip(), 0))
    if not wanted:
        return []
    found = []
    for at in _AT.finditer(text):
        start, end = at.start(), _end_of(wanted, text, at.end())
        if end and not _continues(text[start - 1 : start]) and not _continues(text[end : end + 1]):
            found.append((start, end))
    return found


def _end_of(wanted: str, text: str, start: int) -> int:
    """Where the name that begins there ends; 0 when another text is there."""
    done = 0
    for folded, end in _clusters(text, start):
        if not wanted.startswith(folded, done):
            return 0
        done += len(folded)
        if done == len(wanted):
            return end
    return 0


def _clusters(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Each character with its combining marks, folded, and where it ends; white space is one.

    Decomposed, because folding one after the other is then the same as folding all of it.
    """
    while start < len(text):
        end = start + 1
        if text[start].isspace():
            while end < len(text) and text[end].isspace():
                end += 1
            yield " ", end
        else:
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
            decomposed = unicodedata.normalize("NFKD", text[start:end])
            yield unicodedata.normalize("NFKD", decomposed.casefold()), end
        start = end


def _continues(neighbour: str) -> bool:
    return neighbour != "" and (
        neighbour == "_" or unicodedata.category(neighbour)[0] in ("L", "M", "N")
    )
