"""Profiles made once, copied for each test; afterwards nothing they logged is a secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.processes import PASSPHRASE, Home, introduce, new_profile, token_of


class Made(NamedTuple):
    """Alice and Bob know each other; Eve knows nobody."""

    home: Home
    phrases: dict[str, str]
    tokens: dict[str, str]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The profiles that every test copies. Their nodes never ran."""
    home = Home(tmp_path_factory.mktemp("made") / "h")
    phrases = {name: new_profile(home, name.capitalize()) for name in ("alice", "bob", "eve")}
    introduce(home, "alice", "bob")
    return Made(home, phrases, {name: token_of(home, name) for name in phrases})


@pytest.fixture
def home(made: Made, tmp_path: Path) -> Iterator[Home]:
    """A copy of its own."""
    copied = made.home.copy(tmp_path / "h")
    yield copied
    said = copied.said()
    assert "Traceback" not in said
    assert PASSPHRASE not in said
    for phrase in made.phrases.values():
        words = phrase.split()
        assert not any(" ".join(words[i : i + 3]) in said for i in range(len(words) - 2))


@pytest.fixture
def empty(tmp_path: Path) -> Home:
    """A home without a profile."""
    return Home(tmp_path / "e")
