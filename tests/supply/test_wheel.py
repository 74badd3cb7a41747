"""The wheel: the same bytes wherever it is built, complete, and enough to run from."""

import hashlib
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import loom
from supply import wheel

ROOT = wheel.ROOT


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", f"safe.directory={folder}", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run(code: Path, output: Path, umask: int, **environment: str) -> None:
    """Build from the checkout in `code`."""
    subprocess.run(
        [sys.executable, "-m", "supply.wheel", "--output", str(output)],
        cwd=code,
        umask=umask,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )


def digests(folder: Path) -> dict[str, str]:
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in folder.iterdir()}


def clone(source: Path, target: Path) -> Path:
    git(source, "clone", "--quiet", "--no-hardlinks", str(source), str(target))
    return target


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone, so that commits made meanwhile change nothing."""
    if not (ROOT / ".git").exists():
        pytest.skip("a wheel is built from a commit: clone the repository to test it")
    return clone(ROOT, tmp_path_factory.mktemp("source") / "loom")


@pytest.fixture(scope="module")
def built(source: Path) -> Path:
    """What the clone gives."""
    run(source, source / "dist", 0o022, TZ="UTC")
    return source / "dist"


@pytest.fixture(scope="module")
def archive(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


def test_another_folder_umask_and_time_zone_give_the_same_bytes(
    source: Path, built: Path, tmp_path: Path
) -> None:
    """Beside files that were never committed, with modes and a home of its own."""
    elsewhere = clone(source, tmp_path / "some where else")
    (elsewhere / "loom" / "left_over.py").write_text("raise SystemExit\n")
    (elsewhere / "loom" / "model.py").chmod(0o777)
    second = tmp_path / "second"
    run(elsewhere, second, 0o077, TZ="Asia/Tokyo", LC_ALL="C", HOME=str(tmp_path))
    assert sorted(one.suffix for one in built.iterdir()) == [".gz", ".whl"]
    assert digests(second) == digests(built)


def test_it_holds_what_is_committed_under_loom_and_nothing_else(
    source: Path, archive: Path
) -> None:
    """Migrations and style sheets are easily forgotten in a package."""
    committed = set(git(source, "ls-tree", "-r", "--name-only", "HEAD", "loom").split())
    with zipfile.ZipFile(archive) as opened:
        packed = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert packed == committed
    assert {Path(name).suffix for name in packed} >= {".sql", ".tcss", ".typed"}


def test_every_file_in_it_has_the_commits_time_and_plain_modes(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        files = opened.infolist()
    assert len({one.date_time for one in files}) == 1
    assert {one.external_attr >> 16 & 0o777 for one in files} <= {0o644, 0o664, 0o755}


def test_installed_alone_it_runs(archive: Path, tmp_path: Path) -> None:
    """In a fresh environment, offline, away from the checkout; only its needs come from here."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-index", "--no-deps", str(archive)]
    subprocess.run(install, check=True, capture_output=True, cwd=tmp_path)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def told(*command: str) -> str:
        environment = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        environment |= {"HOME": str(tmp_path), "LOOM_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    place = told(str(python), "-c", "import loom, sys; print(loom.__file__)")
    assert Path(place).is_relative_to(home)
    assert loom.__version__ in told(str(home / "bin" / "loom"), "--version")
    assert "Usage" in told(str(home / "bin" / "loom"), "--help")
    data = (
        "from importlib.resources import files;"
        "import loom.tui.app;"
        "print((files('loom.tui') / 'styles' / 'loom.tcss').is_file(),"
        " any(one.name.endswith('.sql') for one in files('loom.storage.migrations').iterdir()))"
    )
    assert told(str(python), "-c", data) == "True True"


def test_without_a_commit_there_is_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(wheel.NotBuilt, match="built from a commit"):
        wheel.build(tmp_path, tmp_path / "out")
