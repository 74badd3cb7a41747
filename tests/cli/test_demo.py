"""Ada answers: two real profiles, real TCP on loopback, in one process."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loom.cli.ada import answer
from tests.cli.on_terminal import ROOT, run_on_terminal

LIMIT_S = 60.0
NOW = datetime(2026, 11, 20, 12, 1, tzinfo=UTC)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Where the throwaway profiles live, and nothing else."""
    (tmp_path / "t").mkdir()
    return {**os.environ, "TMPDIR": str(tmp_path / "t")}


def demo(
    environment: dict[str, str], said: bytes, *options: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "loom", "demo", *options],
        cwd=ROOT,
        env=environment,
        input=said,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


def test_each_line_gets_its_answer_and_nothing_stays(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = demo(environment, "hi\n\necho grüße [b]\nno newline".encode())
    assert done.returncode == 0, done.stderr
    hello, echo, last = done.stdout.splitlines()
    assert hello.startswith("Ada: Hello!")
    assert echo == "Ada: grüße [b]"
    assert last.startswith("Ada: ")
    assert "Linked over TCP on 127.0.0.1:" in done.stderr
    assert list((tmp_path / "t").iterdir()) == []


def test_what_cannot_be_said_is_one_sentence(environment: dict[str, str]) -> None:
    done = demo(environment, b"\xff\n")
    assert done.returncode == 2
    assert "cannot be sent" in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_terminal_it_talks_until_quit(environment: dict[str, str]) -> None:
    code, screen = run_on_terminal(
        [sys.executable, "-m", "loom", "demo", "--plain"],
        environment,
        [
            ("To Ada", "echo one\n"),
            ("Ada: one\r\n", "/qiut\n"),
            ("Did you mean /quit?", "echo two\n"),
            ("Ada: two\r\n", "/quit\n"),
        ],
    )
    assert code == 0, screen
    assert "\x1b" not in screen
    assert "\r" not in screen.replace("\r\n", "")
    assert "Both profiles are gone." in screen


@pytest.mark.long
def test_ada_comes_back_to_what_an_anchor_kept(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loom", "demo", "--anchor"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"hi\n")
        running.stdin.flush()
        farewell = running.stdout.readline().decode()
        said, noted = running.communicate(b"echo one\necho two\n", LIMIT_S)
    assert running.returncode == 0, noted
    assert farewell.startswith("Ada: Hello!")
    assert "I go offline" in farewell
    assert said.decode().splitlines() == ["Ada: one", "Ada: two"]
    assert b"Ada is not connected" in noted
    assert b"mail waits at 127.0.0.1:" in noted
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.long
def test_on_a_terminal_one_writes_to_ada_while_she_is_away(environment: dict[str, str]) -> None:
    code, screen = run_on_terminal(
        [sys.executable, "-m", "loom", "demo", "--plain", "--anchor"],
        environment,
        [
            ("To Ada", "hi\n"),
            ("Ada is not connected", "echo one\necho two\n"),
            ("mail waits at 127.0.0.1:", "echo three\n"),
            ("Ada: three\r\n", "/quit\n"),
        ],
    )
    assert code == 0, screen
    assert screen.index("Ada: one") < screen.index("Ada: two") < screen.index("Ada: three")
    assert screen.count("mail waits at 127.0.0.1:") == 1


@pytest.mark.long
def test_they_answer_in_a_room_and_one_moderates(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = demo(environment, b"hi\nhow are you?\n", "--room")
    assert done.returncode == 0, done.stderr
    said = done.stdout
    for words in (
        "The attic #general  Ada (answers ",
        "Hello! I am Ada.",
        "The attic #general  Ben (answers ",
        "The attic #general  Cleo (answers ",
        "* Ada pinned a post",
        "* Ada deleted a post of others",
        "Shall we meet here again?",
        "Very well, thank you",
    ):
        assert words in said, said
    assert "\N{THUMBS UP SIGN} Ben" in said
    assert "Ada, Ben and Cleo joined it" in done.stderr
    assert "All four profiles are gone." in done.stderr
    assert list((tmp_path / "t").iterdir()) == []


@pytest.mark.long
def test_the_room_of_the_demo_tells_all_as_json(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loom", "--json", "demo", "--room"],
        cwd=ROOT,
        env=environment,
        input=b"hi\n",
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ready, *events = [json.loads(line) for line in done.stdout.splitlines()]
    assert (ready["type"], ready["room"]) == ("demo.ready", "The attic")
    texts = [one for one in events if one["type"] == "room.posted" and one["kind"] == "text"]
    own = next(one for one in texts if one["own"])
    answers = [one["author"] for one in texts if one["reply_to"] == own["post_id"]]
    assert sorted(answers) == ["Ada", "Ben", "Cleo"]


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Hello there", "I am Ada"),
        ("help", "warm heart"),
        ("what time is it?", "12:01"),
        ("echo: one  two", "one two"),
        ("is it safe?", "its own key"),
        ("why?", "good question"),
        ("1 + 1", "sums"),
        ("   ", "silence"),
        ("the maps are in the car", "receipt|pleasure|more|ears"),
    ],
)
def test_ada_has_something_to_say(said: str, heard: str) -> None:
    words = answer(said, turn=0, now=NOW)
    assert any(part in words for part in heard.split("|"))
