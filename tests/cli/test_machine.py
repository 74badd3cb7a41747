"""`loom machine`: what it says, and what is asked of the node."""

import pytest

from loom.api.machine_commands import DecideMachine
from loom.api.views import MachineView
from loom.cli.backups import DAY_MS, clock_words
from tests.cli.conftest import Loom, objects
from tests.fakes import FakeNode, FakeProfiles


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """The only profile, whose identity another machine uses."""
    node = profiles.add()
    node.machine = MachineView(state="asks", contacts=["Bob"])
    return node


def test_what_was_found_is_shown_with_what_can_be_done(loom: Loom, node: FakeNode) -> None:
    result = loom("machine", "show")
    assert "it has sessions with Bob" in result.stdout
    assert "`loom machine stay`" in result.stderr
    [view] = objects(loom("machine", "show", "--json"))
    assert (view["type"], view["state"], view["contacts"]) == ("machine", "asks", ["Bob"])


def test_an_answer_is_given_once(loom: Loom, node: FakeNode) -> None:
    assert objects(loom("machine", "stay", "--json"))[0]["state"] == "alone"
    assert "No other machine" in loom("machine", "show").stdout
    assert objects(loom("machine", "close", "--json"))[0]["state"] == "closed"
    assert "nothing is sent from it" in loom("machine", "show").stdout
    asked = [one.stays for one in node.sent if isinstance(one, DecideMachine)]
    assert asked == [True, False]


@pytest.mark.parametrize(
    ("now_ms", "said"),
    [(0, "before the backup was made"), (2_000 * DAY_MS, "more than a year old")],
)
def test_a_clock_off_by_years_is_told_at_a_restore(now_ms: int, said: str) -> None:
    assert said in clock_words(1_000 * DAY_MS, now_ms)
    assert clock_words(1_000 * DAY_MS, 1_001 * DAY_MS) == ""
