"""A Python process that imports Typer and nothing else."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.harness import Sample, Settings


def command_time_s(
    command: Sequence[str], count: int, environment: Mapping[str, str] | None = None
) -> float:
    """Seconds one run of a command takes from start to exit; it must succeed."""
    start = time.perf_counter()
    for _ in range(count):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=30, env=environment)
    return (time.perf_counter() - start) / count


@contextmanager
def import_typer(settings: Settings) -> Iterator[Sample]:
    import typer  # noqa: F401  # absent here means absent in the process below

    yield lambda: command_time_s([sys.executable, "-c", "import typer"], settings.amount(5, 1))
