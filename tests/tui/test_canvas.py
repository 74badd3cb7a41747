"""The difference that is written always ends in the screen that was wanted."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style

from loom.tui.canvas import Canvas, Scroll
from tests.tui.terminal import Terminal

WIDTH, HEIGHT = 24, 6
STYLES = [None, Style(bold=True), Style(color="red"), Style(bgcolor="blue"), Style(link="http://x")]
texts = st.text(alphabet="ab   日✓é👍", max_size=WIDTH)
rows = st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=3)
screens = st.lists(rows, min_size=HEIGHT, max_size=HEIGHT)
scrolls = st.none() | st.builds(
    Scroll,
    top=st.integers(0, 2),
    bottom=st.integers(4, HEIGHT + 4),
    by=st.integers(-3, 3).filter(bool),
)
carets = st.none() | st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1))


def want(canvas: Canvas, screen: list[list[tuple[str, Style | None]]]) -> None:
    for y, row in enumerate(screen):
        x = canvas.put(0, y, [Segment(text, style) for text, style in row], WIDTH)
        canvas.put(x, y, [Segment(" " * (WIDTH - x))], WIDTH)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(screens, scrolls, carets), min_size=1, max_size=5))
def test_the_terminal_shows_what_was_wanted(
    steps: list[tuple[list[list[tuple[str, Style | None]]], Scroll | None, tuple[int, int] | None]],
) -> None:
    canvas, terminal = Canvas(), Terminal(WIDTH, HEIGHT)
    canvas.resize(WIDTH, HEIGHT)
    for screen, scroll, caret in steps:
        want(canvas, screen)
        if scroll is not None:
            canvas.scroll(scroll)
        terminal.feed(canvas.update(caret))
        assert terminal.rows == [[tuple(cell) for cell in row] for row in canvas._wanted]
        assert terminal.cursor == (caret is not None)
        if caret is not None:
            assert (terminal.x, terminal.y) == caret


parts = st.sampled_from(["a", "b", " ", "日", "e\u0301", "❤\ufe0f", "👨\u200d👩\u200d👧", "👍🏽"])
joined = st.lists(parts, max_size=9).map("".join)


@given(st.lists(st.lists(joined, min_size=HEIGHT, max_size=HEIGHT), min_size=1, max_size=5))
def test_a_terminal_that_joins_nothing_keeps_everything_else_in_place(
    steps: list[list[str]],
) -> None:
    """A heart of two characters left an old letter beside it; a family reached over its cells."""
    canvas, terminal = Canvas(), Terminal(WIDTH, HEIGHT, joins=False)
    canvas.resize(WIDTH, HEIGHT)
    for screen in steps:
        want(canvas, [[(text, None)] for text in screen])
        terminal.feed(canvas.update(None))
        for shown, wanted in zip(terminal.rows, canvas._wanted, strict=True):
            for x, cell in enumerate(wanted):
                of_joined = len(cell.text) > 1 or (
                    x and cell.text == "" and len(wanted[x - 1].text) > 1
                )
                assert of_joined or shown[x] == tuple(cell)
                if cell.text == "❤\ufe0f":
                    assert shown[x + 1][0] in (" ", "")


@pytest.mark.parametrize("letter", ["e\u0301", "n\u0303", "\u2708\ufe0e"])
def test_a_letter_of_two_characters_leaves_the_wide_one_beside_it_whole(letter: str) -> None:
    """Two cells were erased for it: in tmux half of what stood there stayed blank."""
    canvas, terminal = Canvas(), Terminal(WIDTH, HEIGHT)
    canvas.resize(WIDTH, HEIGHT)
    for first in ("a", letter, "b", letter):
        want(canvas, [[(f"{first}\u65e5\u672c", None)]])
        terminal.feed(canvas.update(None))
        assert terminal.text()[0] == f"{first}\u65e5\u672c"


def test_what_is_right_already_costs_nothing() -> None:
    canvas = Canvas()
    canvas.resize(WIDTH, HEIGHT)
    want(canvas, [[("hello", None)]] * HEIGHT)
    canvas.update((3, 3))
    want(canvas, [[("hello", None)]] * HEIGHT)
    assert canvas.update((3, 3)) == ""


def test_a_letter_at_the_cursor_costs_one_byte() -> None:
    canvas = Canvas()
    canvas.resize(WIDTH, HEIGHT)
    canvas.update((0, 5))
    canvas.put(0, 5, [Segment("a")], WIDTH)
    assert canvas.update((1, 5)) == "a"


@pytest.mark.parametrize("by", [1, -1])
def test_moved_rows_are_moved_by_the_terminal(by: int) -> None:
    canvas = Canvas()
    canvas.resize(80, 24)

    def fill(first: int) -> None:
        for y in range(24):
            canvas.put(0, y, [Segment(f"{first + y:03} {'words ' * 12}".ljust(80))], 80)

    fill(100)
    canvas.update(None)
    fill(100 + by)
    canvas.scroll(Scroll(0, 24, by))
    assert len(canvas.update(None)) < 120


def test_the_rows_of_a_link_are_one_link_for_the_terminal() -> None:
    canvas = Canvas()
    canvas.resize(WIDTH, HEIGHT)
    link, other = Style(link="https://x.example/long"), Style(link="https://y.example")
    want(canvas, [[("https:", link)], [("//x.example", link)], [("y", other)], [], [], []])
    opened = re.findall(r"\x1b\]8;id=(\w+);(\S+?)\x1b", canvas.update(None))
    assert [address for _, address in opened] == [link.link, other.link]
    assert len({number for number, _ in opened}) == 2
    want(canvas, [[("https:", link)], [("/between", None)], [("//x.example", link)], [], [], []])
    canvas.forget()
    again = re.findall(r"\x1b\]8;id=(\w+);", canvas.update(None))
    assert again == [opened[0][0]] * 2
