"""The same Client through a pipe from another machine: fewer rights there, no trust here."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from loom.api.command import Command
from loom.api.commands import AnyCommand
from loom.api.contact_commands import ExportToken, ListContacts, ShowContact, VerifyContact
from loom.api.events import MessageReceived
from loom.api.message_commands import History, SendText
from loom.api.profile_commands import CheckPhrase, Status
from loom.api.room_commands import ListThreads, SearchPosts
from loom.api.room_views import Posts, PostView, RoomDrafts, RoomDraftView
from loom.control import pipe_client
from loom.control.cleaning import WORDS_MAX, Cleaner
from loom.control.client import connect
from loom.control.exchange import Exchange, line_of
from loom.control.lines import (
    ANSWER_MAX_BYTES,
    API_VERSION,
    Answer,
    Failure,
    Greeting,
    Request,
    decode_answer,
    decode_request,
    encode,
    packed,
)
from loom.control.pipe import BEAT_S, FROM_AFAR, LOCAL, MARKER, SILENCE_MAX_S, relay
from loom.control.pipe_client import PipeClient, open_pipe
from loom.control.server import ControlServer
from loom.errors import (
    ContactNotFound,
    ControlError,
    LocalOnly,
    LoomError,
    NodeNotRunning,
    NotDelivered,
    RemoteError,
    RemoteLost,
    RemoteNodeNotRunning,
    RemoteProfileNotFound,
    RemoteVersion,
)
from loom.wire.limits import DRAFT_MAX_BYTES
from tests.fakes import FakeNode
from tests.tui.talking import TalkingNode

GREETING = encode(Greeting(api=API_VERSION, version="9.9", profile="work"))
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def _streams(limit: int = ANSWER_MAX_BYTES) -> AsyncIterator[tuple[Streams, Streams]]:
    """Both ends of a pipe, closed at the end."""
    here, there = socket.socketpair()
    ends = [await asyncio.open_connection(sock=one, limit=limit) for one in (here, there)]
    try:
        yield ends[0], ends[1]
    finally:
        for _, writer in ends:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _nothing() -> None:
    pass


async def _opened(near: Streams) -> PipeClient:
    return await open_pipe("far", *near, _nothing)


@contextlib.asynccontextmanager
async def piped(node: FakeNode, path: Path, noise: bytes = b"") -> AsyncIterator[PipeClient]:
    """The client of a node behind `loom control-pipe`, whose shell said something first."""
    served = ControlServer(node, path, "work")
    await served.start()
    async with _streams() as (near, (reader, writer)):
        writer.write(noise + MARKER)
        relaying = asyncio.create_task(relay(path, reader, writer))
        client = await _opened(near)
        try:
            yield client
        finally:
            await client.close()
            await relaying
            await served.close()


@contextlib.asynccontextmanager
async def hostile(*answers: bytes) -> AsyncIterator[PipeClient]:
    """The client of a far side that greets, says this after the first request, and stays."""
    async with _streams() as (near, (reader, writer)):
        writer.write(MARKER + GREETING)

        async def say() -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\n")
                writer.write(b"".join(answers))
                await writer.drain()
                await reader.read()

        saying = asyncio.create_task(say())
        client = await _opened(near)
        try:
            yield client
        finally:
            await client.close()
            await saying


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "x.sock"


async def test_commands_events_and_errors_share_one_pipe(path: Path) -> None:
    node = TalkingNode()
    bob = node.add("Bob")
    async with piped(node, path, b"Welcome to far!\n\x1b[31m> ") as client:
        assert client.profile == "work"
        assert await client.send(ShowContact(contact="bob")) == bob
        with pytest.raises(ContactNotFound, match="contact_not_found: Eve"):
            await client.send(ShowContact(contact="Eve"))
        first, second = client.events(0), client.events(0)
        sent = await client.send(SendText(contact="Bob", body="hi\n\x1b[31m"))
        assert sent.body == "hi\n\x1b[31m"
        assert [(await anext(one)).seq for one in (first, second, first)] == [1, 1, 2]
        node.receive("Bob", "and you?")
        assert (await anext(first)).seq == 3
        await node.close()
        assert [event.seq async for event in first] == []


async def test_events_end_at_both_ends_when_their_reader_goes(path: Path) -> None:
    """Over the socket closing a connection ends them; a pipe stays open for everything else."""
    node = FakeNode()
    node.add("Bob")
    node.receive("Bob", "one")
    async with piped(node, path) as client:
        events = client.events(0)
        await anext(events)
        await events.aclose()  # type: ignore[attr-defined]
        await client.send(Status())  # what was asked before it has been done
        assert not [one for one in asyncio.all_tasks() if one.get_name() == "control events"]


async def test_a_reader_that_lags_keeps_little_and_misses_nothing_stored(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe_client, "QUEUE_MAX", 10)
    node = FakeNode()
    node.add("Bob")
    async with piped(node, path) as client:
        events = client.events()
        reading = asyncio.ensure_future(anext(events))
        await client.send(Status())
        for number in range(100):
            node.receive("Bob", str(number))
        found = [await reading]
        while len(found) < 100:
            await client.send(Status())  # while the reader does something else, more come
            found.append(await anext(events))
        assert [event.seq for event in found] == list(range(1, 101))


def test_every_command_is_either_for_another_machine_or_not() -> None:
    """A new one is refused over a pipe until somebody decides; this is the place to do it."""
    assert set(get_args(AnyCommand)) == FROM_AFAR | LOCAL
    assert not FROM_AFAR & LOCAL


async def test_the_recovery_phrase_and_the_like_are_refused(path: Path) -> None:
    """By the front end before it writes a byte, and by the node whatever a front end is."""
    node = TalkingNode()
    async with piped(node, path) as client:
        with pytest.raises(LocalOnly, match="check_phrase"):
            await client.send(CheckPhrase(phrase="abandon " * 24))
        with pytest.raises(LocalOnly, match="check_phrase"):
            await Exchange.send(client, CheckPhrase(phrase="abandon " * 24))
    assert node.sent == []


async def test_the_far_end_leaves_when_it_hears_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A laptop that went to sleep left a process on the other machine for hours."""
    monkeypatch.setattr("loom.control.pipe.SILENCE_MAX_S", 0.05)
    served = ControlServer(FakeNode(), path, "work")
    await served.start()
    async with _streams() as (_, (reader, writer)):
        await relay(path, reader, writer)  # returns
    await served.close()


