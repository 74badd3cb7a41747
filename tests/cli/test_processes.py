"""Real processes: signals, closed pipes, terminals, and a daemon others attach to."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.on_terminal import ROOT, run_on_terminal

LIMIT_S = 60.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of its own and a passphrase file."""
    (tmp_path / "passphrase").write_text("correct horse\n")
    return {
        **os.environ,
        "LOOM_HOME": str(tmp_path / "h"),
        "LOOM_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        "PYTHONUNBUFFERED": "1",
    }


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.cli.driver", *arguments]


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command without a terminal, to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        start_new_session=True,
        check=False,
    )


@contextmanager
def daemon(environment: dict[str, str], *more: str) -> Iterator[subprocess.Popen[str]]:
    """A running daemon that has said it is ready."""
    process = subprocess.Popen(
        command("daemon", "--json", *more),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert (ready["type"], ready["pid"]) == ("node.ready", process.pid)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_others_attach_to_the_daemon_and_stop_it(environment: dict[str, str]) -> None:
    with daemon(environment) as process:
        del environment["LOOM_PASSPHRASE_FILE"]
        assert run(environment, "status").returncode == 0
        sent = run(environment, "send", "Bob", "hi", "--wait", "10", "--json")
        assert json.loads(sent.stdout)["state"] == "delivered"
        history = run(environment, "history", "Bob", "--json")
        assert json.loads(history.stdout)["body"] == "hi"
        missing = run(environment, "history", "Eve")
        assert missing.returncode == 4
        assert "no contact named Eve" in missing.stderr
        assert run(environment, "daemon").returncode == 6
        assert run(environment, "stop").returncode == 0
        assert process.wait(LIMIT_S) == 0
    assert run(environment, "status").returncode == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_the_daemon_cleanly(
    environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    with daemon(environment) as process:
        process.send_signal(number)
        assert process.wait(LIMIT_S) == code
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert run(environment, "status").returncode == 4


def test_the_log_tells_what_happened_and_nothing_that_was_said(
    environment: dict[str, str],
) -> None:
    with daemon(environment, "-v") as process:
        assert run(environment, "send", "Bob", "between us").returncode == 0
        process.terminate()
        assert process.wait(LIMIT_S) == 0
    log = Path(environment["LOOM_HOME"]) / "state" / "work.log"
    assert "message.queued, seq 1" in log.read_text()
    assert "between us" not in log.read_text()
    assert (log.stat().st_mode & 0o777, log.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_daemon_lives_on_when_nobody_reads_it(environment: dict[str, str]) -> None:
    with daemon(environment) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert run(environment, "send", "Bob", "hi").returncode == 0
        assert run(environment, "stop").returncode == 0
        assert process.wait(LIMIT_S) == 0


@contextmanager
def listener(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A listener that has told of a queued message, perhaps after a warning."""
    process = subprocess.Popen(
        command("listen", "--after", "0", "--json"),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            while json.loads(process.stdout.readline())["type"] != "message.queued":
                pass
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_listener(
    environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    with daemon(environment):
        assert run(environment, "send", "Bob", "hi").returncode == 0
        with listener(environment) as process:
            assert process.stderr is not None
            process.send_signal(number)
            assert process.wait(LIMIT_S) == code
            assert "Traceback" not in process.stderr.read()
        assert run(environment, "status").returncode == 0


def test_a_killed_daemon_ends_its_listeners(environment: dict[str, str]) -> None:
    with daemon(environment) as node:
        assert run(environment, "send", "Bob", "hi").returncode == 0
        with listener(environment) as process:
            node.kill()
            assert process.wait(LIMIT_S) == 0
    assert run(environment, "status").returncode == 4  # the socket it left is no node


def test_a_closed_pipe_ends_quietly(environment: dict[str, str]) -> None:
    with daemon(environment):
        for _ in range(5):  # more than a pipe holds
            assert run(environment, "send", "Bob", "x" * 16_000).returncode == 0
        reader = subprocess.Popen(
            command("history", "Bob"),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert reader.stdout is not None
        assert reader.stderr is not None
        assert reader.stdout.read(5)
        reader.stdout.close()
        assert reader.stderr.read() == ""
        assert reader.wait(LIMIT_S) == 0
        reader.stderr.close()


def test_in_the_background_it_outlives_its_terminal(environment: dict[str, str]) -> None:
    started = run(environment, "daemon", "--background", "--json")
    assert started.returncode == 0, started.stderr
    ready = json.loads(started.stdout)
    assert ready["type"] == "node.ready"
    assert os.getsid(ready["pid"]) not in (os.getsid(0), ready["pid"])
    assert run(environment, "status").returncode == 0
    assert run(environment, "stop").returncode == 0


def test_in_the_background_it_is_reached_after_the_logout(
    environment: dict[str, str], tmp_path: Path
) -> None:
    """The system removes the runtime folder then; cron and `su` never had one."""
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    started = run({**environment, "XDG_RUNTIME_DIR": str(runtime)}, "daemon", "--background")
    assert started.returncode == 0, started.stderr
    shutil.rmtree(runtime)
    environment.pop("XDG_RUNTIME_DIR", None)
    assert run(environment, "send", "Bob", "hi").returncode == 0
    assert run({**environment, "XDG_RUNTIME_DIR": "relative"}, "status").returncode == 0
    assert run(environment, "stop").returncode == 0


def test_in_the_background_it_says_why_it_cannot_start(environment: dict[str, str]) -> None:
    Path(environment["LOOM_PASSPHRASE_FILE"]).write_text("wrong")
    started = run(environment, "daemon", "--background", "--json")
    assert started.returncode == 3
    assert json.loads(started.stdout)["code"] == "wrong_passphrase"


def test_where_there_is_no_utf8_signs_are_ascii(environment: dict[str, str]) -> None:
    environment["PYTHONIOENCODING"] = "ascii"
    with daemon(environment):
        sent = run(environment, "send", "Bob", "grüße")
        assert sent.returncode == 0, sent.stderr
        assert sent.stdout.isascii()
        assert "you -> Bob: gr??e" in sent.stdout
        done = subprocess.run(
            command("send", "Bob", "grüße", "--json"),
            cwd=ROOT, env=environment, capture_output=True, timeout=LIMIT_S, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout.decode())["body"] == "grüße"


def on_terminal(
    environment: dict[str, str],
    arguments: list[str],
    typed: Sequence[tuple[str, str | bytes | signal.Signals]],
) -> tuple[int, str]:
    return run_on_terminal(command(*arguments), environment, typed, LIMIT_S)


def test_the_shell_is_offered_the_names_of_contacts(environment: dict[str, str]) -> None:
    with daemon(environment):
        line = {"_LOOM_COMPLETE": "complete_bash", "COMP_WORDS": "loom send B", "COMP_CWORD": "2"}
        done = run({**environment, **line})
    assert (done.returncode, done.stdout.split()) == (0, ["Bob"])


def test_prompts_use_the_terminal_and_show_no_passphrase(environment: dict[str, str]) -> None:
    del environment["LOOM_PASSPHRASE_FILE"]
    environment["TERM"] = "xterm"
    code, screen = on_terminal(environment, ["contacts"], [("Passphrase: ", "correct horse\n")])
    assert code == 0, screen
    assert "Bob" in screen
    assert "horse" not in screen
    assert "Unlocking (slow on purpose, to resist guessing) ...\r\x1b[K" in screen
    code, screen = on_terminal(environment, ["contacts"], [("Passphrase: ", "wrong\n")])
    assert code == 3
    code, screen = on_terminal(environment, ["contacts"], [("Passphrase: ", "\x03")])
    assert code == 130
    assert "Traceback" not in screen


@pytest.mark.parametrize("asking", [["contacts"], ["daemon"], ["restore", "--name", "Ada"]])
def test_a_prompt_ends_at_once_when_told_to(environment: dict[str, str], asking: list[str]) -> None:
    """Inside an event loop and outside; nobody has to press Enter."""
    del environment["LOOM_PASSPHRASE_FILE"]
    prompt = "words: " if "restore" in asking else "Passphrase: "
    code, screen = on_terminal(environment, asking, [(prompt, signal.SIGTERM)])
    assert code == 143, screen
    assert "Traceback" not in screen


def test_a_byte_that_is_no_text_at_a_prompt_is_one_sentence(environment: dict[str, str]) -> None:
    del environment["LOOM_PASSPHRASE_FILE"]
    code, screen = on_terminal(environment, ["contacts"], [("Passphrase: ", b"caf\xe9\n")])
    assert code == 2, screen
    assert "not valid utf-8" in screen


def test_a_new_profile_on_a_terminal(environment: dict[str, str]) -> None:
    del environment["LOOM_PASSPHRASE_FILE"]
    new = [("New passphrase: ", "long enough\n"), ("again: ", "long enough\n")]
    code, screen = on_terminal(environment, ["init", "--name", "Ada"], new)
    assert code == 0, screen
    assert screen.count("abandon") == 23
    assert "24 art" in screen
    new[1] = ("again: ", "different\n")
    code, screen = on_terminal(environment, ["init", "--name", "Ada"], new)
    assert code == 2
    assert "differ" in screen


def test_a_wrong_word_is_asked_for_again(environment: dict[str, str]) -> None:
    del environment["LOOM_PASSPHRASE_FILE"]
    right = " ".join(["abandon"] * 23 + ["art"])
    typed = [
        ("words: ", right.replace("art", "artt") + "\n"),
        ("words: ", right + "\n"),
        ("[1]: ", "2\n"),
        ("New passphrase: ", "long enough\n"),
        ("again: ", "long enough\n"),
    ]
    code, screen = on_terminal(environment, ["restore", "--name", "Ada"], typed)
    assert code == 0, screen
    assert "Word 24: art instead of artt (the checksum then holds)" in screen


@pytest.mark.parametrize("delete", [["delete", "#1", "--all"], ["contacts", "remove", "#1"]])
def test_deleting_everything_asks_for_the_name(
    environment: dict[str, str], delete: list[str]
) -> None:
    code, _ = on_terminal(environment, delete, [("Type Bob", "bob\n")])
    assert code == 0
    code, screen = on_terminal(environment, delete, [("Type Bob", "yes\n")])
    assert code == 2
    assert "Nothing was deleted" in screen
