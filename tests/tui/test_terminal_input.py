"""A paste is text, whatever it holds and however it comes; keys are keys."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Key, Paste

from loom.tui import terminal_input
from loom.tui.keys import is_text
from loom.tui.terminal_input import END, STALLED_TURNS, START, TerminalInput

QUIET = None
"""Stands for a pause in what is fed."""


def arrived(*pieces: str | None) -> list[str]:
    """The keys' names, and the pastes in angle brackets; neighbouring pastes are one."""
    source = TerminalInput()
    found: list[str] = []
    for piece in (*pieces, QUIET, QUIET):
        for message in source.quiet() if piece is None else source.feed(piece):
            if isinstance(message, Key):
                found.append(message.key)
            elif isinstance(message, Paste) and found and found[-1].startswith("<"):
                found[-1] = f"{found[-1][:-1]}{message.text}>"
            elif isinstance(message, Paste):
                found.append(f"<{message.text}>")
    return found


def test_an_escape_in_a_paste_ends_nothing() -> None:
    """It once did: two messages were sent, and lines that begin with / were run."""
    text = "one \x1b two \r/lock\r\x1b[3~ three \r"
    assert arrived(f"{START}{text}{END}") == [f"<{text}>"]
    assert arrived(f"a{START}\x1b{END}b") == ["a", "<\x1b>", "b"]
    assert arrived(f"{START}{END}\r") == ["enter"]


def test_markers_in_a_paste_are_dropped_and_the_last_end_counts() -> None:
    assert arrived(f"{START}one{END}\r/quit\r{START}two{END}", "x") == ["<one\r/quit\rtwo>", "x"]
    assert arrived(f"{START}one{END}", f"\rtwo\r{END}", QUIET, "\r") == ["<one\rtwo\r>", "enter"]
    assert arrived(f"{START}one{END}", QUIET, "\r") == ["<one>", "enter"]


@given(st.text(alphabet="ab\r\n\x1b[~210/ü", max_size=30), st.lists(st.integers(0, 60), max_size=6))
def test_however_a_paste_is_cut(text: str, cuts: list[int]) -> None:
    whole = f"{START}{text}{END}"
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    clean = text.replace(START, "").replace(END, "")
    assert arrived(*pieces) == ([f"<{clean}>"] if clean else [])


def test_a_marker_that_comes_slowly_sends_nothing() -> None:
    """However long a bad line takes between any two bytes."""
    for pause in range(1, len(START)):
        found = arrived(START[:pause], QUIET, QUIET, f"{START[pause:]}one\rtwo\r", QUIET, END)
        assert "enter" not in found
        assert found[-1] == "<one\rtwo\r>"
    one_by_one = [piece for byte in f"{START}one\rtwo\r{END}" for piece in (byte, QUIET)]
    assert "enter" not in arrived(*one_by_one)


def test_keys_that_begin_like_a_paste_are_keys() -> None:
    assert arrived("\x1b", QUIET) == ["escape"]
    assert arrived("\x1b", QUIET, "[", QUIET, "2", QUIET, "x") == [
        "escape",
        "left_square_bracket",
        "2",
        "x",
    ]
    assert arrived("\x1b[2~\x1b[20~\x1b", "[A\x1b", "\r") == ["insert", "f9", "up", "alt+enter"]


def test_a_paste_without_an_end_is_shown_and_can_be_left() -> None:
    pauses = [QUIET] * STALLED_TURNS
    assert arrived(f"{START}one\r", *pauses) == ["<one\r>"]
    assert arrived(f"{START}one\r", *pauses, "\r", QUIET, END, QUIET, "a") == ["<one\r\r>", "a"]
    assert arrived(f"{START}one\r", *pauses, "\x11", QUIET, "\r") == ["<one\r>", "enter"]


def test_what_follows_a_paste_without_a_pause_is_not_held_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(terminal_input, "HOLD_MAX_S", -1.0)
    source = TerminalInput()
    first = source.feed(f"{START}one{END}")
    assert [type(one) for one in first] == [Paste]
    [key] = source.feed("x")
    assert isinstance(key, Key)


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "日本\u3000語",
        "10\u00a0km",
        "👨\u200d👩\u200d👧",
        "❤\ufe0f",
        "\U0001fae9",
        "a b",
    ],
)
def test_every_character_that_is_typed_is_text(text: str) -> None:
    """Joiners and wide spaces were once dropped, in messages and in passphrases."""
    keys = [one for one in TerminalInput().feed(text) if isinstance(one, Key)]
    assert "".join(one.character or "" for one in keys if is_text(one)) == text


def test_what_is_no_text_stays_out() -> None:
    for sequence in ("\x01", "\x7f", "\x1b[A", "\x1bx", "\r", "\t", "\ue000"):
        source = TerminalInput()
        keys = [*source.feed(sequence), *source.quiet()]
        assert not any(is_text(one) for one in keys if isinstance(one, Key)), repr(sequence)
