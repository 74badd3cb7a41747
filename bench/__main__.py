"""`python -m bench [NAME...]`: measures all rows, or those named."""

import argparse
import compileall
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

import bench
from bench import harness, machine, report
from bench.rows import ALL


def main() -> None:
    arguments = _arguments()
    settings = harness.Settings(rounds=arguments.rounds, quick=arguments.quick)
    started_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    progress = Console(stderr=True)
    if not _compiled():
        progress.print("not all could be compiled ahead: what starts includes the compiler's time")
    here = machine.describe()
    results: list[report.RowResult] = []
    finished = report.Report(started_at, here, settings, results)
    for row in ALL:
        if arguments.names and row.name not in arguments.names:
            continue
        progress.print(f"measuring {row.name}: {row.figure}", highlight=False)
        measurements = harness.measure(row, settings)
        verdicts = harness.judge(row, measurements)
        results.append(report.RowResult(row.name, row.figure, row.unit, measurements, verdicts))
        report.keep(finished)  # after each row: a run that is broken off keeps what it has
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    report.show(finished, console)
    progress.print(f"kept in {report.keep(finished).relative_to(report.RESULTS.parent.parent)}")


def _compiled() -> bool:
    """Whether what is measured has its bytecode, as an installed package has.

    Where Python is told to write none, or may not, a checkout is compiled at every start.
    """
    root = Path(bench.__path__[0]).parent
    done = [compileall.compile_dir(root / name, quiet=2) for name in ("bench", "loom")]
    return all(done)


def _arguments() -> argparse.Namespace:
    names = [row.name for row in ALL]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"rows: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="5 unless told (1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="a smoke run with tiny amounts")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names))
    if unknown:
        parser.error(f"no row named {', '.join(unknown)}; there are {', '.join(names)}")
    if arguments.rounds is None:
        arguments.rounds = 1 if arguments.quick else 5
    if arguments.rounds < 1:
        parser.error("--rounds needs at least 1")
    return arguments


if __name__ == "__main__":
    main()
