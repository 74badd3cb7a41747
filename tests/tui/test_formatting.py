"""How texts look: emphasis and code by CommonMark, of which no character is hidden; folding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.api.message_views import MessageView
from loom.front.signs import Signs
from loom.tui.chat import layout
from loom.tui.content import code, markdown, text
from loom.tui.content.manner import Manner
from loom.tui.content.markdown import spans
from loom.tui.themes import Line
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.looks import look
from tests.tui.talking import TalkingNode

PROGRAM = """\
look:
```python
def answer(question):
    return 42  # of *course*
```
"""
WRITTEN = st.lists(
    st.sampled_from(
        [
            "*",
            "**",
            "_",
            "`",
            "``",
            "\\",
            "\n",
            "\n\n",
            "```\n",
            "```python\n",
            "~~~\n",
            " ",
            "word",
            "日本",
            "e\u0301",
            "https://x.example/a_b*c",
            "[label](https://x.example/)",
            "  ",
            "if x:",
        ]
    ),
    max_size=40,
).map("".join)


def message(body: str) -> MessageView:
    return MessageView(
        message_id="1",
        contact="Ada",
        contact_id=2,
        direction="in",
        body=body,
        state="read",
        sent_at_ms=0,
        stored_at_ms=0,
        row_id=1,
    )


def looks(body: str) -> list[tuple[str, str]]:
    return [(body[start:end], role) for start, end, role in spans(body)]


def test_what_is_emphasised_and_what_is_not() -> None:
    assert looks("*a* __b__") == [
        ("*", "mark"), ("a", "emphasis"), ("*", "mark"),
        ("__", "mark"), ("b", "strong"), ("__", "mark"),
    ]  # fmt: skip
    assert [one for one in looks("***a** b*") if one[1] != "mark"] == [
        ("a", "strong_emphasis"),
        (" b", "emphasis"),
    ]
    for plain in ("2 * 3 * 4", "a_name_of_something", "* a\n* b", r"\*a\*", "`a", "*a\n\nb*", ""):
        assert [role for _, role in looks(plain) if role != "mark"] == []


def test_code_is_not_emphasised_and_has_the_colours_of_its_language() -> None:
    assert looks("`*a*`") == [("`", "mark"), ("*a*", "code"), ("`", "mark")]
    found = looks(PROGRAM)
    assert ("def", "code_keyword") in found
    assert ("answer", "code_name") in found
    assert ("42", "code_number") in found
    assert ("# of *course*", "code_comment") in found
    assert [part for part, role in found if role == "mark"] == ["```python", "```"]
    assert looks("```klingon\nnuqneH\n```")[1] == ("nuqneH", "code")
    assert looks("```\nopen to the end") == [("```", "mark"), ("open to the end", "code")]


def shown(rows: list[Line]) -> list[str]:
    return ["".join(piece.text for piece in row) for row in rows]


@given(WRITTEN, st.integers(5, 40), st.lists(st.sampled_from(["word", "a", "日"]), max_size=2))
def test_a_formatted_text_has_the_same_characters_in_the_same_places(
    body: str, width: int, words: list[str]
) -> None:
    one = message(body)
    formatted = text.lines(one, width, words, Manner(Signs(True)))
    plain = text.lines(one, width, words, Manner(Signs(True), is_formatted=False))
    assert shown(formatted) == shown(plain)
    hits = [piece.text for row in formatted for piece in row if piece.role == "match"]
    assert hits == [piece.text for row in plain for piece in row if piece.role == "match"]


@given(WRITTEN)
def test_parts_are_in_order_and_do_not_overlap(body: str) -> None:
    at = 0
    for start, end, _ in spans(body):
        assert at <= start <= end <= len(body)
        at = end


@pytest.mark.parametrize("unit", ["*", "_*", "`", "\\*", "*a _b ", "```\n", "~~~\n*\n"])
def test_a_text_of_nothing_but_marks_is_shown_as_typed(unit: str) -> None:
    body = (unit * 16_384)[: 16 * 1024]
    assert spans(body) == []
    assert len(spans("*a* " * (markdown.MARKS_MAX // 2))) == 3 * markdown.MARKS_MAX // 2


def test_code_made_to_be_slow_keeps_one_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(code.highlighted("x" * (code.LINE_MAX + 1), "python")) == []
    assert list(code.highlighted("1 \n" * code.CODE_MAX, "python")) == []
    found = list(code.highlighted("1 \n" * (code.CODE_MAX // 3), "python"))
    assert 0 < len(found) <= code.TOKENS_MAX
    now = iter(range(100_000))
    monkeypatch.setattr(code, "thread_time", lambda: next(now) * code.BUDGET_S / 10)
    found = list(code.highlighted("1 \n" * 1_000, "python"))
    assert 0 < len(found) <= 10


def laid_out(body: str, *, is_unfolded: bool = False, words: tuple[str, ...] = ()) -> list[str]:
    block = layout.lay_out(
        message(body), None, width=80, look=look(Signs(True)), is_unfolded=is_unfolded, words=words
    )
    return [row.strip() for row in shown(block)]


def test_a_long_text_is_folded_unless_a_search_found_something_in_it() -> None:
    body = "\n".join(f"line {n}." for n in range(100))
    rows = laid_out(body)
    assert rows[-1] == "Show 85 more lines"
    assert len(rows) == layout.FOLDED_ROWS + 1
    assert laid_out(body, is_unfolded=True)[-2:] == ["line 99.", "Show less"]
    assert laid_out(body, words=("99",))[-1] == "line 99."
    assert laid_out(body, words=("3",))[-1] == "line 99."
    assert laid_out(body, words=("elsewhere",))[-1] == "Show 85 more lines"
    assert laid_out("\n".join(["x"] * layout.ROWS_MAX))[-1] == "x"


async def test_a_long_text_unfolds_by_key_and_mouse_and_its_beginning_stays(
    node: TalkingNode, opened: Opened
) -> None:
    node.say("Ada", "before", "\n".join(f"line {n}." for n in range(100)))
    async with opened(node) as (app, pilot):
        before = text_of(app)
        at = next(n for n, row in enumerate(before) if "Show 85 more lines" in row)
        await pilot.click(app.chat.timeline, offset=(25, at - 1))
        await settle(pilot)
        assert "line 15." in text_of(app)[at]
        assert text_of(app)[1 : at - 1] == before[1 : at - 1]
        assert not app.chat.selection.is_active
        await pilot.press("escape", "z")
        await settle(pilot)
        assert any("Show 85 more lines" in row for row in text_of(app))
        await pilot.press("z", "escape", "z")
        await settle(pilot)
        assert app.chat.composer.editor.text == "z"


async def test_formatting_is_switched_off_and_on(node: TalkingNode, opened: Opened) -> None:
    node.say("Ada", "this is *important*")

    def roles() -> set[str]:
        window = app.chat.reader.window
        assert window is not None
        return {piece.role for one in window.lines(56, 20) for piece in one.line}

    async with opened(node) as (app, pilot):
        assert "emphasis" in roles()
        await pilot.press(*"/formatting plain", "enter")
        await settle(pilot)
        assert "emphasis" not in roles()
        assert "formatting = false" in (app.config / "config.toml").read_text()
        await pilot.press(*"/formatting formatted", "enter")
        await settle(pilot)
        assert "emphasis" in roles()
