"""What is installed is pinned by hash and names no host, so that any mirror will do."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.architecture.test_private_names import USED

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PINNED = re.compile(r"([A-Za-z0-9._-]+)==\S+")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"].values()
DEPENDENCIES = [Requirement(one) for one in chain(PROJECT["dependencies"], *EXTRAS)]
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


def pins(name: str) -> dict[str, str]:
    """Package -> version in one lock."""
    lines = (line.split()[0].partition("==") for line in requirements(ROOT / "requirements" / name))
    return {canonical(package): version for package, _, version in lines}


def test_every_runtime_dependency_is_pinned_within_its_bounds() -> None:
    """The lowest version allowed is the tested one: an older one may lack what Loom calls."""
    assert DEPENDENCIES
    locked = pins("dev.txt") | pins("runtime.txt")
    for one in DEPENDENCIES:
        version = locked[canonical(one.name)]
        assert one.specifier.contains(version), one
        (least,) = (spec.version for spec in one.specifier if spec.operator == ">=")
        assert version.split(".")[: len(least.split("."))] == least.split("."), one


def test_a_library_whose_private_names_are_used_has_an_upper_bound() -> None:
    owners = {owner.partition(".")[0].replace("_", "-") for owner in USED} | {"textual", "typer"}
    bounded = {
        one.name for one in DEPENDENCIES if any(spec.operator == "<" for spec in one.specifier)
    }
    assert owners <= bounded


def test_locks_agree_on_every_version() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for line in requirements(lock):
            name, _, rest = line.partition("==")
            versions.setdefault(canonical(name), set()).add(rest.split()[0])
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
