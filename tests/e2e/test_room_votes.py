"""A room of real processes that votes after its creator left, and one that goes on in another."""

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.processes import ALONE, Home
from tests.e2e.test_rooms import PATIENCE_S, room, until_in


def until(home: Home, holds: Callable[[], bool]) -> None:
    """Go on once it holds."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if holds():
            return
        time.sleep(0.2)
    raise AssertionError(home.said())


def kinds(home: Home, profile: str, kind: str, name: str = "Garden") -> list[dict[str, Any]]:
    """Posts of this kind."""
    found = room(home, profile, "history", name).objects
    return [one for one in found if one["kind"] == kind]


def standing(home: Home, profile: str, name: str) -> str:
    """What a room is for them."""
    found = {one["room"]: one["standing"] for one in room(home, profile, "list").objects}
    return str(found.get(name, ""))


@pytest.mark.long
def test_a_room_votes_after_its_creator_left_and_goes_on_in_another(home: Home) -> None:
    alice, bob, eve = (home.start_daemon(one, *ALONE) for one in ("alice", "bob", "eve"))
    try:
        room(home, "alice", "new", "Garden")
        for profile in ("bob", "eve"):
            text = home.run("-p", "alice", "room", "invite", "Garden").ok().stdout
            home.run("-p", profile, "token", "import", text.strip()).ok()
        for profile in ("alice", "bob", "eve"):
            until_in(home, profile, {"Alice", "Bob", "Eve"})
        text = home.run("-p", "eve", "--json", "invite").ok().objects[0]["text"]
        home.run("-p", "bob", "token", "import", text, "--name", "Evie").ok()

        asked = room(home, "alice", "poll", "Garden", "When?", "now", "later").objects[0]
        until(home, lambda: bool(kinds(home, "bob", "poll") and kinds(home, "eve", "poll")))
        row_id = kinds(home, "bob", "poll")[0]["row_id"]
        room(home, "bob", "choose", "Garden", f"#{row_id}", "now")
        room(home, "eve", "choose", "Garden", asked["post_id"][:8], "2")
        until(home, lambda: kinds(home, "alice", "poll")[0]["poll"]["voters"] == 2)
        [seen] = kinds(home, "eve", "poll")
        assert [one["text"] for one in seen["poll"]["options"] if one["own"]] == ["later"]

        named = [f"--member={one}" for one in ("Alice", "Bob", "Eve")]
        [made] = room(home, "alice", "council", "Garden", "--threshold", "2", *named).objects
        assert made["councils"][0]["threshold"] == 2
        until(home, lambda: bool(room(home, "eve", "show", "Garden").objects[0]["councils"]))
        until(home, lambda: bool(room(home, "bob", "show", "Garden").objects[0]["councils"]))
        room(home, "alice", "leave", "Garden", "--yes")
        until_in(home, "bob", {"Bob", "Eve"})
        until_in(home, "eve", {"Bob", "Eve"})
        alice.process.kill()
        alice.process.communicate()

        [open_] = room(home, "bob", "propose", "Garden", "rename", "Orchard").objects
        assert (open_["proposal"]["state"], open_["proposal"]["missing"]) == ("open", 1)
        until(home, lambda: bool(room(home, "eve", "proposals", "Garden").objects))
        bob.process.send_signal(signal.SIGKILL)  # who proposed is away while it is decided
        bob.process.communicate()
        words = home.run("-p", "eve", "room", "proposals", "Garden").ok().stdout
        assert "shall name the room Orchard" in words
        assert "open: 1 more must say yes of 3 (Bob: yes)" in words
        [done] = room(home, "eve", "vote", "Garden", open_["post_id"][:8], "yes").objects
        assert done["proposal"]["state"] == "accepted"
        refused = home.run("-p", "eve", "--json", "room", "vote", "Orchard", open_["post_id"], "no")
        assert (refused.code, refused.error["code"]) == (2, "invalid_input")
        bob = home.start_daemon("bob", *ALONE)
        until(home, lambda: standing(home, "bob", "Orchard") == "member")

        room(home, "bob", "continue", "Orchard", "--name", "Meadow")
        until(home, lambda: standing(home, "eve", "Meadow") == "offered")
        room(home, "eve", "join", "Meadow")
        until(home, lambda: standing(home, "eve", "Meadow") == "member")
        found = {one["name"] for one in room(home, "bob", "members", "Meadow").objects}
        assert found == {"Bob", "Eve"}
    finally:
        for daemon in (alice, bob, eve):
            daemon.process.kill()
            if daemon.process.stdout is not None and not daemon.process.stdout.closed:
                daemon.process.communicate()
