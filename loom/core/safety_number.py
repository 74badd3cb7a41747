"""What two people compare to know that nobody stands between them: a number, or words of it."""

from collections.abc import Sequence
from typing import Final

from loom.core.words import words_of
from loom.crypto.kdf import hash_
from loom.model import PeerId
from loom.wire.encoding import enc

GROUPS: Final = 12
GROUP_BYTES: Final = 5
GROUP_DIGITS: Final = 5
WORDS: Final = 12


def safety_number(one: PeerId, other: PeerId) -> tuple[str, ...]:
    """Twelve groups of five digits, the same on both sides (docs/PROTOCOL.md 1)."""
    digest = hash_(enc(b"LOOM/1 sn", min(one, other), max(one, other)))
    return tuple(
        f"{int.from_bytes(digest[at : at + GROUP_BYTES], 'big') % 10**GROUP_DIGITS:05d}"
        for at in range(0, GROUPS * GROUP_BYTES, GROUP_BYTES)
    )


def safety_words(groups: Sequence[str]) -> tuple[str, ...]:
    """Twelve words of a safety number, to be read aloud (docs/PROTOCOL.md 1.4).

    They are the lowest 132 bits of its 60 digits, 11 bits a word, the highest first, in the
    English list of BIP 39.
    """
    return words_of(int("".join(groups)), WORDS)
