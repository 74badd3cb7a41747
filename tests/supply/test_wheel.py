"""The wheel: the same bytes wherever it is built, complete, and enough to run from."""

import email
import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import loom
from supply import wheel
from supply.pins import RUNTIME, read

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


@pytest.mark.long
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


def told(home: Path, *command: str) -> str:
    """What the command writes, run away from the checkout."""
    environment = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
    environment |= {"HOME": str(home), "LOOM_HOME": str(home / "loom")}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def pack_again(name: str, folder: Path) -> None:
    """A wheel of the installed package, so that pip can resolve and install it offline."""
    package = importlib.metadata.distribution(name)
    tags = email.message_from_string(package.read_text("WHEEL") or "").get_all("Tag", [])
    wheel_name = f"{re.sub(r'[-_.]+', '_', name)}-{package.version}-{tags[-1]}.whl"
    with zipfile.ZipFile(folder / wheel_name, "w") as opened:
        for file in package.files or ():
            is_made_by_pip = file.parts[0] == ".." or "__pycache__" in file.parts
            if file.name == "RECORD":
                opened.writestr(str(file), "".join(f"{one},,\n" for one in package.files or ()))
            elif not is_made_by_pip:
                opened.write(str(file.locate()), str(file))


@pytest.fixture(scope="module")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment after `pip install` of the wheel; its needs are resolved offline."""
    folder = tmp_path_factory.mktemp("installed")
    needs = folder / "needs"
    needs.mkdir()
    for pin in read(RUNTIME):
        pack_again(pin.name, needs)
    venv.create(folder / "venv", with_pip=False)
    python = str(folder / "venv" / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-index", "--find-links", str(needs), str(archive)]
    told(folder, *install)
    told(folder, *pip, "check")
    return folder / "venv" / "bin"


@pytest.mark.long
def test_installed_in_an_empty_environment_it_runs(installed: Path, tmp_path: Path) -> None:
    """With what pyproject.toml names and nothing else, inside the bounds that stand there."""
    (tmp_path / "passphrase").write_text("correct horse battery\n")
    loom_ = str(installed / "loom")
    assert loom.__version__ in told(tmp_path, loom_, "--version")
    assert "Usage" in told(tmp_path, loom_, "--help")
    given = ("--passphrase-file", str(tmp_path / "passphrase"))
    told(tmp_path, loom_, *given, "init", "--name", "Alice", "--show-phrase")
    assert "LOOM-" in told(tmp_path, loom_, *given, "token", "export")


@pytest.mark.long
def test_installed_every_module_finds_what_it_imports(installed: Path, tmp_path: Path) -> None:
    """Only the page server and voice notes need more: their packages are extras."""
    code = """
import importlib, pkgutil, loom
missing = set()
for one in pkgutil.walk_packages(loom.__path__, "loom."):
    try:
        one.name == "loom.__main__" or importlib.import_module(one.name)
    except ModuleNotFoundError as error:
        missing.add((one.name, error.name))
print(loom.__file__, sorted(missing), sep="\\n")
"""
    place, missing = told(tmp_path, str(installed / "python"), "-c", code).splitlines()
    assert Path(place).is_relative_to(installed.parent)
    assert missing == (
        "[('loom.cli.web_server', 'aiohttp'), ('loom.media.code_decoder', 'zxingcpp'),"
        " ('loom.media.sound_decoder', 'numpy')]"
    )


def test_without_a_commit_there_is_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(wheel.NotBuilt, match="built from a commit"):
        wheel.build(tmp_path, tmp_path / "out")
