"""A real daemon among strangers: not one byte comes back, and contacts still get through."""

import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest

from bench.processes import LineProcess
from loom.wire.limits import (
    LINK_CLEAR_BYTES,
    LINK_HANDSHAKE_MAX_BYTES,
    PROXIED_CLEAR_TIMEOUT_S,
    PROXIED_HANDSHAKE_TIMEOUT_S,
    UNAUTHENTICATED_MAX,
)
from tests.e2e.conftest import Made
from tests.e2e.processes import ALONE, LIMIT_S, Daemon, Home, history

SLACK_S = 20.0
"""For a busy machine."""
FIRST_FLIGHT_BYTES = LINK_CLEAR_BYTES + 2 + 32 + (1_184 + 16) + 16
HTTP = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n"


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    """Bob's node; Alice is a contact who comes by for one message at a time."""
    with home.daemon("bob", *ALONE) as one:
        yield one
        assert one.process.poll() is None
        assert one.stderr == ""
    assert "Traceback" not in home.said()


def stranger(daemon: Daemon) -> socket.socket:
    """A connection to the node."""
    connection = socket.create_connection(("127.0.0.1", daemon.port), timeout=SLACK_S)
    connection.settimeout(PROXIED_HANDSHAKE_TIMEOUT_S + SLACK_S)
    return connection


def answer_to(connection: socket.socket) -> bytes:
    """Everything the node ever says there, until it ends the connection."""
    heard = b""
    try:
        while more := connection.recv(4_096):
            heard += more
    except ConnectionResetError:
        pass
    return heard


def alice_gets_through(home: Home, daemon: Daemon, text: str) -> None:
    home.run("-p", "alice", "connect", "Bob", f"127.0.0.1:{daemon.port}").ok()
    home.run("-p", "alice", "send", "Bob", text, "--wait", "60").ok()


@pytest.mark.long
def test_strangers_hear_nothing_and_the_node_lives_on(home: Home, daemon: Daemon) -> None:
    for _ in range(50):  # a port scanner
        stranger(daemon).close()
    said: list[bytes] = [
        b"",
        HTTP,
        os.urandom(LINK_CLEAR_BYTES - 1),
        os.urandom(LINK_CLEAR_BYTES),
        os.urandom(LINK_CLEAR_BYTES + 2 + 1_248),
        os.urandom(LINK_HANDSHAKE_MAX_BYTES),
        os.urandom(64 * 1024),
        b"\x16\x03\x01" + os.urandom(300),  # TLS
        b"SSH-2.0-OpenSSH_9.6\r\n",
        bytes(4_096),
    ]

    def say(data: bytes) -> bytes:
        with closing(stranger(daemon)) as connection:
            began_s = time.monotonic()
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            heard = answer_to(connection)
            assert time.monotonic() - began_s < PROXIED_HANDSHAKE_TIMEOUT_S + SLACK_S
            return heard

    with ThreadPoolExecutor(UNAUTHENTICATED_MAX) as pool:
        assert list(pool.map(say, said)) == [b""] * len(said)
    with closing(stranger(daemon)) as connection:  # whoever says no more is let go all the same
        connection.sendall(HTTP)
        connection.shutdown(socket.SHUT_WR)
        assert answer_to(connection) == b""
    alice_gets_through(home, daemon, "through all of it")


@pytest.mark.long
def test_a_slow_writer_is_let_go_in_time(home: Home, daemon: Daemon) -> None:
    began_s = time.monotonic()
    with closing(stranger(daemon)) as connection:
        connection.settimeout(1.0)
        heard: bytes | None = None
        while heard is None:
            assert time.monotonic() - began_s < PROXIED_HANDSHAKE_TIMEOUT_S + SLACK_S
            try:
                connection.sendall(b"x")
                heard = connection.recv(1)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                heard = b""
        assert heard == b""
        assert time.monotonic() - began_s > PROXIED_CLEAR_TIMEOUT_S - 0.1
    alice_gets_through(home, daemon, "in the end")


