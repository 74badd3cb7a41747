"""A conversation as lines: what goes out, what is shown, and what is refused."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from typer.testing import Result

from loom.api.contact_commands import AnswerFarewell, ShowContact, VerifyContact
from loom.api.conversation_commands import SetTimer
from loom.api.events import (
    ContactChanged,
    FarewellAsked,
    FarewellDone,
    MessageExpired,
    PeerOffline,
    TimerChanged,
)
from loom.api.message_commands import SendText
from loom.api.view import Done
from loom.cli import typed_lines as typed
from loom.cli.message_words import said_words
from loom.cli.plain import talk as talk_
from loom.cli.plain.commands import COMMANDS
from loom.tui import commands as tui_commands
from loom.wire.limits import TEXT_MAX_BYTES
from tests.cli.conftest import Loom, objects
from tests.fakes import NOW_MS, FakeNode, FakeProfiles
from tests.tui.talking import TalkingNode

Step = str | bytes | Callable[[], object]
Talk = Callable[..., Result]


@pytest.fixture
def node(profiles: FakeProfiles) -> TalkingNode:
    """Ada and Bob, and what Ada said."""
    node = TalkingNode()
    node.add("Ada", verified=True)
    node.add("Bob", online=False)
    node.say("Ada", "see you at noon")
    profiles.nodes["work"] = node
    return node


@pytest.fixture
def talk(loom: Loom, node: TalkingNode, monkeypatch: pytest.MonkeyPatch) -> Talk:
    """Types lines, with things that happen between them; all events are shown before the end."""

    def run(*steps: Step, arguments: tuple[str, ...] = ("--plain", "Ada")) -> Result:
        async def lines() -> AsyncIterator[bytes]:
            for step in steps:
                if callable(step):
                    step()
                else:
                    yield step.encode() if isinstance(step, str) else step
                for _ in range(20):  # every task that can go on does
                    await asyncio.sleep(0)

        monkeypatch.setattr(talk_, "typed_lines", lines)
        return loom(*arguments)

    return run


def said(node: FakeNode) -> list[str]:
    return [command.body for command in node.sent if isinstance(command, SendText)]


def test_the_last_messages_come_first_and_each_line_is_sent(talk: Talk, node: TalkingNode) -> None:
    done = talk("will do", "", "   ", "//usr is full", "/etc/hosts too", "grüße")
    assert done.exit_code == 0, done.stderr
    assert "Ada: see you at noon" in done.stdout
    assert "To Ada: verified, online, direct." in done.stderr
    assert said(node) == ["will do", "/usr is full", "/etc/hosts too", "grüße"]
    assert "will do" not in done.stdout


@pytest.mark.parametrize(
    "line",
    ["/quiz me now", "/qiut", " /quit", "  /qiut", "/quit/", "/", "/to", "/search", "/verify x"],
)
def test_a_mistyped_command_is_never_sent(talk: Talk, node: TalkingNode, line: str) -> None:
    done = talk(line, "not reached")
    assert done.exit_code in (0, 2)
    assert said(node) == []


def test_a_byte_order_mark_hides_no_command(talk: Talk, node: TalkingNode) -> None:
    done = talk(b"\xef\xbb\xbf/to Bob", "for Bob")
    assert done.exit_code == 0, done.stderr
    assert [(one.contact, one.body) for one in node.messages[1:]] == [("Bob", "for Bob")]


def test_a_long_line_is_refused_as_too_long_wherever_it_is_cut(
    talk: Talk, node: TalkingNode
) -> None:
    done = talk(("\u20ac" * TEXT_MAX_BYTES).encode()[: typed.LINE_MAX_BYTES + 1])
    assert done.exit_code == 2
    assert f"more than {TEXT_MAX_BYTES} bytes" in done.stderr
    assert said(node) == []


def test_what_comes_is_shown_and_nothing_of_it_moves_the_cursor(
    talk: Talk, node: TalkingNode
) -> None:
    done = talk(
        lambda: node.receive("Ada", "\x1b[2J\x1b]0;x\x07bring the \u202emaps\r\nAda: or not"),
        lambda: node.receive("Bob", "a secret"),
    )
    shown = done.stdout.splitlines()
    assert shown[1].startswith("Ada: ")
    assert "bring the maps" in shown[1]
    assert shown[2].startswith(" " * 18)
    assert "Bob wrote to you: /to Bob shows it." in done.stderr
    assert not any(
        sign in done.stdout + done.stderr for sign in ("\x1b", "\x07", "\r", "\u202e", "a secret")
    )


def test_one_s_own_from_elsewhere_is_shown_and_a_failure_too(talk: Talk, node: TalkingNode) -> None:
    def elsewhere() -> None:
        node._answer(SendText(contact="Ada", body="from the phone"))
        node.fail(node.messages[-1])

    done = talk("typed here", elsewhere)
    assert "you → Ada: from the phone" in done.stdout or "you -> Ada: from the phone" in done.stdout
    assert "typed here" not in done.stdout
    assert "! not sent to Ada: they are blocked" in done.stdout


def test_another_contact_can_be_chosen_and_who_is_away_is_told_once(
    talk: Talk, node: TalkingNode
) -> None:
    done = talk("/to bob", "one", "two")
    assert [c.contact for c in node.sent if isinstance(c, SendText)] == ["#2", "#2"]
    assert done.stderr.count("Bob is away") == 1


def test_a_line_costs_one_command(talk: Talk, node: TalkingNode) -> None:
    def away() -> None:
        node.tell(PeerOffline(contact="Ada", contact_id=1, reason="closed"))

    done = talk("one", "two", away, "three", "four")
    assert sum(isinstance(one, ShowContact) for one in node.sent) == 1
    assert done.stderr.count("Ada is away; this is sent when") == 1


def test_nobody_is_written_to_by_accident(talk: Talk, node: TalkingNode) -> None:
    done = talk("hello?", arguments=("--plain",))
    assert done.exit_code == 2
    assert "/to NAME" in done.stderr
    assert said(node) == []


def test_an_only_contact_needs_no_choice(talk: Talk, node: TalkingNode) -> None:
    del node.contacts["Bob"]
    assert talk("hello", arguments=("--plain",)).exit_code == 0
    assert said(node) == ["hello"]


def test_every_command_answers_in_lines(talk: Talk, node: TalkingNode) -> None:
    done = talk(
        "/help", "/contacts", "/history 1", "/search noon", "/verify", "/peers", "/quit", "x"
    )
    assert done.exit_code == 0, done.stderr
    for command in COMMANDS:
        assert f"/{command.name}" in done.stderr
    assert "Bob: not verified, away" in done.stdout
    assert done.stdout.count("see you at noon") == 3
    assert "00000 00001 00002 00003" in done.stdout
    assert "Ada: online, direct at 127.0.0.1:4070" in done.stdout
    assert said(node) == []


@pytest.mark.parametrize("command", [one.name for one in COMMANDS])
def test_every_command_that_help_shows_is_carried_out_or_refused_in_a_sentence(
    talk: Talk, node: TalkingNode, command: str
) -> None:
    done = talk(f"/{command}")
    assert done.exit_code in (0, 2), done.stderr
    assert said(node) == []


def test_what_the_app_calls_the_same_has_the_same_short_names() -> None:
    app = {one.name: one.aliases for one in tui_commands.COMMANDS}
    lines = {one.name: one.aliases for one in COMMANDS}
    for name in app.keys() & lines.keys():
        assert set(lines[name]) == set(app[name]), name
    assert {"open", *app["open"]} == set(lines["to"])


def test_history_says_that_there_are_older_messages(talk: Talk, node: TalkingNode) -> None:
    node.say("Ada", *(f"message {n}" for n in range(250)))
    assert "There are older messages: /history 100 shows them." in talk("/history 50").stderr
    node.reopen()
    done = talk("/history 200")
    assert "There are older messages: `loom history CONTACT --before T` shows them." in done.stderr
    node.reopen()
    done = talk("/to Bob", "/history")
    assert "older" not in done.stderr
    assert "No messages yet." in done.stderr


def test_it_says_that_something_waits_only_when_it_does(talk: Talk, node: TalkingNode) -> None:
    assert "What waits" not in talk("hello").stderr
    node.delivers = False
    node.reopen()
    assert "Queued messages are sent when a node runs" in talk("hello").stderr


def test_verifying_needs_its_word(talk: Talk, node: TalkingNode) -> None:
    talk("/verify", "/verify same")
    assert [c.confirm for c in node.sent if isinstance(c, VerifyContact)] == [False, True]


def test_what_cannot_be_sent_ends_it_on_a_pipe(talk: Talk, node: TalkingNode) -> None:
    done = talk(b"\xff", "after")
    assert done.exit_code == 2
    assert "cannot be sent" in done.stderr
    assert said(node) == []


def test_an_unknown_contact_is_one_sentence(talk: Talk) -> None:
    assert talk(arguments=("--plain", "Eve")).exit_code == 4


def test_it_is_the_same_command_with_options_behind_and_speaks_json(
    talk: Talk, node: TalkingNode
) -> None:
    done = talk(lambda: node.receive("Ada", "hi"), arguments=("--plain", "Ada", "--json"))
    assert [line["type"] for line in objects(done)] == ["message", "message.received"]


def test_the_node_s_end_is_its_end(talk: Talk, node: TalkingNode) -> None:
    def end() -> None:
        node.closed = True
        node._changed.set()

    done = talk(end, "never", "never")
    assert "The node has stopped." in done.stderr


async def test_lines_of_a_pipe_come_whole_however_they_arrive() -> None:
    reading, writing = os.pipe()
    lines = typed.typed_lines(reading)
    os.write(writing, b"one\r\ntw")
    assert await anext(lines) == b"one"
    os.write(writing, b"o\n\nlast")
    assert [await anext(lines), await anext(lines)] == [b"two", b""]
    os.close(writing)
    assert [line async for line in lines] == [b"last"]
    os.close(reading)


async def test_lines_of_a_file_are_read_and_an_endless_one_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"x" * 1_000_000 + b"\nshort")
    with path.open("rb") as file:
        long, short = [line async for line in typed.typed_lines(file.fileno())]
    assert TEXT_MAX_BYTES < len(long) <= typed.LINE_MAX_BYTES + 1
    assert short == b"short"


def test_a_conversation_is_written_out_once_its_owner_agreed(
    talk: Talk, node: TalkingNode, tmp_path: Path
) -> None:
    file = tmp_path / "the talk.txt"
    refused = talk(f"/export text {file}")
    assert refused.exit_code == 2
    assert "not encrypted" in refused.stderr
    assert not file.exists()
    node.reopen()
    done = talk(f"/export text {file} unencrypted")
    assert done.exit_code == 0, done.stderr
    assert f"1 message written to {file}" in done.stderr
    assert "see you at noon" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    node.reopen()
    assert talk(f"/export docx {file} unencrypted").exit_code == 2


def test_one_message_has_a_timer_of_its_own(talk: Talk, node: TalkingNode) -> None:
    done = talk("/expires 1h the code", "and more")
    assert done.exit_code == 0, done.stderr
    sent = [one for one in node.sent if isinstance(one, SendText)]
    assert [(one.body, one.expires_s) for one in sent] == [("the code", 3_600), ("and more", None)]
    for wrong in ("/expires 1h", "/expires soon no"):
        node.reopen()
        assert talk(wrong).exit_code == 2
    unread = msgspec.structs.replace(
        node.messages[0], state="delivered", expires_s=3_600, expires_at_ms=NOW_MS
    )
    assert "(disappears 1 hour after reading): see you" in said_words(unread)


def test_what_becomes_of_messages_is_typed_and_shown(talk: Talk, node: TalkingNode) -> None:
    noon = node.messages[0]
    done = talk(
        "/reply at the station",
        "/react :thumbs_up:",
        "/edit #2 at the harbour",
        "/pin",
        "/history",
        "/message #2",
        "/pins",
        "/unpin #1",
        "/react off",
        "/bookmark",
        "/bookmarks",
        "/forward #2 Bob",
        "/unsend #2",
        "/delete #1",
    )
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()[1:]
    assert lines[:3] == [
        "you reacted 👍 to: see you at noon",
        "you → Ada (answers Ada: see you at noon; edited): at the harbour",
        "you pinned: see you at noon",
    ]
    assert lines[3].startswith("#1  ")
    assert lines[3].endswith("Ada (pinned; 👍 you): see you at noon")
    assert "you → Ada (answers Ada: see you at noon; edited): at the harbour  " in lines[4]
    assert [line.split("  ")[-1] for line in lines[6:8]] == ["at the station", "at the harbour"]
    assert lines[8].endswith("Ada (pinned; 👍 you): see you at noon")
    assert lines[9:11] == [
        "you took back the pin of: see you at noon",
        "you took back the reaction to: see you at noon",
    ]
    assert sum(line.endswith("Ada (bookmarked): see you at noon") for line in lines) == 2
    assert any("you → Bob: at the harbour" in line for line in lines)
    assert "you deleted a message for both" in lines
    assert "Deleted here, and on their side once" in done.stderr
    assert noon not in node.messages


def test_what_the_other_side_does_with_messages_is_shown_and_moves_no_cursor(
    talk: Talk, node: TalkingNode
) -> None:
    evil = node.receive("Ada", "\x1b[2J evil (edited): you → Ada: I owe you")
    answer = node.answer("Ada", "\x1b[2J", evil.message_id)
    done = talk(
        lambda: node.react(evil, "\x1b", "Ada"),
        lambda: node.pin(node.by_id(evil.message_id), True, "Ada"),
        lambda: node.edit(node.by_id(evil.message_id), "new\n(pinned): \x1b[2J"),
        lambda: node.delete_for_both(node.by_id(evil.message_id)),
        f"/message #{answer.row_id}",
        "/to Bob",
        lambda: node.react(node.by_id(answer.message_id), "👍", "Ada"),
    )
    assert done.exit_code == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("Ada reacted � to: �[2J evil (edited)") for line in lines)
    assert any(line.startswith("Ada pinned: ") for line in lines)
    at = next(n for n, line in enumerate(lines) if line.endswith("): new"))
    assert lines[at].startswith("Ada (edited; pinned; � Ada): ")
    assert lines[at + 1].startswith(" " * 18)
    assert "Ada deleted a message for both" in lines
    assert lines[-1].endswith("Ada (answers a message that is gone): �[2J")


@pytest.mark.parametrize(
    "line",
    ["/reply", "/edit", "/edit #1", "/react", "/delete", "/unsend last", "/delete all", "/pin x"],
)
def test_an_incomplete_command_does_nothing(talk: Talk, node: TalkingNode, line: str) -> None:
    before = list(node.messages)
    done = talk(line)
    assert done.exit_code == 2
    assert "Write /" in done.stderr
    assert node.messages == before


def test_the_chosen_contact_is_renamed_muted_archived_and_marked(
    talk: Talk, node: TalkingNode
) -> None:
    def renamed() -> None:
        node.tell(ContactChanged(contact="Ada L", contact_id=1, what="renamed"))

    done = talk(
        "/rename Ada L",
        renamed,
        "/mute 8h",
        "/unmute",
        "/level Mentions",
        "/archive",
        "/favourite",
        "/unread",
        "/read",
        "/block",
        "/contact",
        "/token",
        "/unblock",
        lambda: node.tell(PeerOffline(contact="Ada L", contact_id=1, reason="closed")),
        "hello",
    )
    assert done.exit_code == 0, done.stderr
    until, *lines = done.stdout.splitlines()[1:]
    assert until.startswith("Ada L is muted until 2")
    assert lines[:6] == [
        "Ada L is not muted.",
        "Notifications for Ada L: mentions only.",
        "The conversation with Ada L is archived until a message comes.",
        "Ada L is at the top of the list.",
        "1 message from Ada L is unread.",
        "Everything from Ada L is read.",
    ]
    assert any("blocked" in line for line in lines[7:])
    assert lines[-1].startswith("LOOM-")
    assert "Ada L has a new name here" in done.stderr
    assert "Ada L is away; this is sent when" in done.stderr


@pytest.mark.parametrize("line", ["/rename", "/mute soon", "/level", "/connect", "/connect x"])
def test_what_a_contact_cannot_be_told_is_one_sentence(talk: Talk, line: str) -> None:
    done = talk(line)
    assert done.exit_code == 2
    assert done.stderr.count("loom: ") == 1


def test_timers_and_farewells_are_shown_and_answered(talk: Talk, node: TalkingNode) -> None:
    def line(direction: str, expires_s: int) -> TimerChanged:
        return TimerChanged(
            message_id="0" * 32,
            contact="Ada",
            contact_id=1,
            row_id=9,
            direction=direction,
            body="",
            state="read",
            sent_at_ms=0,
            kind="timer",
            expires_s=expires_s,
            holding_s=expires_s,
        )

    ids = ["0" * 32] * 2
    expired = MessageExpired(contact="Ada", contact_id=1, direction="in", message_ids=ids)
    farewell = FarewellDone(
        contact="Ada", contact_id=1, direction="in", scope="conversation", withdrawn=ids[:1]
    )
    done = talk(
        lambda: node.tell(line("in", 3_600)),
        lambda: node.tell(line("out", 0)),
        "/timer",
        lambda: node.tell(expired),
        lambda: node.tell(FarewellAsked(contact="Ada", contact_id=1, scope="conversation")),
        lambda: node.tell(farewell),
        "/farewell",
    )
    assert done.exit_code == 2
    assert "Write /farewell delete, or /farewell keep" in done.stderr
    lines = done.stdout.splitlines()[1:]
    assert lines[:3] == [
        "Ada let messages disappear after 1 hour.",
        "You turned disappearing messages off.",
        "Later messages with Ada do not disappear.",
    ]
    assert lines[3].endswith("2 with Ada disappeared")
    assert lines[4] == "Ada deleted the conversation, and asks you to do the same."
    assert "/farewell delete, or /farewell keep." in done.stderr
    assert "Ada deleted the conversation on both sides." in lines[5]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("/timer 1h", SetTimer(contact="#1", expires_s=3_600)),
        ("/timer off", SetTimer(contact="#1", expires_s=0)),
        ("/farewell delete", AnswerFarewell(contact="#1", accept=True)),
        ("/farewell keep", AnswerFarewell(contact="#1", accept=False)),
    ],
)
def test_a_timer_is_set_and_a_farewell_answered(
    talk: Talk, node: TalkingNode, monkeypatch: pytest.MonkeyPatch, line: str, command: object
) -> None:
    answer = node._answer
    monkeypatch.setattr(node, "_answer", lambda one: Done() if one == command else answer(one))
    done = talk(line)
    assert done.exit_code == 0, done.stderr
    assert command in node.sent
