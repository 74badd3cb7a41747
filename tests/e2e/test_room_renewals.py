"""Real processes: a member of a room goes over to another identity, and gets another key there."""

import signal
import time
from typing import Any

import pytest

from tests.e2e.conftest import Made
from tests.e2e.processes import ALONE, Home
from tests.e2e.test_identity import words
from tests.e2e.test_rooms import PATIENCE_S, members, posts, room, until, until_in


def identity(home: Home, *arguments: str) -> dict[str, Any]:
    return home.run("-p", "bob", "--json", "identity", *arguments).ok().objects[0]


def until_renewed(home: Home, profiles: list[str], old: str) -> str:
    """All of them see one Bob, by another key than the old one; which."""
    deadline_s = time.monotonic() + PATIENCE_S
    keys: list[list[str]] = []
    while time.monotonic() < deadline_s:
        listed = [room(home, one, "members", "Garden").objects for one in profiles]
        keys = [[one["author_id"] for one in each if one["name"] == "Bob"] for each in listed]
        if all(len(each) == 1 and each[0] != old for each in keys):
            assert len({each[0] for each in keys}) == 1
            return str(keys[0][0])
        time.sleep(0.2)
    raise AssertionError((keys, home.said()))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_member_with_another_identity_gets_another_key(made: Made, home: Home) -> None:
    everybody = ["alice", "bob", "eve"]
    daemons = {one: home.start_daemon(one, *ALONE) for one in everybody}
    try:
        room(home, "alice", "new", "Garden")
        for profile in ("bob", "eve"):
            text = home.run("-p", "alice", "room", "invite", "Garden").ok().stdout
            home.run("-p", profile, "token", "import", text.strip()).ok()
            others = {"Alice", "Bob"} if profile == "bob" else {"Alice", "Bob", "Eve"}
            until_in(home, profile, others)
        room(home, "bob", "send", "Garden", "with the old key")
        until(home, everybody, ["with the old key"])
        old = members(home, "alice")["Bob"]["author_id"]

        # Alice, who may invite, hears nothing; Bob's daemon dies just after he went over.
        daemons["alice"].process.send_signal(signal.SIGSTOP)
        waits = identity(home, "rotate", *words(made, home, "bob"), "--yes")["old_room_keys"]
        assert [(one["room"], one["renewers"]) for one in waits] == [("Garden", ["Alice"])]
        daemons["bob"].process.send_signal(signal.SIGKILL)
        daemons["bob"].process.communicate()
        daemons["bob"] = home.start_daemon("bob", *ALONE)
        daemons["alice"].process.send_signal(signal.SIGCONT)

        new = until_renewed(home, everybody, old)
        assert identity(home)["old_room_keys"] == []
        room(home, "bob", "send", "Garden", "with the new key")
        until(home, everybody, ["with the old key", "with the new key"])
        assert posts(home, "eve") == [(old, "with the old key"), (new, "with the new key")]
        assert "left" not in str(room(home, "alice", "history", "Garden").objects)
    finally:
        for daemon in daemons.values():
            daemon.process.kill()
            daemon.process.communicate()
