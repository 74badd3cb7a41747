"""A lock ends what held the profile, whatever closing meets; tests/tui has the real thing."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from loom.cli import tui
from loom.errors import DiskFull
from tests.fakes import FakeNode


class App:
    """Comes and goes at once."""

    return_code = 0
    destroyed = None
    moves = False

    def __init__(self, client: FakeNode, **_: object) -> None:
        self.client = client
        self.locked = client.profile == "locked"

    def leave(self) -> None:
        """Nothing to keep."""

    async def run_async(self) -> None:
        """Nothing to show."""


def show(profile: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    async def full() -> None:
        raise DiskFull

    node = FakeNode(profile)
    node.on_close = full
    monkeypatch.setattr("loom.tui.app.LoomApp", App)
    return asyncio.run(tui.show(node, profile=profile, config=Path()))


def test_a_lock_goes_on_where_closing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show("locked", monkeypatch)
    with pytest.raises(DiskFull):
        show("left", monkeypatch)


def test_the_same_program_begins_anew_and_knows_what_was_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[tuple[str, list[str], str]] = []

    def begin(path: str, arguments: list[str]) -> None:
        begun.append((path, arguments, os.environ[tui.LOCKED]))
        raise FileNotFoundError

    monkeypatch.setenv(tui.LOCKED, "")
    monkeypatch.setattr(os, "execv", begin)
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-m", "loom", "-p", "ada"])
    tui._restart_locked("ada")
    assert begun == [(sys.executable, [sys.executable, "-m", "loom", "-p", "ada"], "ada")]
