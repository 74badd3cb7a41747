"""What is installed is pinned by hash and names no host, so that any mirror will do."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"([A-Za-z0-9._-]+)==\S+")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(path: Path) -> list[str]:
    """Logical lines: continuations joined, comments left out."""
    joined = path.read_text().replace("\\\n", " ")
    lines = (line.partition("#")[0].strip() for line in joined.splitlines())
    return [line for line in lines if line]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_line_is_a_pin_with_hashes_and_nothing_else(lock: Path) -> None:
    for line in requirements(lock):
        assert PINNED.match(line), line
        assert HASH.search(line), line
        assert "--" not in HASH.sub("", line), line


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=lambda p: p.name)
def test_no_requirement_names_a_host(path: Path) -> None:
    assert "://" not in path.read_text()


def test_every_runtime_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {canonical(re.split(r"[\s<>=!~;\[]", name)[0]) for name in project["dependencies"]}
    pins = [PINNED.match(line) for line in requirements(ROOT / "requirements" / "runtime.txt")]
    assert wanted
    assert wanted <= {canonical(pin[1]) for pin in pins if pin}


def test_locks_agree_on_every_version() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for line in requirements(lock):
            name, _, rest = line.partition("==")
            versions.setdefault(canonical(name), set()).add(rest.split()[0])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
