"""A recovery phrase with a mistake: what is offered, and that it never gets into an error."""

import random

import pytest

from loom.core import near_words
from loom.core.identity import entropy_of, phrase_from_entropy
from loom.core.near_words import Correction, corrections
from loom.core.words import word_list
from loom.errors import InvalidInput, InvalidPhrase
from loom.front import identity_number
from loom.front.phrase_words import offers

PHRASES = [phrase_from_entropy(random.Random(seed).randbytes(32)) for seed in range(3)]


def changed(phrase: str, *changes: tuple[int, str]) -> str:
    words = phrase.split()
    for place, word in changes:
        words[place - 1] = word
    return " ".join(words)


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_right_phrase_gets_no_offer(phrase: str) -> None:
    assert corrections(phrase) == []
    assert corrections(phrase.upper().replace(" ", "  ")) == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_misspelt_word_is_found_with_the_checksum(phrase: str) -> None:
    words = phrase.split()
    for place in (1, 12, 24):
        meant = words[place - 1]
        if len(meant) < 4:
            continue
        typed = meant[0] + meant[2] + meant[1] + meant[3:] + "x"
        wrong = changed(phrase, (place, typed))
        found = corrections(wrong)
        assert Correction((place,), (meant,), True) in found
        assert phrase in [one.applied(wrong) for one in found]


def test_four_letters_name_a_word() -> None:
    phrase = PHRASES[0]
    short = " ".join(word[:4] for word in phrase.split())
    unknown = [word for word in short.split() if word not in word_list()]
    assert len(unknown) > near_words.UNKNOWN_TRIED_MAX
    found = corrections(short)
    place = found[0].places[0]
    assert found[0].words == (phrase.split()[place - 1],)


def test_several_unknown_words_are_settled_together() -> None:
    phrase = PHRASES[1]
    words = phrase.split()
    wrong = changed(phrase, (3, words[2] + "q"), (9, words[8] + "q"))
    found = corrections(wrong)
    assert Correction((3,), (words[2],), True) in found
    assert Correction((9,), (words[8],), True) in found


@pytest.mark.parametrize("phrase", PHRASES)
def test_neighbours_that_changed_places_are_found(phrase: str) -> None:
    words = phrase.split()
    wrong = changed(phrase, (7, words[7]), (8, words[6]))
    with pytest.raises(InvalidPhrase):
        entropy_of(wrong)
    [first, *_] = corrections(wrong)
    assert first.places == (7, 8)
    assert first.applied(wrong) == phrase
    assert offers(wrong)[0].words == "Words 7 and 8 the other way round"


def test_a_known_word_that_looks_alike_is_offered_where_the_checksum_then_holds() -> None:
    seen = 0
    for phrase in PHRASES[:1]:
        for place, word in enumerate(phrase.split()[:6], 1):
            for other in near_words.near(word, 1):
                wrong = changed(phrase, (place, other))
                if word not in near_words.near(other) or not (found := corrections(wrong)):
                    continue
                assert all(one.holds for one in found)
                for one in found:
                    entropy_of(one.applied(wrong))
                seen += Correction((place,), (word,), True) in found
    assert seen


@pytest.mark.parametrize("phrase", ["", "one", "zzzz " * 24, "a " * 4_000, PHRASES[0] + " zoo"])
def test_anything_typed_is_answered(phrase: str) -> None:
    assert len(offers(phrase)) <= near_words.OFFERED_MAX


def test_what_was_typed_shows_in_no_representation() -> None:
    wrong = changed(PHRASES[0], (1, "abondon"))
    assert "abandon" not in repr(corrections(wrong)) + repr(offers(wrong))
    with pytest.raises(InvalidPhrase) as refused:
        entropy_of(wrong)
    assert "abondon" not in str(refused.value)


def test_people_count_identities_from_one() -> None:
    assert [identity_number.read(one) for one in ("", " 1 ", "32")] == [0, 0, 31]
    assert identity_number.shown(0) == 1
    for wrong in ("0", "33", "-1", "x", "²", "9" * 40):
        with pytest.raises(InvalidInput):
            identity_number.read(wrong)
