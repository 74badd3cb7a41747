"""`make fuzz`: every target for a while, each in its own process; what is found is kept."""

import argparse
import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from fuzz.target import corpus_of, keep, load, names

ROOT: Final = Path(__file__).parents[1]
GROWN: Final = ROOT / ".fuzz"
"""What coverage made worth keeping here; not part of the repository."""
SECONDS_EACH: Final = 5
SEED: Final = 1
MEMORY_MAX_MIB: Final = 2_048
EXIT_FAILED: Final = 1
EXIT_MISSING: Final = 2

_PROGRESS = re.compile(rb"#(\d+)\s+\w+\s.*?cov: (\d+) ft: (\d+) corp: (\d+)")


class Result(msgspec.Struct, frozen=True):
    """What a run of one target did."""

    executions: int
    edges: int
    corpus: int
    found: list[Path]
    has_failed: bool
    log: str


def main() -> int:
    """Fuzz; 1: something was found, 2: there is no atheris here."""
    arguments = _arguments()
    if importlib.util.find_spec("atheris") is None:
        print(
            "Coverage-guided fuzzing needs atheris, which has no build for this Python: "
            "use CPython 3.11 to 3.13 on Linux x86-64; `make test` runs the targets without it.",
            file=sys.stderr,
        )
        return EXIT_MISSING
    chosen = arguments.targets or names()
    seconds = arguments.seconds or SECONDS_EACH * len(chosen)
    print(f"{'target':<18}{'executions':>12}{'edges':>8}{'corpus':>8}  found")
    has_failed = False
    for name in chosen:
        result = fuzz(name, max(1, seconds // len(chosen)), arguments.seed)
        places = ", ".join(str(path.relative_to(ROOT)) for path in result.found) or "-"
        print(
            f"{name:<18}{result.executions:>12,}{result.edges:>8,}{result.corpus:>8,}  {places}",
            flush=True,
        )
        if result.has_failed:
            print(result.log, file=sys.stderr)
            has_failed = True
    return EXIT_FAILED if has_failed else 0


def fuzz(name: str, seconds: int, seed: int) -> Result:
    """One target for so long; a finding ends it and enters the corpus."""
    target = load(name)
    grown = GROWN / name
    grown.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="loom-fuzz-") as folder:
        known, artifacts = Path(folder) / "known", Path(folder) / "found"
        known.mkdir()
        artifacts.mkdir()
        for data in {*corpus_of(name).values(), *target.seeds}:
            (known / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
        command = [
            *(sys.executable, "-m", "fuzz.coverage_guided", name),
            f"-max_total_time={seconds}",
            f"-max_len={target.max_bytes}",
            f"-seed={seed}",
            f"-timeout={int(10 * target.time_max_s)}",
            f"-rss_limit_mb={MEMORY_MAX_MIB}",
            f"-artifact_prefix={artifacts}/",
            "-verbosity=1",
            str(grown),
            str(known),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)  # noqa: S603
        found = [
            keep(name, f"found-{hashlib.sha256(data).hexdigest()[:12]}", data)
            for data in (path.read_bytes() for path in sorted(artifacts.iterdir()))
        ]
    executions = edges = corpus = 0
    for line in _PROGRESS.finditer(done.stderr):
        executions, edges, _, corpus = (int(part) for part in line.groups())
    output = done.stdout + done.stderr
    last = re.findall(rb"Done (\d+) runs", output)
    said = [line for line in output.splitlines() if not line.startswith((b"#", b"INFO:"))]
    return Result(
        executions=int(last[-1]) if last else executions,
        edges=edges,
        corpus=corpus,
        found=found,
        has_failed=bool(done.returncode or found),
        log=b"\n".join(said).decode("utf-8", "replace"),
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=...", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(names()))
    parser.add_argument("--seconds", type=int, help="of all targets together (5 for each)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the fuzzer's own choices")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.targets) - set(names())):
        parser.error(f"no such target: {', '.join(unknown)}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
