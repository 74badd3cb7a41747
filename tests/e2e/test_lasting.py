"""Disappearing messages and farewells between real processes, killed and started again."""

import signal

import pytest

from tests.e2e.processes import Home, history

GONE_S = 60.0


def contacts(home: Home, profile: str) -> list[str]:
    """The names that a profile lists."""
    found = home.run("-p", profile, "contacts", "list", "--json").ok().objects
    return [one["contact"] for one in found]


@pytest.mark.long
def test_a_message_of_five_seconds_is_gone_on_both_sides(home: Home) -> None:
    with home.daemon("alice"), home.daemon("bob"):
        view = home.run("-p", "alice", "timer", "Bob", "5s", "--json").ok().objects[0]
        assert view["timer"] == {"expires_s": 5, "own_s": 5, "theirs_s": 0}
        with (
            home.running("-p", "alice", "listen", "--after", "0", "--json") as alice,
            home.running("-p", "bob", "listen", "--after", "0", "--json") as bob,
        ):
            sent = home.run("-p", "alice", "send", "Bob", "burn this", "--wait", "60", "--json")
            assert sent.ok().objects[0]["expires_s"] == 5
            assert bob.until("timer.changed")["direction"] == "in"
            assert bob.until("message.received")["body"] == "burn this"
            home.run("-p", "bob", "mark", "Alice", "read").ok()
            for one in (alice, bob):
                told = one.until("message.expired", GONE_S)
                assert told["message_ids"] == [sent.objects[0]["message_id"]]
        for who in (("alice", "Bob"), ("bob", "Alice")):
            assert [one["kind"] for one in history(home, *who)] == ["timer"]


@pytest.mark.long
def test_what_came_due_while_a_node_was_dead_is_gone_when_it_starts(home: Home) -> None:
    with home.daemon("alice") as alone:
        sent = home.run("-p", "alice", "send", "Bob", "too late", "--expires", "5s", "--json")
        until = sent.ok().objects[0]["expires_at_ms"]
        alone.end(signal.SIGKILL)
    with home.running("-p", "alice", "listen", "--after", "0", "--json") as alice:
        told = alice.until("message.expired", GONE_S)
    assert told["withdrawn"] == [sent.objects[0]["message_id"]]
    [left] = history(home, "alice", "Bob")
    assert (left["state"], left["body"], left["expires_at_ms"]) == ("withdrawn", "", None)
    assert until > left["stored_at_ms"]


@pytest.mark.long
def test_a_farewell_reaches_who_was_killed_and_started_again(home: Home) -> None:
    with home.daemon("alice"):
        with home.daemon("bob") as bob:
            home.run("-p", "alice", "send", "Bob", "hello", "--wait", "60").ok()
            bob.end(signal.SIGKILL)
        done = home.run("-p", "alice", "contacts", "remove", "Bob", "--yes")
        assert "Bob is told" in done.ok().stdout
        assert contacts(home, "alice") == []
    with home.daemon("alice"), home.daemon("bob"):
        with home.running("-p", "bob", "listen", "--after", "0", "--json") as ears:
            # The session is younger than a day.
            asked = ears.until("farewell.asked", GONE_S)
            assert (asked["contact"], asked["scope"]) == ("Alice", "contact")
            assert [one["body"] for one in history(home, "bob", "Alice")] == ["hello"]
            home.run("-p", "bob", "farewell", "Alice", "delete").ok()
            assert ears.until("contact.removed", GONE_S)["contact"] == "Alice"
        assert contacts(home, "bob") == contacts(home, "alice") == []
