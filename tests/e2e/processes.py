"""Real processes in a temporary home: commands run to their end, daemons and listeners."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 90.0
PASSPHRASE = "correct horse battery staple"
ARGON2 = ("--argon2-memory-mib", "64")
LOOPBACK = ("--listen", "127.0.0.1:0", "--mdns-interface", "127.0.0.1")
ALONE = ("--listen", "127.0.0.1:0", "--no-mdns")


class Result(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output."""
        found = [json.loads(line) for line in self.stdout.splitlines()]
        assert all(one["v"] == 1 and one["type"] for one in found), self
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The one error object; a `--json` command failed with exactly this shape."""
        found = self.objects[-1]
        assert set(found) == {"v", "type", "code", "exit", "message", "advice"}, self
        assert (found["type"], found["exit"]) == ("error", self.code), self
        assert found["message"], self
        assert found["advice"] or found["code"] == "invalid_input", self
        assert "\n" not in found["message"] + found["advice"], self
        return found

    def ok(self) -> Self:
        """Itself, when the exit code is 0."""
        assert self.code == 0, self
        return self


class Running:
    """A process that goes on; its lines are read with a deadline."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        self.process = process
        self._errors = errors
        self._read = b""

    @property
    def stderr(self) -> str:
        """What it complained about so far."""
        return self._errors.read_text()

    def line(self, timeout_s: float = LIMIT_S) -> str:
        """The next line of standard output; "" at its end."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._read:
            left_s = deadline - time.monotonic()
            if not select.select([self.process.stdout], [], [], max(0.0, left_s))[0]:
                raise AssertionError(f"no line in {timeout_s} s; stderr: {self.stderr}")
            more = os.read(self.process.stdout.fileno(), 65_536)
            if not more:
                break
            self._read += more
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def object(self, timeout_s: float = LIMIT_S) -> dict[str, Any]:
        """The next JSON object."""
        line = self.line(timeout_s)
        assert line, f"it ended with {self.process.wait(LIMIT_S)}; stderr: {self.stderr}"
        found: dict[str, Any] = json.loads(line)
        return found

    def until(self, kind: str, timeout_s: float = LIMIT_S) -> dict[str, Any]:
        """The next JSON object of this type."""
        deadline = time.monotonic() + timeout_s
        while (found := self.object(deadline - time.monotonic()))["type"] != kind:
            pass
        return found

    def type(self, line: str) -> None:
        """A line and Enter, into a command that was started `typed`."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)


class Daemon(Running):
    """A node that has said it is ready."""

    ready: dict[str, Any]

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return int(self.ready["port"])


R = TypeVar("R", bound=Running)


