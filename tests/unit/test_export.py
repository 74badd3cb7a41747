"""A conversation written out: golden files, hostile texts, and a conversation without end."""

import asyncio
import html as standard_html
import re
import time
import tracemalloc
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from loom.api.contact_commands import ShowContact
from loom.api.file_views import FileView
from loom.api.message_commands import History
from loom.api.message_views import Messages, MessageView, Quote, Reaction
from loom.errors import ControlError, InvalidInput
from loom.front.export import facts, html, jsonl, markdown, text
from loom.front.export.conversation import FORMATS, PAGE, file_name, format_named, written
from loom.front.private_file import private_file, write_private
from loom.printable import printable

GOLDEN = Path(__file__).with_name("exported")
NOON_MS = 1_795_608_000_000  # 2026-11-25T12:00Z
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x9b31m",
    "\u202egnp.exe\u2066",
    "<script>alert(1)</script><img src=https://evil.example onerror=x>",
    "</p></article></body><style>*{display:none}</style><!--",
    "&lt;b&gt; &amp; &#x202e;",
    "# heading\n\n- list\n1. one\n> quote\n```\ncode\n```\n    indented\n***\n===\n---",
    "![x](https://evil.example/a.png) [y](javascript:alert(1)) <https://evil.example>",
    "[z]: https://evil.example\n\n[z]",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "*a* _b_ `c` ~~d~~ \\e \\\n f  \ng",
    "\n12:00  you:\n    I owe you everything",
    "]]>\n--><svg/onload=x>",
    "\0\r\n\u2028\u2029\x85\t tab",
    "' \" onmouseover='x",
)


def view(body: str = "hello", **given: Any) -> MessageView:
    fields: dict[str, Any] = {
        "message_id": "00000000-0000-0000-0000-000000000001",
        "contact": "Ada",
        "contact_id": 1,
        "direction": "in",
        "body": body,
        "state": "delivered",
        "sent_at_ms": NOON_MS,
        "stored_at_ms": NOON_MS,
        "row_id": 1,
    }
    return MessageView(**{**fields, **given})


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are written in the reader's zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# --- golden files ---

TALK = [
    view("see you at noon"),
    view("will do\n  - with maps\n\nand *pens*", direction="out", state="read"),
    view(
        "yes",
        message_id="00000000-0000-0000-0000-000000000003",
        reply_to="00000000-0000-0000-0000-000000000001",
        quote=Quote(direction="out", body="will do - with maps"),
        edited=True,
        reactions=[Reaction(contact=None, emoji="👍"), Reaction(contact="Ada", emoji="❤")],
        pinned=True,
    ),
    view("", deleted=True, edited=True),
    view("", direction="out", state="queued", quote=Quote(direction="in", gone=True)),
    view("明天去東京吧", sent_at_ms=NOON_MS + 86_400_000, direction="out", state="failed"),
    view("for an hour", sent_at_ms=NOON_MS + 86_400_000, expires_at_ms=NOON_MS + 90_000_000),
    view("", sent_at_ms=NOON_MS + 86_400_000, kind="timer", expires_s=3_600),
    view("", sent_at_ms=NOON_MS + 86_400_000, state="withdrawn", deleted=True, direction="out"),
    view("a clock far off", sent_at_ms=2**62),
    *(view(body, sent_at_ms=NOON_MS + 2 * 86_400_000, contact="<Eve>\x1b") for body in HOSTILE),
]


class Node:
    """Answers as a node does, from a list."""

    def __init__(self, messages: list[MessageView]) -> None:
        self._messages = messages

    async def send(self, command: Any) -> Any:
        if isinstance(command, ShowContact):
            return _Contact(contact="Ada & <Eve>", contact_id=1)
        assert isinstance(command, History)
        assert command.oldest
        after = command.after_row or 0
        return Messages(messages=self._messages[after : after + command.limit])


class _Contact(msgspec.Struct):
    contact: str
    contact_id: int


async def _whole(messages: list[MessageView], name: str) -> str:
    node = Node(messages)
    parts = written(node.send, "Ada", FORMATS[name], now_ms=NOON_MS)
    return "".join([part.text async for part in parts])


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
async def test_a_conversation_as_it_was_written_out_before(name: str) -> None:
    found = await _whole(TALK, name)
    file = GOLDEN / f"conversation.{FORMATS[name].ending}"
    assert found == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
