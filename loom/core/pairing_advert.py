"""What somebody who pairs announces on the LAN: an alias of two words (docs/PROTOCOL.md 12.1)."""

from typing import Final

from loom.core.words import word_list, words_of
from loom.errors import MalformedMessage
from loom.wire.limits import PAIR_ALIAS_WORDS

Properties = tuple[tuple[bytes, bytes], ...]

ALIAS_RANDOM_BYTES: Final = 3
_VERSION: Final = (b"v", b"1")


def make_alias(random: bytes) -> str:
    """Two words of the list, joined by a hyphen; of 3 random bytes the lowest 22 bits count."""
    return "-".join(words_of(int.from_bytes(random, "big"), PAIR_ALIAS_WORDS))


def encode_pairing_advert(alias: str) -> Properties:
    """The TXT properties of the advert."""
    return (_VERSION, (b"a", alias.encode("ascii")))


def decode_pairing_advert(properties: Properties) -> str:
    """The alias of a stranger's advert: two words of the list and nothing else can come out.

    Raises:
        MalformedMessage: anything that `encode_pairing_advert` does not write.
    """
    value = properties[1][1] if len(properties) == 2 else b""
    if properties != (_VERSION, (b"a", value)):
        raise MalformedMessage(what="pairing advert")
    words = value.split(b"-")
    known = word_list()
    if len(words) != PAIR_ALIAS_WORDS or not all(
        word.decode("ascii", "replace") in known for word in words
    ):
        raise MalformedMessage(what="pairing advert")
    return value.decode("ascii")
