"""The examples do what they say."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import LIMIT_S, ROOT, Home, history

EXAMPLES = ROOT / "examples"


@contextmanager
def bot(
    home: Home, example: str, *arguments: str, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Bob's bot; killed without warning at the end."""
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / example, "--profile", "bob", *arguments],
        cwd=ROOT,
        env=home.environment({"PYTHONPATH": str(ROOT)}),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def ask(home: Home, text: str) -> None:
    """Alice says something to the bot and reads its answer."""
    with home.running("-p", "alice", "listen", "--after", "0", "--json") as alice:
        home.run("-p", "alice", "send", "Bob", text, "--wait", "60").ok()
        while alice.until("message.received")["body"] != f"echo: {text}":
            pass


def until_seen(home: Home, seen: Path) -> None:
    """Return once the bot has noted everything that happened in its profile."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        last = home.run("-p", "bob", "status", "--json").ok().objects[0]["last_seq"]
        if seen.exists() and int(seen.read_text()) == last:
            return
    raise AssertionError("the bot lags")


@pytest.mark.long
@pytest.mark.parametrize("has_daemon", [True, False])
def test_the_bot_answers_also_what_came_while_it_was_away(home: Home, has_daemon: bool) -> None:
    seen = home.folder / "seen"
    with home.daemon("alice"):
        if has_daemon:
            with home.daemon("bob"):
                _converse(home, seen)
        else:
            _converse(home, seen)
    answers = [one["body"] for one in history(home, "alice", "Bob") if one["direction"] == "in"]
    assert answers == ["echo: one", "echo: two", "echo: three"]


def _converse(home: Home, seen: Path) -> None:
    with bot(home, "echo_bot.py", "--seen", str(seen)):
        ask(home, "one")
        until_seen(home, seen)
    home.run("-p", "alice", "send", "Bob", "two", "--wait", "1")  # delivered, or queued
    with bot(home, "echo_bot.py", "--seen", str(seen)):
        ask(home, "three")
        until_seen(home, seen)


@pytest.mark.long
def test_the_bot_answers_reacts_and_follows_what_becomes_of_a_message(home: Home) -> None:
    with (
        home.daemon("alice"),
        home.daemon("bob"),
        bot(home, "sum_bot.py", stdout=subprocess.PIPE) as process,
        home.running("-p", "alice", "listen", "--after", "0", "--json") as alice,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"

        def do(*arguments: str) -> dict[str, Any]:
            done = home.run("-p", "alice", *arguments, "--json").ok().objects
            return dict(done[0])

        asked = do("send", "Bob", "2 and 3.5", "--wait", "60")["message_id"]
        answer = alice.until("message.received")
        assert (answer["body"], answer["reply_to"]) == ("5.5", asked)
        do("edit", "Bob", asked, "2 and 4")
        while (edited := alice.until("message.edited"))["direction"] != "in":
            pass
        assert (edited["body"], edited["message_id"]) == ("6", answer["message_id"])
        do("delete", "Bob", asked, "--for-both")
        while (deleted := alice.until("message.deleted"))["direction"] != "in":
            pass
        assert deleted["message_ids"] == [answer["message_id"]]
        do("send", "Bob", "nothing to add")
        while (reacted := alice.until("message.reacted"))["body"] != "nothing to add":
            pass
        assert (reacted["by"], reacted["emoji"]) == ("Bob", "\N{SHRUG}")


@pytest.mark.parametrize("ended", [None, signal.SIGTERM, signal.SIGINT])
def test_two_profiles_talk_and_leave_nothing_behind(
    tmp_path: Path, ended: signal.Signals | None
) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    home = Home(tmp_path / "h")
    process = subprocess.Popen(
        ["sh", EXAMPLES / "two_profiles.sh"],  # noqa: S607
        cwd=ROOT,
        env=home.environment({"PYTHON": sys.executable, "TMPDIR": str(folder)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.decode().rstrip("\n"))
            if ended is not None and "listens on port" in lines[-1]:
                os.killpg(process.pid, ended)
        code = process.wait(LIMIT_S)
    assert not any("Traceback" in line for line in lines), "\n".join(lines)
    # A long TMPDIR makes Loom put its sockets into a short folder of this user's; it is empty.
    left = [file for file in folder.rglob("*") if file.name != f"loom-{os.geteuid()}"]
    assert left == []
    ports = [int(line.split()[-1].rstrip(".")) for line in lines if "listens on port" in line]
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)
    if ended is not None:
        assert code == 128 + ended
    else:
        assert code == 0
        assert sum("Can you hear me?" in line for line in lines) == 2
        assert sum("Loud and clear." in line for line in lines) == 2
        assert lines[-2:] == ["The node is stopped."] * 2


@pytest.mark.long
def test_the_bot_takes_files_of_verified_contacts_and_says_what_they_are(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("hello")
    inbox = tmp_path / "inbox"
    with home.daemon("alice"), home.daemon("bob"):
        sending = ("-p", "alice", "send-file", "Bob", str(tmp_path / "a.txt"), "--json")
        with bot(home, "file_bot.py", "--into", str(inbox)):
            refused = home.run(*sending, "--wait", "80")
            assert refused.error["code"] == "file_not_taken"
            home.run("-p", "bob", "verify", "Alice", "--confirm").ok()
            home.run(*sending, "--wait", "80").ok()
            with home.running("-p", "alice", "listen", "--after", "0", "--json") as alice:
                answer = alice.until("message.received")
    assert answer["body"] == f"a.txt: {hashlib.sha256(b'hello').hexdigest()}"
    assert (inbox / "a.txt").read_text() == "hello"