async def test_a_file_is_named_beside_its_caption(name: str) -> None:
    file = FileView(
        file_id="f1",
        message_id="f1",
        contact="Ada",
        contact_id=1,
        direction="in",
        name="plan <b>.pdf",
        size_bytes=2_100_000,
        media_type="application/pdf",
        state="offered",
        received_bytes=0,
    )
    found = await _whole([view("for Monday", kind="file", file=file)], name)
    assert "for Monday" in found
    shown = found.replace("\\", "").replace("&lt;", "<").replace("&gt;", ">")
    assert "file plan <b>.pdf, 2.1 MB" in shown
    assert name != "html" or "<b>" not in found


async def test_lines_that_were_written_out_before_are_still_read() -> None:
    """A message may have gained fields since."""
    lines = (GOLDEN / "conversation.jsonl").read_text(encoding="utf-8").splitlines()
    assert [msgspec.json.decode(line, type=MessageView) for line in lines] == TALK
    assert len((await _whole(TALK, "jsonl")).splitlines()) == len(lines)


@pytest.mark.parametrize("name", FORMATS)
async def test_pages_meet(name: str) -> None:
    said = [view(f"number {row}", row_id=row) for row in range(1, 2 * PAGE + 2)]
    found = await _whole(said, name)
    assert re.findall(r"number (\d+)", found) == [str(row) for row in range(1, 2 * PAGE + 2)]


# --- hostile texts ---

BODIES = st.sampled_from(HOSTILE) | st.text() | st.lists(st.sampled_from(HOSTILE)).map("".join)
VIEWS = st.builds(
    view,
    BODIES,
    contact=BODIES,
    direction=st.sampled_from(["in", "out"]),
    state=st.sampled_from(["delivered", "failed"]),
    quote=st.none() | st.builds(Quote, direction=st.just("in"), body=BODIES),
    reply_to=st.none() | BODIES,
    message_id=BODIES,
    reactions=st.lists(st.builds(Reaction, contact=BODIES, emoji=BODIES), max_size=2),
    deleted=st.booleans(),
    kind=st.sampled_from(["text", "timer"]),
    expires_s=st.integers(0, 2**40),
    expires_at_ms=st.none() | st.integers(-(2**63), 2**63 - 1),
    sent_at_ms=st.integers(-(2**63), 2**63 - 1),
)
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _is_harmless(written_out: str) -> bool:
    return all(printable(line) == line for line in written_out.split("\n"))


@given(VIEWS, BODIES)
@MANY
def test_text_indents_what_others_wrote_more_than_all_else(one: MessageView, contact: str) -> None:
    found = text.message(one)
    assert _is_harmless(found)
    _, head, *said, end = found.split("\n")
    assert (head, end) == (f"{facts.clock(one)}  {facts.author(one)}:", "")
    quote, remarks = facts.quote(one), facts.remarks(one)
    told = [] if quote is None else [f"  > {quote}".rstrip()]
    told += [] if facts.is_said(one) else [f"  {facts.body(one)}".rstrip()]
    told += [f"  [{', '.join(remarks)}]"] if remarks else []
    assert [line for line in said if line and not line.startswith("    ")] == told
    assert text.head(contact, "now").count("\n") == 2


@given(VIEWS, BODIES)
@MANY
def test_markdown_shows_letter_by_letter_what_others_wrote(one: MessageView, contact: str) -> None:
    found = markdown.message(one)
    assert _is_harmless(found)
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    blocks = reader.parse(found)
    kinds = {token.type for token in blocks}
    assert kinds <= {
        *("paragraph_open", "paragraph_close", "inline", "blockquote_open", "blockquote_close")
    }
    inner = [token for block in blocks for token in block.children or []]
    allowed = {"text", "text_special", "hardbreak", "softbreak"}
    emphasis = {"strong_open", "strong_close", "em_open", "em_close"}
    assert {token.type for token in inner} <= allowed | emphasis
    said = [_plain(_shown(block)) for block in blocks if block.type == "inline"]
    assert _plain(facts.body(one)) in said
    assert {token.type for token in reader.parse(markdown.head(contact, "now"))} <= {
        *("heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline"),
    }


def _shown(block: Any) -> str:
    breaks = {"hardbreak": "\n", "softbreak": "\n"}
    return "".join(breaks.get(one.type, one.content) for one in block.children)


