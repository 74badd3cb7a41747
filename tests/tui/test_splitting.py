"""A text beyond what one message holds, as several in order."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.tui.cells import clusters
from loom.tui.splitting import FENCE, Part, split

LIMIT = 1_000
WORDS = st.lists(
    st.sampled_from(
        [
            "word",
            " ",
            "\n",
            "\n```\n",
            "\n```python\n",
            "\n~~~~ a b\n",
            "x" * 90,
            "日本語" * 30,
            "👨\u200d👩\u200d👧" * 20,
            "e\u0301" * 60,
            "` ``` `",
            "\n  ```\n",
            "    ",
            "\n\n",
        ]
    ),
    max_size=120,
).map("".join)


def blocks_are_closed(text: str) -> bool:
    opened = ""
    for line in text.split("\n"):
        if (found := FENCE.match(line)) is None:
            continue
        marks, info = found[2], found[3]
        if not opened:
            opened = marks if "`" not in info or marks[0] == "~" else ""
        elif marks.startswith(opened) and not info.strip():
            opened = ""
    return not opened


@given(WORDS)
def test_the_parts_joined_are_the_text(text: str) -> None:
    parts = split(text, LIMIT)
    assert "".join(text[one.start : one.end] for one in parts) or not text
    ends = [Part(0, 0, "", ""), *parts, Part(len(text), len(text), "", "")]
    for first, second in pairwise(ends):
        assert text[first.end : second.start] in ("", " ", "\n")
    for one in parts:
        assert one.start < one.end
        assert len(one.of(text).encode()) <= LIMIT


@given(WORDS)
def test_no_part_ends_inside_code(text: str) -> None:
    parts = split(text, LIMIT)
    for one in parts[:-1]:
        assert blocks_are_closed(one.of(text)), one.of(text)
    if parts:
        assert blocks_are_closed(parts[-1].of(text)) == blocks_are_closed(text)


@given(WORDS)
def test_no_character_is_torn_apart(text: str) -> None:
    whole = {one.start for one in clusters(text)} | {len(text)}
    for one in split(text, LIMIT):
        assert one.end in whole or text[one.end] in " \n"  # a newline has no width of its own


def test_lines_come_before_words_and_words_before_characters() -> None:
    line = "some words of a line"
    text = "\n".join([line] * 200)
    assert all(text[one.start : one.end].endswith("line") for one in split(text, LIMIT))
    text = " ".join(["word"] * 2_000)
    assert {text[one.start : one.end].split(" ")[-1] for one in split(text, LIMIT)} == {"word"}


@pytest.mark.parametrize(
    "piece", ["```\n", "`", "a", "\n", " ", "e" + "\u0301" * 300, "~~~\n", "👍"]
)
def test_a_megabyte_made_to_be_slow_is_split(piece: str) -> None:
    text = piece * (2**20 // len(piece.encode()))
    parts = split(text, 16 * 1024)
    assert 63 <= len(parts) <= 140
    assert all(len(one.of(text).encode()) <= 16 * 1024 for one in parts)


def test_code_goes_on_in_its_language() -> None:
    text = "```python\n" + "x = 1\n" * 400 + "```"
    first, *_, last = [one.of(text) for one in split(text, LIMIT)]
    assert first.endswith("x = 1\n```")
    assert re.match("```python\nx = 1\n", last)
