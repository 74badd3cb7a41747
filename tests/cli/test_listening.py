"""`loom listen` leaves out what was not asked for; `loom watch` runs a program for each event."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from loom.api.events import ContactTyping, Warned
from loom.cli import program
from tests.cli.conftest import Loom, objects
from tests.cli.on_terminal import ROOT
from tests.cli.test_processes import LIMIT_S, command, daemon, environment, run
from tests.fakes import FakeNode, FakeProfiles

__all__ = ["environment"]

NOTE = """
import os, sys
open({file!r}, "ab").write(repr(sys.argv[1:]).encode() + {more} + sys.stdin.buffer.read())
"""


@pytest.fixture
def node(profiles: FakeProfiles) -> FakeNode:
    """It ends after what was told."""
    node = profiles.add(running=True)
    node.add("Bob")
    node.add("Eve")
    node.receive("Bob", "one")
    node.receive("Eve", "two")
    node.receive("Bob", "three \x1b[2J\u202e;")
    node.closed = True
    return node


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    return tmp_path / "noted"


def noting(file: Path, *, more: str = "b' '") -> tuple[str, ...]:
    return (sys.executable, "-c", NOTE.format(file=str(file), more=more))


def test_each_event_goes_to_a_run_in_order_and_a_failing_one_ends_nothing(
    loom: Loom, node: FakeNode, noted: Path
) -> None:
    failing = (sys.executable, "-c", f"{noting(noted)[2]}sys.exit(3)")
    done = loom("watch", "--after", "0", "--exec", *failing, "$(id); *", "--json", "")
    assert done.exit_code == 0, done.output
    lines = noted.read_text().splitlines()
    assert [line.partition("] ")[0] for line in lines] == ["['$(id); *', '--json', ''"] * 3
    told = [json.loads(line.partition("] ")[2]) for line in lines]
    assert [one["body"] for one in told] == ["one", "two", "three \x1b[2J\u202e;"]
    assert [one["seq"] for one in told] == [1, 2, 3]
    assert noted.read_text().isascii()
    assert "\x1b" not in noted.read_text()
    assert done.stdout == ""
    assert "ended with 3 (event 2, message.received)." in done.stderr
    assert done.stderr.endswith("The node has stopped.\n")


def test_with_json_each_run_is_told_and_standard_output_is_nothing_else(
    loom: Loom, node: FakeNode
) -> None:
    script = """
