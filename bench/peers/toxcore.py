"""toxcore: two processes of a small C driver, friends over UDP on 127.0.0.1 and nowhere else."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import NotMeasured, Sample, Settings
from bench.processes import ChildEnded, LineProcess, deadline_s

DRIVER = Path(__file__).with_name("toxcore_driver.c")
HEADER = Path("/usr/include/tox/tox.h")


def version() -> str:
    """Of the installed header, which the driver is compiled against."""
    try:
        text = HEADER.read_text()
    except OSError:
        return "absent"
    parts = re.findall(r"#define TOX_VERSION_(?:MAJOR|MINOR|PATCH)\s+(\d+)", text)
    return ".".join(parts)


def _compile(folder: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or not HEADER.exists():
        raise NotMeasured("needs a C compiler and libtoxcore-dev")
    program = folder / "toxcore_driver"
    subprocess.run(
        [compiler, "-O2", "-o", str(program), str(DRIVER), "-ltoxcore"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return program


@contextmanager
def _friends(rounds: int) -> Iterator[LineProcess]:
    """The sending node of a connected pair."""
    with ExitStack() as stack:
        program = _compile(Path(stack.enter_context(TemporaryDirectory())))
        sender, receiver = (
            stack.enter_context(LineProcess([str(program)], deadline_s(rounds))) for _ in range(2)
        )
        nodes = {node: node.read_line().split()[1:4] for node in (sender, receiver)}
        sender.write_line(" ".join(["PEER", *nodes[receiver]]))
        receiver.write_line(" ".join(["PEER", *nodes[sender]]))
        for node in nodes:
            try:
                node.read_line()
            except ChildEnded as error:
                raise NotMeasured("the two nodes did not connect") from error
        yield sender


@contextmanager
def _run(
    rounds: int,
    in_flight: int,
    messages: int,
    limit_s: float,
    figure: Callable[[int, float, float], float],
) -> Iterator[Sample]:
    with _friends(rounds) as sender:

        def sample() -> float:
            sender.write_line(f"RUN {in_flight} {messages} {limit_s}")
            _, receipts, elapsed_s, median_s = sender.read_line().split()
            if int(receipts) == 0:
                raise NotMeasured(f"no receipt within {limit_s} s")
            return figure(int(receipts), float(elapsed_s), float(median_s))

        yield sample


@contextmanager
def receipt(settings: Settings) -> Iterator[Sample]:
    """Median seconds from sending a text of 64 bytes to its receipt, one in flight."""
    with _run(settings.rounds, 1, settings.amount(20, 3), 8.0, _median) as sample:
        yield sample


@contextmanager
def acknowledged_32(settings: Settings) -> Iterator[Sample]:
    """Receipts per second with 32 in flight."""
    with _run(settings.rounds, 32, settings.amount(600, 64), 5.0, _rate) as sample:
        yield sample


@contextmanager
def acknowledged_2048(settings: Settings) -> Iterator[Sample]:
    """Receipts per second with 2,048 in flight."""
    with _run(settings.rounds, 2_048, settings.amount(20_000, 4_096), 5.0, _rate) as sample:
        yield sample


def _rate(receipts: int, elapsed_s: float, median_s: float) -> float:
    return receipts / elapsed_s


def _median(receipts: int, elapsed_s: float, median_s: float) -> float:
    return median_s
