"""`loom --on HOST`: front ends here, the node in another home behind a real sshd on loopback."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ALONE, ROOT, Home
from tests.e2e.sshd import Sshd, has_ended, kill, missing, until
from tests.tui.test_tmux import Tmux, tmux

__all__ = ["tmux"]

pytestmark = pytest.mark.skipif(
    bool(missing()), reason=f"{missing()}: the screen of another machine is not tested"
)


class Near(Home):
    """A home without a profile, whose `ssh` leads to the sshd of the test."""

    def __init__(self, folder: Path, far: Home, sshd: Sshd) -> None:
        super().__init__(folder)
        programs = folder / "bin"
        programs.mkdir()
        words = ["exec", "/usr/bin/env", f"PATH={os.environ['PATH']}", "ssh", *sshd.options]
        (programs / "ssh").write_text(f'#!/bin/sh\n{" ".join(words)} "$@"\n')
        (programs / "ssh").chmod(0o700)
        self.path = f"{programs}:{os.environ['PATH']}"
        self.there = (
            f"cd {ROOT} && env LC_ALL=C.UTF-8 LOOM_HOME={far.loom} LOOM_MDNS_INTERFACE=127.0.0.1 "
            f"{sys.executable} -m loom"
        )

    def environment(self, changed: object = None) -> dict[str, str]:
        """No passphrase: none is needed here."""
        found = super().environment()
        del found["LOOM_PASSPHRASE_FILE"]
        return found | {"PATH": self.path, "LOOM_REMOTE_COMMAND": self.there}

    def typed(self, *arguments: str) -> str:
        """The command as one types it, for a terminal."""
        names = ("PATH", "LOOM_REMOTE_COMMAND", "LOOM_HOME", "HOME")
        given = " ".join(f"{name}='{self.environment()[name]}'" for name in names)
        words = f"env -u LOOM_PASSPHRASE_FILE {given} {sys.executable} -m loom"
        return " ".join([words, *arguments])


ON = ("--on", "127.0.0.1", "-p", "alice")


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path / "sshd")
    yield server
    server.close()


@pytest.fixture
def near(tmp_path: Path, home: Home, sshd: Sshd) -> Near:
    """`home` is the far one."""
    return Near(tmp_path / "near", home, sshd)


def cut(sshd: Sshd) -> None:
    """Break the line as a network does: the session's processes at the server end."""
    found = sshd.descendants()
    pipes = [pid for pid, command in found.items() if "control-pipe" in command]
    for pid, command in found.items():
        if command.startswith("sshd"):
            kill(pid)
    until(lambda: all(has_ended(pid) for pid in pipes))


