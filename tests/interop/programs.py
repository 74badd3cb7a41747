"""The second implementation as a process that speaks JSON lines."""

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LIMIT_S = 90.0
NODE_MIN = 18
HOW = "install nodejs and npm, and let `npm ci` in tests/interop fetch the packages once"

Values = dict[str, Any]


def what_is_missing() -> str | None:
    """Why the program cannot run here; installs its packages once for a checkout."""
    node = shutil.which("node")
    if node is None:
        return f"no node: {HOW}"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < NODE_MIN:
        return f"node {version.strip()} is older than {NODE_MIN}: {HOW}"
    wanted = FOLDER / "package-lock.json"
    installed = FOLDER / "node_modules" / ".installed"
    with wanted.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one worker installs, the others wait
        if installed.exists() and installed.read_bytes() == wanted.read_bytes():
            return None
        npm = shutil.which("npm")
        if npm is None:
            return f"no npm: {HOW}"
        done = subprocess.run([npm, "ci"], cwd=FOLDER, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"`npm ci` failed ({done.stderr.strip().splitlines()[-1:]}): {HOW}"
        shutil.copyfile(wanted, installed)
        return None


class Program:
    """A running node program: commands, their answers, and the events in between."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors
        with errors.open("ab") as file:
            self.process = subprocess.Popen(
                ["node", "src/main.js"],  # noqa: S607
                cwd=FOLDER,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        self.events: list[Values] = []
        self.heard: set[str] = set()
        """The names of all events so far."""
        self.log: deque[Values] = deque(maxlen=100)
        """The newest events, for a test that fails."""
        self._read = b""
        self._asked = 0

    def do(self, command: str, **options: Any) -> Any:
        """The result of a command."""
        answer = self.ask(command, **options)
        assert "result" in answer, answer
        return answer["result"]

    def ask(self, command: str, **options: Any) -> Values:
        """The answer to a command, an error too."""
        self._asked += 1
        assert self.process.stdin is not None
        line = json.dumps({"id": self._asked, "do": command, **options})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + LIMIT_S
        while True:
            found = self._object(deadline)
            if found.get("id") == self._asked:
                return found
            self.events.append(found)

    def until(self, is_it: Callable[[Values], bool]) -> Values:
        """The next event that is meant; those before it are forgotten."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            found = self.events.pop(0) if self.events else self._object(deadline)
            if is_it(found):
                return found

    def until_event(self, name: str, **facts: Any) -> Values:
        """The next event of this name with these facts."""
        wanted = {"event": name, **facts}
        return self.until(lambda found: wanted.items() <= found.items())

    def until_texts(self, bodies: list[str]) -> None:
        """Until all of these texts came in, in whatever order."""
        missing = list(bodies)
        while missing:
            missing.remove(self.until_event("text")["body"])

    def _object(self, deadline: float) -> Values:
        assert self.process.stdout is not None
        while b"\n" not in self._read:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], left_s)[0]:
                raise AssertionError(f"no line in {LIMIT_S} s: {self._errors.read_text()}")
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            assert more, f"it ended: {self._errors.read_text()}"
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        found: Values = json.loads(line)
        self.heard.add(found.get("event", ""))
        self.log.append(found)
        return found

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT_S)


@contextmanager
def program(folder: Path) -> Iterator[Program]:
    """A program that ends with the block."""
    one = Program(folder / "node.stderr")
    with one.process:
        try:
            yield one
        finally:
            one.process.kill()
    assert (folder / "node.stderr").read_text() == ""
