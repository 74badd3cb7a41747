"""No remote text moves the cursor, hides, reorders or overflows its cell."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.printable import MARKS_MAX, printable

TRICKY = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=("Cc", "Cf", "Mn", "Me", "Zl", "Zp", "Zs")),
        st.sampled_from("a1 \n\t\r\x1b\x9b\u200d\u200c\u202e\u2066\ufe0f\u0301\u0627\u094d👩💻🏽"),
    )
)


@given(TRICKY, st.booleans())
def test_no_control_survives(text: str, multiline: bool) -> None:
    for character in printable(text, multiline=multiline):
        if character == "\n":
            assert multiline
        elif character not in "\u200c\u200d":
            assert unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(TRICKY, st.booleans())
def test_twice_is_once(text: str, multiline: bool) -> None:
    once = printable(text, multiline=multiline)
    assert printable(once, multiline=multiline) == once


@given(TRICKY)
def test_marks_never_pile_up(text: str) -> None:
    run = 0
    for character in printable(text):
        mark = unicodedata.category(character).startswith("M") and character not in "\ufe0e\ufe0f"
        run = run + 1 if mark else 0 if character not in "\u200c\u200d\ufe0e\ufe0f" else run
        assert run <= MARKS_MAX


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see you at noon", "see you at noon"),
        ("grüße, 世界, привет", "grüße, 世界, привет"),
        ("\x1b[2J\x1b]0;owned\x07", "�[2J�]0;owned�"),
        ("\x9b31mred", "�31mred"),
        ("gnp\u202egpj.exe", "gnpgpj.exe"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("one\ntwo\tthree\u2028four", "one two three four"),
        ("👩\u200d💻 👨🏽\u200d🚀 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3",) * 2,
        ("\u0645\u06cc\u200c\u062e",) * 2,  # Persian spells with the non-joiner
        ("क्\u200dष", "क्\u200dष"),
        ("A\u200dda", "Ada"),
        ("🏴\U000e0067\U000e007f", "🏴"),
        ("a" + "\u0301" * 50, "a" + "\u0301" * 4),
        ("\u0301x", "x"),
        ("\u3164name", "name"),
        ("\ud800", "�"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_body_keeps_its_lines() -> None:
    assert printable("one\r\ntwo\n\tthree", multiline=True) == "one\ntwo\n    three"
