"""Names that look alike have a skeleton in common; others have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.skeleton import skeletons


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "ВоЬ"),  # Cyrillic
        ("paypal", "pаypаl"),  # Cyrillic
        ("Alice", "ΑΙice"),  # Greek
        ("Alice", "AIice"),  # a capital I
        ("Ian", "lan"),
        ("Ada", "ADA"),
        ("Ada", "Ａｄａ"),
        ("Zoë", "Zoe"),
        ("Zoë", "Zoe\u0308"),
        ("Anna Maria", "AnnaMaria"),
        ("modern", "rnodern"),
        ("Walter", "vvalter"),
        ("Bob0", "Bobo"),
        ("Bjørn", "Bjorn"),
        ("ᴄarol", "carol"),
        ("𝐁𝐨𝐛", "Bob"),
        ("Ёлка", "Елка"),
    ],
)
def test_these_look_alike(one: str, other: str) -> None:
    assert skeletons(one) & skeletons(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ian", "Lan"), ("Bob", "Rob"), ("Bob", "Bob 2"), ("Ada", "Eda"), ("日本", "日木"), ("", "")],
)
def test_these_do_not(one: str, other: str) -> None:
    assert not skeletons(one) & skeletons(other)


@given(st.text(max_size=64))
def test_any_text_has_one_or_none(name: str) -> None:
    found = skeletons(name)
    assert len(found) in (0, 2)
    assert found == skeletons(f" {name}.")
