"""ARCHITECTURE.md and TUI.md name every file in which somebody may look for a line."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAPS = "".join((ROOT / "docs" / name).read_text() for name in ("ARCHITECTURE.md", "TUI.md"))
PACKAGES = sorted(
    str(one.parent.relative_to(ROOT / "loom"))
    for one in (ROOT / "loom").glob("*/**/__init__.py")
    if one.parent.name != "migrations"
)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_is_on_the_map(package: str) -> None:
    files = (ROOT / "loom" / package).glob("*.py")
    missing = sorted(one.name for one in files if one.name[0] != "_" and one.name not in MAPS)
    assert missing == []


def test_the_map_names_no_file_that_is_gone() -> None:
    words = MAPS.replace("/", " ").replace("`", " ").split()
    named = {word for word in words if word.endswith(".py") and word.isascii()}
    there = {one.name for folder in ("loom", "tests") for one in (ROOT / folder).rglob("*.py")}
    there |= {one.name for one in (ROOT / "examples").glob("*.py")}
    assert named - there == set()


def test_every_decision_has_a_number_of_its_own_and_is_there() -> None:
    found = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [one.name[:4] for one in found]
    assert len(set(numbers)) == len(numbers), numbers
    for one in found:
        heading = one.read_text().splitlines()[0]
        assert re.match(r"# (\d+)\. ", heading), one.name
        assert int(heading[2:].partition(".")[0]) == int(one.name[:4])
    pages = [ROOT / "README.md", ROOT / "THREAT_MODEL.md", *(ROOT / "docs").rglob("*.md")]
    named = {number for page in pages for number in re.findall(r"ADR (\d{4})", page.read_text())}
    assert named - set(numbers) == set()
