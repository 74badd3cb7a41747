"""What the shell offers: names of contacts and profiles, without asking for a passphrase."""

from typing import cast

import pytest
import typer
import typer.main

from loom.cli.completion import (
    contact_names,
    event_types,
    message_names,
    place_names,
    profile_names,
)
from loom.cli.root import app
from tests.fakes import FakeProfiles


@pytest.fixture
def context(profiles: FakeProfiles) -> typer.Context:
    """Of a command line that is not finished yet."""
    command = typer.main.get_command(app)
    line = ["-p", "work", "contacts"]
    return cast("typer.Context", command.make_context("loom", line, resilient_parsing=True))


def test_contacts_of_a_running_node_are_offered(
    context: typer.Context, profiles: FakeProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = profiles.add("work", running=True)
    for name in ("Bob", "Bea Lee", "Ada"):
        node.add(name)
    assert contact_names(context, "") == ["Bob", "Bea Lee", "Ada"]
    assert contact_names(context, "B") == ["Bob", "Bea Lee"]
    monkeypatch.setenv("_LOOM_COMPLETE", "complete_bash")
    assert contact_names(context, "B") == ["Bob", "Bea\\ Lee"]
    assert [one.startswith("Bea L") for one in contact_names(context, "Bea L")] == [True]
    node.add("Be$t")
    monkeypatch.setenv("COMP_CWORD", "3")
    for quote, names in (("'", ["Bea Lee", "Be$t"]), ('"', ["Bea Lee"])):
        monkeypatch.setenv("COMP_WORDS", f"loom\ncontacts\nshow\n{quote}Be")
        assert contact_names(context, "Be") == names
    assert place_names(context, "A") == ["Ada"]


def test_a_closed_profile_is_neither_opened_nor_asked_for(
    context: typer.Context, profiles: FakeProfiles
) -> None:
    assert contact_names(context, "") == []
    profiles.add("work").add("Bob")
    assert contact_names(context, "") == []
    assert profiles.unlocked == []


def test_profiles_are_offered(context: typer.Context, profiles: FakeProfiles) -> None:
    profiles.add("work")
    profiles.add("home")
    assert profile_names(context, "") == ["home", "work"]
    assert profile_names(context, "w") == ["work"]


def test_events_and_messages_have_names_that_are_offered() -> None:
    assert event_types("message.re") == ["message.reacted", "message.read", "message.received"]
    assert message_names("") == ["last", "theirs"]
    assert message_names("t") == ["theirs"]
