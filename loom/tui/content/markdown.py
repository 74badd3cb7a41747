"""What is emphasised and what is code in a text, by CommonMark; nothing of it is hidden.

Of CommonMark: emphasis, strong emphasis, code, backslashes, and fenced blocks. The marks stay
where they were typed, so a text says the same whether it is formatted or not (ADR 0037).
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from loom.tui.content.code import Span, highlighted

if TYPE_CHECKING:  # imported when a text has a mark
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

MARKS_MAX: Final = 2_000
"""A text with more is shown as typed: each costs some microseconds, and its sender chose them."""
_MARK: Final = re.compile(r"[*_`\\]|^ {0,3}~~~", re.MULTILINE)
_AT: Final = "at"
_ROLES: Final = {
    (False, False): "",
    (True, False): "strong",
    (False, True): "emphasis",
    (True, True): "strong_emphasis",
}


def spans(body: str) -> list[Span]:
    """The parts of a harmless text that look different, in order; they do not overlap."""
    if not 0 < sum(1 for _ in _MARK.finditer(body)) <= MARKS_MAX:
        return []
    starts = [0, *(one.end() for one in re.finditer("\n", body)), len(body) + 1]
    found: list[Span] = []
    for token in _parser().parse(body):
        if token.map is None:
            continue
        first, last = token.map
        if token.type == "fence":
            lines = [
                (starts[n], starts[n + 1] - 1) for n in range(first, min(last, len(starts) - 1))
            ]
            found += _fenced(body, lines, token)
        elif token.type == "inline":
            inside = body[starts[first] : starts[min(last, len(starts) - 1)]]
            at = starts[first] + len(inside) - len(inside.lstrip())
            found += _inline(token.children or [], at)
    return found


def _fenced(body: str, lines: list[tuple[int, int]], token: "Token") -> Iterator[Span]:
    """A block of code between the lines that open and close it."""
    start, end = lines[0]
    yield Span(start, end, "mark")
    closing = body[slice(*lines[-1])].strip()
    is_closed = (
        len(lines) > 1 and closing.startswith(token.markup) and not closing.strip(closing[0])
    )
    inside = lines[1:-1] if is_closed else lines[1:]
    if inside:
        start, end = inside[0][0], inside[-1][1]
        language = token.info.split()[0] if token.info.split() else ""
        at = start
        for one in highlighted(body[start:end], language):
            first, last = start + one.start, start + one.end
            if at < first:
                yield Span(at, first, "code")
            yield Span(first, last, one.role)
            at = last
        if at < end:
            yield Span(at, end, "code")
    if is_closed:
        yield Span(*lines[-1], "mark")


def _inline(tokens: "list[Token]", offset: int) -> Iterator[Span]:
    """Marks, and what stands between them."""
    strong = emphasis = 0
    begun = 0
    for token in tokens:
        if _AT not in token.meta:
            continue
        at = token.meta[_AT]
        # The inner one of two marks stands for both.
        first = at - 1 if token.type == "strong_open" else at
        match token.type:
            case "strong_open" | "strong_close":
                last = first + 2
            case "em_open" | "em_close" | "text_special":
                last = first + 1
            case "code_inline":
                last = token.meta["end"]
            case _:
                continue
        if (role := _ROLES[strong > 0, emphasis > 0]) and begun < first:
            yield Span(offset + begun, offset + first, role)
        begun = last
        if token.type == "code_inline":
            size = len(token.markup)
            yield Span(offset + first, offset + first + size, "mark")
            yield Span(offset + first + size, offset + last - size, "code")
            yield Span(offset + last - size, offset + last, "mark")
            continue
        yield Span(offset + first, offset + last, "mark")
        strong += {"strong_open": 1, "strong_close": -1}.get(token.type, 0)
        emphasis += {"em_open": 1, "em_close": -1}.get(token.type, 0)


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import backtick, emphasis, escape

    parser = MarkdownIt("zero").enable(["fence"]).disable(["text_join"])
    rules = {"escape": escape, "backticks": backtick, "emphasis": emphasis.tokenize}
    parser.enable(list(rules))
    for name, rule in rules.items():
        parser.inline.ruler.at(name, _placed(rule))
    return parser


def _placed(rule: "Callable[[StateInline, bool], bool]") -> "Callable[[StateInline, bool], bool]":
    """The same rule, whose tokens know where they stand."""

    def run(state: "StateInline", silent: bool) -> bool:
        start, before = state.pos, len(state.tokens)
        if not rule(state, silent):
            return False
        new = state.tokens[before:]
        if new and new[-1].type in ("code_inline", "text_special"):
            new[-1].meta |= {_AT: start, "end": state.pos}
        elif new:  # one token for each mark
            marks = new[start - state.pos :]
            for number, token in enumerate(marks):
                token.meta[_AT] = start + number
        return True

    return run
