"""Who is addressed: whole tokens only, in any case, width and composition."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from loom.mentions import mentions


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("@Ada look", "Ada", ["@Ada"]),
        ("so, @ada!", "Ada", ["@ada"]),
        ("(@ADA)\n@ada's", "ada", ["@ADA", "@ada"]),
        ("＠Ａｄａ。", "Ada", ["＠Ａｄａ"]),
        ("@ada  lovelace?", "Ada Lovelace", ["@ada  lovelace"]),
        ("@Zoe\u0308 here", "Zoë", ["@Zoe\u0308"]),
        ("@STRASSE", "straße", ["@STRASSE"]),
        ("@\u1112\u1161\u11ab ", "한", ["@\u1112\u1161\u11ab"]),
        ("@😀 you", "😀", ["@😀"]),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, name: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in mentions(text, name)] == found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("@adam", "Ada"),
        ("@ada_b", "Ada"),
        ("@ada2", "Ada"),
        ("mail@ada", "Ada"),
        ("@ad", "Ada"),
        ("ada", "Ada"),
        ("@Adá", "Ada"),  # another name
        ("@Ada\u0301", "Ada"),
        ("@", ""),
        ("@ ", " "),
        ("@王明", "王"),
        ("", "Ada"),
    ],
)
def test_what_is_not_the_whole_name_is_no_mention(text: str, name: str) -> None:
    assert mentions(text, name) == []


@given(st.text(max_size=40), st.text(max_size=10))
def test_a_name_is_found_in_every_form_of_it(before: str, name: str) -> None:
    name = " ".join(name.split())
    assume(" " not in unicodedata.normalize("NFKD", name.replace(" ", "")))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        text = f"{before} @{unicodedata.normalize(form, name)} "
        assert bool(mentions(text, name)) >= bool(name)


@given(st.text(), st.text(max_size=10))
def test_places_lie_in_the_text_and_in_order(text: str, name: str) -> None:
    end = 0
    for start, after in mentions(text, name):
        assert end <= start < after <= len(text)
        end = after
