"""A recovery phrase with a mistake in it: what may have been meant (docs/PROTOCOL.md 1.1).

What was typed is a secret, and what is offered is one: neither belongs in a log or in an error.
"""

from difflib import get_close_matches
from itertools import product
from typing import Final, NamedTuple

from loom.core.identity import PHRASE_WORDS, entropy_of
from loom.core.words import word_list
from loom.errors import InvalidPhrase

NEAR_MAX: Final = 5
OFFERED_MAX: Final = 6
UNKNOWN_TRIED_MAX: Final = 3
"""With more words that are not in the list, combinations say little: the checksum has 8 bits."""
_WORDS_MAX: Final = 2 * PHRASE_WORDS
_PREFIX: Final = 4
"""No two words of the list begin with the same four letters."""
_LIKE: Final = 0.6
"""The least similarity of `difflib` for a word that may have been meant."""


class Correction(NamedTuple):
    """Other words at one place or two, counted from 1."""

    places: tuple[int, ...]
    words: tuple[str, ...]
    holds: bool
    """The checksum does with it; where several words are unknown, with one for each."""

    def __repr__(self) -> str:
        return f"Correction({self.places})"

    def applied(self, phrase: str) -> str:
        """The phrase with it."""
        words = phrase.lower().split()
        for place, word in zip(self.places, self.words, strict=True):
            words[place - 1] = word
        return " ".join(words)


def corrections(phrase: str) -> list[Correction]:
    """What may have been meant, the likeliest first; empty for a phrase that is right.

    With every word in the list, and the checksum wrong, these are two neighbours that changed
    places, and words that look alike, as far as the checksum then holds.
    """
    words = phrase.lower().split()
    if len(words) > _WORDS_MAX or _holds(words):
        return []
    known = set(word_list())
    unknown = [place for place, word in enumerate(words) if word not in known]
    found = _for_unknown(words, unknown) if unknown else _for_checksum(words)
    return found[:OFFERED_MAX]


def near(word: str, most: int = NEAR_MAX) -> list[str]:
    """Words of the list that look like it, the likeliest first."""
    begin = [one for one in word_list() if len(word) >= _PREFIX and one[:_PREFIX] == word[:_PREFIX]]
    alike = get_close_matches(word, word_list(), most + 1, _LIKE)
    return [one for one in dict.fromkeys((*begin, *alike)) if one != word][:most]


def _for_unknown(words: list[str], unknown: list[int]) -> list[Correction]:
    offered = [near(words[place]) for place in unknown]
    fitting: list[set[str]] = [set() for _ in unknown]
    if len(words) == PHRASE_WORDS and len(unknown) <= UNKNOWN_TRIED_MAX:
        for chosen in product(*offered):
            if _holds(_with(words, unknown, chosen)):
                for place, word in enumerate(chosen):
                    fitting[place].add(word)
    return [
        Correction((place + 1,), (word,), bool(fits))
        for place, alike, fits in zip(unknown, offered, fitting, strict=True)
        for word in alike
        if not fits or word in fits
    ]


def _for_checksum(words: list[str]) -> list[Correction]:
    if len(words) != PHRASE_WORDS:
        return []
    found = []
    for place in range(PHRASE_WORDS - 1):
        pair = words[place + 1], words[place]
        if _holds(_with(words, [place, place + 1], pair)):
            found.append(Correction((place + 1, place + 2), pair, True))
    for place, word in enumerate(words):
        found += [
            Correction((place + 1,), (other,), True)
            for other in near(word)
            if _holds(_with(words, [place], (other,)))
        ]
    return found


def _with(words: list[str], places: list[int], chosen: tuple[str, ...]) -> list[str]:
    after = list(words)
    for place, word in zip(places, chosen, strict=True):
        after[place] = word
    return after


def _holds(words: list[str]) -> bool:
    try:
        entropy_of(" ".join(words))
    except InvalidPhrase:
        return False
    return True