class Home:
    """A LOOM_HOME with a passphrase file beside it."""

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self.folder = folder
        self.prefix = prefix
        """What commands are run by, where that is not this process."""
        self.loom = folder / "loom"
        self.passphrase = folder / "passphrase"
        if not self.passphrase.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self.passphrase.write_text(PASSPHRASE + "\n")

    def copy(self, folder: Path) -> "Home":
        """The same profiles elsewhere: no Argon2id to wait for."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("*.sock", "*.stderr"))
        return Home(folder)

    def profile(self, name: str) -> Path:
        """A profile's folder."""
        return self.loom / "profiles" / name

    def log(self, name: str) -> Path:
        """A profile's log."""
        return self.loom / "state" / f"{name}.log"

    def environment(self, changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Nothing of the person who runs the tests, mDNS on loopback; None takes a name out."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LOOM_", "XDG_"))
        }
        wanted: dict[str, str | None] = {
            **kept,
            "HOME": str(self.folder),
            "LOOM_HOME": str(self.loom),
            "LOOM_PASSPHRASE_FILE": str(self.passphrase),
            "LOOM_MDNS_INTERFACE": "127.0.0.1",
            "PYTHONIOENCODING": "utf-8",
            **(changed or {}),
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        environment: Mapping[str, str | None] | None = None,
        timeout_s: float = LIMIT_S,
    ) -> Result:
        """A command without a terminal, to its end. It never shows a traceback."""
        done = subprocess.run(
            [*self.prefix, *command(*arguments)],
            cwd=ROOT,
            env=self.environment(environment),
            input=stdin.encode(),
            capture_output=True,
            timeout=timeout_s,
            start_new_session=True,
            check=False,
        )
        result = Result(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.stdout + result.stderr, result
        assert PASSPHRASE not in result.stdout + result.stderr, result
        return result

    def start(self, *arguments: str, typed: bool = False) -> Running:
        """A command that goes on; `typed`: it reads what `type` writes."""
        return self._start(Running, arguments, subprocess.PIPE if typed else subprocess.DEVNULL)

    @contextmanager
    def running(self, *arguments: str, typed: bool = False) -> Iterator[Running]:
        """`start`, ended at the latest when the block does."""
        one = self.start(*arguments, typed=typed)
        with _ended(one):
            yield one

    def start_daemon(self, profile: str, *arguments: str) -> Daemon:
        """A node, once it is ready; pinned to loopback unless told otherwise."""
        wanted = arguments or LOOPBACK
        one = self._start(Daemon, ("-p", profile, "daemon", "--json", *wanted))
        try:
            one.ready = one.object()
            assert (one.ready["type"], one.ready["pid"]) == ("node.ready", one.process.pid)
        except BaseException:
            one.process.kill()
            one.process.wait(LIMIT_S)
            raise
        return one

    @contextmanager
    def daemon(self, profile: str, *arguments: str) -> Iterator[Daemon]:
        """`start_daemon`, ended at the latest when the block does."""
        one = self.start_daemon(profile, *arguments)
        with _ended(one):
            yield one

    def said(self) -> str:
        """All logs and all that long-running processes wrote to standard error."""
        files = [*self.loom.glob("state/*.log*"), *self.folder.glob("*.stderr")]
        return "\n".join(file.read_text(errors="replace") for file in files)

    def _start(
        self, kind: type[R], arguments: tuple[str, ...], stdin: int = subprocess.DEVNULL
    ) -> R:
        errors = self.folder / f"{time.monotonic_ns()}.stderr"
        with errors.open("wb") as file:
            process = subprocess.Popen(
                [*self.prefix, *command(*arguments)],
                cwd=ROOT,
                env=self.environment(),
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=file,
                start_new_session=True,
            )
        return kind(process, errors)


@contextmanager
def _ended(one: Running) -> Iterator[None]:
    with one.process:
        try:
            yield
        finally:
            if one.process.poll() is None:
                one.process.terminate()
                try:
                    one.process.wait(LIMIT_S)
                finally:
                    one.process.kill()
    assert "Traceback" not in one.stderr


def command(*arguments: str) -> list[str]:
    """The `loom` command of this checkout."""
    return [sys.executable, "-m", "loom", *arguments]


def new_profile(home: Home, name: str) -> str:
    """A profile at the lowest cost; its recovery phrase."""
    result = home.run("init", "--name", name, "--show-phrase", "--json", *ARGON2).ok()
    return str(result.objects[0]["phrase"])


def token_of(home: Home, profile: str) -> str:
    """A profile's own token."""
    return home.run("-p", profile, "token", "export").ok().stdout.strip()


def introduce(home: Home, one: str, other: str) -> None:
    """Each gets the other's token, under the profile's name with a capital."""
    for mine, theirs in ((one, other), (other, one)):
        token = token_of(home, theirs)
        home.run("-p", mine, "token", "import", token, "--name", theirs.capitalize()).ok()


def history(home: Home, profile: str, contact: str, *arguments: str) -> list[dict[str, Any]]:
    """A conversation, oldest first."""
    return home.run("-p", profile, "history", contact, "--json", *arguments).ok().objects
