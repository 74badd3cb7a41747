"""Readline's ways of editing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loom.tui.cells import clusters, width_of, wrap
from loom.tui.editor import Editor


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
