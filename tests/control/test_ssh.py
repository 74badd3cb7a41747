"""The system's ssh: what it is given, and every way in which it fails."""

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loom.api.profile_commands import Status
from loom.control import ssh
from loom.control.lines import API_VERSION, Greeting, encode
from loom.control.pipe import MARKER
from loom.errors import (
    InvalidInput,
    LoomError,
    RemoteError,
    RemoteLoomMissing,
    RemoteLost,
    RemoteUnreachable,
)

GREETING = encode(Greeting(api=API_VERSION, version="1", profile="work"))
Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a program named ssh first in PATH; it leaves its arguments in the file returned."""

    def make(body: str) -> Path:
        arguments = tmp_path / "arguments"
        program = tmp_path / "ssh"
        program.write_text(
            f"#!{sys.executable}\nimport os, sys, time\n"
            f"open({str(arguments)!r}, 'w').write('\\n'.join(sys.argv[1:]))\n"
            f"def say(data): sys.stdout.buffer.write(data); sys.stdout.buffer.flush()\n{body}\n"
        )
        program.chmod(0o700)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return arguments

    return make


@pytest.mark.parametrize(
    "host", ["far", "me@far.example.org", "192.0.2.7", "fe80::1%eth0", "CORP\\me@far", "ssh://a:22"]
)
def test_hosts_that_ssh_knows(host: str) -> None:
    ssh.check_host(host)


@pytest.mark.parametrize(
    "host",
    [
        *("-oProxyCommand=x", "me@-x", "-x@far", "", "@far", "me@", "a b", "a\nb", "a\x1bb"),
        *("$(x)", "`x`", "a;b", "a|b", "a&b", "'a'", '"a"', "a>b", "\u202eb"),
    ],
)
def test_hosts_that_would_be_something_else(host: str) -> None:
    with pytest.raises(InvalidInput, match="is not"):
        ssh.check_host(host)


@pytest.mark.parametrize("profile", ["work", "a b; touch x", "$(touch x)", "'", '"', "-p", "\n"])
def test_the_far_shell_gets_the_profile_as_one_word(profile: str) -> None:
    """Profile names are letters, digits and hyphens; quoting does not depend on that."""
    *before, there = ssh.arguments("me@far", None, profile, asks=True)
    assert before[-2:] == ["--", "me@far"]
    assert shlex.split(there)[-4:] == ["loom", "-p", profile, "control-pipe"]


def test_nothing_but_lines_goes_over_the_connection() -> None:
    words = ssh.arguments("far", "/opt/loom", None, asks=False)
    assert words[:6] == ["ssh", "-T", "-a", "-x", "-e", "none"]
    assert {"ClearAllForwardings=yes", "RemoteCommand=none", "BatchMode=yes"} <= set(words)
    assert words[-3:] == ["--", "far", "/opt/loom control-pipe"]
    assert "BatchMode=yes" not in ssh.arguments("far", None, None, asks=True)


async def test_a_line_is_opened_and_closed(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOM_PASSPHRASE_COMMAND", "cat secret")
    known = {"LOOM_": "any(name.startswith('LOOM_') for name in os.environ)"}
    arguments = fake(
        f"assert not {known['LOOM_']}\nsay(b'hello\\n' + {MARKER + GREETING!r})\nsys.stdin.read()"
    )
    client = await ssh.connect("far", None, "work", asks=True)
    assert client.profile == "work"
    await client.close()
    assert arguments.read_text().splitlines()[-1].endswith("loom -p work control-pipe")


FLOOD = """\
import threading
def flood(): [os.write(2, b'e' * 65536) for _ in range(500)]
threading.Thread(target=flood).start()
os.close(1)
sys.exit(9)"""


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("sys.exit(127)", RemoteLoomMissing, "far"),
        ("sys.stderr.write('@@@\\nNo such key.\\r\\n'); sys.exit(255)", RemoteUnreachable, "key$"),
        ("sys.exit(255)", RemoteUnreachable, "it gave no reason"),
        ("sys.stderr.write('No such command\\n'); sys.exit(2)", RemoteError, "No such command"),
        ("sys.stderr.write('\\x1b]0;x\\x07' * 9999); sys.exit(1)", RemoteError, "0;x"),
        ("os.close(1); os.close(2); sys.exit(3)", RemoteError, "ended with status 3"),
        ("while True: say(b'y' * 65536)", RemoteError, "it says something else"),
        (FLOOD, RemoteError, "far: e+$"),
    ],
)
async def test_each_failure_is_one_short_clean_sentence(
    fake: Fake, body: str, error: type[LoomError], words: str
) -> None:
    fake(body)
    with pytest.raises(error, match=words) as caught:
        await ssh.connect("far", asks=True)
    assert type(caught.value) is error
    said = str(caught.value)
    assert said.isprintable()
    assert len(said) < 400


async def test_without_ssh_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RemoteUnreachable, match="ssh cannot be run"):
        await ssh.connect("far", asks=True)


async def test_a_far_side_that_is_silent_is_given_up_when_nobody_can_be_asked(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "BATCH_TIMEOUT_S", 0.5)
    fake("time.sleep(600)")
    with pytest.raises(RemoteUnreachable, match="silent"):
        await ssh.connect("far", asks=False)


async def test_what_ssh_leaves_running_does_not_keep_a_line_open(
    fake: Fake, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    fake(
        "import subprocess\n"
        f"left = subprocess.Popen(['sleep', '600'], stdin=subprocess.DEVNULL)\n"
        f"with open({str(left)!r}, 'w') as file: file.write(str(left.pid))\n"
        f"say({MARKER + GREETING!r})\nsys.stdin.read()"
    )
    client = await ssh.connect("far", asks=True)
    try:
        async with asyncio.timeout(30):
            await client.close()
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


async def test_an_ssh_that_ends_is_a_broken_line(fake: Fake) -> None:
    fake(f"say({MARKER + GREETING!r})\nsys.stdin.readline()")
    client = await ssh.connect("far", asks=True)
    with pytest.raises(RemoteLost):
        await client.send(Status())
    await client.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "ssh says"]


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "fish", "tcsh"])
def test_each_shell_finds_loom_where_it_is_installed(shell: str, tmp_path: Path) -> None:
    """pipx and uv install into ~/.local/bin, which a shell without login often does not search."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"no {shell} (Debian: apt install {shell}): that far shell is not tested")
    folder = tmp_path / ".local" / "bin"
    folder.mkdir(parents=True)
    (folder / "loom").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (folder / "loom").chmod(0o700)
    there = ssh.arguments("far", None, "a b$(x)", asks=True)[-1]
    done = subprocess.run(
        [program, "-c", there],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "-p|a b$(x)|control-pipe|"
