"""Two nodes without a link between them, and an anchor: what its way costs."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.processes import LineProcess, deadline_s
from bench.rows import delivery

SLOWER = 4
"""So many times longer than a row of delivery may these take."""
GRACE_S = 8.0
"""A link that may come back is waited for; then mail goes."""


@contextmanager
def _apart(settings: Settings) -> Iterator[tuple[delivery.Node, delivery.Node]]:
    """Sender and receiver, who reach each other through an anchor only."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory())
        rounds = SLOWER * settings.rounds
        limit_s = deadline_s(rounds)
        command = [sys.executable, "-m", "bench.peers.anchor", folder]
        anchor = stack.enter_context(LineProcess(command, limit_s))
        text = anchor.read_line().split()[2]
        sender, receiver = delivery.two_nodes(stack, rounds)
        sender.ask(f"USE {text}")
        delivery.connect(sender, receiver)
        time.sleep(2)  # what was told of the anchor is there
        receiver.ask("MOVE")
        time.sleep(GRACE_S)
        yield sender, receiver


@contextmanager
def by_mail(settings: Settings) -> Iterator[Sample]:
    """Median seconds from sending a text to its tick, through an anchor, one in flight."""
    messages = settings.amount(50, 5)
    with _apart(settings) as (sender, _):

        def sample() -> float:
            _, receipts, _, median_s, _ = sender.ask(f"RUN 1 {messages} 60")
            if int(receipts) < messages:
                raise NotMeasured(f"{receipts} of {messages} receipts within 60 s")
            return float(median_s)

        yield sample


@contextmanager
def that_waited(settings: Settings) -> Iterator[Sample]:
    """Seconds from the start of the receiver's node to the last text, opening the profile apart."""
    messages = settings.amount(900, 20)
    with _apart(settings) as (sender, receiver):

        def sample() -> float:
            receiver.ask("AWAY")
            _, _, opening_s = receiver.ask("BACK 0 60")
            receiver.ask("AWAY")
            time.sleep(GRACE_S)
            sender.ask(f"QUEUE {messages}")
            sender.ask(f"PUT {messages} 120")
            _, came, elapsed_s = receiver.ask(f"BACK {messages} 60")
            if int(came) < messages:
                raise NotMeasured(f"{came} of {messages} came within 60 s")
            return float(elapsed_s) - float(opening_s)

        yield sample


@contextmanager
def at_once(settings: Settings) -> Iterator[Sample]:
    """Seconds in which a link carries as many texts, to the last receipt."""
    messages = settings.amount(900, 20)
    with delivery.connected(SLOWER * settings.rounds) as sender:

        def sample() -> float:
            sender.write_line(f"RUN {messages} {messages} 60")
            _, receipts, elapsed_s, _, _ = sender.read_line().split()
            if int(receipts) < messages:
                raise NotMeasured(f"{receipts} of {messages} receipts within 60 s")
            return float(elapsed_s)

        yield sample


ROWS = (
    Row(
        "mail-receipt",
        "receipt time through an anchor, three processes, both people online",
        Unit.SECONDS,
        (Contender("loom by mail", by_mail), Contender("loom direct", delivery.receipt)),
        (Target("loom direct", at_most=3),),
    ),
    Row(
        "mail-waited",
        "900 texts that waited at an anchor, from the start of the node to the last",
        Unit.SECONDS,
        (Contender("loom by mail", that_waited), Contender("loom direct", at_once)),
        (Target("loom direct", at_most=3),),
    ),
)
