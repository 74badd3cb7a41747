"""Two real processes pair over loopback, found by mDNS or by address, and a man in the middle."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from loom.core.pairing_link import LINK_RANDOM_BYTES, OwnSide, PairingLink
from loom.core.pairing_states import PairingState
from tests.e2e.pairing import agree, contacts, pairing
from tests.e2e.processes import Home, new_profile
from tests.people import EVE

HOST = "127.0.0.1"
CHOOSABLE = (PairingState.GREETED, PairingState.COMMITTED)


@pytest.fixture(scope="module")
def made_alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    """Two machines that every test copies; nobody knows anybody."""
    folder = tmp_path_factory.mktemp("alone")
    homes = Home(folder / "a"), Home(folder / "b")
    for home, name in zip(homes, ("Alice", "Bob"), strict=True):
        new_profile(home, name)
    return homes


@pytest.fixture
def people(made_alone: tuple[Home, Home], tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    """Copies of their own."""
    homes = made_alone[0].copy(tmp_path / "a"), made_alone[1].copy(tmp_path / "b")
    yield homes
    for home in homes:
        said = home.said()
        assert "Traceback" not in said
        assert "LOOM-" not in said


def test_two_people_find_each_other_and_are_verified_in_under_thirty_seconds(
    people: tuple[Home, Home],
) -> None:
    """One beside a daemon, one on its own; mDNS stays on loopback."""
    alice, bob = people
    with alice.daemon("alice"), pairing(alice) as hers, pairing(bob) as his:
        began = time.monotonic()
        hers.sees(his.view["alias"])
        his.sees(hers.view["alias"])
        hers.type(his.view["alias"])
        agree(hers, his)
        assert time.monotonic() - began < 30
        assert contacts(alice, "alice") == [("Bob", True)]
        assert not _listens(int(hers.view["port"]))
    assert contacts(bob, "bob") == [("Alice", True)]


def test_by_address_without_any_discovery(people: tuple[Home, Home]) -> None:
    alice, bob = people
    with pairing(bob, "--listen", f"{HOST}:0") as his, pairing(alice, his.address) as hers:
        assert his.view["addresses"] == [his.address]
        agree(hers, his)
    assert contacts(alice, "alice") == [("Bob", True)]


def test_they_talk_at_once_at_the_address_they_met_at(people: tuple[Home, Home]) -> None:
    alice, bob = people
    alone = ("--listen", f"{HOST}:0", "--no-mdns")
    with alice.daemon("alice", *alone), bob.daemon("bob", *alone):
        with pairing(bob) as his, pairing(alice, his.address) as hers:
            agree(hers, his)
        alice.run("-p", "alice", "send", "Bob", "hello", "--wait", "60").ok()


def test_different_keeps_nothing_and_says_so_with_its_own_exit_code(
    people: tuple[Home, Home],
) -> None:
    alice, bob = people
    with pairing(bob) as his, pairing(alice, his.address) as hers:
        hers.words()
        his.words()
        his.type("same")
        hers.type("different")
        for side in (hers, his):
            last, code = side.end()
            assert (last["type"], last["code"], code) == ("error", "words_differ", 8)
    assert contacts(alice, "alice") == contacts(bob, "bob") == []


def test_nobody_there_is_an_error(people: tuple[Home, Home]) -> None:
    alice, _ = people
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        result = alice.run("pair", "--json", f"{HOST}:{port}")
    assert result.error["code"] == "nobody_pairing"


def test_a_command_that_is_ended_leaves_no_listener_with_the_daemon(
    people: tuple[Home, Home],
) -> None:
    alice, _ = people
    with alice.daemon("alice"):
        with pairing(alice) as hers:
            assert _listens(int(hers.view["port"]))
            assert hers.running.end() == 143
        assert not _listens(int(hers.view["port"]))


# --- a man in the middle, who is one ---


class Middle:
    """Everything between two people passes through here: real TCP, real handshakes, both ways."""

    def __init__(self, far_port: int) -> None:
        self.captured = {"near": bytearray(), "far": bytearray()}
        self.links = {"near": self._link(dialled=False), "far": self._link(dialled=True)}
        self.port = 0
        self._far_port = far_port
        self._done = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Take one connection, and open one to the far side; both are over afterwards."""
        server = await asyncio.start_server(self._taken, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield
            await self._done.wait()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await asyncio.open_connection(HOST, self._far_port)
        await asyncio.gather(self._carry("near", reader, writer), self._carry("far", *far))
        self._done.set()

    def _link(self, *, dialled: bool) -> PairingLink:
        own = OwnSide(b"e" * 16, EVE, "Eve", 1, lambda _: None)
        random = bytes([dialled]) * LINK_RANDOM_BYTES
        return PairingLink(own, dialled=dialled, random=random, now_s=0.0)

    async def _carry(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        link = self.links[name]
        writer.write(link.data_to_send())
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                self.captured[name] += data
                link.receive_data(data, 0.0)
                if link.state in CHOOSABLE:
                    link.choose()
                if link.state is PairingState.WORDS:
                    link.answer(same=True)  # Eve would gladly be verified
                writer.write(link.data_to_send())
                await writer.drain()
        writer.close()


def test_a_man_in_the_middle_makes_the_words_differ_and_nothing_is_kept(
    people: tuple[Home, Home],
) -> None:
    alice, bob = people

    async def stand_between() -> Middle:
        with pairing(bob) as his:
            middle = Middle(int(his.view["port"]))
            async with middle.serving():
                with pairing(alice, f"{HOST}:{middle.port}") as hers:
                    shown = await asyncio.gather(
                        asyncio.to_thread(hers.words), asyncio.to_thread(his.words)
                    )
                    assert shown[0] != shown[1]
                    for side in (hers, his):
                        side.type("different")
                    ends = await asyncio.gather(
                        asyncio.to_thread(hers.end), asyncio.to_thread(his.end)
                    )
                    assert [code for _, code in ends] == [8, 8]
        return middle

    middle = asyncio.run(stand_between())
    assert contacts(alice, "alice") == contacts(bob, "bob") == []
    for name, home, profile in (("near", alice, "alice"), ("far", bob, "bob")):
        assert middle.links[name].remote is None
        token = home.run("-p", profile, "token", "export", "--json").ok().objects[0]
        assert bytes.fromhex(token["fingerprint"]) not in middle.captured[name]
        assert profile.capitalize().encode() not in middle.captured[name]


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0
