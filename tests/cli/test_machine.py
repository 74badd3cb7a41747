"""`loom machine`: what it says, and what is asked of the node."""

from pathlib import Path

import msgspec
import pytest

from loom.api.backup_views import BackupView, LostRows
from loom.api.events import NodeReady
from loom.api.machine_commands import DecideMachine
from loom.api.machine_views import MachineView
from loom.cli.events import event_words
from loom.core.identity import phrase_from_entropy
from loom.front.backup_words import DAY_MS, clock_words, contents_words, lost_words
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
    assert "`loom machine rotate`" in result.stderr
    [view] = objects(loom("machine", "show", "--json"))
    assert (view["type"], view["state"], view["contacts"]) == ("machine", "asks", ["Bob"])


def test_an_answer_is_given_once(loom: Loom, node: FakeNode) -> None:
    assert objects(loom("machine", "stay", "--json"))[0]["state"] == "alone"
    assert "No other machine" in loom("machine", "show").stdout
    assert objects(loom("machine", "close", "--json"))[0]["state"] == "closed"
    assert "nothing is sent from it" in loom("machine", "show").stdout
    asked = [one.stays for one in node.sent if isinstance(one, DecideMachine)]
    assert asked == [True, False]


def test_new_keys_are_made_instead(loom: Loom, node: FakeNode, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text(phrase_from_entropy(bytes(32)))
    result = loom("machine", "rotate", "--phrase-file", str(words), "--yes")
    assert "identity number 2" in result.stdout, result.stderr
    assert "No other machine" in loom("machine", "show").stdout


@pytest.mark.parametrize(
    ("now_ms", "said"),
    [(0, "before the backup was made"), (2_000 * DAY_MS, "more than a year old")],
)
def test_a_clock_off_by_years_is_told_at_a_restore(now_ms: int, said: str) -> None:
    assert said in clock_words(1_000 * DAY_MS, now_ms)
    assert clock_words(1_000 * DAY_MS, 1_001 * DAY_MS) == ""


def test_a_node_of_a_closed_profile_says_what_opens_it_again() -> None:
    words = event_words(NodeReady(profile="ada", port=0, addresses=[], pid=7))
    assert words is not None
    assert "closed" in words
    assert "`loom machine stay`" in words


def test_one_of_a_kind_is_not_counted_as_several() -> None:
    there = BackupView(
        path="",
        name="Ada",
        fingerprint="",
        made_at_ms=0,
        opens_with="phrase",
        contacts_only=False,
        contacts=2,
        messages=3,
        rooms=1,
        posts=0,
        size_bytes=0,
    )
    assert contents_words(there).endswith("with 2 contacts, 1 room, 3 messages, 0 posts")
    lost = LostRows(what="posts", count=1, after_ms=None, until_ms=None)
    assert lost_words(lost) == "1 post is lost"
    assert lost_words(msgspec.structs.replace(lost, count=2)) == "2 posts are lost"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("asks", "Close the other one for good"),
        ("closed", "open again"),
        ("alone", "No other machine was found"),
    ],
)
def test_staying_says_what_it_did(loom: Loom, node: FakeNode, before: str, said: str) -> None:
    node.machine = MachineView(state=before, contacts=[])
    assert said in loom("machine", "stay").stdout


@pytest.mark.parametrize("command", ["add", "remove"])
def test_what_unlocks_nothing_is_refused_before_a_passphrase_is_asked_for(
    loom: Loom, node: FakeNode, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.delenv("LOOM_PASSPHRASE_FILE")  # asking would need a terminal, and there is none
    result = loom("unlock", command, "foo")
    assert "foo unlocks nothing: write keyring or fido2" in result.stderr
