"""The same Client over a socket: everything crosses it whole, and strangers do not."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import get_args

import msgspec
import pytest

import loom.api
from loom.api.command import Command, result_type
from loom.api.commands import AnyCommand
from loom.api.contact_commands import ListContacts, ShowContact
from loom.api.conversation_commands import SetDraft
from loom.api.message_commands import SendText
from loom.api.profile_commands import Diagnose, Status, Stop
from loom.api.views import AnyView
from loom.control import endpoint, lines, server
from loom.control.client import ControlClient, attach
from loom.control.server import ControlServer
from loom.errors import (
    ContactNotFound,
    ControlError,
    LoomError,
    NodeNotRunning,
    NoProfile,
    StoreUnavailable,
    kinds,
)
from loom.wire.limits import DRAFT_MAX_BYTES
from tests.fakes import FakeNode
from tests.tui.talking import TalkingNode


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "x.sock"


@contextlib.asynccontextmanager
async def attached(node: FakeNode, path: Path) -> AsyncIterator[ControlClient]:
    served = ControlServer(node, path, "work")
    await served.start()
    client = await attach(path)
    try:
        yield client
    finally:
        await client.close()
        await served.close()


async def test_commands_and_results_cross_whole(path: Path) -> None:
    node = FakeNode()
    bob = node.add("Bob")
    async with attached(node, path) as client:
        assert await client.send(ShowContact(contact="bob")) == bob
        sent = await client.send(SendText(contact="Bob", body="hi\n\x1b[31m👩‍💻"))
        assert sent.body == "hi\n\x1b[31m👩‍💻"
        statuses = await asyncio.gather(*(client.send(Status()) for _ in range(200)))
        assert {status.last_seq for status in statuses} == {2}


async def test_the_longest_draft_crosses(path: Path) -> None:
    """Above 64 KiB one was not kept; the socket took 1 MiB with all its escapes."""
    body = '"\n' * (DRAFT_MAX_BYTES // 2)
    node = TalkingNode()
    node.add("Bob")
    async with attached(node, path) as client:
        await client.send(SetDraft(contact="Bob", body=body))
    assert list(node.drafts.values()) == [body]


async def test_an_error_arrives_as_the_same_class_with_its_facts(path: Path) -> None:
    async with attached(FakeNode(), path) as client:
        with pytest.raises(ContactNotFound, match="contact_not_found: Eve"):
            await client.send(ShowContact(contact="Eve"))


def test_every_error_can_be_rebuilt() -> None:
    for kind in kinds():
        assert type(lines.error_of(lines.failure_of(kind()))) is kind
    assert type(lines.error_of(lines.failure_of(NoProfile()))) is NoProfile
    assert isinstance(lines.error_of(lines.Failure(code="from_the_future")), ControlError)


async def test_events_are_replayed_and_then_followed(path: Path) -> None:
    node = FakeNode()
    node.add("Bob")
    node.receive("Bob", "one")
    node.receive("Bob", "two")
    async with attached(node, path) as client:
        events = client.events(after=1)
        assert (await anext(events)).seq == 2
        node.receive("Bob", "three")
        event = await anext(events)
        assert event.seq == 3
        await node.close()
        assert [event async for event in events] == []


class Gate:
    """Holds every command of a node until it is opened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self) -> None:
        self.entered.set()
        await self.opened.wait()


async def test_the_end_of_the_node_ends_everything_that_waits(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FINISH_TIMEOUT_S", 0.05)
    node = FakeNode()
    node.gate = gate = Gate()
    served = ControlServer(node, path, "work")
    await served.start()
    client = await attach(path)
    waiting = asyncio.create_task(client.send(Status()))
    listening = asyncio.ensure_future(anext(client.events(), None))
    await gate.entered.wait()
    await served.close()
    with pytest.raises(ControlError):
        await waiting
    assert await listening is None
    with pytest.raises(ControlError):
        await client.send(Status())
    await client.close()
    gate.opened.set()


async def test_a_command_in_flight_is_answered_before_the_socket_goes(path: Path) -> None:
    node = FakeNode()
    node.gate = gate = Gate()
    served = ControlServer(node, path, "work")
    await served.start()
    client = await attach(path)
    waiting = asyncio.create_task(client.send(Stop()))
    await gate.entered.wait()
    closing = asyncio.create_task(served.close())
    gate.opened.set()
    await closing
    assert (await waiting).v == 1
    await client.close()


def leave_behind(path: Path) -> None:
    """A socket file as a crash leaves it: bound once, served by nobody."""
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(path))


