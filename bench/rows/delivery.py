"""Two processes on loopback: from sending to the receipt, durable on both disks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.peers import echo, toxcore
from bench.processes import LineProcess, deadline_s
from bench.rows import store


@contextmanager
def connected(rounds: int) -> Iterator[LineProcess]:
    """The sending node of two that have a session."""
    import loom.app  # noqa: F401  # absent here means absent in the processes below

    with ExitStack() as stack:
        sender, receiver = two_nodes(stack, rounds)
        connect(sender, receiver)
        yield sender.process


class Node(NamedTuple):
    """A node that has said where it is."""

    process: LineProcess
    token: str
    port: str

    def ask(self, line: str) -> list[str]:
        """What it answers to a line."""
        self.process.write_line(line)
        return self.process.read_line().split()


def two_nodes(stack: ExitStack, rounds: int) -> tuple[Node, Node]:
    """Two that have each other's tokens."""
    processes = [_node(stack, rounds) for _ in range(2)]
    one, other = (Node(each, *each.read_line().split()[1:]) for each in processes)
    one.ask(f"IMPORT {other.token}")
    other.ask(f"IMPORT {one.token}")
    return one, other


def connect(sender: Node, receiver: Node) -> None:
    """Link them; afterwards a session carries messages."""
    sender.ask(f"CONNECT {receiver.port}")


def _node(stack: ExitStack, rounds: int) -> LineProcess:
    home = stack.enter_context(TemporaryDirectory())
    command = [sys.executable, "-m", "bench.peers.loom_node", home]
    return stack.enter_context(LineProcess(command, deadline_s(rounds)))


@contextmanager
def _run(
    settings: Settings,
    in_flight: int,
    messages: int,
    figure: Callable[[int, float, float], float],
    limit_s: float = 8.0,
) -> Iterator[Sample]:
    with connected(settings.rounds) as sender:

        def sample() -> float:
            sender.write_line(f"RUN {in_flight} {messages} {limit_s}")
            _, receipts, elapsed_s, median_s, _ = sender.read_line().split()
            if int(receipts) < messages:
                raise NotMeasured(f"{receipts} of {messages} receipts within {limit_s} s")
            return figure(int(receipts), float(elapsed_s), float(median_s))

        yield sample


def _rate(receipts: int, elapsed_s: float, median_s: float) -> float:
    return receipts / elapsed_s


@contextmanager
def receipt(settings: Settings) -> Iterator[Sample]:
    """Median seconds from sending a text of 64 bytes to MessageDelivered, one in flight."""
    with _run(settings, 1, settings.amount(300, 10), lambda *figures: figures[2]) as sample:
        yield sample


@contextmanager
def acknowledged_32(settings: Settings) -> Iterator[Sample]:
    """Messages per second, each delivered before its slot takes the next, 32 slots."""
    with _run(settings, 32, settings.amount(6_000, 64), _rate) as sample:
        yield sample


@contextmanager
def acknowledged_2048(settings: Settings) -> Iterator[Sample]:
    """Messages per second with 2,048 slots."""
    with _run(settings, 2_048, settings.amount(10_000, 4_096), _rate) as sample:
        yield sample


ROWS = (
    Row(
        "receipt",
        "receipt time, one in flight, two processes",
        Unit.SECONDS,
        (
            Contender("loom", receipt),
            Contender("toxcore", toxcore.receipt),
            Contender("asyncio echo", echo.round_trip),
            Contender("three bare commits", store.three_commits),
        ),
        (Target("toxcore", at_most=1 / 50), Target("three bare commits", at_most=3.5)),
    ),
    Row(
        "acknowledged-32",
        "acknowledged with 32 in flight",
        Unit.RATE,
        (
            Contender("loom", acknowledged_32),
            Contender("toxcore", toxcore.acknowledged_32),
            Contender("asyncio echo", echo.echoed_32),
        ),
        (Target("toxcore", at_least=30),),
    ),
    Row(
        "acknowledged-2048",
        "acknowledged with 2,048 in flight",
        Unit.RATE,
        (
            Contender("loom", acknowledged_2048),
            Contender("toxcore", toxcore.acknowledged_2048),
            Contender("asyncio echo", echo.echoed_2048),
        ),
        (Target("toxcore", at_least=1),),
    ),
)
