"""An identity that is rotated: until every contact that is linked has followed."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.processes import LineProcess, deadline_s

CONTACTS = 500
SETTING_UP_S = 600.0


@contextmanager
def rotation(settings: Settings) -> Iterator[Sample]:
    """From the command to the last contact that is linked with the new keys."""
    amount = settings.amount(CONTACTS, 5)
    with ExitStack() as stack:
        home = stack.enter_context(TemporaryDirectory())
        limit_s = deadline_s(settings.rounds) + SETTING_UP_S
        node, contacts = (
            stack.enter_context(LineProcess([sys.executable, "-m", *command], limit_s))
            for command in (
                ["bench.peers.loom_node", home],
                ["bench.peers.contacts", str(amount)],
            )
        )
        _, token, port = node.read_line().split()
        _, *tokens = contacts.read_line().split()
        for number, one in enumerate(tokens):
            node.write_line(f"IMPORT {one} contact{number}")
            node.read_line()
        contacts.write_line(f"LINK {token} {port}")
        contacts.read_line()

        def sample() -> float:
            contacts.write_line("WATCH")
            contacts.read_line()
            node.write_line("ROTATE")
            node.read_line()
            contacts.write_line("FOLLOW")
            _, done, _, linked_s = contacts.read_line().split()
            if int(done) < amount:
                raise NotMeasured(f"{done} of {amount} contacts followed")
            return float(linked_s)

        yield sample


ROWS = (
    Row(
        "rotation",
        f"identity rotate: until {CONTACTS} linked contacts have verified it and linked anew",
        Unit.SECONDS,
        (Contender("loom", rotation),),
        (Target(at_most=10.0),),
    ),
)
