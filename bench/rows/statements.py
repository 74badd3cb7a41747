"""What is stated about a message, beside a message: two processes, durable on both disks."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.rows.delivery import connected


@contextmanager
def _stated(what: str, settings: Settings) -> Iterator[Sample]:
    """Seconds for each of some hundreds, one command after the other, until all are receipted."""
    count = settings.amount(300, 10)
    with connected(settings.rounds) as sender:

        def sample() -> float:
            sender.write_line(f"STATE {what} {count}")
            return float(sender.read_line().split()[1]) / count

        yield sample


def _row(what: str, figure: str) -> Row:
    text = Contender("a text", partial(_stated, "text"))
    contender = Contender("loom", partial(_stated, what))
    name = f"state-{what}"
    return Row(name, figure, Unit.SECONDS, (contender, text), (Target("a text", at_most=1.2),))


ROWS = (
    _row("edit", "a text edited, receipted"),
    _row("react", "a reaction, receipted"),
    _row("delete", "a text deleted for both, receipted"),
)
