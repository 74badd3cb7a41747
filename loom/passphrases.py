"""New passphrases: the shortest that is accepted, and an estimate of how hard one is to guess."""

import math
import re
from typing import Final, NamedTuple

from loom.errors import InvalidInput

MIN_CHARACTERS: Final = 8
"""NIST SP 800-63B-4, section 3.1.1.2: the shortest that may be accepted."""
WORD_BITS: Final = 13.0
"""One of some 8,000 words; a run of letters is never worth more than a word."""
LETTER_BITS: Final = 4.7
OTHER_BITS: Final = 5.0
_COMMON: Final = frozenset(
    (
        *("abc", "admin", "azerty", "dragon", "football", "hello", "iloveyou", "letmein", "login"),
        *("loom", "love", "master", "monkey", "pass", "passphrase", "passwd", "password"),
        *("princess", "qwerty", "qwertz", "secret", "sunshine", "test", "welcome"),
    )
)
_LEVELS: Final = ((35.0, "weak", "bad"), (50.0, "fair", "warn"), (65.0, "good", "good"))


class Strength(NamedTuple):
    """An estimate, no promise."""

    word: str
    role: str
    """Of a theme: bad, warn or good."""
    bits: float

    @property
    def sentence(self) -> str:
        """The word, and how to do better where it is not good."""
        advice = "" if self.role == "good" else ": more unrelated words make it stronger"
        return f"{self.word}{advice}"


def check_new_passphrase(passphrase: str) -> None:
    """Raises InvalidInput: it is shorter than `MIN_CHARACTERS`."""
    if len(passphrase) < MIN_CHARACTERS:
        raise InvalidInput(
            what=f"The passphrase is too short: use at least {MIN_CHARACTERS} characters"
        )


def strength_of(passphrase: str) -> Strength:
    """Words count as words, repeats and runs like 1234 as next to nothing."""
    bits = 0.0
    seen: set[str] = set()
    for run in re.findall(r"[^\W\d_]+|[\d\W_]+", passphrase.casefold()):
        if run in seen or run in _COMMON:
            bits += 1.0
        elif run.isalpha():
            bits += min(LETTER_BITS * _surprises(run), WORD_BITS)
        else:
            bits += OTHER_BITS * _surprises(run.replace(" ", ""))
        seen.add(run)
    if any(one.isupper() for one in passphrase[1:]):
        bits += math.log2(max(len(passphrase), 2))
    for limit, word, role in _LEVELS:
        if bits < limit:
            return Strength(word, role, bits)
    return Strength("strong", "good", bits)


def _surprises(run: str) -> float:
    """How many characters do not just follow from the one before."""
    count = 0.0
    for before, one in zip(f"\0{run}", run, strict=False):
        count += 0.2 if abs(ord(one) - ord(before)) <= 1 else 1.0
    return count