async def test_a_front_end_that_does_nothing_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert BEAT_S * 3 < SILENCE_MAX_S
    monkeypatch.setattr(pipe_client, "BEAT_S", 0.01)
    async with _streams() as (near, (reader, writer)):
        writer.write(MARKER + GREETING)
        client = await _opened(near)
        for _ in range(3):
            request = decode_request(await reader.readline())
            assert isinstance(request, Request)
            assert request.end
        await client.close()


async def test_nobody_gets_rights_back_that_were_given_up(path: Path) -> None:
    served = ControlServer(TalkingNode(), path, "work")
    await served.start()
    reader, writer, _ = await connect(path)
    phrase = packed(CheckPhrase(phrase="abandon " * 24))
    writer.write(encode(Request(id=1, pipe=True)) + encode(Request(id=2, end=True)))
    writer.write(b'{"id":3,"pipe":false,"end":true}\n' + encode(Request(id=4, command=phrase)))
    *_, answer = [decode_answer(await line_of(reader)) for _ in range(4)]
    assert answer.error is not None
    assert answer.error.code == "local_only"
    writer.close()
    await writer.wait_closed()
    await served.close()


async def test_a_node_that_knows_no_pipes_is_given_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon that runs since before an update would carry out everything."""
    path.parent.mkdir(mode=0o700)
    heard: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()

    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        heard.set_result([await reader.readline(), await reader.read()])
        writer.close()

    monkeypatch.setattr("loom.control.pipe.GREETING_TIMEOUT_S", 0.05)
    async with _streams() as (_, (reader, writer)), await asyncio.start_unix_server(old, path):
        reader.feed_data(encode(Request(id=1, command=packed(Status()))))
        with pytest.raises(ControlError, match="older Loom"):
            await relay(path, reader, writer)
        announced, more = await heard
    assert decode_request(announced) == Request(id=0, pipe=True)
    assert more == b""


@pytest.mark.parametrize(
    ("said", "error", "words"),
    [
        (b"x" * 5_000, RemoteError, "it says something else"),
        (MARKER + b"{]\n", RemoteError, "not understood"),
        (MARKER + b"[" * 100_000 + b"\n", RemoteError, "not understood"),
        (
            MARKER + b'{"api":1,"version":"1","profile":"../x"}\n',
            RemoteError,
            "greeting",
        ),
        (
            MARKER + b'{"loom":"other","api":1,"version":"1","profile":"x"}\n',
            RemoteError,
            "greeting",
        ),
        (MARKER + b'{"api":2,"version":"3.1\\u001b[2J","profile":"x"}\n', RemoteVersion, "3.1"),
        (
            MARKER + encode(Answer(id=None, error=Failure(code="node_not_running"))),
            RemoteNodeNotRunning,
            "far",
        ),
        (MARKER + encode(Answer(id=None, error=Failure(code="?"))), RemoteError, "unknown error"),
        (
            MARKER + encode(Answer(id=None, error=Failure(code="no_profile"))),
            RemoteProfileNotFound,
            "far",
        ),
    ],
)
async def test_a_far_side_that_does_not_greet(
    said: bytes, error: type[LoomError], words: str
) -> None:
    async with _streams() as (near, (_, writer)):
        writer.write(said)
        with pytest.raises(error, match=words) as caught:
            await _opened(near)
    assert "\x1b" not in str(caught.value)


def _result(text: str) -> bytes:
    return b'{"id":1,"result":%b}\n' % text.encode()


MESSAGE = (
    '{"type":"messages","messages":[{"message_id":"1","contact":"%(contact)s","contact_id":1,'
    '"direction":"%(direction)s","body":"%(body)s","state":"%(state)s","sent_at_ms":%(at)s,'
    '"stored_at_ms":0,"row_id":1}]}'
)
FINE = {"contact": "Bob", "direction": "in", "body": "hi", "state": "read", "at": "1"}
ONE = b"," + (MESSAGE % FINE).partition("[")[2].removesuffix("]}").encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_result('{"type":"done"}'), "not understood"),
        (_result("[" * 10_000), "not understood"),
        (_result("7"), "not understood"),
        (_result(MESSAGE % (FINE | {"state": "exploded"})), "an unknown state"),
        (_result(MESSAGE % (FINE | {"direction": "up"})), "an unknown direction"),
        (_result(MESSAGE % (FINE | {"body": "x" * 20_000})), "a text longer than the limit"),
        (_result(MESSAGE % (FINE | {"at": "9" * 100})), "a number beyond the limit"),
        (_result(MESSAGE % FINE).replace(b"}]", b"}" + ONE * 50 + b"]"), "more messages than"),
    ],
)
async def test_an_answer_that_no_node_gives_is_an_error(answer: bytes, words: str) -> None:
    async with hostile(answer) as client:
        with pytest.raises(RemoteError, match=words):
            await client.send(History(contact="Bob"))


@pytest.mark.parametrize(
    ("command", "result"),
    [
        (ExportToken(), '{"type":"token","token":"LOOM-AAAA","fingerprint":""}'),
        (
            VerifyContact(contact="#1"),
            '{"type":"safety_number","contact":"","contact_id":1,"groups":["%s"],"words":[],'
            '"verified":false}' % ("1" * 4_000),
        ),
    ],
)
async def test_no_picture_is_drawn_of_what_is_no_token(
    command: Command[object], result: str
) -> None:
    """Too long for a QR code, it ended the program."""
    async with hostile(_result(result)) as client:
        with pytest.raises(RemoteError, match="that is none"):
            await client.send(command)


async def test_what_is_shown_is_harmless_before_a_front_end_sees_it() -> None:
    text = r"\u001b]52;c;aGk=\u0007\u202e" + "x" * 10_000
    async with hostile(_result(MESSAGE % (FINE | {"contact": text}))) as client:
        (message,) = (await client.send(History(contact="Bob"))).messages
    assert message.contact.startswith("\ufffd]52;c;aGk=\ufffdx")
    assert message.contact.isprintable()
    assert len(message.contact) < WORDS_MAX


async def test_the_facts_of_an_error_are_harmless_too() -> None:
    facts: dict[str, str | int] = {"timeout_s": "\x1b[2J", "x\x1b": "y"}
    failure = Failure(code="not_delivered", facts=facts)
    async with hostile(encode(Answer(id=1, error=failure))) as client:
        with pytest.raises(NotDelivered) as caught:
            await client.send(Status())
    assert "\x1b" not in repr(caught.value.facts)


@pytest.mark.parametrize("code", ["node_not_running", "control_error"])
async def test_no_error_from_afar_passes_for_one_of_here(code: str) -> None:
    """A front end asks for the passphrase when no node runs here."""
    async with hostile(encode(Answer(id=1, error=Failure(code=code)))) as client:
        with pytest.raises((RemoteNodeNotRunning, RemoteError)):
            await client.send(Status())


async def test_a_line_that_breaks_is_told_to_all_who_wait() -> None:
    async with _streams() as (near, (reader, writer)):
        writer.write(MARKER + GREETING)
        client = await _opened(near)
        asking = asyncio.create_task(client.send(Status()))
        listening = asyncio.ensure_future(anext(client.events(5)))
        await reader.readline()
        await reader.readline()
        writer.close()
        for waiting in (asking, listening):
            with pytest.raises(RemoteLost):
                await waiting
        with pytest.raises(RemoteLost):
            await client.send(ListContacts())
        with pytest.raises(RemoteLost):
            await anext(client.events(5))
        await client.close()


@pytest.mark.parametrize("turns", range(8))
async def test_who_closes_a_line_can_be_ended_at_any_moment(turns: int) -> None:
    """The app that quits while its line is made again would otherwise go on."""
    async with hostile() as client:
        closing = asyncio.create_task(client.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        is_closed = closing.done()
        closing.cancel()
        [ended] = await asyncio.gather(closing, return_exceptions=True)
        assert is_closed or isinstance(ended, asyncio.CancelledError)


async def test_a_line_without_end_is_given_up() -> None:
    async with _streams(limit=100_000) as (near, (_, writer)):
        writer.write(MARKER + GREETING)
        client = await _opened(near)
        asking = asyncio.create_task(client.send(Status()))
        with contextlib.suppress(OSError):
            for _ in range(100):
                writer.write(b"x" * 65_536)
                await writer.drain()
        with pytest.raises(RemoteError, match="longer than the limit"):
            await asking
        await client.close()


async def test_contacts_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loom.control.cleaning.CONTACTS_MAX", 100)
    told = [
        encode(
            Answer(
                id=1,
                event=packed(
                    MessageReceived(
                        message_id="1",
                        contact="x",
                        contact_id=number,
                        direction="in",
                        body="",
                        state="read",
                        sent_at_ms=0,
                        row_id=0,
                    )
                ),
            )
        )
        for number in range(101)
    ]
    async with hostile(*told) as client:
        events = client.events(0)
        for _ in range(100):
            await anext(events)
        with pytest.raises(RemoteError, match="more contacts than the limit"):
            await anext(events)


def test_an_older_front_end_reads_requests_of_today() -> None:
    """The socket\'s new fields are absent where they are not set."""
    assert msgspec.json.decode(encode(Request(id=1, after=2))) == {"id": 1, "after": 2}
    assert issubclass(RemoteNodeNotRunning, NodeNotRunning)


@pytest.mark.parametrize("wide", [False, True], ids=["the limit", "beyond it"])
def test_a_long_draft_of_a_room_comes_whole(wide: bool) -> None:
    body = "two\nlines" + "x" * (DRAFT_MAX_BYTES - 9 + wide)
    drafts = RoomDrafts(
        drafts=[RoomDraftView(room_id="ab", number=1, channel="general", body=body)]
    )
    if wide:
        with pytest.raises(ControlError, match="longer than the limit"):
            Cleaner().clean(drafts)
    else:
        assert Cleaner().clean(drafts) == drafts


@pytest.mark.parametrize(
    "command", [SearchPosts(text="a", limit=1), ListThreads(room="#1", limit=1)]
)
def test_no_more_posts_come_than_were_asked_for(command: Command[Posts]) -> None:
    post = PostView(
        room="a",
        room_id="ab",
        channel="general",
        author="a",
        author_id="ab",
        body="a",
        order=1,
        sent_at_ms=1,
        post_id="ab",
        row_id=1,
        stored_at_ms=1,
    )
    assert Cleaner().answer(Posts(posts=[post]), command).posts == [post]
    with pytest.raises(ControlError, match="more posts"):
        Cleaner().answer(Posts(posts=[post, post]), command)
