"""Whatever another person writes, the screen shows text: no control, no markup, no overflow."""

import asyncio
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.strip import Strip

from loom.api.events import ContactTyping, MessageReceived
from loom.api.message_views import MessageView
from loom.api.profile_views import StatusView
from loom.front.signs import Signs
from loom.tui.canvas import Canvas
from loom.tui.chat.bars import RuleLine, StatusLine, TitleLine
from loom.tui.chat.choices import Choices
from loom.tui.chat.conversations import ConversationList
from loom.tui.chat.layout import lay_out
from loom.tui.editor import shown
from loom.tui.kit.chooser import Choice, ChooserBox
from loom.tui.lines import Look
from loom.tui.model import Model
from loom.tui.themes import BUILT_IN, Line, Theme
from tests.fakes import NOW_MS
from tests.tui.looks import look
from tests.tui.talking import TalkingNode
from tests.tui.terminal import Terminal

NASTY = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "\x1b\x07\x9b\r\n\t[]/b \u202e\u2066\u200b\u200d\ufe0f\u0301\u0489日👩👍🏽é"
        ),
        st.sampled_from("\U000e0041\ufffe\ud800\u3000\u1160ﷺ"),
        st.characters(),
    ),
    max_size=60,
) | st.sampled_from(["[/x]", "[b]bold[/b]", "\x1b]0;title\x07", "\x1b[2J", "a" + "\u0301" * 500])
JOINERS = "\u200c\u200d"


def message(body: str, contact: str, direction: str = "in", state: str = "read") -> MessageView:
    return MessageView(
        message_id="1",
        contact=contact,
        contact_id=1,
        direction=direction,
        body=body,
        state=state,
        sent_at_ms=NOW_MS,
        stored_at_ms=NOW_MS,
        row_id=1,
    )


def check(lines: list[Line], width: int) -> None:
    theme = Theme("terminal", BUILT_IN["terminal"])
    strips = [theme.strip(line, width) for line in lines]
    for strip in strips:
        text = "".join(segment.text for segment in strip)
        wrong = [
            hex(ord(one))
            for one in text
            if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
            and one not in JOINERS
        ]
        assert not wrong
        assert Strip(list(strip)).cell_length == width
    shown_by(strips, width)


def shown_by(strips: list[Strip], width: int) -> None:
    """What is written for them is nothing but text and the canvas's own sequences."""
    canvas, terminal = Canvas(), Terminal(width, len(strips))
    canvas.resize(width, len(strips))
    for y, strip in enumerate(strips):
        canvas.put(0, y, strip, width)
    terminal.feed(canvas.update(None))


@settings(max_examples=300, deadline=None)
@given(
    body=NASTY,
    name=NASTY,
    width=st.integers(8, 100),
    own=st.booleans(),
    state=st.sampled_from(["queued", "sent", "delivered", "read", "failed", "\x1b[1m"]),
    unicode=st.booleans(),
)
def test_a_message(body: str, name: str, width: int, own: bool, state: str, unicode: bool) -> None:
    block = lay_out(
        message(body, name, "out" if own else "in", state),
        None,
        width=width,
        look=look(Signs(unicode)),
        is_first=True,
        is_new=True,
        is_selected=True,
    )
    check(block, width)


@settings(max_examples=100, deadline=None)
@given(name=NASTY.filter(bool), body=NASTY, width=st.integers(8, 100))
def test_list_title_rule_status_and_chooser(name: str, body: str, width: int) -> None:
    model, node = Model(), TalkingNode()
    contact = msgspec.structs.replace(node.add("x"), contact=name, display_name=body, unread=7)
    status = asyncio.run(_status(node))
    model.load(msgspec.structs.replace(status, profile="work"), [contact])
    model.current = 1
    model.apply(
        [
            MessageReceived(
                message_id="1",
                contact=name,
                contact_id=1,
                direction="in",
                body=body,
                state="delivered",
                sent_at_ms=NOW_MS,
                row_id=1,
            )
        ]
    )
    look = Look(Theme("terminal", BUILT_IN["terminal"]), Signs(True))
    list_ = ConversationList(look, model)
    one = model.conversations[1]
    lines = [list_._name_row(one, width), list_._preview_row(one, width)]
    model.apply([ContactTyping(contact=name, contact_id=1, on=True)])
    lines += [bar.line(0, width) for bar in (TitleLine(look, model), RuleLine(look, model))]
    status_line = StatusLine(look, model)
    status_line.notice = body
    lines.append(status_line.line(0, width))
    hit = Choices._hit(message(body, name), "a", "…", here=False)
    box = ChooserBox(look, name)
    lines += [box._choice(hit, True, width), box._choice(Choice(name, body), False, width)]
    check(lines, width)


async def _status(node: TalkingNode) -> StatusView:
    from loom.api.profile_commands import Status

    return await node.send(Status())


@settings(max_examples=300, deadline=None)
@given(text=NASTY)
def test_what_is_being_written(text: str) -> None:
    from loom.tui.editor import Editor

    editor = Editor()
    editor.insert(text.replace("\n", " "))
    check([[*_line(shown(editor.text))]], 200)


def _line(text: str) -> Line:
    from loom.tui.themes import Piece

    return [Piece(text)]


@pytest.mark.parametrize("text", ["[/x]", "[b]bold[/b]", "[link=http://x]y[/link]", ":smile:"])
def test_markup_is_shown_as_it_was_written(text: str) -> None:
    block = lay_out(message(text, text), None, width=80, look=look(Signs(True)))
    assert text in "".join(piece.text for piece in block[0])


@pytest.mark.parametrize(
    ("body", "link"),
    [
        ("see https://example.org/a?b=1, or", "https://example.org/a?b=1"),
        ("https://ex\u202eample.org", "https://example.org"),
        ("https://ex\u0430mple.org", ""),
        ("javascript:alert(1) file:///etc/passwd", ""),
        ("https://" + "a" * 3_000, ""),
    ],
)
def test_only_honest_addresses_become_links(body: str, link: str) -> None:
    block = lay_out(message(body, "Ada"), None, width=80, look=look(Signs(True)))
    assert {piece.link for line in block for piece in line if piece.link} == ({link} - {""})
