"""A node under attack: what honest contacts wait for, what memory grows, what a refusal costs."""

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Source, Target, Unit
from bench.processes import LineProcess, deadline_s
from bench.rows.memory import resident_mib
from loom.wire.limits import UNAUTHENTICATED_PER_SOURCE_MAX

STRANGERS: Final = {"scanners": 10_000, "half-open": 5_000, "slow": 200, "replay": 5_000}
"""Connections in all rounds together; of slow writers, how many at once."""
CONTACTS: Final = ("skips", "chains", "flood", "large", "typing", "keepalives", "garbage")
RUN_LIMIT_S: Final = 30.0
LOOK_S: Final = 0.02
"""How often memory is looked at."""
FIRST_FLIGHT_BYTES: Final = 1_290
RESET_AT_CLOSE: Final = b"\x01\0\0\0\0\0\0\0"


class Node:
    """The node under attack, and an honest contact who talks to it."""

    def __init__(self, stack: ExitStack, settings: Settings) -> None:
        import loom.app  # noqa: F401  # absent here means absent in the processes below

        self._stack = stack
        self._settings = settings
        self._messages = settings.amount(100, 5)
        self._process, self.token, self.port = self._node()
        self._honest, honest_token, _ = self._node()
        self._contacts = 0
        self.pid = self._process.pid
        self.add(honest_token)
        _ask(self._honest, f"IMPORT {self.token}")
        _ask(self._honest, f"CONNECT {self.port}")

    def add(self, token: str) -> None:
        """Make somebody the node's contact."""
        self._contacts += 1
        _ask(self._process, f"IMPORT {token} contact{self._contacts}")

    def slow_s(self) -> float:
        """The 99th percentile of the honest contact's receipt times."""
        said = _ask(self._honest, f"RUN 1 {self._messages} {RUN_LIMIT_S}").split()
        if int(said[1]) < self._messages:
            raise NotMeasured(f"{said[1]} of {self._messages} receipts within {RUN_LIMIT_S:.0f} s")
        return float(said[4])

    @contextmanager
    def attacked(self, attack: str, *, fully: bool = True) -> Iterator[None]:
        """Somebody attacks while the block lasts; `fully`: and until the round's share came."""
        if attack not in STRANGERS:
            with self._process_of("bench.peers.enemy") as enemy:
                self.add(enemy.read_line().split()[1])
                _ask(enemy, f"BEGIN {attack} {self.port} {self.token}")
                yield
                _ask(enemy, "END")
            return
        count = self._settings.amount(STRANGERS[attack], 20)
        with self._process_of("bench.peers.crowd") as crowd, TemporaryDirectory() as folder:
            crowd.read_line()
            begin = f"BEGIN {attack} {self.port} {count}"
            if attack == "replay":
                recorded = Path(folder, "flight")
                recorded.write_bytes(self.handshakes(1))
                begin += f" {recorded}"
            _ask(crowd, begin)
            yield
            _ask(crowd, f"END {count // self._settings.rounds if fully else 0}")

    def handshakes(self, count: int) -> bytes:
        """New contacts, each with a link, a session, a text and its receipt; the last's flight."""
        from bench.peers.enemy import Enemy
        from loom.wire.token import decode_token

        async def meet(one: Enemy) -> None:
            await one.connect(self.port, decode_token(self.token))
            await one.greet()
            await one.close()

        newcomers = [Enemy() for _ in range(count)]
        for one in newcomers:
            self.add(one.token)
        self.cpu_s = _processor_s(self.pid)
        for one in newcomers:
            asyncio.run(meet(one))
        return newcomers[-1].first_flight

    @contextmanager
    def _process_of(self, module: str) -> Iterator[LineProcess]:
        with LineProcess([sys.executable, "-m", module], 2 * deadline_s(1)) as process:
            yield process

    def _node(self) -> tuple[LineProcess, str, int]:
        home = self._stack.enter_context(TemporaryDirectory())
        command = [sys.executable, "-m", "bench.peers.loom_node", home]
        until_s = 2 * deadline_s(self._settings.rounds)
        process = self._stack.enter_context(LineProcess(command, until_s))
        _, token, port = process.read_line().split()
        return process, token, int(port)


