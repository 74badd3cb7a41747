"""A name for a new contact, made of what a stranger told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.node.names import NAMELESS, check_name, free_name
from loom.wire.limits import NAME_MAX_BYTES, NAME_MAX_CHARACTERS


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada L. ", "Ada L."),
        ("#1", "1"),
        ("# # x", "x"),
        ("\x1b[31mAda", "\N{REPLACEMENT CHARACTER}[31mAda"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}adA", "adA"),
        ("", NAMELESS),
        ("\N{ZERO WIDTH SPACE}", NAMELESS),
        ("###", NAMELESS),
        ("x" * 100, "x" * NAME_MAX_CHARACTERS),
    ],
)
def test_it_is_harmless(told: str, kept: str) -> None:
    assert free_name(told, lambda _: True) == kept


def test_a_taken_name_gets_the_first_free_number() -> None:
    taken = {"Ada", "Ada 2"}
    assert free_name("Ada", lambda name: name not in taken) == "Ada 3"


def test_there_is_room_for_the_number() -> None:
    long = "x" * NAME_MAX_CHARACTERS
    assert free_name(long, lambda name: name != long) == "x" * (NAME_MAX_CHARACTERS - 2) + " 2"
    wide = "\N{MATHEMATICAL BOLD CAPITAL A}" * NAME_MAX_CHARACTERS
    found = free_name(wide, lambda name: name != wide)
    assert found.endswith(" 2")
    assert len(found.encode()) <= NAME_MAX_BYTES


@given(st.text(max_size=300))
def test_whatever_was_told_the_name_can_be_kept(told: str) -> None:
    told = told.encode(errors="ignore").decode()
    for taken in (0, 1, 10):
        tried: list[str] = []

        def is_free(name: str, tried: list[str] = tried, taken: int = taken) -> bool:
            tried.append(name)
            return len(tried) > taken

        found = free_name(told, is_free)
        assert check_name(found) == found
        assert len(set(tried)) == len(tried)
