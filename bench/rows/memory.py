"""What an idle daemon keeps in memory."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.processes import deadline_s

PROFILE = "crowd"
SETTLE_S = 2.0
"""What starting took is given back by then."""


def resident_mib(pid: int) -> float:
    """What a process keeps in memory. Raises NotMeasured."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError as error:
        raise NotMeasured("needs /proc") from error
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    if found is None:
        raise NotMeasured("no VmRSS")
    return int(found.group(1)) / 1024


@contextmanager
def _idle(settings: Settings, *options: str) -> Iterator[Sample]:
    from bench.peers import loom_cli

    with TemporaryDirectory() as folder:
        home = Path(folder)
        loom_cli.create(home, PROFILE)
        loom_cli.add_strangers(home, PROFILE, settings.amount(500, 5))
        environment = loom_cli.environment(home)

        def sample() -> float:
            with loom_cli.daemon(environment, deadline_s(1), *options) as (process, _):
                time.sleep(SETTLE_S)
                return resident_mib(process.pid)

        yield sample


@contextmanager
def idle(settings: Settings) -> Iterator[Sample]:
    """Resident MiB of a daemon that announces itself on the loopback interface."""
    with _idle(settings) as sample:
        yield sample


@contextmanager
def idle_without_mdns(settings: Settings) -> Iterator[Sample]:
    """The same without discovery."""
    with _idle(settings, "--no-mdns") as sample:
        yield sample


ROWS = (
    Row(
        "idle-memory",
        "idle daemon, 500 contacts, resident",
        Unit.MIB,
        (Contender("loom", idle), Contender("loom, no mDNS", idle_without_mdns)),
        (Target(at_most=60),),
    ),
)
