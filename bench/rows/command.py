"""The command line from a cold start."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit, pending
from bench.peers import python, wormhole


@contextmanager
def version(settings: Settings) -> Iterator[Sample]:
    """Seconds of `loom --version`."""
    import loom

    command = [sys.executable, "-m", "loom", "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    if loom.__version__ not in said:
        raise NotMeasured(f"`loom --version` says {said!r}")
    yield lambda: python.command_time_s(command, settings.amount(5, 1))


ROWS = (
    Row(
        "version",
        "loom --version",
        Unit.SECONDS,
        (Contender("loom", version), Contender("import typer", python.import_typer)),
        (Target("import typer", at_most=1.5),),
    ),
    Row(
        "send-wait",
        "one text from a cold start to delivered",
        Unit.SECONDS,
        (
            Contender("loom", pending("loom.cli.main")),
            Contender("wormhole send", wormhole.send_text),
        ),
        (Target("wormhole send", at_most=0.5),),
    ),
)
