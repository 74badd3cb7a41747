"""The command line over profiles in memory."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from loom.cli import opening, terminal
from loom.cli.root import app
from tests.fakes import FakeProfiles

Loom = Callable[..., Result]


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch) -> FakeProfiles:
    """What the command line opens instead of real profiles."""
    fakes = FakeProfiles()
    monkeypatch.setattr(opening, "open_profiles", lambda _: fakes)
    return fakes


@pytest.fixture
def loom(profiles: FakeProfiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loom:
    """Runs a command without a terminal; the passphrase comes from a file."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse\n")
    monkeypatch.setenv("LOOM_PASSPHRASE_FILE", str(passphrase))
    monkeypatch.setattr(terminal, "TERMINAL", tmp_path / "no-terminal")

    def run(*arguments: str, input: bytes | str | None = None) -> Result:  # noqa: A002
        return CliRunner().invoke(app, list(arguments), input=input)

    return run


def objects(result: Result) -> list[dict[str, Any]]:
    """The JSON objects on standard output, one per line."""
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(line["v"] == 1 and line["type"] for line in found)
    return found