def test_a_flooder_of_connections_keeps_nobody_out(home: Home, daemon: Daemon) -> None:
    with ExitStack() as stack:
        flood = [stack.enter_context(closing(stranger(daemon))) for _ in range(40)]
        alice_gets_through(home, daemon, "first, among forty")
        gone = [one for one in flood[:-UNAUTHENTICATED_MAX] if answer_to(one) == b""]
        assert len(gone) == len(flood) - UNAUTHENTICATED_MAX
        stopping = threading.Event()

        def keep_coming() -> None:
            while not stopping.is_set():
                with suppress(OSError), closing(stranger(daemon)) as one:
                    one.sendall(b"y" * 60)

        flooder = threading.Thread(target=keep_coming)
        flooder.start()
        try:
            home.run("-p", "alice", "send", "Bob", "and under a storm", "--wait", "60").ok()
        finally:
            stopping.set()
            flooder.join()
    assert [one["body"] for one in history(home, "bob", "Alice")] == [
        "first, among forty",
        "and under a storm",
    ]


def resident_mib(daemon: Daemon) -> float:
    """What the node keeps in memory."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{daemon.process.pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) / 1024


def ask(process: LineProcess, line: str) -> str:
    process.write_line(line)
    return process.read_line()


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc, and all of 127.0.0.0/8: Linux")
@pytest.mark.parametrize(
    "attacks",
    [
        ("scanners", "half-open", "slow"),
        ("skips", "chains"),
        ("flood", "large", "typing"),
    ],
    ids="-".join,
)
def test_contacts_get_through_under_attack(
    made: Made, home: Home, daemon: Daemon, attacks: tuple[str, ...]
) -> None:
    """A few of each; the benchmark's rows have whole crowds, and say how long contacts wait."""
    alice_gets_through(home, daemon, "before")
    idle_mib = resident_mib(daemon)
    victim = made.tokens["bob"]
    with ExitStack() as stack:
        for attack in attacks:
            crowd = attack in ("scanners", "half-open", "slow")
            module = "bench.peers.crowd" if crowd else "bench.peers.enemy"
            process = stack.enter_context(LineProcess([sys.executable, "-m", module], LIMIT_S))
            told = process.read_line().split()[1]
            begin = f"BEGIN {attack} {daemon.port} "
            if crowd:
                begin += "100"
            else:
                home.run("-p", "bob", "token", "import", told, "--name", attack).ok()
                begin += victim
            assert ask(process, begin) == "BEGUN"
        for text in ("during", "and again"):  # each over a new link
            alice_gets_through(home, daemon, text)
        growth_mib = resident_mib(daemon) - idle_mib
    assert growth_mib < 100
    said = [one["body"] for one in history(home, "bob", "Alice")]
    assert said == ["before", "during", "and again"]


class Wire:
    """Sits between two nodes and keeps what the initiator says."""

    def __init__(self, port: int) -> None:
        self.said = b""
        self._target = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._sockets = [self._server]
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def close(self) -> None:
        """End everything."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=work, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                left, _ = self._server.accept()
                right = socket.create_connection(self._target)
                self._sockets += [left, right]
                self._spawn(self._carry, left, right, True)
                self._spawn(self._carry, right, left, False)

    def _carry(self, source: socket.socket, target: socket.socket, keep: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if keep:
                    self.said += data
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.mark.long
def test_a_recorded_conversation_replayed_changes_nothing(home: Home) -> None:
    def replay(size: int) -> bytes:
        with closing(stranger(bob)) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(wire.said[:size])
            return answer_to(connection)

    with home.daemon("bob", *ALONE) as bob:
        with closing(Wire(bob.port)) as wire:
            home.run("-p", "alice", "connect", "Bob", f"127.0.0.1:{wire.port}").ok()
            home.run("-p", "alice", "send", "Bob", "only once", "--wait", "60").ok()
        sizes = (len(wire.said), FIRST_FLIGHT_BYTES, LINK_CLEAR_BYTES)
        assert sizes[0] > LINK_HANDSHAKE_MAX_BYTES
        with home.running("-p", "bob", "listen", "--after", "0", "--json") as watching:
            watching.until("message.received")
            with ThreadPoolExecutor(len(sizes)) as pool:
                assert list(pool.map(replay, sizes)) == [b""] * len(sizes)
            assert home.run("-p", "bob", "peers", "--json").ok().objects[0]["online"] is False
            assert bob.end() == 0
            while line := watching.line():
                assert json.loads(line)["type"] not in ("peer.online", "message.received")
    with home.daemon("bob", *ALONE) as bob:  # what was used once is remembered on disk
        assert replay(FIRST_FLIGHT_BYTES) == b""
        assert [one["body"] for one in history(home, "bob", "Alice")] == ["only once"]
