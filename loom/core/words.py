"""Numbers as words of the English list of BIP 39, 11 bits a word, to be read aloud."""

from functools import cache
from typing import Final

from mnemonic import Mnemonic

WORD_BITS: Final = 11


@cache
def word_list() -> tuple[str, ...]:
    """All 2,048 words."""
    return tuple(Mnemonic("english").wordlist)


def words_of(number: int, count: int) -> tuple[str, ...]:
    """The lowest `11 * count` bits of a number as words, the highest bits first."""
    words = word_list()
    mask = (1 << WORD_BITS) - 1
    return tuple(words[number >> WORD_BITS * place & mask] for place in range(count - 1, -1, -1))
