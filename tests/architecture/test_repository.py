"""Nothing in the repository points at one machine or at one registry."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in pieces, so that this file does not contain what it forbids.
REGISTRIES = [
    name + "." + domain
    for name, domain in [
        ("py" + "pi", "org"),
        ("python" + "hosted", "org"),
        ("deb" + "ian", "org"),
        ("ub" + "untu", "com"),
        ("npm" + "js", "org"),
        ("npm" + "js", "com"),
        ("yarn" + "pkg", "com"),
        ("crates", "io"),
        ("proxy.go" + "lang", "org"),
        ("rubygems", "org"),
        ("anaconda", "org"),
        ("docker", "io"),
        ("maven", "org"),
    ]
]
FOLDERS = ["/" + name + "/" for name in ("work", "root", "home", "farm", "Users")]


def tracked_text() -> list[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    texts = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():  # may be deleted and not yet committed
            content = path.read_bytes()
            if b"\0" not in content:
                texts.append((name, content.decode("utf-8")))
    return texts


@pytest.fixture(scope="module")
def texts() -> list[tuple[str, str]]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: clone the repository to check its tracked files")
    found = tracked_text()
    assert "pyproject.toml" in dict(found)
    return found


def mentions(texts: list[tuple[str, str]], needles: list[str]) -> list[str]:
    return [
        f"{name}:{number}: {needle}"
        for name, text in texts
        if any(needle in text for needle in needles)
        for number, line in enumerate(text.splitlines(), 1)
        for needle in needles
        if needle in line
    ]


def test_no_file_names_a_package_registry(texts: list[tuple[str, str]]) -> None:
    assert mentions([(name, text.lower()) for name, text in texts], REGISTRIES) == []


def test_no_file_holds_a_path_of_one_machine(texts: list[tuple[str, str]]) -> None:
    assert mentions(texts, FOLDERS) == []
