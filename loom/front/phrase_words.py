"""What is offered for a wrong recovery phrase: shown where it was typed, and nowhere else."""

from typing import NamedTuple

from loom.core import near_words
from loom.core.near_words import Correction

HOLDS = "the checksum then holds"


class Offer(NamedTuple):
    """A correction in words, and the phrase with it."""

    words: str
    why: str
    """Why it is likely; may be empty."""
    phrase: str

    def __repr__(self) -> str:
        return "Offer(redacted)"


def offers(phrase: str) -> list[Offer]:
    """What may have been meant, the likeliest first; empty for a phrase that is right."""
    return [
        Offer(_words(one, phrase), HOLDS if one.holds else "", one.applied(phrase))
        for one in near_words.corrections(phrase)
    ]


def _words(correction: Correction, phrase: str) -> str:
    if len(correction.places) > 1:
        first, second = correction.places
        return f"Words {first} and {second} the other way round"
    [place], [word] = correction.places, correction.words
    return f"Word {place}: {word} instead of {phrase.lower().split()[place - 1]}"
