"""An invite between real processes: the commands of a user, and kill -9 while it is used."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.processes import ALONE, Daemon, Home
from tests.e2e.test_mail import boxes

PATIENCE_S = 90.0


def contacts(home: Home, profile: str) -> dict[str, dict[str, object]]:
    """Everybody a profile has, by name."""
    found = home.run("-p", profile, "--json", "contacts", "list").ok().objects
    return {one["contact"]: one for one in found}


def end(daemon: Daemon, number: signal.Signals) -> None:
    """Let nothing of it be left."""
    daemon.process.send_signal(number)
    daemon.process.communicate()


def until_joined(home: Home, owner: str, joiner: str, name: str) -> None:
    """Both have each other online."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        of_joiner, of_owner = contacts(home, owner), contacts(home, joiner)
        if (
            any(one["online"] for key, one in of_joiner.items() if key.lower() == joiner)
            and of_owner.get(name, {}).get("online")
            and of_owner[name]["joining"] is None
        ):
            return
        time.sleep(0.2)
    raise AssertionError(home.said())


def test_the_commands_of_an_invite(home: Home) -> None:
    with (
        home.daemon("alice", "--listen", "127.0.0.1:0", "--no-mdns"),
        home.daemon("eve", "--listen", "127.0.0.1:0", "--no-mdns"),
    ):
        made = home.run("-p", "alice", "invite", "--expires", "1h")
        text = made.ok().stdout
        assert text.startswith("LOOM-")
        assert text.count("\n") == 1
        inspected = home.run("--json", "token", "inspect", text.strip()).ok().objects[0]
        assert inspected["type"] == "invite.inspected"
        assert inspected["reached_at"][0].startswith("127.0.0.1:")
        added = home.run("-p", "eve", "--json", "token", "import", text.strip(), "--name", "Ada")
        assert added.ok().objects[0]["joining"]["state"] == "waiting"
        until_joined(home, "alice", "eve", "Ada")
        [view] = home.run("-p", "alice", "--json", "invites").ok().objects
        assert (view["state"], view["used_by"], view["text"]) == ("spent", "Eve", "")
        refused = home.run("-p", "alice", "--json", "invites", "revoke", "1")
        assert (refused.code, refused.error["code"]) == (4, "invite_not_found")
        assert home.run("-p", "alice", "--json", "requests").ok().objects == []
        sent = home.run("-p", "eve", "send", "Ada", "hello", "--wait", "30")
        sent.ok()


def test_what_cannot_be_invited_is_said_in_a_sentence(home: Home) -> None:
    offline = home.run("-p", "alice", "--json", "invite")
    assert (offline.code, offline.error["code"]) == (2, "invalid_input")
    assert "lead nowhere" in offline.error["message"]
    wrong = home.run("-p", "alice", "--json", "invite", "--expires", "soon")
    assert (wrong.code, wrong.error["code"]) == (2, "invalid_input")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_whoever_is_killed_meanwhile_one_contact_is_made(home: Home, seed: int) -> None:
    chance = random.Random(seed)
    arguments = ("--listen", "127.0.0.1:0", "--no-mdns")
    daemons = {"alice": home.start_daemon("alice", *arguments)}
    # The invite names the port, so the owner comes back to it.
    at = ("--listen", f"127.0.0.1:{daemons['alice'].port}", "--no-mdns")
    daemons["eve"] = home.start_daemon("eve", *arguments)
    try:
        text = home.run("-p", "alice", "invite").ok().stdout.strip()
        home.run("-p", "eve", "token", "import", text, "--name", "Ada").ok()
        for _ in range(3):
            time.sleep(chance.random() * 0.3)
            victim = chance.choice(sorted(daemons))
            end(daemons[victim], signal.SIGKILL)
            daemons[victim] = home.start_daemon(victim, *(at if victim == "alice" else arguments))
        until_joined(home, "alice", "eve", "Ada")
        assert [one for one in contacts(home, "alice") if one != "Bob"] == ["Eve"]
        assert list(contacts(home, "eve")) == ["Ada"]
    finally:
        for daemon in daemons.values():
            end(daemon, signal.SIGTERM)


@pytest.mark.long
def test_two_who_are_never_up_together_meet_at_an_anchor(home: Home, tmp_path: Path) -> None:
    """One paste while the owner is off, and the anchor is killed in between."""

    def until(holds: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline_s, home.said()
            time.sleep(0.5)

    def said(profile: str, to: str) -> list[object]:
        found = home.run("-p", profile, "--json", "history", to).ok().objects
        return [one["body"] for one in found if one["direction"] == "in"]

    with boxes(tmp_path, 1) as [box]:

        def lies(what: str) -> int:
            return int(box.home.run("anchor", "status", "--json").ok().objects[0][what])

        alice = home.start_daemon("alice", *ALONE)
        home.run("-p", "alice", "anchor", "use", box.text().strip()).ok()
        until(lambda: lies("queues") > 0)
        others = lies("queues")
        text = home.run("-p", "alice", "invite", "--no-direct").ok().stdout.strip()
        until(lambda: lies("queues") > others)
        end(alice, signal.SIGKILL)
        eve = home.start_daemon("eve", *ALONE)
        home.run("-p", "eve", "token", "import", text, "--name", "Ada").ok()
        home.run("-p", "eve", "send", "Ada", "found you").ok()
        until(lambda: lies("blobs") == 2)
        end(eve, signal.SIGTERM)
        box.kill()
        box.up()
        alice = home.start_daemon("alice", *ALONE)
        until(lambda: "Eve" in contacts(home, "alice"))
        until(lambda: said("alice", "Eve") == ["found you"])
        home.run("-p", "alice", "send", "Eve", "welcome").ok()
        until(lambda: lies("blobs") > 1)
        end(alice, signal.SIGTERM)
        eve = home.start_daemon("eve", *ALONE)
        until(lambda: contacts(home, "eve")["Ada"]["joining"] is None)
        until(lambda: said("eve", "Ada") == ["welcome"])
        end(eve, signal.SIGTERM)