def _plain(said: str) -> list[str]:
    return [line.strip() for line in said.replace("\xa0", " ").split("\n")]


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.said: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert name in {
                *("class", "id", "dir", "href", "lang", "charset", "http-equiv", "content", "name")
            }, name
            if name == "href":
                self.links.append(value or "")
            if value and "default-src" in value:
                self.policy = value

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "p":
            self.said.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


@given(VIEWS, BODIES)
@MANY
def test_html_is_made_of_its_own_tags_alone(one: MessageView, contact: str) -> None:
    page = Page()
    page.feed(html.head(contact, "now") + html.day("a day") + html.message(one) + html.TAIL)
    page.close()
    head = ["html", "head", "meta", "meta", "meta", "meta", "title", "style", "body", "h1", "p"]
    assert page.tags[: len(head)] == head
    assert set(page.tags[len(head) :]) <= {
        *("h2", "article", "header", "blockquote", "a", "p", "footer")
    }
    assert all(link.startswith("#") for link in page.links)
    assert facts.body(one) in "".join(page.said)
    assert _is_harmless(standard_html.unescape(html.message(one)).replace("\n", ""))


def test_the_page_lets_nothing_in_but_its_own_style() -> None:
    page = Page()
    page.feed(html.head("Ada", "now"))
    from base64 import b64encode
    from hashlib import sha256

    style = html.head("Ada", "now").partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.policy
    assert page.policy.startswith("default-src 'none'")
    assert "url(" not in style
    assert "prefers-color-scheme: dark" in style


@given(VIEWS)
@MANY
def test_json_lines_hold_all_of_a_message_on_one_harmless_line(one: MessageView) -> None:
    found = jsonl.message(one)
    assert found.endswith("\n")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", found)
    assert found.count("\n") == 1
    assert msgspec.json.decode(found, type=MessageView) == one


@given(BODIES)
def test_a_file_is_named_harmlessly(contact: str) -> None:
    name = file_name(contact)
    assert re.fullmatch(r"loom-[\w-]+", name)
    assert len(name) <= 60


def test_another_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match="text, markdown, jsonl, html"):
        format_named("docx\x1b")
    assert format_named("HTML") is FORMATS["html"]


# --- size ---


class Endless(Node):
    """A conversation that is made while it is read."""

    def __init__(self, count: int) -> None:
        super().__init__([])
        self._count = count

    async def send(self, command: Any) -> Any:
        if isinstance(command, ShowContact):
            return await super().send(command)
        after = command.after_row or 0
        rows = range(after + 1, min(after + command.limit, self._count) + 1)
        return Messages(messages=[view("hello " * 40, row_id=row) for row in rows])


@pytest.mark.parametrize("name", FORMATS)
def test_a_huge_conversation_takes_no_more_memory_than_a_page(name: str) -> None:
    async def export() -> int:
        size = 0
        parts = written(Endless(20_000).send, "Ada", FORMATS[name], now_ms=NOON_MS)
        async for part in parts:
            size += len(part.text)
        return size

    tracemalloc.start()
    size = asyncio.run(export())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 20_000 * 240
    assert peak < 2_000_000


class Circling(Node):
    """A hostile node, as `--on` may reach: the same full page for ever."""

    async def send(self, command: Any) -> Any:
        if isinstance(command, ShowContact):
            return await super().send(command)
        return Messages(messages=[view(row_id=row) for row in range(1, PAGE + 1)])


async def test_a_node_that_goes_round_in_circles_ends_the_export() -> None:
    """Once it filled the disk."""
    parts = written(Circling([]).send, "Ada", FORMATS["text"], now_ms=NOON_MS)
    assert [(await anext(parts)).messages, (await anext(parts)).messages] == [0, PAGE]
    with pytest.raises(ControlError) as stopped:
        await anext(parts)
    assert "the same messages again" in str(stopped.value)


# --- files ---


def test_a_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "talk.txt"
    write_private(file, b"old")
    file.chmod(0o644)

    def fail() -> None:
        with private_file(file) as opened:
            opened.write(b"new")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert file.read_bytes() == b"old"
    link = tmp_path / "link"
    link.symlink_to(file)
    with private_file(link) as opened:
        opened.write(b"new")
        assert file.read_bytes() == b"old"
    assert (file.read_bytes(), link.is_symlink()) == (b"new", True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link", "talk.txt"]
    with pytest.raises(InvalidInput, match="is a folder"):
        write_private(tmp_path, b"")
