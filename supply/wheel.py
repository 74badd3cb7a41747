"""`python -m supply.wheel`: wheel and source archive of the last commit, the same bytes everywhere.

Built from what is committed, not from the folder as it happens to look: modes, times, order and
left-over files of one machine stay out. The time in the archives is that of the commit.
"""

import argparse
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


class NotBuilt(Exception):
    """Why there is nothing to show."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0 and a line with SHA-256 and path for each file; 1 when it cannot be built."""
    parser = argparse.ArgumentParser(prog="python -m supply.wheel", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=ROOT / "dist", help="the folder to put them in"
    )
    chosen = parser.parse_args(arguments)
    try:
        built = build(ROOT, chosen.output)
    except NotBuilt as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path in built:
        sys.stdout.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n")
    return 0


def build(root: Path, output: Path) -> list[Path]:
    """The wheel and the source archive of the last commit under `root`.

    Raises:
        NotBuilt: no commit, or the build fails.
    """
    epoch = int(_git(root, "log", "-1", "--format=%ct"))
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source, fresh = Path(folder, "source"), Path(folder, "built")
        _check_out(root, source)
        _run_build(source, fresh, epoch)
        for archive in fresh.glob("*.tar.gz"):
            archive.write_bytes(normalised(archive.read_bytes(), epoch))
        return [_move(path, output) for path in sorted(fresh.iterdir())]


def _git(root: Path, *arguments: str) -> str:
    return _git_bytes(root, *arguments).decode("utf-8").strip()


def _git_bytes(root: Path, *arguments: str) -> bytes:
    command = ["git", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotBuilt("A wheel is built from a commit: this needs git and a clone.") from error


def _check_out(root: Path, folder: Path) -> None:
    """The files of the last commit, with modes that no umask and no other user shaped."""
    with tarfile.open(fileobj=io.BytesIO(_git_bytes(root, "archive", "HEAD"))) as archive:
        archive.extractall(folder, filter="data")
    for path in folder.rglob("*"):
        runs = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if runs else 0o644)


def _run_build(source: Path, output: Path, epoch: int) -> None:
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": str(epoch),
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), "."]
    done = subprocess.run(  # noqa: S603 - our own backend, on our own commit
        command,
        cwd=source,
        env=environment,
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotBuilt(f"The build failed:\n{done.stdout}\n{done.stderr}")


def normalised(archive: bytes, epoch: int) -> bytes:
    """A .tar.gz with the same files in a fixed order, without owners, users or later times."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = min(int(member.mtime), epoch)
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return gzip.compress(packed.getvalue(), mtime=epoch)


def _move(path: Path, folder: Path) -> Path:
    target = folder / path.name
    target.write_bytes(path.read_bytes())
    return target


if __name__ == "__main__":
    sys.exit(main())