def is_gone(path: Path) -> bool:
    return not path.exists()


async def test_nobody_there_and_a_stale_socket(path: Path) -> None:
    with pytest.raises(NodeNotRunning):
        await attach(path)
    node = FakeNode()
    async with attached(node, path):
        pass
    leave_behind(path)
    with pytest.raises(NodeNotRunning):
        await attach(path)
    async with attached(node, path) as client:
        assert (await client.send(ListContacts())).contacts == []
    assert is_gone(path)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_only_this_user_can_reach_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with attached(FakeNode(), path):
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)
        monkeypatch.setattr(endpoint, "_uid_of", lambda _: 12345)
        with pytest.raises(NodeNotRunning):
            await attach(path)


async def test_another_api_version_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "API_VERSION", 2)
    served = ControlServer(FakeNode(), path, "work")
    await served.start()
    with pytest.raises(ControlError, match="speaks another version"):
        await attach(path)
    await served.close()


@pytest.mark.parametrize("line", [b"not json\n", b"\n", b"{\n", b"\xff\n"])
async def test_a_line_that_is_not_json_ends_only_its_own_connection_and_is_told_so(
    path: Path, line: bytes
) -> None:
    async with attached(FakeNode(), path) as client:
        reader, writer = await asyncio.open_unix_connection(path)
        await reader.readline()
        writer.write(line)
        answer = msgspec.json.decode(await reader.readline())
        assert answer["id"] is None
        assert answer["error"]["code"] == "invalid_input"
        assert await reader.read() == b""
        writer.close()
        assert (await client.send(Status())).profile == "work"


@pytest.mark.parametrize(
    ("line", "number", "says"),
    [
        (b'{"id":1,"command":{"command":"no_such_thing"}}', 1, "no_such_thing"),
        (b'{"id":2,"command":{"command":"send_text","contact":"Bob"}}', 2, "body"),
        (b'{"id":3,"command":{"command":"send_text","contact":"Bob","body":5}}', 3, "body"),
        (b'{"id":4,"command":"status"}', 4, "object"),
        (b'{"id":5,"after":"yesterday"}', 5, "after"),
        (b'{"command":{"command":"status"}}', None, "id"),
        (b'{"id":"x"}', None, "id"),
        (b"[]", None, "object"),
        (b"[" * 5000, None, "object"),
    ],
)
async def test_what_is_not_understood_is_answered_and_disturbs_nothing_in_flight(
    path: Path, line: bytes, number: int | None, says: str
) -> None:
    node = FakeNode()
    node.gate = gate = Gate()
    async with attached(node, path):
        reader, writer = await asyncio.open_unix_connection(path)
        await reader.readline()
        writer.write(b'{"id":99,"command":{"command":"status"}}\n')
        await gate.entered.wait()
        writer.write(line + b"\n")
        answer = msgspec.json.decode(await reader.readline())
        assert answer["id"] == number
        assert answer["error"]["code"] == "invalid_input"
        assert says in answer["error"]["facts"]["what"]
        gate.opened.set()
        answer = msgspec.json.decode(await reader.readline())
        assert (answer["id"], answer["result"]["type"]) == (99, "status")
        writer.close()