@pytest.mark.long
def test_every_command_that_attaches_works_from_afar(home: Home, near: Near, sshd: Sshd) -> None:
    with home.daemon("alice", *ALONE) as alice, home.daemon("bob", *ALONE) as bob:
        status = near.run(*ON, "status", "--json").ok().objects
        assert status[0]["pid"] == alice.process.pid
        near.run(*ON, "connect", "Bob", f"127.0.0.1:{bob.port}").ok()
        near.run(*ON, "send", "Bob", "hello from afar", "--wait", "60").ok()
        assert near.run(*ON, "send", "Bob", "-", stdin="second").ok()
        shown = near.run(*ON, "history", "Bob", "--json").ok().objects
        assert [one["body"] for one in shown] == ["hello from afar", "second"]
        assert "second" in near.run(*ON, "search", "second").ok().stdout
        near.run(*ON, "delete", "Bob", shown[1]["message_id"]).ok()
        near.run(*ON, "edit", "Bob", "last", "hello from far away").ok()
        told = near.run(*ON, "edits", "Bob", "last", "--json").ok().objects[0]["wordings"]
        assert [one["body"] for one in told] == ["hello from afar", "hello from far away"]
        near.run(*ON, "pin", "Bob", "last").ok()
        near.run(*ON, "bookmark", "Bob", "last").ok()
        known = (
            "you → Bob (edited; pinned; bookmarked; \N{THUMBS UP SIGN} you): hello from far away"
        )
        assert known in near.run(*ON, "react", "Bob", "last", "\N{THUMBS UP SIGN}").ok().stdout
        assert known in near.run(*ON, "pins", "Bob").ok().stdout
        assert known in near.run(*ON, "bookmarks").ok().stdout
        near.run(*ON, "forward", "Bob", "last", "--to", "Bob").ok()
        near.run(*ON, "delete", "Bob", "last", "--for-both").ok()
        near.run(*ON, "mute", "Bob", "1h").ok()
        near.run(*ON, "typing", "Bob").ok()
        assert near.run(*ON, "peers", "--json").ok().objects[0]["online"]
        assert near.run(*ON, "contacts", "list", "--json").ok().objects[0]["contact"] == "Bob"
        assert near.run(*ON, "contacts", "rename", "Bob", "Robert").ok()
        assert "Robert" in near.run(*ON, "contacts", "show", "Robert").ok().stdout
        assert len(near.run(*ON, "verify", "Robert", "--json").ok().objects[0]["groups"]) == 12
        near.run(*ON, "contacts", "block", "Robert").ok()
        near.run(*ON, "contacts", "unblock", "Robert").ok()
        checks = near.run(*ON, "doctor", "--json").ok().objects
        assert {one["name"] for one in checks} == {"database", "disk", "port", "discovery", "clock"}
        file = near.folder / "token"
        near.run(*ON, "token", "export", "--out", str(file)).ok()
        assert file.read_text() == near.run(*ON, "token", "export").ok().stdout
        eve = home.run("-p", "eve", "token", "export").ok().stdout
        file.write_text(eve)
        near.run(*ON, "token", "import", str(file), "--name", "Eve").ok()
        near.run(*ON, "contacts", "remove", "Eve", "--yes").ok()
        plain = near.run(*ON, "--plain", "Robert", stdin="a line\n/quit\n").ok()
        assert "To Robert" in plain.stderr
        watching = ("watch", "--after", "0", "--type", "message.edited", "--json", "--exec", "true")
        with near.running(*ON, *watching) as watch:
            assert watch.object()["outcome"] == "done"
            near.run(*ON, "stop").ok()
            assert alice.process.wait(60) == 0
            assert watch.process.wait(60) == 0
    assert not near.loom.joinpath("profiles").exists()


def test_files_cross_in_pieces_and_no_path_of_either_machine_does(
    near: Near, home: Home, tmp_path: Path
) -> None:
    content = os.urandom(600_000)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.bin").write_bytes(content)
    with home.daemon("alice", *ALONE), home.daemon("bob") as bob:
        near.run(*ON, "connect", "Bob", f"127.0.0.1:{bob.port}").ok()
        home.run("-p", "bob", "files", "rules", "--accept-from", "contacts", "--up-to", "1M").ok()
        near.run(*ON, "files", "rules", "--accept-from", "contacts", "--up-to", "1M").ok()
        sent = [str(tmp_path / "mine"), str(tmp_path / "mine" / "a.bin")]
        for one in near.run(*ON, "send-file", "Bob", *sent, "--wait", "80", "--json").ok().objects:
            assert (one["state"], one["path"]) == ("done", "")
        home.run("-p", "bob", "send-file", "Alice", sent[1], "--wait", "80").ok()
        [come] = near.run(*ON, "files", "list", "--state", "done", "--json").ok().objects[:1]
        assert come["direction"] == "in"
        for place in (tmp_path / "mine", tmp_path / "mine"):
            near.run(*ON, "files", "save", come["file_id"], str(place)).ok()
        assert (tmp_path / "mine" / "a (2).bin").read_bytes() == content
        assert (tmp_path / "mine" / "a (3).bin").read_bytes() == content
        shown = near.run(*ON, "open", come["file_id"], "--with", "ls").ok().stdout
        assert shown.startswith(("/run/user", "/dev/shm", "/tmp"))  # noqa: S108


