"""`loom mute`, `archive`, `favourite`, `notify`, `mark`, `mentions` and `profile`."""

from typing import Any

import msgspec
import pytest

from loom.api.conversation_commands import MarkRead, MarkUnread, SetPreferences
from loom.api.profile_commands import SetProfile
from loom.cli.conversations import LAST_ROW
from tests.cli.conftest import Loom, objects
from tests.fakes import FakeProfiles
from tests.tui.talking import TalkingNode


@pytest.fixture
def node(profiles: FakeProfiles) -> TalkingNode:
    """The only profile, with two contacts who wrote."""
    node = profiles.nodes["work"] = TalkingNode()
    node.add("Bob")
    node.add("Ada")
    node.say("Ada", "one", "two @Me", state="delivered")
    return node


def asked(node: TalkingNode) -> SetPreferences:
    return [one for one in node.sent if isinstance(one, SetPreferences)][-1]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        (("mute", "Ada"), {"muted": True}),
        (("mute", "Ada", "off"), {"muted": False}),
        (("archive", "Ada"), {"archived": True}),
        (("unarchive", "Ada"), {"archived": False}),
        (("favourite", "Ada"), {"favourite": True}),
        (("favourite", "Ada", "--off"), {"favourite": False}),
        (("notify", "Ada", "Mentions"), {"level": "mentions"}),
    ],
)
def test_a_decision_is_carried_out_and_the_contact_shown(
    loom: Loom, node: TalkingNode, arguments: tuple[str, ...], fields: dict[str, Any]
) -> None:
    [shown] = objects(loom(*arguments, "--json"))
    assert asked(node) == SetPreferences(contact="Ada", **fields)
    assert (shown["type"], shown["contact"]) == ("contact", "Ada")
    for name, value in fields.items():
        assert shown[name] == value


def test_a_mute_for_a_time_ends_then(loom: Loom, node: TalkingNode) -> None:
    [shown] = objects(loom("mute", "Ada", "8h", "--json"))
    assert shown["mute_until_ms"] == asked(node).mute_until_ms
    assert "Muted           until" in loom("contacts", "show", "Ada").stdout
    assert loom("mute", "Ada", "soon").exit_code == 2
    assert loom("mute", "Nobody", "1h").exit_code == 4


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("mute Ada", "Ada is muted until you say otherwise."),
        ("mute Ada off", "Ada is not muted."),
        ("notify Ada mentions", "Notifications for Ada: mentions only."),
        ("notify Ada everything", "Notifications for Ada: everything."),
        ("archive Ada", "The conversation with Ada is archived until a message comes."),
        ("unarchive Ada", "The conversation with Ada is back in the list."),
        ("favourite Ada", "Ada is at the top of the list."),
        ("favourite Ada --off", "Ada is no longer at the top of the list."),
        ("timer Ada 1h", "Later messages with Ada disappear after 1 hour, set by you."),
        ("timer Ada off", "Later messages with Ada do not disappear."),
        ("mark Ada read", "Everything from Ada is read."),
        ("mark Ada unread", "2 messages from Ada are unread."),
    ],
)
def test_a_decision_is_said_in_one_line(
    loom: Loom, node: TalkingNode, arguments: str, line: str
) -> None:
    assert loom(*arguments.split()).stdout == f"{line}\n"


def test_a_mute_for_a_time_says_until_when(loom: Loom, node: TalkingNode) -> None:
    said = loom("mute", "Ada", "8h").stdout
    assert said.startswith("Ada is muted until 2")
    assert said.count("\n") == 1


def test_what_was_decided_stands_in_the_list(loom: Loom, node: TalkingNode) -> None:
    loom("mute", "Ada")
    loom("archive", "Ada")
    view = node.contacts["Bob"]
    node.contacts["Bob"] = msgspec.structs.replace(view, looks_like="B0b", status="\x1b[2J at sea")
    listed = loom("contacts").stdout
    assert "not verified, muted, archived" in listed
    assert "LOOKS LIKE B0b" in listed
    assert "\x1b" not in loom("contacts", "show", "Bob").stdout


def test_marking_read_and_unread(loom: Loom, node: TalkingNode) -> None:
    assert objects(loom("mark", "Ada", "read", "--json"))[0]["unread"] == 0
    assert node.sent[0] == MarkRead(contact="Ada", row_id=LAST_ROW)
    assert objects(loom("mark", "Ada", "unread", "--json"))[0]["unread"] == 1
    assert objects(loom("mark", "Ada", "unread", "--from", "1", "--json"))[0]["unread"] == 2
    assert MarkUnread(contact="Ada", row_id=1) in node.sent
    first = node.messages[0].message_id
    assert objects(loom("mark", "Ada", "unread", "--from", first, "--json"))[0]["unread"] == 2
    assert loom("mark", "Ada", "unread", "--from", "#99").exit_code == 4
    assert loom("mark", "Ada", "read", "--from", "1").exit_code == 2
    assert loom("mark", "Ada", "seen").exit_code == 2


def test_mentions_are_listed(loom: Loom, node: TalkingNode) -> None:
    assert "Nothing found." in loom("mentions").stderr
    node.messages[-1] = msgspec.structs.replace(node.messages[-1], mention=True)
    [found] = objects(loom("mentions", "--json"))
    assert (found["body"], found["mention"]) == ("two @Me", True)


def test_the_own_profile_is_shown_and_changed(loom: Loom, node: TalkingNode) -> None:
    assert "Name            Me" in loom("profile").stdout
    [told] = objects(loom("profile", "--name", "Alicia", "--status", "at sea", "--away", "--json"))
    assert (told["name"], told["status"], told["away"]) == ("Alicia", "at sea", True)
    assert objects(loom("profile", "--status", "", "--back", "--json"))[0]["status"] == ""
    assert "invisible" in loom("profile", "--invisible").stdout
    assert node.sent[-1] == SetProfile(invisible=True)
    assert loom("profile", "--name", "").exit_code == 2


def test_new_keys_wait_for_one_contact_or_for_everybody(loom: Loom, node: TalkingNode) -> None:
    assert "new keys of Bob before you verify" in loom("verify-first", "Bob").stdout
    assert "new keys of any contact before" in loom("verify-first").stdout
    assert "follows new keys of any contact" in loom("verify-first", "--off").stdout
    asked = [one for one in node.sent if isinstance(one, SetPreferences)]
    assert [(one.contact, one.verify_first) for one in asked] == [
        ("Bob", True),
        (None, True),
        (None, False),
    ]


def test_keys_that_came_before_go_on_waiting_and_that_is_said(
    loom: Loom, node: TalkingNode
) -> None:
    assert "still wait" not in loom("verify-first", "Bob", "--off").stderr
    node.add("Eve", identity_changed=True)
    assert (
        "wait until you verify them: `loom verify Eve`"
        in loom("verify-first", "Eve", "--off").stderr
    )