async def test_a_request_without_end_is_cut_off_and_told_so(path: Path) -> None:
    loop = asyncio.get_running_loop()
    async with attached(FakeNode(), path) as client:
        with socket.socket(socket.AF_UNIX) as endless:
            endless.setblocking(False)
            await loop.sock_connect(endless, str(path))
            with contextlib.suppress(OSError):
                for _ in range(3 * lines.REQUEST_MAX_BYTES // 65_536):
                    await loop.sock_sendall(endless, b"x" * 65_536)
            heard = b""
            with contextlib.suppress(OSError):
                while more := await loop.sock_recv(endless, 65_536):
                    heard += more
        _, answer = map(msgspec.json.decode, heard.splitlines())
        assert "longer than" in answer["error"]["facts"]["what"]
        assert (await client.send(Status())).profile == "work"


async def test_one_more_than_are_served_waits_for_a_place(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told that no node runs."""
    monkeypatch.setattr(server, "CONNECTIONS_MAX", 2)
    async with attached(FakeNode(), path):
        second = await attach(path)
        third = asyncio.create_task(attach(path))
        await second.send(Status())  # the third had its turn meanwhile
        assert not third.done()
        await second.close()
        client = await third
        assert (await client.send(Status())).profile == "work"
        await client.close()


async def test_a_reader_who_takes_nothing_is_dropped_and_delays_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "WRITE_TIMEOUT_S", 0.05)
    node = FakeNode()
    node.add("Bob", display_name="x" * 1_000_000)
    served = ControlServer(node, path, "work")
    await served.start()
    client = await attach(path)
    before = set(served._connections)
    with socket.socket(socket.AF_UNIX) as slow:
        slow.connect(str(path))
        for number in range(8):
            slow.send(lines.encode(lines.Request(id=number, command=lines.packed(ListContacts()))))
        while not (dropped := served._connections - before):
            assert (await client.send(Status())).profile == "work"
        done, _ = await asyncio.wait(dropped, timeout=10)
        assert done == dropped
    assert (await client.send(Status())).profile == "work"
    await client.close()
    await served.close()


async def test_a_fault_in_the_node_is_an_error_without_its_values(path: Path) -> None:
    class Broken(FakeNode):
        def _answer(self, command: object) -> object:
            raise ValueError(f"secret {command}")

    async with attached(Broken(), path) as client:
        with pytest.raises(LoomError) as caught:
            await client.send(Status())
        assert "secret" not in msgspec.json.encode(caught.value.facts).decode() + str(caught.value)


FOREIGN = (
    b'{"id":1,"result":{"type":"done","v":1}}',
    b'{"id":1,"result":{"type":"status","v":1}}',
    b'{"id":1,"result":[]}',
    b'{"id":1,"result":"\\ud800"}',
    b'{"id":1}',
    b'{"id":null,"error":{"code":"invalid_input"}}',
    b"[]",
)


@pytest.mark.parametrize("line", FOREIGN)
async def test_what_answers_like_no_node_is_one_error(path: Path, line: bytes) -> None:
    """Another program of this user at the socket, or a Loom to come."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = lines.Greeting(api=lines.API_VERSION, version="9", profile="work")
        writer.write(lines.encode(greeting))
        await reader.readline()
        writer.write(line + b"\n")
        await reader.read()  # it does not end before the client does
        writer.close()
        ended.set()

    ended = asyncio.Event()
    path.parent.mkdir(mode=0o700)
    served = await asyncio.start_unix_server(serve, path)
    async with served:
        client = await attach(path)
        with pytest.raises(ControlError):
            async with asyncio.timeout(10):
                await client.send(Diagnose())
        await client.close()
        await ended.wait()


def test_a_running_node_takes_every_command_there_is() -> None:
    """One that is left out works without a node alone, and with one it is no request."""
    modules = [import_module(f"loom.api.{one.name}") for one in iter_modules(loom.api.__path__)]
    there = {
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Command) and kind is not Command
    }
    assert there == set(get_args(AnyCommand))


def test_every_command_says_what_it_gives() -> None:
    for command in get_args(AnyCommand):
        assert result_type(command) in get_args(AnyView), command


async def test_an_error_about_a_file_that_is_not_utf8_arrives(path: Path) -> None:
    class Broken(FakeNode):
        def _answer(self, command: object) -> object:
            raise StoreUnavailable(what="caf\udce9.db")

    async with attached(Broken(), path) as client:
        with pytest.raises(StoreUnavailable, match=r"caf\?\.db"):
            await client.send(Status())