def _ask(process: LineProcess, line: str) -> str:
    process.write_line(line)
    return process.read_line()


def _processor_s(pid: int) -> float:
    """What all threads of a process have used, to the nanosecond."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((one / "schedstat").read_text().split()[0]) for one in threads) / 1e9
    except OSError as error:
        raise NotMeasured("needs /proc with schedstat") from error


class _Peak(threading.Thread):
    """The most memory that a process was seen to use."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ending = threading.Event()
        self.mib = 0.0
        self.start()

    def run(self) -> None:
        while not self._ending.wait(LOOK_S):
            with suppress(NotMeasured):  # it has ended
                self.mib = max(self.mib, resident_mib(self._pid))

    def end(self) -> float:
        self._ending.set()
        self.join()
        return self.mib


def _slow(attack: str | None) -> Source:
    @contextmanager
    def source(settings: Settings) -> Iterator[Sample]:
        with ExitStack() as stack:
            node = Node(stack, settings)

            def sample() -> float:
                if attack is None:
                    return node.slow_s()
                with node.attacked(attack):
                    return node.slow_s()

            yield sample

    return source


@contextmanager
def growth(settings: Settings) -> Iterator[Sample]:
    """MiB beyond idle at most, under all attacks at once."""
    with ExitStack() as stack:
        node = Node(stack, settings)
        node.slow_s()
        idle_mib = resident_mib(node.pid)

        def sample() -> float:
            peak = _Peak(node.pid)
            with ExitStack() as attacks:
                for attack in (*CONTACTS, *STRANGERS):
                    attacks.enter_context(node.attacked(attack, fully=False))
                time.sleep(settings.amount(2, 0))
            return peak.end() - idle_mib

        yield sample


@contextmanager
def refusal(settings: Settings) -> Iterator[Sample]:
    """The node's processor seconds for one stranger with a whole first flight."""
    with ExitStack() as stack:
        node = Node(stack, settings)
        count = settings.amount(400, 8)

        def sample() -> float:
            before_s = _processor_s(node.pid)
            for _ in range(0, count, UNAUTHENTICATED_PER_SOURCE_MAX):
                with ExitStack() as together:  # as many as have a place, until they were heard
                    for _ in range(UNAUTHENTICATED_PER_SOURCE_MAX):
                        stranger = together.enter_context(
                            socket.create_connection(("127.0.0.1", node.port))
                        )
                        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
                        stranger.sendall(os.urandom(FIRST_FLIGHT_BYTES))
                    time.sleep(0.01)
            time.sleep(0.2)
            return (_processor_s(node.pid) - before_s) / count

        yield sample


@contextmanager
def completion(settings: Settings) -> Iterator[Sample]:
    """The node's processor seconds for a new contact: link, session, first text and receipt."""
    with ExitStack() as stack:
        node = Node(stack, settings)
        count = settings.amount(10, 1)

        def sample() -> float:
            node.handshakes(count)
            time.sleep(0.2)
            return (_processor_s(node.pid) - node.cpu_s) / count

        yield sample


def _row(attack: str, what: str) -> Row:
    return Row(
        f"hostile-{attack}",
        f"99th percentile of an honest contact's receipts, {what}",
        Unit.SECONDS,
        (Contender("attacked", _slow(attack)), Contender("idle", _slow(None))),
        (Target("idle", at_most=10),),
    )


ROWS = (
    _row("scanners", "10,000 scanners"),
    _row("half-open", "5,000 half-open handshakes"),
    _row("slow", "200 slow writers"),
    _row("replay", "5,000 replayed first flights"),
    _row("skips", "a contact skips 2,000 keys with each message"),
    _row("chains", "a contact skips 4,000 keys with each step"),
    _row("flood", "a contact floods"),
    _row("large", "a contact floods with texts of 16 KiB"),
    Row(
        "hostile-memory",
        "memory beyond idle, all attacks at once",
        Unit.MIB,
        (Contender("loom", growth),),
        (Target(at_most=100),),
    ),
    Row(
        "refused-connection",
        "a node's CPU for one refused connection",
        Unit.SECONDS,
        (Contender("loom", refusal), Contender("completed handshake", completion)),
        (Target("completed handshake", at_most=1 / 20),),
    ),
)