def test_what_makes_no_sense_there_is_refused_before_anything_is_asked(near: Near) -> None:
    for command in (
        ("init", "--name", "X"),
        ("restore", "--name", "X"),
        ("profiles",),
        ("passphrase", "change"),
        ("daemon",),
        ("demo",),
        ("web",),
        ("token", "inspect", "x"),
        ("control-pipe",),
    ):
        refused = near.run("--on", "no.such.host.invalid", *command, "--json")
        assert (refused.code, refused.error["code"]) == (2, "local_only"), command
    given = near.run(*ON, "--passphrase-file", str(near.passphrase), "status", "--json")
    assert (given.code, given.error["code"]) == (2, "invalid_input")
    given = near.run("--on", "-oProxyCommand=touch x", "status", "--json")
    assert (given.code, given.error["code"]) == (2, "invalid_input")
    given = near.run("--on", "h", "-p", "$(touch x)", "status", "--json")
    assert (given.code, given.error["code"]) == (2, "invalid_name")


def test_each_thing_that_is_not_there_has_its_sentence(near: Near, sshd: Sshd) -> None:
    none = near.run(*ON, "send", "Bob", "hi", "--json")
    assert (none.code, none.error["code"]) == (4, "remote_node_not_running")
    assert "ssh -t 127.0.0.1 loom daemon" in none.error["advice"]
    many = near.run("--on", "127.0.0.1", "status", "--json")
    assert (many.code, many.error["code"]) == (2, "profile_not_chosen")
    missing_ = near.run(*ON, "--remote-command", "no-such-loom", "status", "--json")
    assert (missing_.code, missing_.error["code"]) == (1, "remote_loom_missing")
    other = near.run(
        *ON, "--remote-command", "printf '\\033]0;x\\007'; exit 5;", "status", "--json"
    )
    assert (other.code, other.error["code"]) == (1, "remote_error")
    sshd.process.kill()
    sshd.process.wait()
    away = near.run(*ON, "status", "--json")
    assert (away.code, away.error["code"]) == (1, "remote_unreachable")
    assert "refused" in away.error["message"]


def test_where_no_node_runs_one_is_opened_if_nothing_must_be_asked(home: Home, near: Near) -> None:
    """A passphrase source that is set over there says so; no passphrase crosses."""
    near.there = near.there.replace("env ", f"env LOOM_PASSPHRASE_FILE={home.passphrase} ")
    assert near.run(*ON, "send", "Bob", "hello").ok()
    assert near.run(*ON, "history", "Bob", "--json").ok().objects[0]["body"] == "hello"
    assert home.run("-p", "alice", "status").code == 4


def test_a_listener_goes_on_over_the_next_line(home: Home, near: Near, sshd: Sshd) -> None:
    # From the first event on: what is sent before the listener has asked is replayed.
    with (
        home.daemon("alice", *ALONE),
        near.running(*ON, "listen", "--after", "0", "--json") as listener,
    ):
        home.run("-p", "alice", "send", "Bob", "one").ok()
        seen = [listener.until("message.queued")["body"]]
        cut(sshd)
        home.run("-p", "alice", "send", "Bob", "two").ok()
        home.run("-p", "alice", "send", "Bob", "three").ok()
        seen += [listener.until("message.queued")["body"] for _ in range(2)]
        assert seen == ["one", "two", "three"]
        assert "Reconnecting to 127.0.0.1" in listener.stderr
        home.run("-p", "alice", "stop").ok()
        while listener.line():
            pass
        assert listener.process.wait(60) == 0


def test_the_app_outlives_its_line_with_what_was_begun(
    home: Home, near: Near, sshd: Sshd, tmux: Tmux
) -> None:
    with home.daemon("alice", *ALONE), home.daemon("bob", *ALONE) as bob:
        tmux.start(near.typed(*ON))
        tmux.until("alice on 127.0.0.1")
        tmux.type(f"/connect 127.0.0.1:{bob.port}", "Enter")
        tmux.until("online, direct")
        tmux.type("hello from afar", "Enter")
        tmux.until("✓✓")
        tmux.type("half a thought")
        tmux.until("> half a thought")
        cut(sshd)
        home.run("-p", "bob", "send", "Alice", "are you there?", "--wait", "60").ok()
        screen = tmux.until("Bob  are you there?")
        assert "> half a thought" in screen
        tmux.type("C-q")
        until(lambda: not sshd.descendants())
        tmux.start(near.typed(*ON))
        tmux.until("> half a thought")
        tmux.type("C-q")
        until(lambda: not sshd.descendants())
