"""Readline's ways of editing."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import split_graphemes

from loom.tui import cells, undo
from loom.tui.cells import Cluster, Rows, clusters, width_of, wrap
from loom.tui.editor import Editor
from loom.tui.emoji import complete_emoji


def edited(text: str, *steps: str) -> str:
    """The text with a bar at the cursor."""
    editor = Editor(text.replace("|", ""))
    editor.cursor = text.index("|")
    for step in steps:
        getattr(editor, step)()
    return editor.text[: editor.cursor] + "|" + editor.text[editor.cursor :]


def test_moving_and_cutting() -> None:
    assert edited("one two|", "word_left") == "one |two"
    assert edited("|one two", "word_right") == "one| two"
    assert edited("one\ntwo| x", "home") == "one\n|two x"
    assert edited("on|e\ntwo", "end") == "one|\ntwo"
    assert edited("one two|", "kill_word", "yank", "yank") == "one twotwo|"
    assert edited("one /tmp/x |y", "kill_word") == "one |y"
    assert edited("a\nbc|d", "kill_to_start") == "a\n|d"
    assert edited("a|b\nc", "kill_to_end", "kill_to_end") == "a|c"
    assert edited("👍🏽|x", "left") == "|👍🏽x"
    assert edited("e\u0301|", "backspace") == "|"
    assert edited("|👨\u200d👩\u200d👧x", "delete") == "|x"


def test_what_was_sent_is_remembered_and_what_is_written_waits() -> None:
    editor = Editor()
    for text in ("first", "second"):
        editor.set(text)
        editor.take()
    editor.set("unfinished")
    editor.recall(-1)
    assert editor.text == "second"
    editor.recall(-1)
    editor.recall(-1)
    assert editor.text == "first"
    editor.recall(1)
    editor.recall(1)
    assert editor.text == "unfinished"
    editor.recall(1)
    assert editor.text == "unfinished"


def typed(editor: Editor, text: str) -> Editor:
    for one in text:
        editor.insert(one)
    return editor


def test_a_word_or_a_paste_is_taken_back_at_once() -> None:
    editor = typed(Editor(), "one two  three")
    found = []
    for _ in range(4):
        editor.undo()
        found.append(editor.text)
    assert found == ["one two  ", "one ", "", ""]
    for _ in range(3):
        editor.redo()
    assert editor.text == "one two  three"
    editor.insert("pasted text of some words")
    editor.kill_word()
    editor.undo()
    assert editor.text == "one two  threepasted text of some words"
    editor.undo()
    assert editor.text == "one two  three"
    for _ in "two  three":
        editor.backspace()
    editor.undo()
    assert editor.text == "one two"
    editor.undo()
    assert editor.text == "one two  three"


def test_what_is_typed_elsewhere_is_another_step_and_ends_what_can_be_done_again() -> None:
    editor = typed(Editor(), "one")
    editor.home()
    typed(editor, "ab")
    editor.undo()
    assert (editor.text, editor.cursor) == ("one", 0)
    typed(editor, "x")
    editor.redo()
    assert editor.text == "xone"
    editor.undo()
    editor.undo()
    assert editor.text == ""


def test_nothing_comes_back_from_another_conversation_or_of_a_secret() -> None:
    editor = typed(Editor(), "for Ada")
    editor.set("for Bob")
    editor.undo()
    assert editor.text == "for Bob"
    typed(editor, "!")
    editor.take()
    editor.undo()
    assert editor.text == ""
    secret = typed(Editor(undoes=False), "passphrase")
    secret.kill_to_start()
    secret.undo()
    assert secret.text == ""


def test_a_recalled_text_gives_way_to_what_was_begun() -> None:
    editor = Editor()
    editor.set("sent")
    editor.take()
    typed(editor, "begun")
    editor.recall(-1)
    assert editor.text == "sent"
    editor.undo()
    assert editor.text == "begun"


EDITS = st.one_of(
    st.tuples(st.just("insert"), st.text(alphabet="ab \n日👍\u0301", max_size=5)),
    st.tuples(
        st.sampled_from(
            [
                "left",
                "right",
                "home",
                "end",
                "word_left",
                "word_right",
                "backspace",
                "delete",
                "kill_word",
                "kill_to_end",
                "kill_to_start",
                "kill_word_right",
                "yank",
                "swap_letters",
                "swap_words",
                "undo",
                "redo",
            ]
        )
    ),
    st.tuples(st.just("recall"), st.sampled_from([-1, 1])),
)


@given(st.lists(EDITS, max_size=40))
def test_everything_is_taken_back_and_done_again(steps: list[tuple[Any, ...]]) -> None:
    editor = Editor()
    editor.remember("sent before")
    seen = [""]
    for name, *arguments in steps:
        getattr(editor, name)(*arguments)
        assert 0 <= editor.cursor <= len(editor.text)
        seen.append(editor.text)
    for _ in seen:
        editor.redo()
    last = editor.text
    for _ in seen:
        editor.undo()
        assert editor.text in seen
    assert editor.text == ""
    for _ in seen:
        editor.redo()
    assert editor.text == last


def test_what_is_kept_to_take_back_is_bounded() -> None:
    editor = Editor()
    for _ in range(20):
        editor.insert("x" * 1_000_000)
        editor.kill_to_start()
    assert editor._undo._size <= undo.CHARACTERS_MAX
    assert sum(one.size for one in editor._undo._done) == editor._undo._size
    for _ in range(2 * undo.STEPS_MAX):
        editor.insert("ab")
    assert len(editor._undo._done) == undo.STEPS_MAX


def test_characters_and_words_change_places() -> None:
    assert edited("teh|", "swap_letters") == "the|"
    assert edited("t|eh", "swap_letters") == "et|h"
    assert edited("|teh", "swap_letters") == "|teh"
    assert edited("a👍🏽|", "swap_letters") == "👍🏽a|"
    assert edited("x\na|", "swap_letters") == "x\na|"
    assert edited("one| two", "swap_words") == "two one|"
    assert edited("one two|, three", "swap_words") == "one three, two|"
    assert edited("one, two| ...", "swap_words") == "two, one| ..."
    assert edited("one|", "swap_words") == "one|"
    assert edited("|", "swap_words", "swap_letters") == "|"


@pytest.mark.parametrize(
    "text", ["http://", "see https:", "12:30:", "at 12:30", "a:smile", "x::fire", "Note:up", "::"]
)
def test_no_emoji_is_offered_for_an_address_or_a_time(text: str) -> None:
    assert complete_emoji(text, len(text)) == []


def test_an_emoji_is_offered_where_a_name_begins_a_word() -> None:
    assert complete_emoji("so :fire:", 9)[0].text == "🔥"
    assert complete_emoji(":thumbs", 7)[0].text == "👍"
    assert complete_emoji(":heart", 6)[0].text == "❤\ufe0f"


def test_up_and_down_keep_to_the_rows() -> None:
    editor = Editor("one two three")
    assert [editor.text[start:end] for start, end in wrap(editor.text, 7)] == ["one two", "three"]
    assert editor.vertical(-1, 7)
    assert editor.cursor == 5
    assert not editor.vertical(-1, 7)


@given(st.text(alphabet="ab \n日👍\u0301", max_size=80), st.integers(2, 20))
def test_wrapping_loses_only_spaces_and_newlines(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert all(width_of(text[start:end]) <= width for start, end in rows)
    assert rows[0][0] == 0
    assert rows[-1][1] == len(text)
    for (_, end), (start, _) in pairwise(rows):
        assert text[end:start] in ("", " ", "\n")


@given(st.text(max_size=40))
def test_clusters_cover_everything(text: str) -> None:
    found = clusters(text)
    assert "".join(text[one.start : one.end] for one in found) == text


def at_column(*steps: int) -> str:
    """Where the cursor gets from the third column of the first row, going down and up."""
    editor = Editor("abcdef\n日本語です\n\n👨\u200d👩\u200d👧👍🏽e\u0301!")
    editor.cursor = 3
    for by in steps:
        assert editor.vertical(by, 20)
    row = editor.row(20)
    start, end = editor.rows(20)[row]
    return editor.text[start : editor.cursor] + "|" + editor.text[editor.cursor : end]


def test_up_and_down_keep_to_the_column_and_tear_nothing() -> None:
    """By index, `abcdef` went to the wrong place in wide characters and into clusters."""
    assert at_column(1) == "日|本語です"
    assert at_column(1, 1) == "|"
    assert at_column(1, 1, 1) == "👨\u200d👩\u200d👧|👍🏽e\u0301!"
    assert at_column(1, 1, 1, -1, -1, -1) == "abc|def"
    editor = Editor("abcd\nefghijklm")
    editor.cursor = 4
    assert editor.vertical(1, 4)  # `efgh` goes on in the next row
    assert editor.row(4) == 1


def test_words_are_made_of_whole_clusters() -> None:
    hindi, family, thumb = "हिन्दी", "👨\u200d👩\u200d👧", "👍🏽"
    assert edited(f"a {hindi}|", "word_left") == f"a |{hindi}"
    assert edited(f"|{hindi} b", "word_right") == f"{hindi}| b"
    assert (
        edited(f"e\u0301e\u0301 x|{thumb}", "word_left", "word_left") == f"|e\u0301e\u0301 x{thumb}"
    )
    assert edited(f"|{family}{thumb} ab", "word_right") == f"{family}{thumb} ab|"
    assert edited(f"x {family}{thumb}|", "kill_word") == "x |"
    assert edited(f"|{hindi}x {thumb}", "kill_word_right") == f"| {thumb}"


TEXTS = st.text(alphabet="ab \n日👍\u0301\u200d🇩", max_size=60)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9), TEXTS)), st.integers(2, 12))
def test_what_is_wrapped_little_by_little_is_wrapped_right(
    text: str, changes: list[tuple[int, int, str]], width: int
) -> None:
    rows = Rows()
    for at, size, new in changes:
        assert rows.of(text, width) == wrap(text, width)
        text = text[:at] + new + text[at + size :]
    assert rows.of(text, width) == wrap(text, width)


def test_a_key_in_a_large_text_wraps_only_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a megabyte in the composer a key once took a second."""
    wrapped = 0
    full_row = cells._full_row

    def counted(text: str, start: int, end: int, width: int) -> tuple[int, int] | None:
        nonlocal wrapped
        wrapped += 1
        return full_row(text, start, end, width)

    editor = Editor("some words and 日本語 of them, a line of some length\n" * 20_000)
    editor.rows(30)
    monkeypatch.setattr(cells, "_full_row", counted)
    for place in (0, 500_000, len(editor.text)):
        for text in ("x", "a\nb"):
            editor.cursor = place
            editor.insert(text)
            assert editor.rows(30)[-1][1] == len(editor.text)
            editor.kill_word()
            assert editor.rows(30)[-1][1] == len(editor.text)
    assert wrapped < 100


@given(st.text(alphabet=st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=9))
def test_letters_that_join_nothing_are_found_fast_and_right(text: str) -> None:
    if cells._ALONE.fullmatch(text) and text.isprintable():
        assert clusters(text) == [Cluster(*one) for one in split_graphemes(text)[0]]
