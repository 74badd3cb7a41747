"""What a query finds in a text, and where, in the scripts that people write."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.search_words import (
    TERMS_MAX,
    TYPED_MAX,
    fold,
    fts_phrase,
    hits,
    index_text,
    terms,
    typed_words,
)
from tests.scripts import MIXED

FOUND = [
    # case, accents, width, composition
    ("See you at NOON", "noon", ["NOON"]),
    ("Das Mädchen ißt", "madchen", ["Mädchen"]),
    ("auf der STRASSE", "straße", ["STRASSE"]),
    ("cafe\u0301 cre\u0300me", "café creme", ["cafe\u0301", "cre\u0300me"]),
    ("Пойдём гулять", "поидем", ["Пойдём"]),
    ("ΟΔΟΣ", "οδός", ["ΟΔΟΣ"]),
    ("ＬＯＯＭ １２", "loom 12", ["ＬＯＯＭ", "１２"]),
    ("مُحَمَّد هنا", "محمد", ["مُحَمَّد"]),
    ("שָׁלוֹם לך", "שלום", ["שָׁלוֹם"]),
    ("मैं हिन्दी बोलता हूँ", "हिन्दी", ["हिन्दी"]),
    # a word finds those that begin with it, a phrase in quotes does not
    ("gardening in the garden", "gard", ["gard", "gard"]),
    ("gardening in the garden", '"garden"', ["garden"]),
    ("see you, at noon", '"you at"', ["you, at"]),
    ("see you, at noon", '"you at', ["you, at"]),
    ("see you, at noontide", "“at noon", ["at noon"]),
    ("an e-mail", "e-mail", ["e-mail"]),
    ("I don’t know", "don't", ["don’t"]),
    # inside a text
    ("我明天去東京大學看書", "東京", ["東京"]),
    ("我明天去東京大學看書", "京大", ["京大"]),
    ("我明天去東京大學看書", "書", ["書"]),
    ("我明天去東京大學看書", '"大學"', ["大學"]),
    ("我明天去東京大學看書", "明天去東京大", ["明天去東京大"]),
    ("昨日ｶﾞｷﾞを買った", "ガギ", ["ｶﾞｷﾞ"]),
    ("コーヒーを飲みたい", "ヒー", ["ヒー"]),
    ("iPhone買った", "iphone買", ["iPhone買"]),
    ("iPhone買った", "買った", ["買った"]),
    ("新しいiPhone", "しいip", ["しいiP"]),
    ("우리 대학교에서 만나요", "학교", ["학교"]),
    ("우리 대학교에서 만나요", "만나", ["만나"]),
    ("\u1112\u1161\u11ab\u1100\u116e\u11a8말", "한국", ["\u1112\u1161\u11ab\u1100\u116e\u11a8"]),
    ("ฉันอยู่กรุงเทพมหานคร", "กรุงเทพ", ["กรุงเทพ"]),
    ("ฉันอยู่กรุงเทพมหานคร", "อยู่", ["อยู่"]),
    ("ฉันอยู่กรุงเทพมหานคร", "เท", ["เท"]),
    ("ดื่มน้ำเย็น", "น้ำ", ["น้ำ"]),
    ("ດື່ມນ້ຳ", "ນ້ຳ", ["ນ້ຳ"]),
    ("មិត្តភក្តិ", "ភក្តិ", ["ភក្តិ"]),
    ("great 👍🏽!", "👍", ["👍🏽"]),
    ("😀😀🎉", "🎉", ["🎉"]),
]
NOT_FOUND = [
    ("garden", "arden"),
    ("see you", "you see me"),
    ("see at you", '"see you"'),
    ("東京", "京東"),
    ("東 京", "東京"),
    ("東京", "東都"),
    ("か", "が"),
    ("하", "한"),
    ("iPhone買った", "phone買"),
    ("กา", "ก้า"),
    ("anything", "!?"),
    ("anything", '""'),
    ("", "x"),
]


@pytest.mark.parametrize(("text", "query", "found"), FOUND)
def test_a_query_finds(text: str, query: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in hits(text, typed_words(query))] == found


@pytest.mark.parametrize(("text", "query"), NOT_FOUND)
def test_a_query_does_not_find(text: str, query: str) -> None:
    words = [one for one in typed_words(query) if terms(one)]
    assert not words or not all(hits(text, [one]) for one in words)


@given(st.text() | MIXED)
def test_a_text_is_folded_as_its_parts_are(text: str) -> None:
    """Or marks would not be where the index found something."""
    from loom.search_words import _clusters

    assert "".join(fold(text[start:end]) for start, end in _clusters(text)) == fold(text)


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_latin_texts_are_folded_the_same_the_short_way(text: str) -> None:
    assert index_text(text) == fold(text)


@given(st.text() | MIXED)
def test_what_is_indexed_holds_no_sign_that_parts_words_but_ascii(text: str) -> None:
    for one in index_text(text):
        assert one.isascii() or unicodedata.category(one)[0] in "LMNSC"


@pytest.mark.parametrize(
    "query",
    ["a" * 1_000_000, "a b " * 250_000, "東" * 1_000_000, '"' * 1_000_000, "\0" * 1_000_000],
)
def test_a_query_of_a_million_letters_is_cut(query: str) -> None:
    found = terms(query)
    assert len(found) <= TERMS_MAX
    assert sum(len(fts_phrase(one)) for one in found) <= 10 * TYPED_MAX
