"""Two copies of one profile in real processes: one asks, and the answer outlasts its end."""

from pathlib import Path

import pytest

from tests.e2e.processes import ALONE, ARGON2, Home, introduce, new_profile


@pytest.mark.long
def test_the_copy_that_was_left_behind_asks_and_is_closed(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    words = tmp_path / "words"
    words.write_text(new_profile(home, "Alice"))
    new_profile(home, "Bob")
    introduce(home, "alice", "bob")
    file = tmp_path / "alice.loom"
    with home.daemon("bob", *ALONE) as bob:
        address = f"127.0.0.1:{bob.port}"
        with home.daemon("alice", *ALONE):
            home.run("-p", "alice", "connect", "bob", address).ok()
            home.run("-p", "alice", "send", "bob", "hello", "--wait", "60").ok()
            home.run("-p", "bob", "send", "alice", "hi", "--wait", "60").ok()
        home.run("-p", "alice", "backup", "create", str(file)).ok()
        there = Home(tmp_path / "new")
        there.run(
            *("backup", "restore", str(file), "--name", "Alice"),
            *("--phrase-file", str(words), *ARGON2),
        ).ok()
        with there.daemon("alice", *ALONE):
            there.run("-p", "alice", "connect", "bob", address).ok()
            there.run("-p", "alice", "send", "bob", "from the new one", "--wait", "60").ok()
        with home.daemon("alice", *ALONE):
            home.run("-p", "alice", "connect", "bob", address).ok()
            home.run("-p", "bob", "send", "alice", "are you the old one?").ok()
            status = ("-p", "alice", "status", "--json")
            while home.run(*status).ok().objects[0]["machine"] != "asks":
                pass
            held = home.run("-p", "alice", "send", "bob", "this must not leave", "--wait", "1")
            assert held.code == 5
            assert "Another machine uses your identity" in held.stderr
            [view] = home.run("-p", "alice", "machine", "show", "--json").ok().objects
            assert (view["state"], view["contacts"]) == ("asks", ["Bob"])
        [view] = home.run("-p", "alice", "machine", "show", "--json").ok().objects
        assert view["state"] == "asks"
        home.run("-p", "alice", "machine", "close").ok()
        refused = home.run("-p", "alice", "send", "bob", "never", "--json")
        assert (refused.error["code"], refused.code) == ("profile_closed", 6)
        with there.daemon("alice", *ALONE):
            there.run("-p", "alice", "connect", "bob", address).ok()
            there.run("-p", "alice", "send", "bob", "this one goes on", "--wait", "60").ok()
        got = [
            one["body"]
            for one in home.run("-p", "bob", "history", "alice", "--json").ok().objects
            if one["direction"] == "in"
        ]
        assert got == ["hello", "from the new one", "this one goes on"]
