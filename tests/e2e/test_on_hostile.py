"""`loom --on HOST` where HOST means harm: an `ssh` first in PATH speaks for it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from loom.control.lines import API_VERSION, Greeting, encode
from loom.control.pipe import MARKER
from tests.e2e.processes import LIMIT_S, ROOT, Home, Result
from tests.tui.test_tmux import Tmux, tmux

__all__ = ["tmux"]

GREETING = MARKER + encode(Greeting(api=API_VERSION, version="0.1.0", profile="work"))
MEMORY_MAX_MIB = 300
"""A line of 32 MiB, read and split, beside Python and Loom."""

STATUS = {
    "type": "status",
    "profile": "\x1b[2Jw",
    "name": "\x1b]0;x\x07",
    "fingerprint": "\x9b2J",
    "port": 1,
    "addresses": ["\x1b[H"],
    "pid": 1,
    "started_at_ms": 10**18,
    "contacts": 0,
    "online": 0,
    "queued": 0,
    "mdns": "\u202eon",
    "version": "\x1b",
    "started_seq": 0,
    "last_seq": 0,
}
MESSAGE = {
    "type": "message.received",
    "seq": 1,
    "message_id": "\x1b",
    "contact": "\x1b]52;c;aGk=\x07",
    "contact_id": 1,
    "direction": "in",
    "body": "\x1b[2J\x9bH\u202e",
    "state": "delivered",
    "sent_at_ms": -(10**15),
    "row_id": 1,
}
ANSWER = "say(json.dumps({'id': json.loads(line)['id'], %r: %r}).encode() + b'\\n')"
EVENTS = f"""
    asked = json.loads(line)
    def answer(**fields): say(json.dumps({{'id': asked['id'], **fields}}).encode() + b'\\n')
    if 'command' in asked:
        answer(result={STATUS!r})
    else:
        for _ in range(5): answer(event={MESSAGE!r})
        answer(end=True)
"""


class Near(Home):
    """A home whose `ssh` greets, then runs this for each line."""

    def __init__(self, folder: Path, body: str) -> None:
        super().__init__(folder)
        self._programs = folder / "bin"
        self._programs.mkdir()
        program = self._programs / "ssh"
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            "def say(data): sys.stdout.buffer.write(data); sys.stdout.buffer.flush()\n"
            f"say({GREETING!r})\nfor line in sys.stdin:\n    {body}\n"
        )
        program.chmod(0o700)

    def environment(self, changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """With that `ssh` first."""
        path = f"{self._programs}:{os.environ['PATH']}"
        return super().environment({"PATH": path, **(changed or {})})


Fake = Callable[[str], Near]


@pytest.fixture
def far(tmp_path: Path) -> Fake:
    """Makes one."""
    return lambda body: Near(tmp_path / "near", body)


def run(home: "Near", *arguments: str) -> Result:
    """A command to its end. What it says is harmless."""
    result = home.run("--on", "far", *arguments)
    said = result.stdout + result.stderr
    assert "went wrong inside" not in said, result
    assert not set("\x1b\x9b\x07\u202e") & set(said), result
    return result


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("say(b'\\x1b[2J garbage \\x00\\n')", "not understood"),
        ("say(b'[' * 10**6 + b'\\n')", "not understood"),
        ("say(b'{\"id\":1,\"result\":' + b'[' * 10**6 + b'\\n')", "not understood"),
        ('say(b\'{"id":99,"result":{}}\\n\'); sys.exit(0)', "broke"),
        ('say(b\'{"id":1,"result":{"type":"done"}}\\n\')', "not understood"),
        ('say(b\'{"id":1,"result":7}\\n\')', "not understood"),
        ("say(b'{\"id\":null}\\n')", "did not understand"),
        ("sys.exit(0)", "broke"),
        ("sys.stderr.write('\\x1b]0;x\\x07' * 10**6); sys.exit(255)", "broke"),
    ],
)
def test_nonsense_is_one_sentence(far: Fake, body: str, words: str) -> None:
    result = run(far(body), "status")
    assert result.code == 1
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_shown_moves_no_cursor(far: Fake, as_json: bool) -> None:
    result = run(far(ANSWER % ("result", STATUS)), "status", *(["--json"] if as_json else []))
    assert result.code == 0
    assert "]0;x" in result.stdout


def test_events_are_harmless_too(far: Fake) -> None:
    home = far(EVENTS)
    for arguments in (("listen",), ("listen", "--json")):
        result = run(home, *arguments)
        assert result.code == 0
        assert len(result.stdout.splitlines()) >= 5
        assert "The node has stopped." in result.stderr


LIMITED = f"""
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_DATA, ({MEMORY_MAX_MIB << 20},) * 2)
sys.argv = ['loom', '--on', 'far', 'status']
runpy.run_module('loom', run_name='__main__')
"""


def test_output_without_end_takes_no_memory_without_end(far: Fake) -> None:
    home = far("while True: say(b'x' * 2**20)")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED],
        cwd=ROOT,
        env=home.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1, done
    assert "longer than the limit" in done.stderr


@pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux (Debian: apt install tmux)")
@pytest.mark.parametrize("is_silent", [False, True], ids=["it speaks nonsense", "it is silent"])
def test_the_app_says_so_and_can_be_left(far: Fake, tmux: Tmux, is_silent: bool) -> None:
    home = far("pass" if is_silent else "say(b'\\x1b[2J garbage\\n')")
    given = {name: one for name, one in home.environment().items() if name.startswith("LOOM_")}
    given["PATH"] = home.environment()["PATH"]
    words = " ".join(f"{name}='{value}'" for name, value in given.items())
    tmux.start(f"env {words} {sys.executable} -m loom --on far")
    if is_silent:
        assert "F1 help" in tmux.until("Waiting for far")
    else:
        screen = tmux.until("Reconnecting to far")
        assert "garbage" not in screen
        tmux.until("not understood")
    tmux.type("C-q")
    assert tmux.ended() == 0
