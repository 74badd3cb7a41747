"""A room of real processes: made, joined, talked in, through a kill, without who is removed."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import ALONE, ROOT, Home, Result

PATIENCE_S = 90.0


def room(home: Home, profile: str, *arguments: str) -> Result:
    """A command about rooms, with its JSON."""
    return home.run("-p", profile, "--json", "room", *arguments).ok()


def posts(home: Home, profile: str) -> list[tuple[str, str]]:
    """What people wrote in the room, in its order."""
    found = room(home, profile, "history", "Garden").objects
    return [(one["author_id"], one["body"]) for one in found if one["kind"] == "text"]


def bodies(home: Home, profile: str) -> list[str]:
    """The same without who it was."""
    return [body for _, body in posts(home, profile)]


def members(home: Home, profile: str) -> dict[str, dict[str, Any]]:
    """Everybody in the room, by name."""
    return {one["name"]: one for one in room(home, profile, "members", "Garden").objects}


def until(home: Home, profiles: list[str], wanted: list[str]) -> None:
    """All of them see exactly these posts, in one order."""
    deadline_s = time.monotonic() + PATIENCE_S
    seen: list[list[tuple[str, str]]] = []
    while time.monotonic() < deadline_s:
        seen = [posts(home, profile) for profile in profiles]
        if sorted(body for _, body in seen[0]) == sorted(wanted) and all(
            one == seen[0] for one in seen
        ):
            return
        time.sleep(0.2)
    raise AssertionError((seen, home.said()))


def until_in(home: Home, profile: str, names: set[str]) -> None:
    """They see exactly these members."""
    deadline_s = time.monotonic() + PATIENCE_S
    found: Any = None
    while time.monotonic() < deadline_s:
        listed = room(home, profile, "list").objects
        if listed and listed[0]["standing"] == "member":
            found = set(members(home, profile))
            if found == names:
                return
        time.sleep(0.2)
    raise AssertionError((found, home.said()))


@pytest.mark.long
def test_three_talk_one_is_killed_and_one_is_removed(home: Home) -> None:
    alice, bob, eve = (home.start_daemon(one, *ALONE) for one in ("alice", "bob", "eve"))
    try:
        made = room(home, "alice", "new", "Garden").objects[0]
        assert (made["type"], made["room"], made["role"]) == ("room", "Garden", "owner")
        for profile in ("bob", "eve"):
            text = home.run("-p", "alice", "room", "invite", "Garden").ok().stdout
            assert text.startswith("LOOM-")
            assert text.count("\n") == 1
            home.run("-p", profile, "token", "import", text.strip()).ok()
            until_in(
                home, profile, {"Alice", *(["Bob"] if profile == "eve" else []), profile.title()}
            )
        until_in(home, "bob", {"Alice", "Bob", "Eve"})
        for profile in ("alice", "bob", "eve"):
            room(home, profile, "send", "Garden", f"hello from {profile}")
        said = [f"hello from {one}" for one in ("alice", "bob", "eve")]
        until(home, ["alice", "bob", "eve"], said)
        assert members(home, "bob")["Alice"]["role"] == "owner"

        bob.process.send_signal(signal.SIGKILL)
        bob.process.communicate()
        room(home, "alice", "send", "Garden", "while bob is away")
        room(home, "eve", "send", "Garden", "and from eve")
        said += ["while bob is away", "and from eve"]
        until(home, ["alice", "eve"], said)
        bob = home.start_daemon("bob", *ALONE)
        until(home, ["alice", "bob", "eve"], said)

        unasked = home.run("-p", "alice", "--json", "room", "remove", "Garden", "Eve")
        assert (unasked.error["code"], "--yes" in unasked.error["advice"]) == (
            "terminal_needed",
            True,
        )
        assert "Eve" in members(home, "alice")
        forbidden = home.run("-p", "eve", "--json", "room", "remove", "Garden", "Bob")
        assert (forbidden.code, forbidden.error["code"]) == (2, "invalid_input")
        room(home, "alice", "remove", "Garden", "Eve", "--yes")
        until_in(home, "bob", {"Alice", "Bob"})
        room(home, "alice", "send", "Garden", "without eve")
        room(home, "bob", "send", "Garden", "indeed")
        said += ["without eve", "indeed"]
        until(home, ["alice", "bob"], said)
        [left] = room(home, "eve", "list").objects
        assert left["standing"] == "removed"
        assert not {"without eve", "indeed"} & set(bodies(home, "eve"))
        refused = home.run("-p", "eve", "--json", "room", "send", "Garden", "let me in")
        assert (refused.code, refused.error["code"]) == (2, "invalid_input")
    finally:
        for daemon in (alice, bob, eve):
            daemon.process.kill()
            daemon.process.communicate()


@pytest.mark.long
def test_the_bot_answers_in_the_room(home: Home, tmp_path: Path) -> None:
    with home.daemon("alice", *ALONE), home.daemon("bob", *ALONE):
        room(home, "alice", "new", "Garden")
        text = room(home, "alice", "invite", "Garden").objects[0]["text"]
        home.run("-p", "bob", "token", "import", text).ok()
        until_in(home, "bob", {"Alice", "Bob"})
        asked = room(home, "alice", "send", "Garden", "@Bob, are the apples ripe?").objects[0]
        until(home, ["bob"], [asked["body"]])
        command: list[str | Path] = [
            sys.executable,
            ROOT / "examples" / "room_bot.py",
            "--profile",
            "bob",
        ]
        command += ["--room", "Garden", "--seen", tmp_path / "seen"]
        bot = subprocess.Popen(
            command,
            cwd=ROOT,
            env=home.environment({"PYTHONPATH": str(ROOT)}),
            stdout=subprocess.DEVNULL,
        )
        try:
            until(home, ["alice", "bob"], [asked["body"], f"You asked: {asked['body']}"])
        finally:
            bot.kill()
            bot.wait()
        [_, answer] = [
            one for one in room(home, "alice", "history", "Garden").objects if one["body"]
        ]
        assert answer["reply_to"] == asked["post_id"]
