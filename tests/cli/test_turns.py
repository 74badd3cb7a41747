"""Commands that need a profile for a moment take turns; one that keeps it is not waited for."""

from pathlib import Path

import pytest

from loom.api.client import Client
from loom.api.profiles import NodeOptions
from loom.cli import opening
from loom.config import home_of, paths_of, read_settings
from loom.errors import ProfileInUse
from tests.cli.conftest import Loom, objects
from tests.fakes import FakeProfiles

BEFORE = 20
"""Other commands; each has the profile for nearly as long as one is waited for."""


class Busy(FakeProfiles):
    """Others have the profile, one after the other, before its turn comes."""

    def __init__(self, lock: Path, *, each: int, others: int) -> None:
        super().__init__()
        self._lock = lock
        self._each = each
        self._left = each * others
        lock.parent.mkdir(parents=True)
        self.add().add("Bob")

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> Client:
        if self._left:
            self._lock.write_text(f"{self._left // self._each}\n")
            self._left -= 1
            raise ProfileInUse(profile=profile)
        return await super().unlock(profile, passphrase, options)


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The lock file of the profile that the commands mean; nobody waits in real time."""
    monkeypatch.setattr(opening, "TURN_PAUSE_S", 0)
    monkeypatch.setenv("LOOM_HOME", str(tmp_path / "home"))
    return paths_of(home_of(read_settings({}, home=tmp_path / "home")), "work").lock


def test_twenty_commands_at_once_all_have_their_turn(
    loom: Loom, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Busy(lock, each=opening.TURN_PAUSES_MAX, others=BEFORE)
    monkeypatch.setattr(opening, "open_profiles", lambda _: busy)
    result = loom("send", "Bob", "hi", "--json")
    assert result.exit_code == 0, result.output
    assert objects(result)[0]["body"] == "hi"


def test_one_that_keeps_the_profile_is_told_after_a_while(
    loom: Loom, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Busy(lock, each=2 * opening.TURN_PAUSES_MAX, others=1)
    monkeypatch.setattr(opening, "open_profiles", lambda _: busy)
    result = loom("send", "Bob", "hi", "--json")
    assert (result.exit_code, objects(result)[0]["code"]) == (6, "profile_in_use")
