"""The number that two people read to each other."""

from mnemonic import Mnemonic

from loom.core.safety_number import safety_number, safety_words
from loom.crypto.kdf import hash_
from loom.model import PeerId
from loom.wire.encoding import enc

ALICE, BOB, CAROL = (PeerId(hash_(name)[:32]) for name in (b"alice", b"bob", b"carol"))


def test_both_sides_see_the_same() -> None:
    """The same on both sides, in either order."""
    assert safety_number(ALICE, BOB) == safety_number(BOB, ALICE)


def test_another_identity_gives_another_number() -> None:
    """Not one group is expected to survive."""
    differing = zip(safety_number(ALICE, BOB), safety_number(ALICE, CAROL), strict=True)
    assert sum(one != other for one, other in differing) >= 11


def test_twelve_groups_of_five_digits_from_the_formula() -> None:
    """Section 1, recomputed; leading zeros stay."""
    low, high = sorted([ALICE, BOB])
    digest = hash_(enc(b"LOOM/1 sn", low, high))
    groups = safety_number(ALICE, BOB)
    assert len(groups) == 12
    for number, group in enumerate(groups):
        value = int.from_bytes(digest[5 * number : 5 * number + 5], "big")
        assert group == str(value % 100_000).zfill(5)


def test_a_fixed_value_stays() -> None:
    """What two versions of Loom show must be comparable."""
    groups = safety_number(PeerId(bytes(32)), PeerId(b"\x01" * 32))
    assert " ".join(groups) == (
        "54921 13013 72372 59474 88633 89899 70923 25467 52897 26859 32180 91451"
    )


def test_the_words_are_those_of_the_number() -> None:
    """Twelve of BIP 39, made from the 60 digits alone: who has the number has the words."""
    groups = safety_number(ALICE, BOB)
    words = safety_words(groups)
    assert len(words) == 12
    places = [Mnemonic("english").wordlist.index(word) for word in words]
    number = sum(place << 11 * n for n, place in enumerate(reversed(places)))
    assert number == int("".join(groups)) % 2**132


def test_fixed_words_stay() -> None:
    """What two versions of Loom read aloud must be comparable."""
    assert safety_words(["00000"] * 11 + ["00001"])[-2:] == ("abandon", "ability")
    groups = safety_number(PeerId(bytes(32)), PeerId(b"\x01" * 32))
    assert (
        " ".join(safety_words(groups))
        == "robust salt inhale member spike robot symbol settle suit tragic loop danger"
    )