import json, os, sys
n = json.load(sys.stdin)["seq"]
print("said")
os.kill(os.getpid(), 9) if n == 3 else sys.exit(n - 1)
"""
    done = loom("--json", "watch", "--after", "0", "--exec", sys.executable, "-c", script)
    assert objects(done) == [
        {"v": 1, "type": "watch.ran", "seq": n, "event": "message.received",
         "outcome": outcome, "exit_code": code}
        for n, outcome, code in [(1, "done", 0), (2, "failed", 1), (3, "killed", None)]
    ]  # fmt: skip


def test_a_run_that_takes_too_long_is_ended_and_said(loom: Loom, node: FakeNode) -> None:
    arguments = ("--timeout", "0.1", "--after", "1", "--exec", "sleep", "1000")
    done = loom("watch", "--json", *arguments)
    assert [one["outcome"] for one in objects(done)] == ["timed_out"] * 2
    said = loom("watch", *arguments).stderr
    assert "sleep took more than 0.1 s and was ended (event 2, message.received)." in said


async def test_a_run_ends_with_all_that_it_started_however_stubborn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "GRACE_S", 0.1)
    held = tmp_path / "held"
    os.mkfifo(held)
    stubborn = f"trap '' TERM; exec 3>{held}; echo begun >&3; sleep 1000 & sleep 1000"
    one = program.Program(
        ["sh", "-c", stubborn], timeout_s=3_600, environment=os.environ, stdout=None
    )
    running = asyncio.create_task(one.run(b""))
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader),
        os.fdopen(os.open(held, os.O_RDONLY | os.O_NONBLOCK), "rb", 0),
    )
    with closing(transport):
        assert await reader.readline() == b"begun\n"
        running.cancel()
        assert await reader.read() == b""  # nobody holds it any more
    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_program_that_vanishes_is_said_and_ends_nothing(
    loom: Loom, node: FakeNode, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    once.write_text('#!/bin/sh\nrm "$0"\n')
    once.chmod(0o700)
    done = loom("watch", "--after", "0", "--exec", str(once), "--json")
    assert done.exit_code == 0
    assert done.stderr.count("once could not be started: No such file or directory") == 2


def test_a_program_that_reads_nothing_is_no_trouble(loom: Loom, node: FakeNode) -> None:
    node.receive("Bob", "x" * 1_000_000)
    done = loom("watch", "--after", "3", "--json", "--exec", "true")
    assert [one["outcome"] for one in objects(done)] == ["done"]


@pytest.mark.parametrize(
    ("filters", "seqs"),
    [
        ((), [1, 2, 3, 4, 0]),
        (("--contact", "bob"), [1, 3, 4]),
        (("--type", "message"), [1, 2, 3]),
        (("--type", "warning", "--type", "contact.typing"), [4, 0]),
        (("--type", "message.received", "--contact", "#2"), [2]),
        (("--type", "message.read"), []),
    ],
)
def test_only_what_was_asked_for_comes(
    loom: Loom, node: FakeNode, filters: tuple[str, ...], seqs: list[int]
) -> None:
    node._event(Warned(code="disk_full", contact="Bob", contact_id=1))
    node.stored.append(ContactTyping(contact="Eve", contact_id=2, on=True))
    heard = objects(loom("listen", "--after", "0", "--json", *filters))
    assert [one["seq"] for one in heard] == seqs
    ran = objects(loom("watch", "--after", "0", "--json", *filters, "--exec", "true"))
    assert [one["seq"] for one in ran] == seqs


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("listen", "--type", "message.recieved"), 2, "did you mean message.received?"),
        (("listen", "--type", "mess"), 2, "There is no event mess"),
        (("listen", "--contact", "Zoe"), 4, "no contact named Zoe"),
        (("watch", "--contact", "Zoe", "--exec", "true"), 4, "no contact named Zoe"),
        (("watch", "true"), 2, "Write --exec before the program"),
        (("watch", "--exec"), 2, "Missing argument"),
        (("watch", "--exec", "no-such-program-here"), 2, "There is no program no-such-program"),
        (("watch", "--exec", "/etc/passwd", "--json"), 2, "There is no program /etc/passwd"),
        (("watch", "--timeout", "0", "--exec", "true"), 2, "0.1"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    loom: Loom, node: FakeNode, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = loom(*arguments)
    assert done.exit_code == code
    assert says in done.stderr
    assert done.stdout == ""


def test_loom_in_the_program_means_the_same_profile(
    loom: Loom, profiles: FakeProfiles, node: FakeNode, noted: Path, tmp_path: Path
) -> None:
    profiles.add("other")
    more = "(os.environ['LOOM_PROFILE'] + os.environ['LOOM_HOME']).encode()"
    home = tmp_path / "h"
    options = ("--home", str(home), "-p", "work", "--after", "2")
    assert loom("watch", *options, "--exec", *noting(noted, more=more)).exit_code == 0
    assert f"work{home}" in noted.read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_end_of_watching_is_the_end_of_the_program(
    environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    script = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    options = ("--after", "0", "--type", "message.queued")
    with daemon(environment):
        assert run(environment, "send", "Bob", "hi").returncode == 0
        watching = subprocess.Popen(
            command("watch", *options, "--exec", sys.executable, "-c", script),
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with watching:
            assert watching.stdout is not None
            assert watching.stderr is not None
            running = int(watching.stdout.readline())
            watching.send_signal(number)
            assert watching.wait(LIMIT_S) == code
            assert watching.stderr.read() == ""
        with pytest.raises(ProcessLookupError):
            os.kill(running, 0)
